import { expect, test } from "vitest";
import { silencesOf, stretchAt } from "./silence";

const levels = (agent: number[], customer: number[]) => ({
  stepMs: 100,
  agent: Uint8Array.from(agent),
  customer: Uint8Array.from(customer),
});
const run = (n: number, level: number) => new Array<number>(n).fill(level);

test("silence is where neither side speaks for more than two seconds", () => {
  const talk = [...run(10, 30), ...run(21, 70), ...run(5, 30), ...run(20, 70), ...run(3, 30)];
  expect(silencesOf(levels(talk, run(59, 255)))).toEqual([{ fromMs: 1000, toMs: 3100 }]);
  expect(silencesOf(levels(talk, run(59, 40)))).toEqual([]);
});

test("what was not recorded is silent, to the end of the longer side", () => {
  expect(silencesOf(levels([...run(5, 30), ...run(30, 255)], run(3, 30)))).toEqual([
    { fromMs: 500, toMs: 3500 },
  ]);
  expect(silencesOf(levels([], []))).toEqual([]);
});

test("the stretch an instant lies in is found, its end is outside", () => {
  const all = [
    { fromMs: 100, toMs: 200 },
    { fromMs: 400, toMs: 900 },
  ];
  expect(stretchAt(all, 99)).toBeNull();
  expect(stretchAt(all, 100)).toBe(all[0]);
  expect(stretchAt(all, 200)).toBeNull();
  expect(stretchAt(all, 899)).toBe(all[1]);
  expect(stretchAt(all, 900)).toBeNull();
  expect(stretchAt([], 1)).toBeNull();
});
