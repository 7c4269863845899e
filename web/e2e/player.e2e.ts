// The player as inspectors use it all day: a call of several parts heard on its
// true timeline, at any place and speed, by keyboard and pointer; what the
// loudspeakers get is compared with the files on the shelf.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { forget, type Heard, hear, heardSoFar } from "./browser";
import { CallPage } from "./callpage";
import { envelope, faster, match, type Sides, stepMs, stretchesOf } from "./likeness";
import { beginCall, type Call, callOf, reach, recordCall, seatIs, storeCall } from "./recording";
import { type Seat, until } from "./server";
import { decode } from "./sound";
import { setStage } from "./stage";

/** What is right is at least so much alike. */
const alike = 0.95;
/** Shorter stretches are like too much, ms. */
const tellingMs = 500;

const stage = setStage("player", { steps: true });
let page: Page;
let on: CallPage;
let seat: Seat;
/** The call of two parts, and two short ones after it, the newest first. */
let long: Call;
let short: string[] = [];
/** What was recorded of the long call, both sides on its timeline. */
let recorded: Sides;

/** Decodes the stored parts and lays them on the call's timeline. */
async function timelineOf(call: Call): Promise<Sides> {
  const sides = [new Float32Array(call.durationMs * 48), new Float32Array(call.durationMs * 48)];
  for (const part of call.parts) {
    const answer = await stage.server.fetch(`/api/v1/calls/${call.id}/parts/${part.n}/audio`);
    const file = join(stage.folder, `part-${part.n}.opus`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    for (const [i, samples] of decode(file).entries()) {
      const at = part.startMs * 48;
      sides[i]?.set(samples.subarray(0, (sides[i]?.length ?? 0) - at), at);
    }
  }
  return sides.map((side) => envelope(side));
}

/** A stretch that was heard without a pause. */
interface Found {
  /** When, ms since one listens, and for how long. */
  heardMs: number;
  lastsMs: number;
  /** Where on the timeline it lies, ms, and where that which sounded before it began. */
  placeMs: number;
  beganMs: number;
}

/** Says where on the timeline all that was heard lies, after checking that it is it, on both sides at once. */
function placesOf(heard: Heard, what: string, times = 1): Found[] {
  const played = recorded.map((side) => faster(side, times));
  let sounded = 0;
  const places = stretchesOf([heard.left, heard.right]).flatMap(({ ms, sides }) => {
    const lastsMs = (sides[0]?.length ?? 0) * stepMs;
    const before = sounded;
    sounded += lastsMs;
    if (lastsMs < tellingMs) return [];
    const found = match(sides, played);
    const placeMs = found.ms * times;
    console.log(`${what}: ${lastsMs} ms after ${ms} ms: ${found.likeness.toFixed(3)} at ${placeMs} ms`);
    expect(found.likeness, what).toBeGreaterThan(alike);
    return [{ heardMs: ms, lastsMs, placeMs, beganMs: placeMs - before * times }];
  });
  const total = places.reduce((sum, { lastsMs }) => sum + lastsMs, 0);
  expect(total, `${what}: so much of it sounds, ms`).toBeGreaterThan(2000);
  return places;
}

/** Where it began, ms. */
const placeOf = (heard: Heard, what: string, times?: number) =>
  placesOf(heard, what, times)[0]?.beganMs ?? Number.NaN;

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  let hush = server.speak(seat, "water-bill");
  await seatIs(server, "w1", "idle");
  const id = await beginCall(server, "w1");
  await reach(server, id, 1, 16_000);
  await hush();
  // Nobody is there for a while: the call goes on in another part, with other
  // words, so that what is heard has one place on the timeline.
  await new Promise((later) => setTimeout(later, 4000));
  hush = server.speak(seat, "gas-inspection");
  await reach(server, id, 2, 9000);
  long = await storeCall(server, id);
  for (let i = 0; i < 2; i++) short = [(await recordCall(server, "w1", 3000)).id, ...short];
  await hush();
  recorded = await timelineOf(long);
  console.log(long.parts.map((p) => `part ${p.n}: ${p.startMs}+${p.durationMs} ms`).join(", "));
  page = await stage.enter({ tapped: true });
  on = new CallPage(page, server);
});

describe("a call of several parts", () => {
  test("opens paused at the second of a link; nothing is heard, and nothing is said to be", async () => {
    expect(long.parts.length).toBeGreaterThan(1);
    await on.open(long.id, "?t=3.5");
    await on.at(3500, 20);
    const before = await stage.server.api<{ audit: { action: string; who: string }[] }>(
      "GET",
      `/api/v1/calls/${long.id}/audit`,
    );
    await page.waitForLoadState("networkidle");
    const after = await stage.server.api<{ audit: unknown[] }>("GET", `/api/v1/calls/${long.id}/audit`);
    expect(after.audit.length).toBe(before.audit.length);
  });

  test("is heard as it was recorded from that second on, and after a seek", async () => {
    const heard = await hear(page, 5, () =>
      page.getByRole("button", { name: "播放", exact: true }).first().click(),
    );
    expect(Math.abs(placeOf(heard, "from 3.5 s") - 3500)).toBeLessThan(300);
    console.log(`click to first sound: ${(await heardSoFar(page)).clickToSound.toFixed(0)} ms`);
    await on.press(" ");
    await on.stands();
    await on.seek(8000);
    const sought = await hear(page, 5, () => on.press("k"));
    expect(Math.abs(placeOf(sought, "after a seek to 8 s") - 8000)).toBeLessThan(300);
    await on.plays();
  });

  test("runs through the gap between its parts as silence, at the pace of time", async () => {
    const [first, second] = long.parts as [Call["parts"][0], Call["parts"][0]];
    const end = first.startMs + first.durationMs;
    const gap = second.startMs - end;
    await on.press("k");
    await on.stands();
    await on.seek(end - 2000);
    const heard = await hear(page, gap / 1000 + 6, () => on.press("k"));
    const places = placesOf(heard, `across a gap of ${gap} ms`);
    expect(Math.abs((places[0]?.beganMs ?? 0) - (end - 2000))).toBeLessThan(300);
    const after = places.findIndex(({ placeMs }) => placeMs > end);
    const [ends, begins] = [places[after - 1], places[after]] as [Found, Found];
    expect(Math.abs(begins.placeMs - second.startMs), "the second begins at its beginning").toBeLessThan(250);
    const silent = begins.heardMs - (ends.heardMs + ends.lastsMs);
    console.log(`nothing is sent for ${silent} ms`);
    expect(Math.abs(silent - gap), "so much longer or shorter the silence is").toBeLessThan(500);
  });

  test("is heard twice as fast, in its own pitch, and the speed is remembered", async () => {
    await on.press("k");
    await on.stands();
    await on.seek(0);
    await on.press(">", ">", ">");
    expect(await on.dock.getByLabel("速度").inputValue()).toBe("2");
    placeOf(await hear(page, 6, () => on.press("k")), "twice as fast", 2);
    await page.reload();
    await on.stands();
    expect(await on.dock.getByLabel("速度").inputValue()).toBe("2");
    await on.press("<", "<", "<");
    expect(await on.dock.getByLabel("速度").inputValue()).toBe("1");
  });
});

describe("every key", () => {
  test("moves the place: J L, arrows, comma and dot", async () => {
    await on.open(long.id);
    const steps: [string, number][] = [
      ["l", 10_000],
      ["j", 0],
      ["ArrowRight", 5000],
      ["Shift+ArrowRight", 6000],
      [".", 6100],
      [",", 6000],
      ["Shift+ArrowLeft", 5000],
      ["ArrowLeft", 0],
    ];
    for (const [key, ms] of steps) {
      await on.press(key);
      await on.at(ms, 30);
    }
  });

  test("chooses a stretch, loops it, marks it and notes it", async () => {
    await on.press("ArrowRight", "[", "Shift+ArrowRight", "Shift+ArrowRight", "]");
    const bar = page.getByTestId("span");
    await bar.getByText("0:05.0–0:07.0").waitFor();
    await on.press("Space");
    await on.plays();
    // Two rounds: it never leaves the stretch.
    const seen: number[] = [];
    await until(
      "two rounds",
      async () => {
        seen.push(await on.positionMs());
        return seen.filter((ms, i) => ms < (seen[i - 1] ?? 0) - 1000).length >= 2;
      },
      60,
    );
    expect(Math.max(...seen)).toBeLessThan(7300);
    await on.press("r");
    await until("the playing to leave the stretch", async () => (await on.positionMs()) > 7500);
    await on.press("Space", "r");
    await on.stands();

    await bar.getByRole("button", { name: "标记此段" }).click();
    await page.getByText("已标记 0:05.0–0:07.0").waitFor();
    await on.press("t");
    await page.getByRole("textbox", { name: "备注内容" }).fill("改口");
    await on.press("Enter");
    await page.getByRole("listitem").filter({ hasText: "改口" }).waitFor();
    const { marks } = await callOf(stage.server, long.id);
    const spans = marks.filter((m) => m.kind !== "listen").map((m) => [m.kind, m.startMs, m.endMs]);
    expect(spans.sort()).toEqual([
      ["bookmark", 5000, 7000],
      ["note", 5000, 7000],
    ]);
    const link = bar.getByRole("link", { name: "导出证据" });
    expect(await link.getAttribute("href")).toBe(`/evidence/packages/new?call=${long.id}@5000-7000`);
    await expectAccessible(page);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      bar.getByRole("link", { name: "下载此段" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^1号窗口_\d{8}-\d{6}_00m05\.0s-00m07\.0s\.opus$/);
    const clip = join(stage.folder, "clip.opus");
    await download.saveAs(clip);
    const seconds = (decode(clip)[0]?.length ?? 0) / 48_000;
    expect(Math.abs(seconds - 2)).toBeLessThan(0.2);
    await on.leaveField();
    await on.press("Escape");
    await bar.waitFor({ state: "detached" });
  });

  test("zooms to a tenth of a second, marks, mutes, skips silence, and lists itself", async () => {
    const axis = page.getByTestId("waveform");
    for (let i = 0; i < 14; i++) await on.press("+");
    expect(await page.getByRole("button", { name: "放大" }).isDisabled()).toBe(true);
    await on.press("-");
    expect(await page.getByRole("button", { name: "放大" }).isDisabled()).toBe(false);
    await on.press("0");
    expect(await page.getByRole("button", { name: "缩小" }).isDisabled()).toBe(true);

    await on.press("m");
    await page.getByText("做标记").last().waitFor();
    for (const [key, name] of [
      ["1", "坐席静音"],
      ["2", "客户静音"],
      ["q", "跳过静音"],
    ] as const) {
      const button = on.dock.getByRole("button", { name });
      await on.press(key);
      await on.dock.locator(`button[aria-pressed=true][aria-label="${name}"]`).waitFor();
      if (key === "q") continue;
      await on.press(key);
      expect(await button.getAttribute("aria-pressed")).toBe("false");
    }
    await on.press("?");
    await page.getByRole("dialog").getByText("下一个 / 上一个搜索结果").waitFor();
    await on.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await axis.waitFor();
  });

  test("jumps what is silent on both sides", async () => {
    const [first] = long.parts as [Call["parts"][0]];
    const end = first.startMs + first.durationMs;
    const second = long.parts[1]?.startMs ?? 0;
    await on.seek(end - 1000);
    // Silence before the end is jumped, too: the gap's jump is one that time alone does not make.
    let [place, since] = [await on.positionMs(), Date.now()];
    await on.press("k");
    const jumped = until("a jump into the gap", async () => {
      const [before, then] = [place, since];
      [place, since] = [await on.positionMs(), Date.now()];
      return place > Math.min(second, end + 1500) - 600 && place - before > since - then + 1000;
    });
    await Promise.all([jumped, on.dock.getByText("已跳过静音").waitFor()]);
    await on.press("k", "q");
    await on.stands();
  });
});

describe("the pointer", () => {
  test("drags a stretch over the waveform, moves its end, and clicks to a place", async () => {
    await on.open(long.id);
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("the waveform is not drawn");
    const x = (ms: number) => box.x + (box.width * ms) / long.durationMs;
    const drag = async (from: number, to: number) => {
      await page.mouse.move(x(from), box.y + 50);
      await page.mouse.down();
      await page.mouse.move(x((from + to) / 2), box.y + 60, { steps: 4 });
      await page.mouse.move(x(to), box.y + 60, { steps: 4 });
      await page.mouse.up();
    };
    await drag(4000, 9000);
    const told = page.getByTestId("span").getByRole("status");
    expect(await told.innerText()).toMatch(/^0:0[34]\.\d–0:0(8\.9|9\.0)$/);
    await on.at(4000, 100);
    await drag(9000, 12_000);
    expect(await told.innerText()).toMatch(/^0:0[34]\.\d–0:1[12]\.\d$/);
    await page.mouse.click(x(10_000), box.y + 60);
    await on.at(10_000, 100);
  });
});

describe("the results of a search", () => {
  test("are one key apart, loaded ahead, and the way back is the search", async () => {
    await page.goto(`${stage.server.url}/archive?account=5502`);
    await page.locator(`tr[data-call="${short[0]}"] a`).click();
    await page.waitForURL(`**/calls/${short[0]}`);
    const order = [short[0], short[1], long.id];
    for (const id of order.slice(1)) {
      await page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled")).waitFor();
      await on.press("Shift+J");
      await page.waitForURL(`**/calls/${id}`);
      await on.stands();
      await until(
        "the call to lie in the dock",
        async () => (await on.dock.locator(`a[href="/calls/${id}"]`).count()) > 0,
      );
    }
    await on.press("Shift+K");
    await page.waitForURL(`**/calls/${short[1]}`);
    await page.getByText("2 / 3").waitFor();
    await page.locator("a.back").click();
    await page.waitForURL("**/archive?account=5502");
  });
});

describe("a call that goes on", () => {
  test("plays from its beginning, and 'live' leads to the present", async () => {
    const { server } = stage;
    server.speak(seat, "water-bill");
    await seatIs(server, "w1", "idle");
    const id = await beginCall(server, "w1");
    await reach(server, id, 1, 6000);
    await on.open(id);
    await on.press("k");
    await on.plays();
    const from = await on.positionMs();
    expect(from).toBeLessThan(2500);
    const heard = await hear(page, 6);
    expect(Math.max(...heard.left, ...heard.right)).toBeGreaterThan(0.01);
    await until("it to go beyond what there was", async () => (await on.positionMs()) > 8500);
    // Silence is jumped in it too, as far as it has been heard.
    const asked = page.waitForRequest((request) => request.url().endsWith(`/calls/${id}/levels`));
    await on.press("q");
    await asked;
    await on.dock.locator('button[aria-pressed=true][aria-label="跳过静音"]').waitFor();
    await on.press("q");
    await on.press("g");
    await on.dock.locator("[data-first-sound-ms]").waitFor();
    await forget(page);
    await on.press("s");
    await storeCall(server, id);
  });
});
