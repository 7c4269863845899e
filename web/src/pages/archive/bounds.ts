import { t } from "@/i18n";
import type { Filters } from "./filters";

// Filters that come in pairs, the least and the greatest of one thing.

export const bounds = [
  ["from", "to"],
  ["shortest", "longest"],
  ["minSilenceShare", "maxSilenceShare"],
  ["minAgentShare", "maxAgentShare"],
] as const;
export type Bounds = (typeof bounds)[number];

/** The pairs whose least is beyond their greatest: no call lies between. */
export const crossed = (filters: Filters): Bounds[] =>
  bounds.filter(([least, most]) => {
    const [low, high] = [filters[least], filters[most]];
    if (!low || !high) return false;
    return least === "from" ? low > high : Number(low) > Number(high);
  });

export function sayCrossed([least, most]: Bounds): string {
  if (least === "from") return t("archive.figure.daysCrossed");
  return t("archive.figure.crossed", {
    least: t(`archive.filter.${least}`),
    most: t(`archive.filter.${most}` as "archive.filter.longest"),
  });
}
