import { expect, test } from "vitest";
import { shallowRef } from "vue";
import type { Call } from "@/api";
import { useSelection } from "./useSelection";

const call = (id: string, state = "stored") => ({ id, state }) as Call;
const rows = ["a", "b", "c", "d", "e"].map((id) => call(id));
const ids = (calls: Call[]) => calls.map((c) => c.id).join("");

function selection(list: (Call | null)[] = rows) {
  const shown = shallowRef(list);
  return { shown, ...useSelection(() => shown.value) };
}

test("a call is chosen, and chosen no more", () => {
  const s = selection();
  s.toggle(call("b"));
  s.toggle(call("d"));
  expect(ids(s.chosen.value)).toBe("bd");
  expect([s.has(call("b")), s.has(call("c"))]).toEqual([true, false]);
  s.toggle(call("b"));
  expect(ids(s.chosen.value)).toBe("d");
  s.clear();
  expect(s.chosen.value).toEqual([]);
});

test.each([
  ["b", "d", "bcd"],
  ["d", "b", "dbc"],
  ["b", "b", "b"],
  ["", "c", "c"],
])("from %s to %s are %s", (from, to, chosen) => {
  const s = selection();
  if (from) s.toggle(call(from));
  s.extend(call(to));
  expect(ids(s.chosen.value)).toBe(chosen);
});

test("what is chosen stays while one looks for something else, and is shown as it is now", () => {
  const s = selection();
  s.toggle(call("a", "live"));
  s.toggle(call("b"));
  s.shown.value = [call("a", "stored"), call("x")];
  expect(s.elsewhere.value).toBe(1);
  expect(s.chosen.value.map((c) => c.id + c.state)).toEqual(["astored", "bstored"]);
  s.extend(call("x")); // its range began at a row that is not there any more
  expect(ids(s.chosen.value)).toBe("abx");
});

test("a range over rows that are not at hand is not chosen in pieces", () => {
  const s = selection([call("a"), call("b"), null, call("e")]);
  s.toggle(call("a"));
  expect(s.extend(call("b"))).toBe(true);
  expect(s.extend(call("e"))).toBe(false);
  expect(ids(s.chosen.value)).toBe("abe");
  expect(s.elsewhere.value).toBe(0);
});
