import { expect, test } from "vitest";
import { Pace } from "./pace";

test("a pace is that of the last while, and unknown at first", () => {
  const pace = new Pace(5000, 500);
  expect(pace.at(0, 100)).toBe(0);
  expect(pace.at(250, 200)).toBe(0);
  expect(pace.at(1000, 300)).toBe(200);
  expect(pace.at(7000, 300)).toBe(0); // it has stood still since
  expect(pace.at(8000, 310)).toBe(10);
  pace.forget();
  expect(pace.at(8100, 400)).toBe(0);
});
