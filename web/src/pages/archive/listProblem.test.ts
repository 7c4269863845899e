import { expect, test } from "vitest";
import { Problem } from "@/api";
import { type Filters, noFilters } from "./filters";
import { impossible, listProblem } from "./listProblem";

const looked = (some: Partial<Filters>): Filters => ({ ...noFilters(), ...some });
const keys = (problem: ReturnType<typeof impossible>) => problem?.filters?.map((c) => c.key) ?? null;

test.each([
  ["a length", { shortest: "600", longest: "10", q: "x" }, ["shortest", "longest"]],
  ["a share", { minSilenceShare: "500", maxSilenceShare: "40" }, ["minSilenceShare", "maxSilenceShare"]],
  ["days", { from: "2026-11-22", to: "2016-06-01" }, ["from", "to"]],
  ["one day", { from: "2026-11-22", to: "2026-11-22" }, null],
  ["one bound", { shortest: "600" }, null],
  ["a length as long as its other bound", { shortest: "600", longest: "600" }, null],
] as const)("%s beyond its other bound is not asked for", (_what, filters, wanted) => {
  expect(keys(impossible(looked(filters)))).toEqual(wanted);
});

test.each([
  ["the deleted, to whom they are not shown", 403, "forbidden", { state: ["stored", "deleted"] }, ["state"]],
  ["the whole page", 403, "forbidden", { seat: ["c1"] }, []],
  ["days that are none", 422, "bad_time", { from: "2026-13-40", seat: ["c1"] }, ["from"]],
  ["what the server does not take", 422, "invalid", { q: "x" }, []],
  ["nothing at all", 403, "forbidden", {}, null],
  ["a server that is busy", 503, "busy", { seat: ["c1"] }, null],
  ["too much at once", 429, "busy", { seat: ["c1"] }, null],
] as [string, number, string, Partial<Filters>, string[] | null][])(
  "asked for %s, the way on is what helps",
  (_what, status, code, filters, wanted) => {
    expect(keys(listProblem(new Problem(status, code, ""), looked(filters)))).toEqual(wanted);
  },
);

test("of the deleted it is said who does not see them, and that filter alone goes", () => {
  const problem = listProblem(new Problem(403, "forbidden", ""), looked({ state: ["live", "deleted"] }));
  expect(problem.text).toBe("您的角色看不到已删除的通话");
  expect(problem.filters).toEqual([{ key: "state", value: "deleted" }]);
  expect(listProblem(new TypeError("Failed to fetch"), looked({ seat: ["c1"] })).filters).toBeNull();
});
