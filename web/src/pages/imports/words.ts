import type { ImportFile } from "@/api/imports";
import { isText, lang, t } from "@/i18n";
import { localOf } from "@/lib/format";
import { sayCode } from "@/lib/sayCode";

const between = (parts: readonly string[]): string =>
  lang.value === "en"
    ? parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join(". ")
    : parts.join("；");

/** Several codes in words, one after the other. */
export const sayCodes = (codes: readonly string[]): string => between(codes.map((code) => sayCode(code)));

/** Nobody takes such a file for a recording: it is not missed. */
export const isOther = (code: string): boolean => code === "is_table" || code === "hidden_file";

/** What a duplicate is, and what it tells of its call besides: "number=139 taken; seat=w1 not taken". */
export function sayDouble(f: Pick<ImportFile, "text">): string {
  const told = f.text.split("; ").flatMap((part) => {
    const [, fact, value, not] = /^([a-zA-Z]+)=(.*?)( not)? taken$/.exec(part) ?? [];
    const name = `imports.facts.field.${fact}`;
    if (value === undefined || !isText(name)) return [];
    const said = {
      fact: t(name),
      value: fact === "startedAt" ? localOf(value) : sayValue(fact ?? "", value),
    };
    return [t(not ? "imports.list.factNotTaken" : "imports.list.factTaken", said)];
  });
  return between([t("imports.list.duplicateOf"), ...told]);
}

function sayValue(fact: string, value: string): string {
  const direction = `words.direction.${value}`;
  return fact === "direction" && isText(direction) ? t(direction) : value;
}
