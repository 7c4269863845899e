import type { CallLevels } from "@/api";

/** Levels of both sides over a call's timeline, a byte a step: −dBov, 255 a gap. */
export interface SideLevels {
  stepMs: number;
  agent: Uint8Array;
  customer: Uint8Array;
}

export function decodeLevels(levels: CallLevels): SideLevels {
  const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return { stepMs: levels.stepMs, agent: bytes(levels.agent), customer: bytes(levels.customer) };
}

const gap = 255;

/** Whether anything was measured at all: of some old recordings nothing can be. */
export const anyLevel = ({ agent, customer }: SideLevels): boolean =>
  agent.some((level) => level !== gap) || customer.some((level) => level !== gap);

/** Below this nothing is drawn, −dBov; speech lies between 60 and 10. */
const floorDBov = 64;
const ceilingDBov = 6;

/** A byte's height, reckoned once: bent, so that syllables stand out from the breath between. */
const drawnHeights = Array.from({ length: 256 }, (_, level) => {
  if (level > 127) return 0;
  return Math.min(1, Math.max(0, (floorDBov - level) / (floorDBov - ceilingDBov))) ** 1.7;
});

/** How high a level is drawn, 0 to 1. */
export const height = (level: number): number => drawnHeights[level] ?? 0;

/** Heights of one side, brought to at most `most` values by the loudest of each stretch. */
export function heights(levels: Uint8Array, most = Number.POSITIVE_INFINITY): number[] {
  const stretch = Math.max(1, Math.ceil(levels.length / most));
  const drawn: number[] = [];
  for (let at = 0; at < levels.length; at += stretch) {
    let highest = 0;
    for (let i = at; i < Math.min(at + stretch, levels.length); i++) {
      highest = Math.max(highest, height(levels[i] ?? 255));
    }
    drawn.push(highest);
  }
  return drawn;
}

/** What is louder is speech, −dBov. */
const speechDBov = 45;

/** How much of a side is speech, 0 to 1; gaps count as none. */
export function talkShare(levels: Uint8Array): number {
  if (!levels.length) return 0;
  let speech = 0;
  for (const level of levels) if (level <= speechDBov) speech++;
  return speech / levels.length;
}
