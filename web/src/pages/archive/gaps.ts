import type { Gap } from "@/api";

/** Gaps of one cause that lie close together, as people count them. */
export interface GapGroup {
  cause: Gap["cause"];
  /** Empty: both sides. */
  side: Gap["side"];
  startMs: number;
  endMs: number;
  /** How many single gaps, counted on the side that has most. */
  count: number;
  /** How much is missing, on the side that lacks most, ms. */
  lostMs: number;
}

/** Gaps with less between them belong together, ms. */
const closeMs = 3000;

/**
 * The gaps as a short list: the same gap on both sides is one, and a burst of
 * small ones is one with a count.
 */
export function gapGroups(gaps: Gap[]): GapGroup[] {
  const groups: (GapGroup & { sides: Record<string, { count: number; lostMs: number }> })[] = [];
  const latest = new Map<Gap["cause"], (typeof groups)[number]>();
  for (const gap of [...gaps].sort((a, b) => a.startMs - b.startMs || a.side.localeCompare(b.side))) {
    let group = latest.get(gap.cause);
    if (!group || gap.startMs - group.endMs > closeMs) {
      group = { ...gap, count: 0, lostMs: 0, sides: {} };
      groups.push(group);
      latest.set(gap.cause, group);
    }
    group.endMs = Math.max(group.endMs, gap.endMs);
    if (group.side !== gap.side) group.side = "";
    for (const side of gap.side ? [gap.side] : ["agent", "customer"]) {
      group.sides[side] ??= { count: 0, lostMs: 0 };
      const sum = group.sides[side];
      sum.count++;
      sum.lostMs += gap.endMs - gap.startMs;
    }
  }
  return groups.map(({ sides, ...group }) => ({
    ...group,
    count: Math.max(...Object.values(sides).map((s) => s.count)),
    lostMs: Math.max(...Object.values(sides).map((s) => s.lostMs)),
  }));
}

/** How long at least one side is missing, ms. */
export function missingMs(gaps: Gap[]): number {
  let sum = 0;
  let reached = 0;
  for (const gap of [...gaps].sort((a, b) => a.startMs - b.startMs)) {
    sum += Math.max(0, gap.endMs - Math.max(gap.startMs, reached));
    reached = Math.max(reached, gap.endMs);
  }
  return sum;
}

/** A short length in seconds with its tenths; what rounds to nothing is not nothing. */
export const shortSeconds = (ms: number): string =>
  ms < 100 ? "<0.1" : (Math.round(ms / 100) / 10).toFixed(1);

/** The seconds that m:ss, h:mm:ss or plain seconds say, to the tenth; null if it says nothing such. */
export function secondsOf(text: string): number | null {
  const trimmed = text.normalize("NFKC").trim();
  if (!/^\d{1,5}(:[0-5]?\d){0,2}(\.\d{1,3})?$/.test(trimmed)) return null;
  const [whole = "", tenth = "0"] = trimmed.split(".");
  return whole.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) + Number(tenth[0]) / 10;
}
