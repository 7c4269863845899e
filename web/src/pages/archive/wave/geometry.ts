import type { Call, Gap, Mark } from "@/api";
import { height, type SideLevels } from "../peaks";

// Where things stand in a waveform of which only a stretch is in sight. All
// times are ms on the call's timeline, all widths CSS pixels.

/** What is in sight: from startMs on, width pixels of msPerPx each. */
export interface View {
  startMs: number;
  msPerPx: number;
  width: number;
}

/** A pixel is never less than this, ms: a tenth of a second is a hundred pixels. */
const closestMsPerPx = 1;

/** Everything in sight. */
export function wholeView(lengthMs: number, width: number): View {
  return { startMs: 0, msPerPx: Math.max(1, lengthMs) / Math.max(1, width), width };
}

/** The view brought back to where the call is, and no wider than it. */
export function within(view: View, lengthMs: number): View {
  const widest = wholeView(lengthMs, view.width).msPerPx;
  const msPerPx = Math.min(widest, Math.max(view.msPerPx, Math.min(widest, closestMsPerPx)));
  const latest = Math.max(0, lengthMs - msPerPx * view.width);
  return { ...view, msPerPx, startMs: Math.min(latest, Math.max(0, view.startMs)) };
}

/** The view with a pixel's worth of time divided by factor; the time at x stays where it is. */
export function zoomed(view: View, lengthMs: number, factor: number, x = view.width / 2): View {
  const at = timeAt(view, x);
  const next = within({ ...view, msPerPx: view.msPerPx / factor }, lengthMs);
  return within({ ...next, startMs: at - x * next.msPerPx }, lengthMs);
}

export const timeAt = (view: View, x: number): number => view.startMs + x * view.msPerPx;
export const placeOf = (view: View, ms: number): number => (ms - view.startMs) / view.msPerPx;
export const endOf = (view: View): number => timeAt(view, view.width);
export const inSight = (view: View, ms: number): boolean => ms >= view.startMs && ms <= endOf(view);

/** One bar of a lane. */
export interface Bar {
  x: number;
  width: number;
  /** 0 to 1. */
  height: number;
}

/** A bar takes at least so much, pixels. */
const barPx = 3;

/**
 * The bars of one side in sight. Each stands for a whole number of steps
 * counted from the call's start, so that bars keep their shape while one scrolls.
 */
export function barsOf(levels: Uint8Array, stepMs: number, view: View): Bar[] {
  const steps = Math.max(1, Math.ceil((barPx * view.msPerPx) / stepMs));
  const barMs = steps * stepMs;
  const width = barMs / view.msPerPx;
  const bars: Bar[] = [];
  const last = Math.min(Math.ceil(levels.length / steps), Math.ceil(endOf(view) / barMs));
  for (let i = Math.max(0, Math.floor(view.startMs / barMs)); i < last; i++) {
    let highest = 0;
    const end = Math.min((i + 1) * steps, levels.length);
    for (let at = i * steps; at < end; at++) highest = Math.max(highest, height(levels[at] ?? 255));
    bars.push({ x: placeOf(view, i * barMs), width, height: highest });
  }
  return bars;
}

const tickSteps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];
const tickPx = 76;

/** The instants that the time axis names. */
export function ticksOf(view: View, lengthMs: number): number[] {
  const least = tickPx * view.msPerPx;
  const step = (tickSteps.find((s) => s * 1000 >= least) ?? 28_800) * 1000;
  const ticks: number[] = [];
  const end = Math.min(endOf(view), lengthMs);
  for (let at = Math.ceil(view.startMs / step) * step; at <= end; at += step) ticks.push(at);
  return ticks;
}

/** A small tick takes at least so much, pixels. */
const minorPx = 7;

/** The instants between them that the ruler shows without a name, down to tenths. */
export function minorTicksOf(view: View, lengthMs: number): number[] {
  const least = minorPx * view.msPerPx;
  const step = tickSteps.find((s) => s * 1000 >= least);
  if (step === undefined) return [];
  const ticks: number[] = [];
  const end = Math.min(endOf(view), lengthMs);
  const stepMs = Math.round(step * 1000);
  for (let at = Math.ceil(view.startMs / stepMs) * stepMs; at <= end; at += stepMs) ticks.push(at);
  return ticks;
}

export type Lane = "agent" | "customer" | "mixed";

/** The lanes a call is drawn in: a side each, or the one it has. */
export function lanesOf(call: Call): Lane[] {
  const tracks = new Set(call.parts.map((p) => p.track));
  if (tracks.has("both") || call.channels === 2) return ["agent", "customer"];
  if (tracks.has("mixed")) return ["mixed"];
  if (tracks.has("agent") !== tracks.has("customer")) return tracks.has("agent") ? ["agent"] : ["customer"];
  return ["agent", "customer"];
}

/** The levels of a lane; of a mixture whatever there is. */
export function laneLevels(levels: SideLevels, lane: Lane): Uint8Array {
  if (lane === "agent" || lane === "customer") return levels[lane];
  const { agent, customer } = levels;
  return Uint8Array.from({ length: Math.max(agent.length, customer.length) }, (_, i) =>
    Math.min(agent[i] ?? 255, customer[i] ?? 255),
  );
}

/** A hatched stretch of a lane. */
export interface Hatch {
  x: number;
  width: number;
  /** What happened; several causes where gaps are too small to tell apart. */
  causes: Gap["cause"][];
  /** Gaps finer than a pixel: most of what is here was recorded. */
  slight: boolean;
}

const concerns = (gap: Gap, lane: Lane) => !gap.side || lane === "mixed" || gap.side === lane;

/**
 * The gaps of a lane in sight; what is less than two pixels apart is one. Gaps
 * too fine to be drawn true are kept apart, so that many of them do not look
 * like a long one.
 */
export function hatchesOf(gaps: Gap[], lane: Lane, view: View): Hatch[] {
  const hatches: Hatch[] = [];
  const latest: Partial<Record<"slight" | "plain", Hatch>> = {};
  const seen = gaps
    .filter((g) => concerns(g, lane) && g.endMs >= view.startMs && g.startMs <= endOf(view))
    .sort((a, b) => a.startMs - b.startMs);
  for (const gap of seen) {
    const slight = gap.endMs - gap.startMs < view.msPerPx;
    const x = Math.max(-2, placeOf(view, gap.startMs));
    const end = Math.min(view.width + 2, Math.max(placeOf(view, gap.endMs), x + 1));
    const kind = slight ? "slight" : "plain";
    const last = latest[kind];
    if (last && x - (last.x + last.width) < 2) {
      last.width = Math.max(last.width, end - last.x);
      if (!last.causes.includes(gap.cause)) last.causes.push(gap.cause);
    } else {
      const hatch = { x, width: end - x, causes: [gap.cause], slight };
      latest[kind] = hatch;
      hatches.push(hatch);
    }
  }
  return hatches;
}

/** The gap of a lane at an instant, or within a few pixels of it. */
export function gapAt(gaps: Gap[], lane: Lane, view: View, ms: number): Gap | undefined {
  const near = 2 * view.msPerPx;
  return gaps.find((g) => concerns(g, lane) && ms >= g.startMs - near && ms <= g.endMs + near);
}

/** Marks as a flag in the lane above; those too close to be told apart share one. */
export interface Flag {
  marks: [Mark, ...Mark[]];
  x: number;
  /** How far its words may reach, pixels. */
  room: number;
}

/** A flag can be hit by a finger: it takes at least so much, pixels. */
const flagPx = 24;

/** The marks in sight from left to right. A pause is no flag: its gap says it. */
export function flagsOf(marks: Mark[], view: View): Flag[] {
  const flags: Flag[] = [];
  const seen = marks
    .filter((m) => m.kind !== "pause" && inSight(view, m.startMs))
    .sort((a, b) => a.startMs - b.startMs);
  for (const mark of seen) {
    const x = Math.min(placeOf(view, mark.startMs), view.width - flagPx);
    const last = flags.at(-1);
    if (last && x - last.x < flagPx + 2) {
      last.marks.push(mark);
      continue;
    }
    if (last) last.room = Math.floor(x - last.x - 2);
    flags.push({ marks: [mark], x, room: Math.floor(view.width - x) });
  }
  return flags;
}
