import { beforeEach, expect, test } from "vitest";
import {
  type ColumnId,
  columnsOf,
  exportedColumns,
  keepColumns,
  keptColumns,
  moved,
  readColumns,
  toggled,
  usualColumns,
  widthsIn,
  writeColumns,
} from "./columns";

beforeEach(() => localStorage.clear());

test("an address says only what is not usual, and nonsense is left out", () => {
  expect(writeColumns([...usualColumns])).toBe("");
  const some: ColumnId[] = ["seat", "time"];
  expect(readColumns(writeColumns(some))).toEqual(some);
  expect(readColumns("seat,colour,seat,time")).toEqual(some);
  expect([readColumns("colour"), readColumns(""), readColumns(undefined), readColumns(["seat"])]).toEqual([
    ...[null, null, null, null],
  ]);
});

test("each person's choice is kept apart", () => {
  keepColumns("lina", ["seat", "time"]);
  expect(keptColumns("lina")).toEqual(["seat", "time"]);
  expect(keptColumns("wang")).toEqual(usualColumns);
  keepColumns("lina", [...usualColumns]);
  expect(localStorage.length).toBe(0);
});

test("columns move, go and come; the last one stays", () => {
  expect(moved(["time", "seat", "id"], "seat", 1)).toEqual(["time", "id", "seat"]);
  expect(moved(["time", "seat"], "time", -1)).toEqual(["time", "seat"]);
  expect(toggled(["time", "seat"], "seat")).toEqual(["time"]);
  expect(toggled(["time"], "time")).toEqual(["time"]);
  expect(toggled(["time"], "silence")).toEqual(["time", "silence"]);
});

test("an export has what the shown columns say, each once", () => {
  expect(exportedColumns(["time", "sound", "number", "notes"])).toEqual([
    ...["startedAt", "number", "direction", "held", "rating", "flags", "tags", "marks"],
  ]);
});

test("columns grow into spare room, give up a little that is missing, and else keep their width", () => {
  const usual = columnsOf(usualColumns);
  const own = usual.map((c) => c.width);
  const sum = (widths: number[]) => Math.round(widths.reduce((all, w) => all + w, 0));
  const all = sum(own);
  expect(sum(widthsIn(all + 400, usual))).toBe(all + 400);
  expect(widthsIn(all, usual)).toEqual(own);
  // A window of 1366 px without the rail, the page's padding, the panel's edge, a scrollbar and the buttons.
  const small = widthsIn(1366 - 84 - 48 - 2 - 15 - 62, usual);
  expect(sum(small)).toBe(1155);
  expect(small.every((w, i) => w >= (usual[i]?.least ?? usual[i]?.width ?? 0))).toBe(true);
  // An account of twelve digits and a ticket of thirteen signs are read there whole.
  expect(small[usual.findIndex((c) => c.id === "account")]).toBeGreaterThan(232);
  // Where that does not help either it scrolls, and what is in them can be read.
  expect(widthsIn(900, usual)).toEqual(own);
  expect(widthsIn(100, columnsOf(["time", "length"]))).toEqual([172, 78]);
});
