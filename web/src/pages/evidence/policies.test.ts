import { afterEach, expect, test } from "vitest";
import type { Policy } from "@/api";
import { setLang } from "@/i18n";
import { newPolicyId, policiesWith, policiesWithout, sentence } from "./policies";

afterEach(() => setLang("zh-CN"));

const policy = (given: Partial<Policy>): Policy => ({
  ...{ id: "p", name: "", branch: "", kind: "", business: "", keepDays: 0, deleteDays: 0 },
  ...given,
});
const branchName = (id: string) => (id === "east" ? "城东营业厅" : id);

test.each([
  [{}, "全部网点 · 柜台和热线 · 全部业务：一直保留，不删除"],
  [
    { branch: "east", kind: "hotline", keepDays: 180, deleteDays: 365 },
    "城东营业厅 · 热线 · 全部业务：至少保留 180 天，365 天后删除",
  ],
  [{ business: "过户", deleteDays: 30 }, "全部网点 · 柜台和热线 · 过户：不要求最短保留，30 天后删除"],
  [{ keepDays: 180 }, "全部网点 · 柜台和热线 · 全部业务：一直保留，不删除"],
] as [Partial<Policy>, string][])("%j is said as %s", (given, text) => {
  expect(sentence(policy(given), branchName)).toBe(text);
});

test("a policy is said in English too", () => {
  setLang("en");
  expect(sentence(policy({ kind: "counter", keepDays: 7, deleteDays: 30 }), branchName)).toBe(
    "All branches · Counter · any business: kept at least 7 days, deleted after 30 days",
  );
});

test("what the policies would be", () => {
  const all = [policy({ id: "a" }), policy({ id: "b" })];
  expect(policiesWith(all, policy({ id: "b", keepDays: 5 })).map((p) => p.keepDays)).toEqual([0, 5]);
  expect(policiesWith(all, policy({ id: "c" })).map((p) => p.id)).toEqual(["a", "b", "c"]);
  expect(policiesWithout(all, "a").map((p) => p.id)).toEqual(["b"]);
  expect(newPolicyId([policy({ id: "policy-2" })])).toBe("policy-3");
});
