import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { effectScope, nextTick } from "vue";
import { Problem } from "@/api";
import { type ImportPreview, importsApi } from "@/api/imports";
import { useFacts } from "./useFacts";

const made = { rows: [], matched: 5, unmatched: 0 } as unknown as ImportPreview;
const scope = effectScope();

beforeEach(() => {
  vi.spyOn(importsApi, "changeImport").mockResolvedValue({} as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  scope.stop();
});

test("a pattern that is wrong is said to be, and what was made before it is not taken for its own", async () => {
  const preview = vi.spyOn(importsApi, "preview").mockResolvedValue(made);
  const facts = scope.run(() => useFacts("i1"));
  if (!facts) throw new Error("no facts");
  await facts.look(false);
  expect([facts.preview.value, facts.problem.value, facts.wrongPattern.value]).toEqual([made, "", false]);
  preview.mockRejectedValueOnce(new Problem(422, "bad_pattern", "第 7 个字符：多了括号\nplace 7"));
  await facts.look(false);
  await nextTick();
  expect(facts.wrongPattern.value).toBe(true);
  expect(facts.problem.value).toContain("第 7 个字符：多了括号");
  preview.mockRejectedValueOnce(new Problem(503, "unavailable", ""));
  await facts.look(false);
  expect([facts.wrongPattern.value, facts.problem.value !== ""]).toEqual([false, true]);
  await facts.look(false);
  expect([facts.wrongPattern.value, facts.problem.value]).toEqual([false, ""]);
});
