import { expect, test } from "vitest";
import { Problem } from "@/api";
import { sayProblem } from "./problem";

test("a known code is said in the reader's language", () => {
  expect(sayProblem(new Problem(409, "exists", "taken"))).toBe("这个编号已经有了，请换一个");
  expect(sayProblem(new Problem(429, "too_many_attempts", "", 30))).toContain("30 秒");
});

test("an unknown code says what the server said, or at least its code", () => {
  expect(sayProblem(new Problem(409, "novel", "a new thing"))).toBe("a new thing");
  expect(sayProblem(new Problem(500, "http_500", ""))).toContain("http_500");
  expect(sayProblem(new Error("boom"))).toContain("boom");
});

test("a code cannot name a branch of texts or something inherited", () => {
  expect(sayProblem(new Problem(400, "constructor", "odd"))).toBe("odd");
});
