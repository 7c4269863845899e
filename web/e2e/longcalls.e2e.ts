// Calls of one hour and of four: their waveform, their first sound, seeks in them,
// and the memory of the page.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { forget, heardSoFar } from "./browser";
import { CallPage } from "./callpage";
import { startRecorded } from "./recorded";
import { until } from "./server";
import { putLong, shelved, takeUp } from "./shelf";
import { setStage } from "./stage";

const ids: Record<"hour" | "four", string> = { hour: "", four: "" };
let page: Page;
let on: CallPage;
const stage = setStage("longcalls", {
  serve: async () => {
    const { server, call } = await startRecorded();
    const from = shelved(server, call.id, call.parts[0]?.file ?? "");
    ids.hour = putLong(server, from, 1, stage.folder);
    ids.four = putLong(server, from, 4, stage.folder);
    await takeUp(server);
    return server;
  },
});

beforeAll(async () => {
  page = await stage.enter({ tapped: true });
  on = new CallPage(page, stage.server);
});

describe("a long call", () => {
  // The player's elements are not in the page: they are noted as they are made.
  const noteSeeks = () =>
    page.addInitScript(() => {
      const times = { pressedAt: 0, soughtIn: 0 };
      const made = new Proxy(Audio, {
        construct(target, args) {
          const element = Reflect.construct(target, args) as HTMLAudioElement;
          element.addEventListener("playing", () => {
            times.soughtIn = performance.now() - times.pressedAt;
          });
          return element;
        },
      });
      Object.assign(globalThis, { times, Audio: made });
      addEventListener("pointerup", () => Object.assign(times, { pressedAt: performance.now() }), true);
    });
  /** When the waveform was first drawn after the page was asked for, ms. */
  const noteWaveform = () =>
    page.addInitScript(() => {
      const { fillRect } = CanvasRenderingContext2D.prototype;
      let bars = 0;
      CanvasRenderingContext2D.prototype.fillRect = function (...args) {
        if (++bars === 200) Object.assign(globalThis, { drawnAt: performance.now() });
        fillRect.apply(this, args);
      };
    });

  /** The first second in which somebody speaks: before it nothing can be heard. */
  async function loudSecond(id: string): Promise<number> {
    const levels = await stage.server.api<{ agent: string; customer: string }>(
      "GET",
      `/api/v1/calls/${id}/levels`,
    );
    const [agent, customer] = [levels.agent, levels.customer].map((side) => Buffer.from(side, "base64"));
    const loud = (i: number) => Math.min(agent?.[i] ?? 255, customer?.[i] ?? 255) < 35;
    for (let i = 1; i < 1000; i++) if (loud(i) && loud(i + 1) && loud(i + 2)) return (i + 1) / 10;
    throw new Error("nobody speaks");
  }

  test.each([
    ["hour", 1],
    ["four", 4],
  ] as const)("of %s: waveform, first sound and seeks in time, in bounded memory", async (name, hours) => {
    const lengthMs = hours * 3_600_000;
    if (hours === 1) {
      await noteSeeks();
      await noteWaveform();
    }
    await on.open(ids[name], `?t=${await loudSecond(ids[name])}`);
    const drawn = await until("the waveform", () =>
      page.evaluate(() => (globalThis as never as { drawnAt?: number }).drawnAt),
    );
    await forget(page);
    await on.play();
    const heard = await until("sound", async () => {
      const now = await heardSoFar(page);
      return now.clickToSound > 0 && now;
    });
    const took: number[] = [];
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
      expect(Math.abs((await on.positionMs()) - lengthMs * share)).toBeLessThan(8000 * hours);
    }
    for (let i = 0; i < 18; i++) await on.press("+");
    await on.press("0");
    const heap = await page.evaluate(
      () => (performance as never as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    );
    console.log(
      `${hours} h: waveform ${drawn.toFixed(0)} ms after the page was asked for, first sound ${heard.clickToSound.toFixed(0)} ms after the click, seeks ${took.map((ms) => ms.toFixed(0)).join(", ")} ms, ${(heap / 1e6).toFixed(0)} MB of heap`,
    );
    await on.press("s");
    expect(heap).toBeLessThan(120e6);
    if (process.env.EARSHOT_MEASURE) {
      expect(heard.clickToSound).toBeLessThan(500);
      expect(Math.max(...took)).toBeLessThan(100);
    }
  });
});
