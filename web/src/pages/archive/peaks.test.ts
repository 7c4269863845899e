import { expect, test } from "vitest";
import { decodeLevels, height, heights, talkShare } from "./peaks";

test("levels come out of base64 byte by byte", () => {
  const levels = decodeLevels({ stepMs: 100, agent: btoa("\x00\x7f\xff"), customer: btoa("\x14") });
  expect([...levels.agent]).toEqual([0, 127, 255]);
  expect([...levels.customer]).toEqual([20]);
});

test("silence and gaps have no height, loud has the full one", () => {
  expect(height(127)).toBe(0);
  expect(height(255)).toBe(0);
  expect(height(0)).toBe(1);
  expect(height(20)).toBeGreaterThan(2 * height(35));
  expect(height(35)).toBeGreaterThan(0.2);
});

test("a short word is still seen in a long call", () => {
  const levels = new Uint8Array(36_000).fill(127);
  levels[20_000] = 10;
  const drawn = heights(levels, 100);
  expect(drawn.length).toBeLessThanOrEqual(100);
  expect(Math.max(...drawn)).toBeGreaterThan(0.8);
  expect(drawn.filter((h) => h > 0)).toHaveLength(1);
});

test("talk is what is louder than −45 dBov", () => {
  expect(talkShare(Uint8Array.of(20, 45, 46, 127, 255))).toBeCloseTo(0.4);
  expect(talkShare(new Uint8Array())).toBe(0);
});
