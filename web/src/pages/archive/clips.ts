import type { Call, Part } from "@/api";
import type { Stretch } from "@/dock/silence";

/** What a span of a call takes out of one of its files. */
export interface Clip extends Stretch {
  n: number;
  track: Part["track"];
}

/** The clips that a span is made of, one a file that is complete, in the order of time. */
export function clipsOf(call: Call, { fromMs, toMs }: Stretch): Clip[] {
  return call.parts
    .filter((p) => p.sha256 && p.track !== "helper")
    .map((p) => ({
      n: p.n,
      track: p.track,
      fromMs: Math.max(fromMs, p.startMs),
      toMs: Math.min(toMs, p.startMs + p.durationMs),
    }))
    .filter((c) => c.toMs > c.fromMs)
    .sort((a, b) => a.fromMs - b.fromMs || a.n - b.n);
}
