import type { Mark } from "@/api";
import { i18n } from "@/i18n";
import { duration } from "@/lib/format";
import type { IconName } from "@/shell/icons";

const { te, t } = i18n.global;

/** What a mark comes from: a person, analysis, or what the recorder writes down. */
export const markGroups = ["people", "alerts", "record"] as const;
export type MarkGroup = (typeof markGroups)[number];

const people = new Set<string>(["bookmark", "note"]);
const record = new Set<string>(["listen", "whisper", "pause", "clock"]);

export function groupOf(mark: Mark): MarkGroup {
  if (people.has(mark.kind)) return "people";
  return record.has(mark.kind) ? "record" : "alerts";
}

/** Whether analysis has found it. */
export const isAlert = (mark: Mark): boolean => groupOf(mark) === "alerts";

const iconsOf: Partial<Record<string, IconName>> = {
  ...{ bookmark: "mark", note: "note", listen: "listen", whisper: "listen", pause: "paused", clock: "clock" },
  ...{ silence: "silence", overtalk: "overtalk", loud: "loud", one_sided: "oneSided" },
};

export const markIcon = (mark: Mark): IconName => iconsOf[mark.kind] ?? "alert";

/** What a mark is, in a word, and of which side if of one. */
export function markName(mark: Mark): string {
  for (const key of [`archive.callPage.markKind.${mark.kind}`, `words.flag.${mark.kind}`])
    if (te(key, "zh-CN")) return t(key);
  return mark.kind;
}

/** The mark after (or before) an instant, in the order of time. */
export function markBeside(marks: Mark[], ms: number, by: 1 | -1): Mark | undefined {
  const sorted = [...marks].sort((a, b) => a.startMs - b.startMs);
  // Where one has just been led to is not where one goes next.
  const nearMs = 150;
  if (by > 0) return sorted.find((m) => m.startMs > ms + nearMs);
  return sorted.filter((m) => m.startMs < ms - nearMs).at(-1);
}

/** A place on the timeline, or a stretch of it, as far as whole seconds tell. */
export function spanOf(fromMs: number, toMs: number): string {
  const [from, to] = [duration(fromMs), duration(toMs)];
  return from === to ? from : `${from}–${to}`;
}
