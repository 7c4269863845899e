import type { Branch, Seat } from "@/api";
import { t } from "@/i18n";
import { plainNumber, soughtNumber } from "@/lib/number";
import { daysOf, presets } from "./days";
import type { Chip, Filters } from "./filters";

// What was typed into the one box may be meant more exactly: a number as a number,
// a name as a seat's. The words are searched anyway; this is offered beside them.

const most = 5;

/** Exacter filters that words may mean. */
export function suggestionsOf(words: string, branches: Branch[], seats: Seat[], now: number): Chip[] {
  const said = words.trim();
  if (!said) return [];
  const found: Chip[] = [];
  for (const value of ["inbound", "outbound"] as const)
    if (said.toLowerCase() === t(`words.direction.${value}`).toLowerCase())
      found.push({ key: "direction", value });
  for (const value of ["counter", "hotline"] as const)
    if (said.toLowerCase() === t(`words.kind.${value}`).toLowerCase()) found.push({ key: "kind", value });
  for (const preset of presets)
    if (said.toLowerCase() === t(`archive.preset.${preset}`).toLowerCase().replaceAll(" ", ""))
      found.push({ key: "days", value: preset });
  const day = dayOf(said, now);
  if (day) found.push({ key: "from", value: day });
  const number = numberOf(said);
  if (number && !day) {
    found.push({ key: "number", value: soughtNumber(number) }, { key: "account", value: number });
    found.push({ key: "ticket", value: number }, { key: "agent", value: number });
  }
  if (said.length > 1) {
    const has = (one: { id: string; name: string }) => one.name.toLowerCase().includes(said.toLowerCase());
    for (const branch of branches.filter(has)) found.push({ key: "branch", value: branch.id });
    for (const seat of seats.filter(has)) found.push({ key: "seat", value: seat.id });
  }
  return found.slice(0, most);
}

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

/** The id of a call that words are, alone or in a link to it; empty where they are none. */
export function callIdIn(words: string): string {
  const said = words.trim();
  const id = uuid.exec(said)?.[0] ?? "";
  return id && (said === id || said.includes(`/calls/${id}`)) ? id.toLowerCase() : "";
}

/** Digits, or as many as a telephone number has with what people write between them. */
function numberOf(said: string): string {
  const number = plainNumber(said);
  return /^\+?\d{2,20}$/.test(number) && (number === said || number.length >= 7) ? number : "";
}

/** A day as people type one: 2026-11-21, 11-21, 11/21, 11月21日; empty if it is none. */
function dayOf(said: string, now: number): string {
  const match = /^(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?$/.exec(said);
  if (!match) return "";
  const year = match[1] ?? daysOf("today", now).from.slice(0, 4);
  const day = `${year}-${match[2]?.padStart(2, "0")}-${match[3]?.padStart(2, "0")}`;
  return Number.isNaN(Date.parse(day)) || new Date(day).toISOString().slice(0, 10) !== day ? "" : day;
}

/** The filters with words taken for what a suggestion says. */
export function taken(filters: Filters, chip: Chip, now: number): Filters {
  const { key, value } = chip;
  const rest: Filters = { ...filters, q: "" };
  if (key === "days") return { ...rest, days: value as Filters["days"], ...daysOf(value as "today", now) };
  if (key === "from") return { ...rest, days: "", from: value, to: value };
  if (key === "number" || key === "account" || key === "ticket") return { ...rest, [key]: value };
  if (key === "agent" || key === "branch" || key === "seat" || key === "direction" || key === "kind")
    return { ...rest, [key]: [...new Set([...filters[key], value])] };
  return filters;
}
