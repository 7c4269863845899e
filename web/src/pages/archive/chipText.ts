import { isText, t } from "@/i18n";
import type { useDirectory } from "@/live/directory";
import type { Chip } from "./filters";

/** What ids are called. */
export type Names = Pick<ReturnType<typeof useDirectory>, "seatName" | "branchName">;

/** Per mille as people say it. */
export const percent = (perMille: string | number): string => `${Number(perMille) / 10}%`;

const groups: Partial<Record<Chip["key"], string>> = {
  ...{ kind: "kind", direction: "direction", state: "callState", flag: "flag" },
};

/** A filter in words. */
export function chipText(chip: Chip, names: Names): string {
  const { key, value } = chip;
  if (key === "days") return t(`archive.preset.${value}` as "archive.preset.today");
  if (key === "held" || key === "listened" || key === "imported")
    return t(`archive.${key}.${value}` as "archive.listened.yes");
  return t("archive.chip", {
    name: t(`archive.filter.${key}` as "archive.filter.seat"),
    value: said(chip, names),
  });
}

function said({ key, value }: Chip, names: Names): string {
  switch (key) {
    case "seat":
      return names.seatName(value);
    case "branch":
      return names.branchName(value);
    case "rating":
      return t("archive.stars", { n: value });
    case "shortest":
    case "longest":
      return t("archive.seconds", { n: value });
    case "minMonologueMs":
      return t("archive.seconds", { n: Number(value) / 1000 });
    case "minInterruptions":
      return t("archive.times", { n: value });
    case "minSilenceShare":
    case "maxSilenceShare":
    case "minAgentShare":
    case "maxAgentShare":
    case "minOvertalkShare":
      return percent(value);
  }
  const word = `words.${groups[key]}.${value}`;
  return isText(word) ? t(word) : value;
}
