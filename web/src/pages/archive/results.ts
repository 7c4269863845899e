import { api, type Call } from "@/api";
import { type Filters, noFilters, queryOf } from "./filters";
import { levelsOf } from "./levelsCache";

// What the archive found last, kept as long as the tab: on a call's page the
// next and the previous result are one key away, and loaded ahead.

interface Results {
  filters: Filters;
  /** How many results stand above the first of ids: of a long list only those around are kept. */
  first: number;
  ids: string[];
  /** Where the server goes on; empty at the end. */
  next: string;
}

const place = "earshot.results";
const pageSize = 100;
/** Looked through for a neighbour at a time. */
const mostPages = 20;
const keepAround = 1000;
const keepAhead = 12;

let results: Results | null = null;
const ahead = new Map<string, Call>();

function kept(): Results {
  if (results) return results;
  const empty: Results = { filters: noFilters(), first: 0, ids: [], next: "" };
  try {
    const value = JSON.parse(sessionStorage.getItem(place) ?? "null") as Partial<Results> | null;
    const ids = Array.isArray(value?.ids) ? value.ids.filter((id) => typeof id === "string") : [];
    const first = Number(value?.first) || 0;
    results = { filters: { ...noFilters(), ...value?.filters }, first, ids, next: String(value?.next ?? "") };
  } catch {
    // What was kept is unreadable, or storage is forbidden.
    results = empty;
  }
  return results;
}

/** Keeps what the archive shows, in its order; `first` results stand above the first of calls. */
export function rememberResults(filters: Filters, first: number, calls: Call[], next: string): void {
  results = { filters, first, ids: calls.slice(-keepAround).map((c) => c.id), next };
  results.first += Math.max(0, calls.length - keepAround);
  keep();
}

function keep(): void {
  try {
    sessionStorage.setItem(place, JSON.stringify(results));
  } catch {
    // Then a page that is loaded again knows no neighbours.
  }
}

/** Where a call stands among the results: from 0 on, -1 if it is none of them. */
export const placeAmong = (id: string): { at: number; of: number; more: boolean } => {
  const { first, ids, next } = kept();
  const at = ids.indexOf(id);
  return { at: at < 0 ? at : first + at, of: first + ids.length, more: next !== "" };
};

let seen = "";

/** Keeps which call one looks at, for the list that one goes back to. */
export function keepSeen(id: string): void {
  seen = id;
}

/** Where the call that one looked at since the last list stands in this one; -1 if nowhere. Told once. */
export function placeSeen(): number {
  const { at } = placeAmong(seen);
  seen = "";
  return at;
}

/**
 * The result so many further down the list, read on from the server if need be;
 * "" at an end, or where a long way on holds nothing: asked again, it looks further.
 */
export async function neighbour(id: string, by: 1 | -1): Promise<string> {
  const known = kept();
  const at = known.ids.indexOf(id);
  if (at < 0) return "";
  // A page may be empty, or hold only what is known, and the search goes on behind it.
  for (let pages = 0; at + by >= known.ids.length && known.next && pages < mostPages; pages++)
    await readOn(known);
  return known.ids[at + by] ?? "";
}

async function readOn(known: Results): Promise<void> {
  const page = await api.calls(queryOf(known.filters, known.next, pageSize));
  const there = new Set(known.ids);
  known.ids.push(...page.calls.map((c) => c.id).filter((id) => !there.has(id)));
  known.next = page.next;
  if (results === known) keep();
}

/** Reads a call and its levels before they are asked for. No sound: that is written down as heard. */
export async function readAhead(id: string): Promise<void> {
  if (!id || ahead.has(id)) return;
  const call = await api.call(id);
  ahead.set(id, call);
  for (const oldest of ahead.keys()) {
    if (ahead.size <= keepAhead) break;
    ahead.delete(oldest);
  }
  if (call.state === "stored" && call.parts.length) await levelsOf(id, new AbortController().signal);
}

/** A call as it was when it was read ahead. */
export const readBefore = (id: string): Call | null => ahead.get(id) ?? null;
