import { t } from "@/i18n";

/** A length of time as m:ss, or h:mm:ss from an hour on. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A place on a timeline to the tenth of a second that it lies in. */
export const tenths = (ms: number): string => `${duration(ms)}.${Math.floor((Math.max(0, ms) % 1000) / 100)}`;

/** A length of time in words, for those who hear the page. */
export function durationInWords(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s >= 3600) return t("words.duration.hours", { h: Math.floor(s / 3600), m: Math.floor(s / 60) % 60 });
  if (s >= 60) return t("words.duration.minutes", { m: Math.floor(s / 60), s: s % 60 });
  return t("words.duration.seconds", { s });
}

let zone: string | undefined;
let clock: Intl.DateTimeFormat | undefined;
let wall: Intl.DateTimeFormat | undefined;

/** Sets the site's time zone; all times are shown in it, whoever looks from wherever. */
export function setTimezone(name: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    zone = name;
  } catch {
    zone = undefined; // a zone this browser does not know: its own has to do
  }
  clock = undefined;
  wall = undefined;
}

const toDate = (at: string | number) => new Date(at);

/** HH:mm:ss in the site's time zone; empty for no time. */
export function clockTime(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === "") return "";
  // Made once: making one takes a hundred times as long as using it.
  clock ??= new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  });
  return clock.format(toDate(at));
}

/** The site's day of an instant as people read it: one order of year, month and day in both languages. */
export function date(at: string | number | null | undefined): string {
  if (at === null || at === undefined || at === "") return "";
  return isoDay(at);
}

export const dateTime = (at: string | number | null | undefined): string =>
  at ? `${date(at)} ${clockTime(at)}` : "";

/** The site's day of an instant as YYYY-MM-DD, the form the API takes. */
export const isoDay = (at: string | number): string =>
  shownAt(toDate(at).getTime()).toISOString().slice(0, 10);

/** What the site's clock shows at an instant, as YYYY-MM-DD HH:mm:ss. */
export function localOf(at: string | number): string {
  return shownAt(toDate(at).getTime()).toISOString().slice(0, 19).replace("T", " ");
}

/** The instant, as the API takes it, at which the site's clock shows YYYY-MM-DD HH:mm:ss. */
export function instantOf(local: string): string {
  const wanted = Date.parse(`${local.replace(" ", "T")}Z`);
  // The distance to UTC is that of the instant looked for: the second look knows it.
  let at = wanted;
  for (let look = 0; look < 2; look++) at -= shownAt(at).getTime() - wanted;
  return new Date(at).toISOString();
}

/** The site's clock at an instant, as if it showed UTC. */
function shownAt(at: number): Date {
  // Its parts are read, not its text: in which order a locale writes them changes
  // with browsers.
  wall ??= new Intl.DateTimeFormat("en", {
    ...{ timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  const n = Object.fromEntries(wall.formatToParts(at).map((p) => [p.type, Number(p.value)]));
  return new Date(
    Date.UTC(n.year ?? 0, (n.month ?? 1) - 1, n.day, n.hour ?? 0, n.minute ?? 0, n.second ?? 0),
  );
}

/** The site's time zone by name; empty if it is the browser's own. */
export const timezone = (): string => zone ?? "";

/** The time that a call's id was made, which is when it began: ids are UUIDv7. */
export const idTime = (id: string): number => Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) || 0;

/** A size as people say it, in powers of 1,000 as disks are sold. */
export function bytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let size = n;
  while (size >= 999.5 && at < units.length - 1) {
    size /= 1000;
    at++;
  }
  return `${at > 0 && size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[at]}`;
}

/** A number with its thousands apart. */
export const count = (n: number): string => n.toLocaleString("en-US");

/** Up to two characters that stand for a name where there is no room for it. */
export function initials(name: string): string {
  const trimmed = name.trim();
  const digits = /\d+/.exec(trimmed)?.[0];
  if (digits) return digits.slice(-3);
  const words = trimmed.split(/\s+/);
  if (words.length > 1)
    return words
      .map((w) => [...w][0] ?? "")
      .slice(0, 2)
      .join("")
      .toUpperCase();
  return [...trimmed].slice(0, 2).join("");
}

/** Parses an API time; NaN-free: 0 for none. */
export const ms = (at: string | null | undefined): number => (at ? Date.parse(at) || 0 : 0);
