import { beforeAll, expect, test } from "vitest";
import type { Branch, Seat } from "@/api";
import { setTimezone } from "@/lib/format";
import { noFilters } from "./filters";
import { suggestionsOf, taken } from "./suggestions";

beforeAll(() => setTimezone("Asia/Shanghai"));

const now = Date.parse("2026-11-21T16:30:00Z"); // the 22nd in Shanghai
const branches = [{ id: "east", name: "城东营业厅", parent: "" }] as Branch[];
const seats = [{ id: "w1", name: "1 号窗口" }] as Seat[];
const offered = (words: string) =>
  suggestionsOf(words, branches, seats, now).map((c) => `${c.key}=${c.value}`);

test("words that may mean something exacter are offered as that", () => {
  expect(offered("")).toEqual([]);
  expect(offered("漏水")).toEqual([]);
  expect(offered("今天")).toEqual(["days=today"]);
  expect(offered("近7天")).toEqual(["days=week"]);
  expect(offered("13800138000")).toEqual(
    ["number", "account", "ticket", "agent"].map((k) => `${k}=13800138000`),
  );
  for (const said of ["138 0013 8000", "138-0013-8000", "１３８００１３８０００"])
    expect(offered(said)).toContain("number=13800138000");
  expect(offered("城东")).toEqual(["branch=east"]);
  expect(offered("窗口")).toEqual(["seat=w1"]);
  for (const said of ["11-21", "11/21", "11月21日", "2026-11-21", "2026年11月21日"])
    expect(offered(said)).toContain("from=2026-11-21");
  expect(offered("13-45")).toEqual([]);
});

test("what is taken stands in place of the words", () => {
  const words = { ...noFilters(), q: "x", seat: ["w2"] };
  expect(taken(words, { key: "seat", value: "w1" }, now)).toEqual({ ...noFilters(), seat: ["w2", "w1"] });
  expect(taken(words, { key: "number", value: "8000" }, now)).toMatchObject({ q: "", number: "8000" });
  expect(taken(words, { key: "days", value: "yesterday" }, now)).toMatchObject({
    ...{ q: "", days: "yesterday", from: "2026-11-21", to: "2026-11-21" },
  });
  expect(taken(words, { key: "from", value: "2026-11-20" }, now)).toMatchObject({
    ...{ from: "2026-11-20", to: "2026-11-20", days: "" },
  });
});
