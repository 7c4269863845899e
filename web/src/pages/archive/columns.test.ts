import { beforeEach, expect, test } from "vitest";
import {
  type ColumnId,
  exportedColumns,
  keepColumns,
  keptColumns,
  moved,
  readColumns,
  toggled,
  usualColumns,
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
