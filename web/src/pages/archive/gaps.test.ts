import { expect, test } from "vitest";
import type { Gap } from "@/api";
import { gapGroups, missingMs, secondsOf, shortSeconds } from "./gaps";

const gap = (side: Gap["side"], startMs: number, endMs: number, cause: Gap["cause"] = "lost"): Gap => ({
  side,
  startMs,
  endMs,
  cause,
});

test("the same gap on both sides is one", () => {
  const both = [gap("agent", 9000, 17_000, "paused"), gap("customer", 9000, 17_000, "paused")];
  expect(gapGroups(both)).toEqual([
    { cause: "paused", side: "", startMs: 9000, endMs: 17_000, count: 1, lostMs: 8000 },
  ]);
  expect(missingMs(both)).toBe(8000);
});

test("a burst of small gaps is one with a count, a later one stands for itself", () => {
  const burst = [gap("customer", 1000, 1100), gap("customer", 1500, 1800), gap("customer", 9000, 9020)];
  expect(gapGroups(burst).map((g) => [g.startMs, g.endMs, g.count, g.lostMs, g.side])).toEqual([
    [1000, 1800, 2, 400, "customer"],
    [9000, 9020, 1, 20, "customer"],
  ]);
});

test("another cause in between does not join a burst", () => {
  const mixed = [gap("agent", 0, 100), gap("agent", 200, 900, "muted"), gap("agent", 1000, 1100)];
  expect(gapGroups(mixed).map((g) => [g.cause, g.count])).toEqual([
    ["lost", 2],
    ["muted", 1],
  ]);
  expect(missingMs(mixed)).toBe(900);
});

test("what rounds to nothing is not nothing", () => {
  expect([20, 149, 8040].map(shortSeconds)).toEqual(["<0.1", "0.1", "8.0"]);
});

test("a place is typed as people write it", () => {
  expect(["0:05.05", "０：０５．１"].map(secondsOf)).toEqual([5, 5.1]);
  expect(["1:05", "75", "1:00:01", "2：30", "1:75", "x", ""].map(secondsOf)).toEqual([
    65,
    75,
    3601,
    150,
    null,
    null,
    null,
  ]);
});
