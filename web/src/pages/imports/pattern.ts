import { t } from "@/i18n";

// Patterns of names, as one writes them in one's own language: the server reads
// the names of fields in Chinese and in English.

const fields = [
  ...(["start", "date", "time", "seat", "agent", "name", "number", "caller", "callee"] as const),
  ...(["direction", "account", "ticket", "business"] as const),
] as const;
type Field = (typeof fields)[number];

const isField = (name: string): name is Field => (fields as readonly string[]).includes(name);

/** A pattern with its fields named in the page's language. */
export function written(pattern: string): string {
  return pattern.replace(/\{([a-z]+)(:digits(?=\}))?/g, (whole, name: string, digits?: string) => {
    if (!isField(name)) return whole;
    return `{${t(`imports.facts.written.${name}`)}${digits ? `:${t("imports.facts.written.digits")}` : ""}`;
  });
}
