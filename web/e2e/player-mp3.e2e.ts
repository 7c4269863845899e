// Jumps in long MP3 files: what the loudspeakers get after one is the sound that
// lies at that place, whatever a browser would make of the file's bitrates. The
// sound says itself where it lies: noise whose loudness is another every 50 ms, soft
// in its first half and loud in the second, so that half the bytes are not half the
// time.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { forget, heardSoFar } from "./browser";
import { CallPage } from "./callpage";
import { type Envelope, match, stepMs, unbroken } from "./likeness";
import { numbers } from "./numbers";
import { adminPassword, binary, until } from "./server";
import { setStage } from "./stage";
import { writeWav } from "./wav";

interface Call {
  id: string;
  durationMs: number;
  origin?: { path: string };
}

/** An hour where the figures are to be had, for else it takes a minute to make. */
const seconds = process.env.EARSHOT_MEASURE ? 3600 : 300;
const rate = 16_000;
/** So long the sound is as loud as it is, ms. */
const levelMs = 50;
/** So long one listens to tell the place, ms. */
const listenMs = 3000;

const stage = setStage("player-mp3");
let page: Page;
let on: CallPage;
let code: Envelope;
let calls: Call[] = [];

/** Writes the sound; answers its envelope. */
function writeSound(file: string): Envelope {
  const next = numbers(7);
  const levels = Array.from({ length: (seconds * 1000) / levelMs }, () => {
    const loud = next();
    return loud > 0.3 ? loud : 0.01;
  });
  const noise = Float32Array.from({ length: 65_536 }, () => next() + next() + next() - 1.5);
  const a = (rate * levelMs) / 1000;
  const samples = new Int16Array(levels.length * a);
  for (const [i, loud] of levels.entries()) {
    const from = Math.floor(next() * (noise.length - a));
    const soft = i < levels.length / 2; // a tone, which takes few bits
    for (let k = 0; k < a; k++)
      samples[i * a + k] = loud * (soft ? 4000 * Math.sin(k * 0.2) : 9000 * (noise[from + k] ?? 0));
  }
  writeWav(file, samples, 1, rate);
  return levels.flatMap((loud) => new Array<number>(levelMs / stepMs).fill(loud));
}

const forms: [name: string, lame: string[]][] = [
  ["variable", ["-V", "4"]],
  ["variable, and its head does not say so", ["-t", "-V", "4"]],
  ["variable, 44.1 kHz", ["--resample", "44.1", "-V", "4"]],
  ["constant, 8 kHz", ["--resample", "8", "-b", "16"]],
];

beforeAll(async () => {
  const tapes = join(stage.folder, "tapes");
  mkdirSync(tapes);
  const wav = join(stage.folder, "sound.wav");
  code = writeSound(wav);
  for (const [i, [, how]] of forms.entries())
    execFileSync("lame", ["--quiet", ...how, wav, join(tapes, `${i}_20260301${10 + i}0000.mp3`)]);
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  const how = ["--pattern", "{number}_{start:yyyyMMddHHmmss}", "--seat", "w1", "--branch", "east"];
  execFileSync(binary, ["import", "--url", server.url, "--user", "admin", ...how, tapes], {
    env: { ...process.env, EARSHOT_PASSWORD: adminPassword },
  });
  ({ calls } = await server.api<{ calls: Call[] }>("GET", "/api/v1/calls"));
  page = await stage.enter({ tapped: true });
  await page.addInitScript(timeSeeks);
  on = new CallPage(page, server);
}, 600_000);

/** Runs in the page: notes how long after the pointer was let go a sound begins. */
function timeSeeks(): void {
  const times = { pressedAt: 0, soughtIn: 0 };
  const made = new Proxy(Audio, {
    construct(target, args) {
      const element = Reflect.construct(target, args) as HTMLAudioElement;
      element.addEventListener("playing", () => {
        times.soughtIn ||= performance.now() - times.pressedAt;
      });
      return element;
    },
  });
  Object.assign(globalThis, { times, Audio: made });
  addEventListener("pointerup", () => Object.assign(times, { pressedAt: performance.now() }), true);
}

/** Where a player that rests says it is, ms: it says so a few times a second. */
async function rests(): Promise<number> {
  let [before, since] = [-1, Date.now()];
  return until("the place to rest", async () => {
    const now = Number(await on.dock.getByLabel("位置").getAttribute("value"));
    if (now !== before) [before, since] = [now, Date.now()];
    return Date.now() - since > 1000 && now;
  });
}

/** Plays, and says where in the sound that lies which is heard first, ms; `what` names it. */
async function placePlayed(what: string): Promise<number> {
  await forget(page);
  await on.press("k");
  const heard = await until("enough to be heard", async () => {
    const { left } = await heardSoFar(page);
    const [sound = []] = unbroken([left]);
    return sound.length * stepMs > listenMs && sound.slice(0, listenMs / stepMs);
  });
  const place = match([heard], [code]);
  expect(place.likeness, what).toBeGreaterThan(0.9); // the code is not what the encoder left of it
  return place.ms;
}

describe.each(forms.map(([name], i) => [name, i] as const))("an MP3 file: %s", (name, i) => {
  test("is heard from where one jumps to, at once", async () => {
    const call = calls.find((c) => c.origin?.path.includes(`${i}_2026`));
    if (!call) throw new Error("it did not come in");
    const off: number[] = [];
    const took: number[] = [];
    for (const share of [0, 0.11, 0.4, 0.5003, 0.77, 0.93]) {
      const wanted = Math.round(call.durationMs * share) / 1000;
      await on.open(call.id, `?t=${wanted}`);
      const place = await placePlayed(`from ${wanted} s`);
      off.push(Math.round(place - wanted * 1000) - (off[0] ?? 0));
    }
    for (const share of [0.5, 0.9, 0.1, 0.75, 0.3, 0.31]) {
      await page.evaluate(() =>
        Object.assign((globalThis as never as { times: object }).times, { soughtIn: 0 }),
      );
      await on.clickAt(share);
      took.push(
        await until("the place", () =>
          page.evaluate(() => (globalThis as never as { times: { soughtIn: number } }).times.soughtIn),
        ),
      );
      await on.plays();
    }
    // Small steps, the way people look for a word: the place is as exact.
    await on.press("k");
    await on.stands();
    await on.press("Shift+ArrowLeft", ",");
    const stepped = await rests();
    off.push(Math.round((await placePlayed("after small steps")) - stepped) - (off[0] ?? 0));
    console.log(
      `MP3, ${seconds} s, ${name}: begins ${-(off[0] ?? 0)} ms late, then heard ${off.slice(1).join(", ")} ms from where it was asked for; seeks ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`,
    );
    await on.press("k");
    expect(Math.abs(off[0] ?? 0)).toBeLessThan(300);
    expect(Math.max(...off.slice(1).map(Math.abs))).toBeLessThan(30);
    if (process.env.EARSHOT_MEASURE) expect(Math.max(...took)).toBeLessThan(100);
  });
});
