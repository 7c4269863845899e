import { expect, test } from "vitest";
import type { LiveSeat, Seat } from "@/api";
import { byName, densityFor, matches, matchesState, offlineSeat, ordered, type Place } from "./view";

function place(id: string, live: Partial<LiveSeat> = {}, seat: Partial<Seat> = {}): Place {
  return {
    seat: { id, name: `${id} 号窗口`, branch: "east", kind: "counter", cut: "event", ...seat },
    live: { ...offlineSeat(id), ...live },
    order: Number(id),
  };
}
const ids = (places: Place[]) => places.map((p) => p.seat.id);
const call = (startedAt: string) => ({ startedAt, number: "13812345678" }) as LiveSeat["call"];

test("what needs attention comes first, the gravest before the others, then by state and name", () => {
  const places = [
    place("10", { state: "idle" }),
    place("2", { state: "idle" }),
    place("3", { state: "live" }),
    place("4", { state: "live", attention: "silent" }),
    place("5", { state: "faulty", attention: "disconnected" }),
    place("6"),
    place("7", { state: "unknown", attention: "node_lost" }),
  ];
  expect(ids(ordered(places, "attention"))).toEqual(["7", "5", "4", "3", "2", "10", "6"]);
});

test("names are in order, and the numbers in them", () => {
  const seats = ["10 号", "热线 2", "2 号", "热线 1"].map((name, i) => place(String(i), {}, { name }).seat);
  expect(byName(seats).map((s) => s.name)).toEqual(["2 号", "10 号", "热线 1", "热线 2"]);
});

test("by name, or by length the longest call first and those without last", () => {
  const places = [
    place("10", { call: call("2026-11-21T10:00:00.000Z") }),
    place("2"),
    place("1", { call: call("2026-11-21T09:00:00.000Z") }),
  ];
  expect(ids(ordered(places, "name"))).toEqual(["1", "2", "10"]);
  expect(ids(ordered(places, "length"))).toEqual(["1", "10", "2"]);
});

test.each([
  ["窗口", true],
  ["A101", true],
  ["王秀", true],
  ["5678", true],
  ["a101 窗口", true],
  ["a101 热线", false],
])("search for %s finds it: %s", (text, found) => {
  const p = place("1", { agent: { id: "A101", name: "王秀英" }, call: call("2026-11-21T10:00:00.000Z") });
  expect(matches(p, text, null)).toBe(found);
});

test("branch, state and attention let through what they say", () => {
  const p = place("1", { state: "live" });
  expect(matches(p, "", new Set(["west"]))).toBe(false);
  expect(matches(p, "", new Set(["east"]))).toBe(true);
  expect(matchesState(p, { states: new Set(["idle"]), attentionOnly: false })).toBe(false);
  expect(matchesState(p, { states: new Set(["idle", "live"]), attentionOnly: false })).toBe(true);
  expect(matchesState(p, { states: new Set(), attentionOnly: true })).toBe(false);
});

test("density follows the number of seats", () => {
  expect([12, 100, 500].map(densityFor)).toEqual(["card", "tile", "dot"]);
});
