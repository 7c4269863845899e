import { expect, test } from "vitest";
import type { Call, Gap, Mark } from "@/api";
import {
  barsOf,
  endOf,
  flagsOf,
  gapAt,
  hatchesOf,
  laneLevels,
  lanesOf,
  minorTicksOf,
  placeOf,
  ticksOf,
  timeAt,
  wholeView,
  within,
  zoomed,
} from "./geometry";

const hour = 3_600_000;

test("the whole call fills the width", () => {
  const view = wholeView(hour, 1000);
  expect([view.startMs, endOf(view)]).toEqual([0, hour]);
  expect(placeOf(view, hour / 2)).toBe(500);
});

test("zooming keeps the time under the pointer where it is", () => {
  const view = wholeView(hour, 1000);
  const near = zoomed(view, hour, 8, 250);
  expect(timeAt(near, 250)).toBeCloseTo(timeAt(view, 250));
  expect(near.msPerPx).toBeCloseTo(view.msPerPx / 8);
});

test("a view never leaves the call, nor comes closer than a tenth of a second a hundred pixels wide", () => {
  const view = within({ startMs: hour, msPerPx: 0.1, width: 1000 }, hour);
  expect(view.msPerPx).toBe(1);
  expect(endOf(view)).toBeCloseTo(hour);
  expect(zoomed(wholeView(hour, 1000), hour, 0.5)).toEqual(wholeView(hour, 1000));
  // A call too short to be zoomed shows itself whole.
  expect(within({ startMs: 0, msPerPx: 10, width: 1000 }, 2000).msPerPx).toBe(2);
});

test("bars keep their shape while one scrolls, and an hour is no more than the width", () => {
  const levels = new Uint8Array(36_000).fill(127);
  levels[12_345] = 10;
  const whole = barsOf(levels, 100, wholeView(hour, 1000));
  expect(whole.length).toBeLessThanOrEqual(334);
  expect(whole.filter((b) => b.height > 0)).toHaveLength(1);
  const near = { startMs: 1_230_000, msPerPx: 50, width: 1000 };
  const heights = (startMs: number) =>
    barsOf(levels, 100, { ...near, startMs })
      .filter((b) => b.height > 0)
      .map((b) => timeAt({ ...near, startMs }, b.x));
  expect(heights(1_230_000)).toEqual(heights(1_230_030));
});

test("the axis names round instants that do not crowd", () => {
  const view = wholeView(56_000, 1200);
  const ticks = ticksOf(view, 56_000);
  expect(ticks.slice(0, 3)).toEqual([0, 5000, 10_000]);
  expect(ticksOf(wholeView(hour, 1200), hour)[1]).toBe(300_000);
});

const gap = (side: Gap["side"], startMs: number, endMs: number, cause: Gap["cause"]): Gap => ({
  side,
  startMs,
  endMs,
  cause,
});

test("gaps are hatched in their own lane; those too small to tell apart are one", () => {
  const view = wholeView(100_000, 1000); // 100 ms a pixel
  const gaps = [
    gap("agent", 1000, 1100, "lost"),
    gap("agent", 1150, 1300, "stalled"),
    gap("customer", 50_000, 60_000, "muted"),
    gap("", 90_000, 95_000, "paused"),
  ];
  expect(hatchesOf(gaps, "agent", view).map((h) => [h.x, h.width, h.causes])).toEqual([
    [10, 3, ["lost", "stalled"]],
    [900, 50, ["paused"]],
  ]);
  expect(hatchesOf(gaps, "customer", view)).toHaveLength(2);
  // Many fine gaps are not one long one, and do not swallow a long one.
  const fine = Array.from({ length: 50 }, (_, i) => gap("agent", 20_000 + i * 200, 20_020 + i * 200, "lost"));
  const drawn = hatchesOf([...fine, gap("agent", 24_000, 26_000, "paused")], "agent", view);
  expect(drawn.map((h) => [h.slight, h.causes])).toEqual([
    [true, ["lost"]],
    [false, ["paused"]],
  ]);
  expect(gapAt(gaps, "customer", view, 55_000)?.cause).toBe("muted");
  expect(gapAt(gaps, "agent", view, 55_000)).toBeUndefined();
});

const call = (channels: number, ...tracks: string[]) =>
  ({ channels, parts: tracks.map((track) => ({ track })) }) as unknown as Call;

test("a call has a lane for each side it has", () => {
  expect(lanesOf(call(2, "both"))).toEqual(["agent", "customer"]);
  expect(lanesOf(call(1, "agent"))).toEqual(["agent"]);
  expect(lanesOf(call(1, "mixed"))).toEqual(["mixed"]);
  expect(lanesOf(call(1, "agent", "customer"))).toEqual(["agent", "customer"]);
  expect(lanesOf(call(0))).toEqual(["agent", "customer"]);
});

test("a mixture is as loud as its louder side", () => {
  const levels = { stepMs: 100, agent: Uint8Array.of(20, 255), customer: Uint8Array.of(40, 30, 50) };
  expect([...laneLevels(levels, "mixed")]).toEqual([20, 30, 50]);
});

test("a flag's words end where the next flag stands, close marks share one; a pause is none", () => {
  const mark = (id: string, kind: Mark["kind"], startMs: number) => ({ id, kind, startMs }) as Mark;
  const flags = flagsOf(
    [
      mark("b", "note", 50_000),
      mark("p", "pause", 20_000),
      mark("a", "note", 10_000),
      mark("c", "note", 51_000),
      mark("d", "note", 99_900),
    ],
    wholeView(100_000, 1000),
  );
  expect(flags.map((f) => [f.marks.map((m) => m.id).join(""), f.x, f.room])).toEqual([
    ["a", 100, 398],
    ["bc", 500, 474],
    ["d", 976, 24],
  ]);
});

test("the ruler shows tenths of a second when one is close", () => {
  const view = { startMs: 61_230, msPerPx: 1, width: 400 };
  expect(minorTicksOf(view, 100_000)).toEqual([61_300, 61_400, 61_500, 61_600]);
  const whole = wholeView(4 * 3_600_000, 1200);
  expect(minorTicksOf(whole, 4 * 3_600_000).length).toBeLessThan(1200 / 7 + 2);
});
