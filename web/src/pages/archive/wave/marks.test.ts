import { expect, test } from "vitest";
import type { Mark } from "@/api";
import { groupOf, isAlert, markBeside, markIcon, markName } from "./marks";

const mark = (kind: string, startMs: number) => ({ kind, startMs, endMs: startMs, id: `${startMs}` }) as Mark;

test("alerts are told from what people and the recorder note", () => {
  expect(
    ["bookmark", "note", "listen", "pause", "clock", "silence", "one_sided"].map((k) => groupOf(mark(k, 0))),
  ).toEqual(["people", "people", "record", "record", "record", "alerts", "alerts"]);
  expect(isAlert(mark("loud", 0))).toBe(true);
});

test("each kind has a word and an icon of its own", () => {
  const kinds = ["silence", "overtalk", "loud", "one_sided"].map((k) => mark(k, 0));
  expect(new Set(kinds.map(markName)).size).toBe(4);
  expect(new Set(kinds.map(markIcon)).size).toBe(4);
});

test("the next mark lies after where one is, the one before it before; where one stands counts as neither", () => {
  const marks = [mark("note", 9000), mark("note", 1000), mark("silence", 5000)];
  expect(markBeside(marks, 5000, 1)?.startMs).toBe(9000);
  expect(markBeside(marks, 5040, -1)?.startMs).toBe(1000);
  expect(markBeside(marks, 9000, 1)).toBeUndefined();
  expect(markBeside(marks, 1000, -1)).toBeUndefined();
});
