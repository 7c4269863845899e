import { expect, test } from "vitest";
import type { Call, Part } from "@/api";
import { clipsOf } from "./clips";

const part = (n: number, startMs: number, durationMs: number, more: Partial<Part> = {}) =>
  ({ n, startMs, durationMs, track: "both", codec: "opus", sha256: "x", ...more }) as Part;
const call = (...parts: Part[]) => ({ parts }) as unknown as Call;

test("a span over several files takes a clip of each, as much as lies in it", () => {
  const both = call(part(1, 0, 10_000), part(2, 14_000, 6000));
  expect(clipsOf(both, { fromMs: 8000, toMs: 15_000 }).map((c) => [c.n, c.fromMs, c.toMs])).toEqual([
    [1, 8000, 10_000],
    [2, 14_000, 15_000],
  ]);
  expect(clipsOf(both, { fromMs: 10_000, toMs: 14_000 })).toEqual([]);
});

test("a file a side are two clips; what a helper said and what is still written are none", () => {
  const sides = call(
    part(1, 0, 9000, { track: "agent" }),
    part(2, 0, 9000, { track: "customer" }),
    part(3, 0, 9000, { track: "helper" }),
    part(4, 9000, 9000, { sha256: "" }),
  );
  expect(clipsOf(sides, { fromMs: 0, toMs: 12_000 }).map((c) => c.track)).toEqual(["agent", "customer"]);
});
