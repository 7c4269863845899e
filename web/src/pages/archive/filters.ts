import type { LocationQuery, LocationQueryRaw } from "vue-router";
import type { Call, CallQuery, Flag } from "@/api";
import { isoDay } from "@/lib/format";

// What is being looked for. It lives in the page's address, so that a search
// can be sent to a colleague and the way back leads to the same list.

export interface Filters {
  q: string;
  from: string;
  to: string;
  seat: string[];
  branch: string[];
  agent: string[];
  kind: ("counter" | "hotline")[];
  direction: ("inbound" | "outbound" | "none")[];
  state: ("live" | "stored")[];
  flag: Flag[];
  rating: string[];
  number: string;
  account: string;
  ticket: string;
  business: string[];
  tag: string[];
  /** "true": only calls that a hold keeps. */
  held: string;
  /** Whether anybody has played them. */
  listened: "" | "yes" | "no";
  /** Lengths in seconds, both included. */
  shortest: string;
  longest: string;
  /** Words in notes and marks. */
  note: string;
}

const lists = [
  "seat",
  "branch",
  "agent",
  "kind",
  "direction",
  "state",
  "flag",
  "rating",
  "business",
  "tag",
] as const;
const texts = [
  ...(["q", "from", "to", "number", "account", "ticket", "held"] as const),
  ...(["listened", "shortest", "longest", "note"] as const),
] as const;
type ListKey = (typeof lists)[number];
type TextKey = (typeof texts)[number];

export const flags: Flag[] = [
  ...([
    "silence",
    "overtalk",
    "loud",
    "one_sided",
    "gaps",
    "interrupted",
    "long",
    "short",
    "damaged",
  ] as const),
];

export function noFilters(): Filters {
  return {
    ...{ q: "", from: "", to: "", number: "", account: "", ticket: "", held: "" },
    ...{ listened: "" as const, shortest: "", longest: "", note: "" },
    ...{ seat: [], branch: [], agent: [], kind: [], direction: [], state: [], flag: [] },
    ...{ rating: [], business: [], tag: [] },
  };
}

/** The filters an address speaks of; whatever else it says is left out. */
export function readFilters(query: LocationQuery): Filters {
  const found = noFilters();
  const all = (key: string): string[] => {
    const value = query[key];
    return (Array.isArray(value) ? value : [value]).filter((v): v is string => Boolean(v));
  };
  for (const key of texts) (found[key] as string) = known(key, all(key)[0] ?? "");
  for (const key of lists) (found[key] as string[]) = all(key);
  return found;
}

/** What an address says of one filter, empty where it is nonsense. */
function known(key: TextKey, value: string): string {
  const days = /^\d{4}-\d\d-\d\d$/;
  const forms: Partial<Record<TextKey, RegExp>> = {
    ...{ from: days, to: days, held: /^true$/, listened: /^(yes|no)$/ },
    ...{ shortest: /^\d{1,6}$/, longest: /^\d{1,6}$/ },
  };
  return (forms[key] ?? /^/).test(value) ? value : "";
}

/** The address's part that speaks of the filters. */
export function writeFilters(filters: Filters): LocationQueryRaw {
  const query: LocationQueryRaw = writeTexts(filters);
  for (const key of lists) if (filters[key].length) query[key] = [...filters[key]];
  return query;
}

/** What the server is asked. */
export function queryOf(filters: Filters, cursor: string, limit: number): CallQuery {
  const query: CallQuery = { limit };
  if (cursor) query.cursor = cursor;
  const { held, shortest, longest, ...said } = writeTexts(filters);
  Object.assign(query, said);
  if (held) query.held = "yes";
  if (shortest) query.minMs = Number(shortest) * 1000;
  // All of the last second belongs to it.
  if (longest) query.maxMs = Math.max(Number(longest), Number(shortest ?? 0)) * 1000 + 999;
  const { rating, ...others } = pickLists(filters);
  Object.assign(query, others);
  if (rating) query.rating = rating.map(Number);
  return query;
}

function writeTexts(filters: Filters): Partial<Record<TextKey, string>> {
  const written: Partial<Record<TextKey, string>> = {};
  for (const key of texts) if (filters[key].trim()) written[key] = filters[key].trim();
  return written;
}

function pickLists(filters: Filters): Partial<Record<ListKey, string[]>> {
  const picked: Partial<Record<ListKey, string[]>> = {};
  for (const key of lists) if (filters[key].length) picked[key] = [...filters[key]];
  return picked;
}

/**
 * Whether a call that has just begun may belong to what is looked for. The
 * server decides; this only keeps strangers from being counted as news.
 */
export function matches(filters: Filters, call: Call, below: (branch: string) => Set<string>): boolean {
  const one = (wanted: string[], is: string) => wanted.length === 0 || wanted.includes(is);
  const some = (wanted: string[], are: string[]) =>
    wanted.length === 0 || wanted.some((w) => are.includes(w));
  const day = call.startedAt ? isoDay(call.startedAt) : "";
  return (
    one(filters.seat, call.seat) &&
    (filters.branch.length === 0 || filters.branch.some((b) => below(b).has(call.branch))) &&
    some(filters.agent, [call.agent?.id ?? "", call.agent?.name ?? ""]) &&
    one(filters.kind, call.kind) &&
    one(filters.direction, call.direction) &&
    one(filters.state, call.state) &&
    one(filters.rating, String(call.rating)) &&
    one(filters.business, call.business) &&
    some(filters.tag, call.tags) &&
    some(filters.flag, call.flags) &&
    (!filters.from || day >= filters.from) &&
    (!filters.to || day <= filters.to) &&
    hasNumber(call.number, filters.number.trim()) &&
    (!filters.account || call.account === filters.account.trim()) &&
    (!filters.ticket || call.ticket === filters.ticket.trim()) &&
    (!filters.held || call.holds.some((h) => !h.releasedAt)) &&
    // What has just begun has not been played, is short and bears no notes.
    filters.listened !== "yes" &&
    !filters.note.trim() &&
    (!filters.shortest || call.durationMs >= Number(filters.shortest) * 1000) &&
    mentions(call, filters.q.trim())
  );
}

/** One or two digits are a number's last; more are anywhere in it. */
const hasNumber = (number: string, wanted: string): boolean =>
  wanted.length < 3 ? number.endsWith(wanted) : number.includes(wanted);

function mentions(call: Call, words: string): boolean {
  if (!words) return true;
  const { agent, number, account, ticket, business, tags } = call;
  const all = [agent?.id, agent?.name, number, account, ticket, business, ...tags].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** Whether there is anything of a call to be heard. */
export const audible = (call: Call): boolean => call.state === "live" || call.parts.length > 0;

/** One filter as a chip that can be taken away. */
export interface Chip {
  key: TextKey | ListKey;
  value: string;
}

/** The filters as chips; the words of the search line are not among them. */
export function chipsOf(filters: Filters): Chip[] {
  const chips: Chip[] = [];
  for (const key of texts) if (key !== "q" && filters[key]) chips.push({ key, value: filters[key] });
  for (const key of lists) for (const value of filters[key]) chips.push({ key, value });
  return chips;
}

/** The filters without a chip. */
export function without(filters: Filters, chip: Chip): Filters {
  const rest = { ...filters };
  const { key } = chip;
  if ((lists as readonly string[]).includes(key)) {
    (rest[key as ListKey] as string[]) = filters[key as ListKey].filter((v) => v !== chip.value);
  } else {
    rest[key as TextKey] = "";
  }
  return rest;
}

export type Preset = "today" | "yesterday" | "week" | "thisWeek" | "month";
export const presets: Preset[] = ["today", "yesterday", "week", "thisWeek", "month"];

const dayMs = 86_400_000;

/** The days of a preset, both included, by the site's clock. */
export function daysOf(preset: Preset, now: number): { from: string; to: string } {
  const ago = (days: number) => isoDay(now - days * dayMs);
  switch (preset) {
    case "today":
      return { from: ago(0), to: ago(0) };
    case "yesterday":
      return { from: ago(1), to: ago(1) };
    case "week":
      return { from: ago(6), to: ago(0) };
    case "thisWeek": {
      // Weeks begin on Monday. The day itself is a date of the site, so its
      // weekday is asked of that date alone.
      const since = (new Date(`${ago(0)}T00:00:00Z`).getUTCDay() + 6) % 7;
      return { from: ago(since), to: ago(0) };
    }
    case "month":
      return { from: ago(29), to: ago(0) };
  }
}
