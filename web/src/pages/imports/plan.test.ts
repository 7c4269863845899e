import { expect, test } from "vitest";
import type { Uploaded } from "@/api/imports";
import { isWanted, kindsOf, planOf, sameTime } from "./plan";
import { isUnderstood, onlyTable } from "./table";

const time = Date.parse("2016-03-04T02:15:00Z");
const picked = (path: string, bytes = 10, modified = time) => ({
  path,
  file: new File(["x".repeat(bytes)], path, { lastModified: modified }),
});
const on = (path: string, offset: number, bytes = 10, modified = time) =>
  [
    path,
    { id: `id of ${path}`, path, bytes, offset, modified: new Date(modified).toISOString() } as Uploaded,
  ] as const;

test("audio, tables and what has no ending are taken without asking", () => {
  for (const path of ["a.mp3", "a.WAV", "b/c.csv", "b/c.txt", "b.c/00012"])
    expect(isWanted(path), path).toBe(true);
  for (const path of ["a.pdf", "a.mp3.bak", "b/c.jpg"]) expect(isWanted(path), path).toBe(false);
});

test("the same folder again goes on where each file was", () => {
  const known = new Map([
    on("whole.mp3", 10),
    on("half.mp3", 4),
    on("larger.mp3", 9, 9),
    on("later.mp3", 10, 10, time + 400 * 86_400_000),
    on("other/new.mp3", 10),
  ]);
  const all = ["whole.mp3", "half.mp3", "larger.mp3", "later.mp3", "new.mp3", "a.pdf"].map((p) => picked(p));
  const plan = planOf(all, known, false);
  expect(plan.there.map((p) => p.path)).toEqual(["whole.mp3"]);
  expect(plan.send.map((s) => [s.picked.path, s.upload, s.offset])).toEqual([
    ["half.mp3", "id of half.mp3", 4],
    ["new.mp3", undefined, 0],
  ]);
  expect(plan.taken.map((t) => t.upload)).toEqual(["id of larger.mp3", "id of later.mp3"]);
  expect(plan.other.map((p) => p.path)).toEqual(["a.pdf"]);
  expect(planOf(all, known, true).send.map((s) => s.picked.path)).toContain("a.pdf");
});

test("a file's time may move with the zone and the file system, and by no more", () => {
  const hour = 3_600_000;
  for (const by of [0, 2000, 8 * hour, -hour, 5.5 * hour + 1500])
    expect(sameTime(time, time + by), `${by}`).toBe(true);
  for (const by of [60_000, 8 * hour + 5000, 48 * hour])
    expect(sameTime(time, time + by), `${by}`).toBe(false);
  expect(sameTime(0, time)).toBe(true);
});

test("the endings of what was left out are counted", () => {
  expect(kindsOf(["a.pdf", "b.PDF", "c.jpg"].map((p) => picked(p)))).toBe("2 .pdf, 1 .jpg");
});

test("a table is chosen where there is no choice, and it is understood", () => {
  expect(onlyTable(["a/明细.CSV", "readme.txt"])).toBe("a/明细.CSV");
  expect(onlyTable(["a.csv", "b.csv"])).toBe("");
  expect(onlyTable(["list.txt"])).toBe("list.txt");
  expect(onlyTable([])).toBe("");
  const table = (facts: string[], error = "") =>
    ({
      ...{ rows: 1, charset: "utf-8", error, absent: 0, missing: 0, samples: [] },
      columns: facts.map((fact) => ({ name: fact, fact })),
    }) as never;
  expect(isUnderstood(table(["file", "agent", ""]))).toBe(true);
  expect(isUnderstood(table(["file", ""]))).toBe(false);
  expect(isUnderstood(table(["agent"]))).toBe(false);
  expect(isUnderstood(table(["file", "agent"], "broken"))).toBe(false);
  expect(isUnderstood(undefined)).toBe(false);
});
