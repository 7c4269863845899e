import { Problem } from "@/api";
import { t } from "@/i18n";
import { sayProblem } from "@/lib/problem";
import { crossed, sayCrossed } from "./bounds";
import { type Chip, chipsOf, type Filters } from "./filters";

// Why there is no list, and what helps: trying again, or looking for something else.

export interface ListProblem {
  text: string;
  /** null: trying again may help. Else it is the filters, these above all. */
  filters: Chip[] | null;
}

/** Why filters need not be asked for; null where they may be. */
export function impossible(filters: Filters): ListProblem | null {
  const [pair] = crossed(filters);
  if (!pair) return null;
  return { text: sayCrossed(pair), filters: pair.map((key) => ({ key, value: filters[key] })) };
}

/** What the server or the way to it had against a search. */
export function listProblem(err: unknown, filters: Filters): ListProblem {
  const text = sayProblem(err);
  const chips = chipsOf(filters);
  if (!refuses(err) || (chips.length === 0 && !filters.q)) return { text, filters: null };
  if (err.code === "bad_time")
    return { text, filters: chips.filter(({ key }) => key === "days" || key === "from" || key === "to") };
  if (err.code !== "forbidden") return { text, filters: [] };
  const deleted = chips.filter(({ key, value }) => key === "state" && value === "deleted");
  return { text: deleted.length ? t("archive.deletedForbidden") : text, filters: deleted };
}

/** Whether the server will answer the same again: it is the request that it did not like. */
const refuses = (err: unknown): err is Problem =>
  err instanceof Problem && [400, 403, 404, 413, 422].includes(err.status);
