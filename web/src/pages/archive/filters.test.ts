import { beforeAll, expect, test } from "vitest";
import type { Call } from "@/api";
import { setTimezone } from "@/lib/format";
import { daysOf } from "./days";
import {
  chipsOf,
  type Filters,
  matches,
  noFilters,
  queryOf,
  readFilters,
  searchOf,
  without,
  writeFilters,
} from "./filters";

beforeAll(() => setTimezone("Asia/Shanghai"));

const now = Date.parse("2026-11-21T16:30:00Z"); // the 22nd in Shanghai

const some = {
  ...noFilters(),
  q: " 漏水 ",
  from: "2026-11-20",
  seat: ["c1", "c2"],
  rating: ["1"],
  account: "8801",
};

test("filters survive the way through the address", () => {
  const address = writeFilters(some) as Record<string, string | string[]>;
  expect(readFilters(address, now)).toEqual({ ...some, q: "漏水" });
  const more = { ...noFilters(), listened: "no" as const, shortest: "60", longest: "300", note: "退款" };
  expect(readFilters(writeFilters(more) as Record<string, string>, now)).toEqual(more);
  expect(readFilters({ listened: "maybe", shortest: "-1", from: "yesterday", held: "x" }, now)).toEqual(
    noFilters(),
  );
  expect(readFilters({ colour: "red", seat: "c1" }, now)).toEqual({ ...noFilters(), seat: ["c1"] });
});

test("an address keeps its days and, while it means them, the name they were chosen by", () => {
  const week = { from: "2026-11-16", to: "2026-11-22", days: "week" };
  expect(readFilters(week, now)).toEqual({ ...noFilters(), ...week });
  // A day later it is the same days, but no longer the last seven.
  expect(readFilters(week, now + 86_400_000)).toEqual({ ...noFilters(), ...week, days: "" });
  // A saved search has the name alone.
  expect(searchOf({ ...noFilters(), ...week, days: "week", seat: ["c1", "c2"] })).toBe(
    "days=week&seat=c1&seat=c2",
  );
  expect(readFilters({ days: "week" }, now + 86_400_000)).toMatchObject({
    ...{ from: "2026-11-17", to: "2026-11-23", days: "week" },
  });
  expect(searchOf({ ...noFilters(), from: "2026-11-16" })).toBe("from=2026-11-16");
});

test("figures of talk go as the server counts them; the old word for held is understood", () => {
  const found = readFilters({ held: "true", minSilenceShare: "300", maxAgentShare: "1001", batch: "b" }, now);
  expect(found).toEqual({ ...noFilters(), held: "yes", minSilenceShare: "300", batch: "b" });
  expect(queryOf(found, "", 50)).toEqual({ limit: 50, held: "yes", minSilenceShare: 300, batch: "b" });
});

test("the server is asked only what is set", () => {
  expect(queryOf(some, "", 50)).toEqual({
    ...{ limit: 50, q: "漏水", from: "2026-11-20", account: "8801", seat: ["c1", "c2"], rating: [1] },
  });
  const lengths = { ...noFilters(), shortest: "60", longest: "300", listened: "yes" as const, note: "退款" };
  expect(queryOf(lengths, "", 50)).toEqual({
    ...{ limit: 50, minMs: 60_000, maxMs: 300_999, listened: "yes", note: "退款" },
  });
  expect(queryOf(noFilters(), "next", 50)).toEqual({ limit: 50, cursor: "next" });
});

test("each chip takes away just its own filter", () => {
  const chips = chipsOf(some);
  expect(chips.map((c) => `${c.key}=${c.value}`)).toEqual([
    "from=2026-11-20",
    "account=8801",
    "seat=c1",
    "seat=c2",
    "rating=1",
  ]);
  expect(without(some, { key: "seat", value: "c1" }).seat).toEqual(["c2"]);
  expect(without(some, { key: "from", value: "2026-11-20" }).from).toBe("");
  const today = { ...noFilters(), ...daysOf("today", now), days: "today" as const };
  expect(chipsOf(today)).toEqual([{ key: "days", value: "today" }]);
  expect(without(today, { key: "days", value: "today" })).toEqual(noFilters());
});

test("a day is the site's day", () => {
  const lateEvening = Date.parse("2026-11-21T16:30:00Z"); // the 22nd in Shanghai
  expect(daysOf("today", lateEvening)).toEqual({ from: "2026-11-22", to: "2026-11-22" });
  expect(daysOf("thisWeek", lateEvening)).toEqual({ from: "2026-11-16", to: "2026-11-22" }); // a Sunday
  const monday = Date.parse("2026-11-22T16:30:00Z");
  expect(daysOf("thisWeek", monday)).toEqual({ from: "2026-11-23", to: "2026-11-23" });
  expect(daysOf("week", lateEvening)).toEqual({ from: "2026-11-16", to: "2026-11-22" });
});

test("a call that has just begun belongs to a search or not", () => {
  const call = {
    ...{ seat: "c1", branch: "hall", kind: "counter", direction: "inbound", state: "live", rating: 0 },
    ...{
      agent: { id: "1001", name: "王丽" },
      number: "13800000129",
      account: "8801",
      ticket: "",
      business: "开户",
    },
    ...{ tags: ["回访"], flags: [], startedAt: "2026-11-21T16:30:00Z" },
  } as unknown as Call;
  const below = (branch: string) => new Set(branch === "city" ? ["city", "hall"] : [branch]);
  const fits = (filters: Partial<Filters>) => matches({ ...noFilters(), ...filters }, call, below);
  expect(fits({})).toBe(true);
  expect(fits({ branch: ["city"], agent: ["1001"], number: "0129", tag: ["回访", "投诉"] })).toBe(true);
  expect(fits({ agent: ["王丽"], number: "000001" })).toBe(true);
  expect(fits({ number: "13" })).toBe(false); // two digits are the last
  expect(fits({ listened: "yes" })).toBe(false);
  expect(fits({ listened: "no" })).toBe(true);
  expect(fits({ note: "退款" })).toBe(false);
  expect(fits({ from: "2026-11-22", to: "2026-11-22" })).toBe(true); // the site's day
  expect(fits({ to: "2026-11-21" })).toBe(false);
  expect(fits({ branch: ["hotline"] })).toBe(false);
  expect(fits({ q: "王丽 8801" })).toBe(true);
  expect(fits({ q: "王丽 8802" })).toBe(false);
  expect(fits({ flag: ["gaps"] })).toBe(false);
  expect(fits({ state: ["stored"] })).toBe(false);
});
