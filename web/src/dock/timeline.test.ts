import { expect, test } from "vitest";
import type { Call, Part, TrackKind } from "@/api";
import { isMixed, lengthOf, nextChange, nextSound, spansAt, spansOf } from "./timeline";

const part = (n: number, startMs: number, durationMs: number, track: TrackKind = "both", sha256 = "x") =>
  ({ n, startMs, durationMs, track, sha256 }) as Part;
const call = (parts: Part[], more: Partial<Call> = {}) =>
  ({ state: "stored", startedAt: "1970-01-01T00:00:00.000Z", durationMs: 0, parts, ...more }) as Call;
const numbers = (spans: { n: number }[]) => spans.map((s) => s.n);

test("parts lie on the timeline in the order of their starts; what a helper said is not replayed", () => {
  const spans = spansOf(call([part(2, 5000, 1000), part(1, 0, 4000), part(3, 0, 9000, "helper")]), 0);
  expect(numbers(spans)).toEqual([1, 2]);
});

test("at an instant one file sounds, or one a side", () => {
  const spans = spansOf(
    call([part(1, 0, 4000), part(2, 5000, 4000, "agent"), part(3, 6000, 2000, "customer")]),
    0,
  );
  expect(numbers(spansAt(spans, 0))).toEqual([1]);
  expect(numbers(spansAt(spans, 4000))).toEqual([]);
  expect(numbers(spansAt(spans, 5500))).toEqual([2]);
  expect(numbers(spansAt(spans, 6000))).toEqual([2, 3]);
  expect(numbers(spansAt(spans, 8000))).toEqual([2]);
});

test.each(["both", "swapped", "mixed"] as const)("a file of two sides sounds: %s", (track) => {
  const spans = spansOf(call([part(1, 0, 4000, track), part(2, 0, 4000, "agent")]), 0);
  expect(numbers(spansAt(spans, 1000))).toEqual([1]);
});

test("a call is mixed where no file of it tells the sides apart", () => {
  const tracks: [TrackKind[], boolean][] = [
    [["mixed"], true],
    [["mixed", "helper", "mixed"], true],
    [["mixed", "both"], false],
    [["agent"], false],
    [["helper"], false],
    [[], false],
  ];
  for (const [of, is] of tracks) expect(isMixed(call(of.map((t, n) => part(n, 0, 1000, t))))).toBe(is);
});

test("a gap leads to the next sound, the end to none", () => {
  const spans = spansOf(call([part(1, 1000, 3000), part(2, 60_000, 1000)]), 0);
  expect(nextSound(spans, 0)).toBe(1000);
  expect(nextSound(spans, 2000)).toBe(2000);
  expect(nextSound(spans, 4000)).toBe(60_000);
  expect(nextSound(spans, 61_000)).toBeNull();
  expect(nextSound([], 0)).toBeNull();
});

test("what comes to sound next: behind a gap, behind a part, or while the other side goes on", () => {
  const spans = spansOf(
    call([
      part(1, 0, 4000),
      part(2, 5000, 4000, "agent"),
      part(3, 5000, 2000, "customer"),
      part(4, 7500, 3500, "customer"),
      part(5, 20_000, 1000),
      part(6, 20_500, 2000),
    ]),
    0,
  );
  const rows: [number, number, [number, number[]] | null][] = [
    [0, 4000, null], // silence comes, nothing that sounds
    [0, 5000, [5000, [2, 3]]],
    [4500, 8000, [5000, [2, 3]]],
    [5000, 8000, [7500, [2, 4]]], // that side 3 ends is nothing to put on
    [7500, 8000, null],
    [20_000, 8000, [21_000, [6]]], // it overlaps with the one before, which is heard to its end
    [22_000, 8000, null],
  ];
  for (const [ms, ahead, want] of rows) {
    const next = nextChange(spans, ms, ahead);
    expect(next && [next.atMs, numbers(next.spans)], `at ${ms}`).toEqual(want);
  }
});

test("the part being written reaches to just before now", () => {
  const live = call([part(1, 0, 4000), part(2, 10_000, 0, "both", "")], { state: "live" });
  const spans = spansOf(live, 30_000);
  expect(spans[1]).toMatchObject({ n: 2, growing: true, endMs: 28_500 });
  expect(lengthOf(live, 30_000)).toBe(28_500);
});

test("a part of which nothing can be had yet is not there", () => {
  const live = call([part(1, 0, 0, "both", "")], { state: "live" });
  expect(spansOf(live, 1000)).toEqual([]);
  expect(lengthOf(live, 1000)).toBe(0);
});

test("a call without parts has a length all the same", () => {
  expect(lengthOf(call([], { durationMs: 5000 }), 0)).toBe(5000);
});
