import { lang } from "@/i18n";
import { sayCode } from "@/lib/sayCode";

/** Several codes in words, one after the other. */
export const sayCodes = (codes: readonly string[]): string =>
  codes.map((code) => sayCode(code)).join(lang.value === "en" ? "; " : "；");

/** Nobody takes such a file for a recording: it is not missed. */
export const isOther = (code: string): boolean => code === "is_table" || code === "hidden_file";
