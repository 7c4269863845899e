import { beforeAll, expect, test } from "vitest";
import type { Branch, Seat } from "@/api";
import { setTimezone } from "@/lib/format";
import { noFilters } from "./filters";
import { callIdIn, suggestionsOf, taken } from "./suggestions";

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
  expect(offered("+86 138 0013 8000")[0]).toBe("number=13800138000");
  expect(offered("呼入")).toEqual(["direction=inbound"]);
  expect(offered("热线")).toEqual(["kind=hotline"]);
  expect(offered("城东")).toEqual(["branch=east"]);
  expect(offered("窗口")).toEqual(["seat=w1"]);
  for (const said of ["11-21", "11/21", "11月21日", "2026-11-21", "2026年11月21日"])
    expect(offered(said)).toContain("from=2026-11-21");
  expect(offered("13-45")).toEqual([]);
});

test("a call's own id is known, alone and in a link to it", () => {
  const id = "01a2041b-5066-71c0-9874-09bcbbfb3f79";
  for (const said of [id, ` ${id.toUpperCase()} `, `http://hall:8080/calls/${id}?t=3.5`])
    expect(callIdIn(said), said).toBe(id);
  for (const said of ["", id.slice(1), `见 ${id}`, "01a2041b"]) expect(callIdIn(said), said).toBe("");
});

test("what is taken stands in place of the words", () => {
  const words = { ...noFilters(), q: "x", seat: ["w2"] };
  expect(taken(words, { key: "seat", value: "w1" }, now)).toEqual({ ...noFilters(), seat: ["w2", "w1"] });
  expect(taken(words, { key: "direction", value: "inbound" }, now)).toMatchObject({
    q: "",
    direction: ["inbound"],
  });
  expect(taken(words, { key: "number", value: "8000" }, now)).toMatchObject({ q: "", number: "8000" });
  expect(taken(words, { key: "days", value: "yesterday" }, now)).toMatchObject({
    ...{ q: "", days: "yesterday", from: "2026-11-21", to: "2026-11-21" },
  });
  expect(taken(words, { key: "from", value: "2026-11-20" }, now)).toMatchObject({
    ...{ from: "2026-11-20", to: "2026-11-20", days: "" },
  });
});
