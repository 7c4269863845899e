import { isText, t } from "@/i18n";

// What the codes say to people that files get as they are brought in.

const groups = ["imports.codes", "recordings.refused", "recordings.remark", "errors"];

/** A code in words; one that is not known says itself, or what the server said of it. */
export function sayCode(code: string, said = ""): string {
  for (const group of groups) {
    const key = `${group}.${code}`;
    if (isText(key)) return t(key);
  }
  return said || code;
}
