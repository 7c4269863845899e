// @vitest-environment node
import { describe, expect, test } from "vitest";
import {
  begun,
  distance,
  envelope,
  faster,
  likenessAt,
  match,
  type Sides,
  stretchesOf,
  unbroken,
} from "./likeness";
import { numbers } from "./numbers";

const rate = 48_000;

/** Two who speak in turns, in syllables and pauses as people do; both ears hear a little noise. */
function conversation(seed: number, seconds: number): Float32Array[] {
  const next = numbers(seed);
  const sides = [0, 1].map(() => Float32Array.from({ length: seconds * rate }, () => (next() - 0.5) * 1e-4));
  for (let at = 0, turn = 0; at < seconds; turn++) {
    const until = at + 1 + next() * 3;
    while (at < until) {
      const lasts = 0.08 + next() * 0.17;
      speak(sides[turn % 2], at, lasts, 0.03 + next() * 0.2, next);
      at += lasts + (next() < 0.15 ? 0.4 : 0.06) * next();
    }
  }
  return sides;
}

/** Lays a syllable onto a side: noise that swells and fades, s. */
function speak(side: Float32Array | undefined, at: number, lasts: number, loud: number, next: () => number) {
  const [from, n] = [Math.round(at * rate), Math.round(lasts * rate)];
  for (let i = 0; side && i < n && from + i < side.length; i++)
    side[from + i] = loud * Math.sin((Math.PI * i) / n) ** 0.5 * (next() * 2 - 1);
}

const seconds = 24;
const played = conversation(1, seconds);
const recorded = played.map((side) => envelope(side));

/** What ears hear of it from an instant on, ms; `times` as fast, at another rate of samples. */
function hear(of: Float32Array[], fromMs: number, seconds: number, times = 1, at = 44_100): Sides {
  return of.map((side) => {
    const from = (fromMs * rate) / 1000;
    const samples = Float32Array.from(
      { length: seconds * at },
      (_, i) => side[Math.floor(from + (i * rate * times) / at)] ?? 0,
    );
    return envelope(samples, at);
  });
}

describe("the same sound", () => {
  test("is found to a step, wherever between two windows it begins", () => {
    for (let shift = 0; shift < 50; shift += 3) {
      const ms = 7000 + shift;
      const found = match(hear(played, ms, 5), recorded);
      expect(found.likeness, `from ${ms} ms`).toBeGreaterThan(0.98);
      expect(Math.abs(found.ms - ms), `from ${ms} ms`).toBeLessThanOrEqual(5);
    }
  });

  const from = 9323;
  const whole = hear(played, from, 5);
  const noise = numbers(3);
  test.each<[string, Sides]>([
    ["softer", whole.map((side) => side.map((rms) => rms * 0.3))],
    ["in noise", whole.map((side) => side.map((rms) => rms + noise() * 0.004))],
    ["for two seconds", hear(played, from, 2)],
    ["at 16 kHz", hear(played, from, 5, 1, 16_000)],
    ["on one side alone", whole.slice(0, 1)],
  ])("is known %s", (_, heard) => {
    const found = match(heard, recorded.slice(0, heard.length));
    expect(found.likeness).toBeGreaterThan(0.95);
    expect(Math.abs(found.ms - from)).toBeLessThanOrEqual(10);
  });

  test("is found where the loop begins anew", () => {
    const twice = played.map((side) => Float32Array.from([...side, ...side]));
    const found = match(hear(twice, 22_211, 5), recorded, { loops: true });
    expect(found.likeness).toBeGreaterThan(0.98);
    expect(distance(found.ms, 22_211, seconds * 1000)).toBeLessThanOrEqual(5);
    expect(distance(100, 39_900, 40_000)).toBe(200);
  });

  test("is found when it begins before what was recorded, or goes on after it", () => {
    const silence = new Array<number>(60).fill(0);
    const early = hear(played, 0, 4).map((side) => [...silence, ...side]);
    expect(match(early, recorded)).toMatchObject({ ms: -300, likeness: expect.closeTo(1, 1) });
    expect(Math.abs(match(hear(played, 20_500, 4), recorded).ms - 20_500)).toBeLessThanOrEqual(5);
  });

  test("twice as fast is that at twice the speed", () => {
    const heard = hear(played, 6002, 5, 2);
    const fast = recorded.map((side) => faster(side, 2));
    expect(match(heard, fast).likeness).toBeGreaterThan(0.95);
    expect(Math.abs(match(heard, fast).ms * 2 - 6002)).toBeLessThanOrEqual(20);
  });

  test("stretched and squeezed a little is known when it may be", () => {
    const pieces = [0, 1, 2].map((i) => hear(played, 8000 + i * 3000 + (i % 2) * 90, 3));
    const heard = [0, 1].map((side) => pieces.flatMap((piece) => piece[side] ?? []));
    expect(match(heard, recorded).likeness).toBeLessThan(0.95);
    expect(match(heard, recorded, { give: 100 }).likeness).toBeGreaterThan(0.95);
  });
});

describe("another sound", () => {
  const from = 12_010;
  const right = hear(played, from, 5);
  test.each<[string, number]>([
    ["at its place", match([...right].reverse(), recorded, { from, to: from }).likeness],
    ["anywhere", match([...right].reverse(), recorded).likeness],
  ])("is what has its sides swapped, %s", (_, likeness) => expect(likeness).toBeLessThan(0.75));

  test.each([-4000, -1000, -500, -200, 200, 500, 1000, 4000])("lies %i ms from there", (off) =>
    expect(likenessAt(right, recorded, from + off)).toBeLessThan(0.75),
  );

  test.each([0.8, 1.1, 1.25, 1.5, 2])("is what is played %f times as fast", (times) =>
    expect(match(hear(played, from, 5, times), recorded).likeness).toBeLessThan(0.85),
  );

  test("is one whose sides are apart", () => {
    const apart = [hear(played, from, 8)[0] ?? [], hear(played, from + 150, 8)[1] ?? []];
    expect(match(apart, recorded).likeness).toBeLessThan(0.95);
    const [left, right] = apart.map((side, i) => match([side], [recorded[i] ?? []]).ms) as [number, number];
    expect(Math.abs(right - left - 150)).toBeLessThanOrEqual(10);
  });

  test.each<[string, Sides]>([
    ["swapped", [...right].reverse()],
    ["faster", hear(played, from, 5, 1.25)],
    ["another", hear(conversation(2, 10), 4000, 5)],
  ])("is one that is %s, whatever is given", (_, heard) =>
    expect(match(heard, recorded, { give: 1000 }).likeness).toBeLessThan(0.9),
  );

  test("is another conversation", () =>
    expect(match(hear(conversation(2, 10), 4000, 5), recorded).likeness).toBeLessThan(0.75));

  test("is one in which a second is missing", () => {
    const cut = right.map((side) => side.map((rms, i) => (i >= 400 && i < 600 ? 0 : rms)));
    expect(match(cut, recorded).likeness).toBeLessThan(0.95);
  });

  test("is noise, and silence, which are like themselves everywhere", () => {
    const noise = numbers(5);
    const hiss = Array.from({ length: 1000 }, () => 4e-5 + noise() * 1e-5);
    expect(match([hiss, hiss], [hiss, hiss]).likeness).toBe(0);
    expect(match([new Array<number>(1000).fill(0)], [recorded[0] ?? []]).likeness).toBe(0);
  });
});

test("a pause in which nothing is sent parts what was heard; a short one does not", () => {
  const [sound, short, long] = [[1, 1, 1], new Array<number>(4).fill(0), new Array<number>(20).fill(0)];
  const left = [...long, ...sound, ...short, ...sound, ...long, ...sound];
  const right = left.map(() => 0);
  const found = stretchesOf([left, right]);
  expect(found.map(({ ms, sides }) => [ms, sides[0]?.length, sides[1]?.length])).toEqual([
    [100, 10, 10],
    [250, 3, 3],
  ]);
  expect(stretchesOf([right, right])).toEqual([]);
  expect(unbroken([left, right])[0]).toEqual([...sound, ...short, ...sound, ...sound]);
  expect(begun([right, left]).map((side) => side.length)).toEqual([left.length - 20, left.length - 20]);
});
