import type { Call, Part, TrackKind } from "@/api";

/** A part as far as it can be played, on the call's timeline, ms. */
export interface Span {
  n: number;
  track: TrackKind;
  startMs: number;
  endMs: number;
  /** Still being written: it may be longer by now. */
  growing: boolean;
  /** Browsers do not play what is stored; the server makes something of it that they do. */
  converted: boolean;
  /**
   * Where a jump goes: to the server, which gives the file from any place on; to it
   * always, for in MP3 browsers guess where a place lies; or to the browser.
   */
  jumps: "server" | "always" | "browser";
}

const jumpsOf: Partial<Record<Part["codec"], Span["jumps"]>> = { opus: "server", mp3: "always" };
const foreign = new Set<Part["codec"]>(["adpcm", "gsm"]);

/** What is younger cannot be had of a live call yet, ms. */
export const liveLagMs = 1500;

/** The playable spans of a call in the order of their starts, at the instant now (ms). */
export function spansOf(call: Call, now: number): Span[] {
  const live = call.state === "live";
  const reached = call.startedAt ? now - Date.parse(call.startedAt) - liveLagMs : 0;
  const spans = call.parts
    .filter((p) => p.track !== "helper")
    .map((p) => {
      const growing = live && p.sha256 === "";
      const endMs = growing ? Math.max(p.startMs + p.durationMs, reached) : p.startMs + p.durationMs;
      const { n, track, startMs, codec } = p;
      return {
        ...{ n, track, startMs, endMs, growing },
        converted: foreign.has(codec),
        jumps: jumpsOf[codec] ?? "browser",
      };
    })
    .filter((s) => s.endMs > s.startMs);
  return spans.sort((a, b) => a.startMs - b.startMs || a.n - b.n);
}

/** Where the playable time ends. */
export function lengthOf(call: Call, now: number): number {
  const ends = spansOf(call, now).map((s) => s.endMs);
  return Math.max(call.durationMs, 0, ...ends);
}

/** The spans that sound at ms: one, or one a side. */
export function spansAt(spans: Span[], ms: number): Span[] {
  const at = spans.filter((s) => s.startMs <= ms && ms < s.endMs);
  const both = at.find((s) => s.track !== "agent" && s.track !== "customer");
  if (both) return [both];
  const agent = at.find((s) => s.track === "agent");
  const customer = at.find((s) => s.track === "customer");
  return [agent, customer].filter((s) => s !== undefined);
}

/** The first time within aheadMs of ms at which other spans sound than at ms, and these; null if there is none. */
export function nextChange(
  spans: Span[],
  ms: number,
  aheadMs: number,
): { atMs: number; spans: Span[] } | null {
  const now = spansAt(spans, ms);
  const borders = spans.flatMap((s) => [s.startMs, s.endMs]).filter((b) => b > ms && b <= ms + aheadMs);
  for (const atMs of borders.sort((a, b) => a - b)) {
    const then = spansAt(spans, atMs);
    if (then.some((s) => !now.includes(s))) return { atMs, spans: then };
  }
  return null;
}

/** Whether all that was recorded of a call has both sides in one track, which cannot be told apart. */
export function isMixed({ parts }: Call): boolean {
  const heard = parts.filter((p) => p.track !== "helper");
  return heard.length > 0 && heard.every((p) => p.track === "mixed");
}

/** Where sound begins at or after ms; null if none does. */
export function nextSound(spans: Span[], ms: number): number | null {
  let next: number | null = null;
  for (const s of spans) {
    if (s.endMs <= ms) continue;
    const start = Math.max(s.startMs, ms);
    if (next === null || start < next) next = start;
  }
  return next;
}
