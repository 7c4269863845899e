import type { ImportTable } from "@/api/imports";

// Which table among an import's files is meant, where people need not say.

/** The one table there is: a CSV, or a text where there is no CSV. */
export function onlyTable(paths: readonly string[]): string {
  for (const ending of [/\.csv$/i, /\.txt$/i]) {
    const some = paths.filter((path) => ending.test(path));
    if (some.length > 0) return some.length === 1 ? (some[0] ?? "") : "";
  }
  return "";
}

/** Whether a table was read and says something of its files that we know. */
export const isUnderstood = (table: ImportTable | undefined): boolean =>
  table !== undefined &&
  !table.error &&
  table.columns.some((c) => c.fact === "file") &&
  table.columns.some((c) => c.fact !== "" && c.fact !== "file");
