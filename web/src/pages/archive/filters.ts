import type { LocationQuery, LocationQueryRaw } from "vue-router";
import type { Call, CallQuery, Flag } from "@/api";
import { isoDay } from "@/lib/format";
import { soughtNumber } from "@/lib/number";
import { daysOf, isPreset, type Preset } from "./days";

// What is being looked for. It lives in the page's address, so that a search
// can be sent to a colleague and the way back leads to the same list.

export interface Filters {
  q: string;
  from: string;
  to: string;
  /** By which name the days were chosen; empty where by none, or it means others by now. */
  days: Preset | "";
  seat: string[];
  branch: string[];
  agent: string[];
  kind: ("counter" | "hotline")[];
  direction: ("inbound" | "outbound" | "none")[];
  state: ("live" | "stored" | "deleted")[];
  flag: Flag[];
  rating: string[];
  number: string;
  account: string;
  ticket: string;
  business: string[];
  tag: string[];
  /** Whether a hold keeps them from deletion. */
  held: YesNo;
  /** Whether anybody has played them. */
  listened: YesNo;
  /** Lengths in seconds, both included. */
  shortest: string;
  longest: string;
  /** Words in notes and marks. */
  note: string;
  /** How the conversation went: shares per mille, times in ms, as the API has them. */
  minSilenceShare: string;
  maxSilenceShare: string;
  minAgentShare: string;
  maxAgentShare: string;
  minOvertalkShare: string;
  minInterruptions: string;
  minMonologueMs: string;
  /** Whether they were brought in from an older recorder, and by which import. */
  imported: YesNo;
  batch: string;
}
type YesNo = "" | "yes" | "no";

const lists = [
  ...(["branch", "seat", "agent", "kind", "direction", "state"] as const),
  ...(["flag", "rating", "business", "tag"] as const),
] as const;
export const talkKeys = [
  ...(["minSilenceShare", "maxSilenceShare", "minAgentShare", "maxAgentShare"] as const),
  ...(["minOvertalkShare", "minInterruptions", "minMonologueMs"] as const),
] as const;
const texts = [
  ...(["q", "from", "to", "number", "account", "ticket", "held"] as const),
  ...(["listened", "shortest", "longest", "note"] as const),
  ...talkKeys,
  ...(["imported", "batch"] as const),
] as const;
export type ListKey = (typeof lists)[number];
export type TextKey = (typeof texts)[number];

/** The names of all filters, in the order they are shown. */
export const filterKeys: readonly (TextKey | ListKey)[] = [...texts, ...lists];

export const flags: Flag[] = [
  ...(["silence", "overtalk", "loud", "one_sided", "gaps"] as const),
  ...(["interrupted", "long", "short", "damaged"] as const),
];

export function noFilters(): Filters {
  return {
    ...{ q: "", from: "", to: "", days: "" as const, number: "", account: "", ticket: "" },
    ...{ held: "" as const, listened: "" as const, shortest: "", longest: "", note: "" },
    ...{ minSilenceShare: "", maxSilenceShare: "", minAgentShare: "", maxAgentShare: "" },
    ...{ minOvertalkShare: "", minInterruptions: "", minMonologueMs: "", imported: "" as const, batch: "" },
    ...{ seat: [], branch: [], agent: [], kind: [], direction: [], state: [], flag: [] },
    ...{ rating: [], business: [], tag: [] },
  };
}

/** The filters an address speaks of; whatever else it says is left out. */
export function readFilters(query: LocationQuery, now: number): Filters {
  const found = noFilters();
  const all = (key: string): string[] => {
    const value = query[key];
    return (Array.isArray(value) ? value : [value]).filter((v): v is string => Boolean(v));
  };
  for (const key of texts) (found[key] as string) = known(key, all(key)[0] ?? "");
  for (const key of lists) (found[key] as string[]) = all(key);
  const name = all("days")[0] ?? "";
  if (isPreset(name)) {
    const span = daysOf(name, now);
    if (!found.from && !found.to) Object.assign(found, span);
    if (found.from === span.from && found.to === span.to) found.days = name;
  }
  return found;
}

const day = /^\d{4}-\d\d-\d\d$/;
const yesNo = /^(yes|no)$/;
const seconds = /^\d{1,6}$/;
const perMille = /^(\d{1,3}|1000)$/;
const forms: Partial<Record<TextKey, RegExp>> = {
  ...{
    from: day,
    to: day,
    held: yesNo,
    listened: yesNo,
    imported: yesNo,
    shortest: seconds,
    longest: seconds,
  },
  ...{ minSilenceShare: perMille, maxSilenceShare: perMille, minAgentShare: perMille },
  ...{ maxAgentShare: perMille, minOvertalkShare: perMille },
  ...{ minInterruptions: /^\d{1,6}$/, minMonologueMs: /^\d{1,8}$/ },
};

/** What an address says of one filter, empty where it is nonsense. */
function known(key: TextKey, said: string): string {
  const value = key === "held" && said === "true" ? "yes" : said;
  return (forms[key] ?? /^/).test(value) ? value : "";
}

/** The address's part that speaks of the filters. */
export function writeFilters(filters: Filters): LocationQueryRaw {
  const query: LocationQueryRaw = writeTexts(filters);
  if (filters.days) query.days = filters.days;
  for (const key of lists) if (filters[key].length) query[key] = [...filters[key]];
  return query;
}

/** The same as text, the same for the same filters: what searches are saved and told apart by. */
export function searchOf(filters: Filters): string {
  const { days, from, to, ...others } = filters;
  const params = new URLSearchParams();
  // Days with a name are those of whenever it is opened.
  const written = writeFilters({ ...others, days, from: days ? "" : from, to: days ? "" : to });
  for (const [key, value] of Object.entries(written))
    for (const one of Array.isArray(value) ? value : [value]) params.append(key, String(one));
  return params.toString();
}

/** What the server is asked. */
export function queryOf(filters: Filters, cursor: string, limit: number): CallQuery {
  const query: CallQuery = { limit };
  if (cursor) query.cursor = cursor;
  const { shortest, longest, ...said } = writeTexts(filters);
  const figures = Object.fromEntries(
    Object.entries(said).map(([key, value]) => [
      key,
      (talkKeys as readonly string[]).includes(key) ? Number(value) : value,
    ]),
  );
  Object.assign(query, figures);
  if (shortest) query.minMs = Number(shortest) * 1000;
  // All of the last second belongs to it.
  if (longest) query.maxMs = Number(longest) * 1000 + 999;
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
  const startedOn = call.startedAt ? isoDay(call.startedAt) : "";
  const one = (wanted: string[], is: string) => wanted.length === 0 || wanted.includes(is);
  const some = (wanted: string[], are: string[]) =>
    wanted.length === 0 || wanted.some((w) => are.includes(w));
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
    (!filters.from || startedOn >= filters.from) &&
    (!filters.to || startedOn <= filters.to) &&
    hasNumber(call.number, soughtNumber(filters.number.trim())) &&
    (!filters.account || call.account === filters.account.trim()) &&
    (!filters.ticket || call.ticket === filters.ticket.trim()) &&
    (!filters.held || (filters.held === "yes") === call.holds.some((h) => !h.releasedAt)) &&
    // What has just begun has not been played, is short, bears no notes, is not
    // analysed and was not brought in.
    filters.listened !== "yes" &&
    filters.imported !== "yes" &&
    !filters.batch &&
    !filters.note.trim() &&
    talkKeys.every((key) => !filters[key]) &&
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
  key: TextKey | ListKey | "days";
  value: string;
}

/** The filters as chips; the words of the search line are not among them. */
export function chipsOf(filters: Filters): Chip[] {
  const chips: Chip[] = [];
  if (filters.days) chips.push({ key: "days", value: filters.days });
  const named = (key: TextKey) => key === "q" || (filters.days && (key === "from" || key === "to"));
  for (const key of texts) if (!named(key) && filters[key]) chips.push({ key, value: filters[key] });
  for (const key of lists) for (const value of filters[key]) chips.push({ key, value });
  return chips;
}

/** The filters without a chip. */
export function without(filters: Filters, chip: Chip): Filters {
  const rest = { ...filters };
  const { key } = chip;
  if (key === "days") Object.assign(rest, { days: "", from: "", to: "" });
  else if ((lists as readonly string[]).includes(key)) {
    (rest[key as ListKey] as string[]) = filters[key as ListKey].filter((v) => v !== chip.value);
  } else {
    (rest[key as TextKey] as string) = "";
    if (key === "from" || key === "to") rest.days = "";
  }
  return rest;
}
