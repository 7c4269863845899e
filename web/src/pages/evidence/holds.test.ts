import { expect, test } from "vitest";
import type { Call, Hold } from "@/api";
import { headTime } from "./heads";
import { activeHolds, callIdOf, isActive } from "./holds";

const now = Date.parse("2026-11-22T10:00:00Z");
const hold = (given: Partial<Hold>) => ({ releasedAt: null, until: null, ...given }) as unknown as Hold;

test.each([
  ["without end", {}, true],
  ["until later", { until: "2026-11-22T10:00:01.000Z" }, true],
  ["until now", { until: "2026-11-22T10:00:00.000Z" }, false],
  ["released", { releasedAt: "2026-11-22T09:00:00.000Z" }, false],
] as [string, Partial<Hold>, boolean][])("a hold %s", (_name, given, active) => {
  expect(isActive(hold(given), now)).toBe(active);
  expect(activeHolds({ holds: [hold(given)] } as Call, now)).toHaveLength(active ? 1 : 0);
});

test("a call is named by its id or by its page's address", () => {
  const id = "01a200c4-da54-7002-8000-00013c6f239b";
  expect(callIdOf(` ${id.toUpperCase()} `)).toBe(id);
  expect(callIdOf(`https://earshot.example/calls/${id}?x=1`)).toBe(id);
  expect(callIdOf("T-2026-118")).toBe("");
});

test("a head says when it was signed", () => {
  const head =
    "earshot/main\n5\nAAAA=\ntime 2026-11-22T09:59:00.000Z\nalgorithm sha256\n\n— earshot/main x\n";
  expect(headTime(head)).toBe("2026-11-22T09:59:00.000Z");
  expect(headTime("earshot/main\n5\nAAAA=\n\n— time 2026")).toBe("");
  expect(headTime("time tomorrow")).toBe("");
});
