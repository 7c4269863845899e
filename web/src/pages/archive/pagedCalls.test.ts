import { expect, test } from "vitest";
import type { Call } from "@/api";
import { PagedCalls } from "./pagedCalls";

const none: ReadonlySet<string> = new Set<string>();
const calls = (...ids: string[]) => ids.map((id) => ({ id }) as Call);
function list(...pages: string[][]): PagedCalls {
  const made = new PagedCalls();
  for (const [i, ids] of pages.entries())
    made.append(
      { cursor: i ? `c${i}` : "", rows: ids.length, calls: calls(...ids), listened: new Set(ids[0]) },
      "end",
    );
  return made;
}

test("rows are found on their pages, empty pages and all", () => {
  const l = list(["a", "b"], [], ["c"], ["d", "e"]);
  expect(l.rows).toBe(5);
  expect([0, 1, 2, 3, 4, 5, -1].map((row) => l.at(row)?.id ?? null)).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
    null,
    null,
  ]);
  expect([l.isListened(0, "a"), l.isListened(1, "b")]).toEqual([true, false]);
});

test("pages let go are missing until they are read again, even if calls have gone since", () => {
  const l = list(["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]);
  l.letGo(6, 8, 1);
  expect([l.at(0), l.at(3), l.at(4)?.id, l.rows]).toEqual([null, null, "e", 8]);
  expect(l.missing(0, 8)).toEqual([0, 1]);
  expect(l.missing(5, 8)).toEqual([]);
  l.refill(0, calls("a"), none);
  expect([l.at(0)?.id, l.at(1), l.at(3)?.id, l.rows]).toEqual(["a", null, "e", 7]);
});

test("what is kept around a row goes on where the server does", () => {
  const l = list(["a", "b"], ["c", "d"], ["e", "f"]);
  l.letGo(0, 1, 0);
  expect(l.around(1)).toEqual({ first: 0, calls: calls("a", "b"), next: "c1" });
  l.refill(1, calls("c", "d"), none);
  l.refill(2, calls("e", "f"), none);
  expect(l.around(3)).toMatchObject({ first: 0, next: "end" });
});

test("a call is put in its place where that is kept", () => {
  const l = list(["a", "b"], ["c"]);
  expect(l.put({ id: "c", durationMs: 7 } as Call)).toBe(true);
  expect(l.at(2)?.durationMs).toBe(7);
  expect(l.put({ id: "x" } as Call)).toBe(false);
});

test("a page that is read again after calls have gone leaves the next page its own", () => {
  const ids = (l: PagedCalls) => l.pages.map((p) => p.calls?.map((c) => c.id).join("") ?? "").join("|");
  const l = list(["a", "b"], ["c", "d"], ["e", "f"]);
  l.refill(0, calls("a", "c"), none); // b has gone
  expect([ids(l), l.rows, l.at(1)?.id]).toEqual(["a|cd|ef", 5, "c"]);
  l.letGo(0, 0, 0);
  l.refill(1, calls("d", "e"), none); // c has gone; what the last page begins with is not at hand
  expect([ids(l), l.rows]).toEqual(["a|de|", 5]);
  l.refill(2, calls("e", "f"), none);
  expect([ids(l), l.rows]).toEqual(["a|d|ef", 4]);
});
