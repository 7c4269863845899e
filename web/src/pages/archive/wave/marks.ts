import type { Mark } from "@/api";
import { i18n } from "@/i18n";

const { te, t } = i18n.global;

/** Marks that people set or that the recorder writes down; all others are alerts. */
const plain = new Set<string>(["bookmark", "note", "listen", "whisper", "pause", "clock"]);

/** Whether analysis has found it. */
export const isAlert = (mark: Mark): boolean => !plain.has(mark.kind);

/** What a mark is, in a word. */
export function markName(mark: Mark): string {
  for (const key of [`archive.callPage.markKind.${mark.kind}`, `words.flag.${mark.kind}`])
    if (te(key, "zh-CN")) return t(key);
  return mark.kind;
}
