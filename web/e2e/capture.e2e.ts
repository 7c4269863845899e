// Whether everything was recorded: what was announced against what is there, on
// the page and in the workbook.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { openWindow, picture, speakLanguage } from "./browser";
import { keep } from "./pictures";
import { recordCall, seatIs } from "./recording";
import { type Seat, until } from "./server";
import { setStage } from "./stage";
import { unzip } from "./zip";

const stage = setStage("capture", { steps: true });
let page: Page;
let recorded: Seat;
let deaf: Seat;

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  recorded = await server.makeSeat("w1", "一号窗口", "east", "counter", "event");
  deaf = await server.makeSeat("w2", "二号窗口", "east", "counter", "event");
  page = await stage.enter();
});

/** What a seat's device posts with its own token. */
async function post(seat: Seat, path: string, body: unknown): Promise<number> {
  const answer = await fetch(stage.server.url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${seat.token}` },
    body: JSON.stringify(body),
  });
  return answer.status;
}

const verdict = () => page.locator("[data-test=verdict]");

test("with nothing announced and nothing seen it says so", async () => {
  await page.goto(`${stage.server.url}/capture`);
  await expect.poll(() => verdict().textContent()).toContain("还没有可核对的内容");
  await keep(page, "capture-empty");
});

test("a recorded call is no concern", async () => {
  const hush = stage.server.speak(recorded, "water-bill");
  await seatIs(stage.server, "w1", "idle");
  // Speech of both sides, so that nothing is the matter with the recording.
  await recordCall(stage.server, "w1", 12_000, { number: "13800138000" });
  await hush();
  await until("the call to be verified", async () => {
    const day = await stage.server.api<{ totals: { stored: number; announced: number; streams: number } }>(
      "GET",
      "/api/v1/capture",
    );
    return day.totals.stored === 1 && day.totals.announced === 1 && day.totals.streams === 1;
  });
  await page.goto(`${stage.server.url}/capture`);
  await expect.poll(() => verdict().textContent()).toContain("都录到了");
  await expect.poll(() => page.locator("[data-test=seats] tbody tr").count()).toBe(1);
  expect(await page.locator("[data-test=findings]").count()).toBe(0);
  await keep(page, "capture-fine");
});

test("an announced call that was not recorded comes first", async () => {
  const at = new Date(Date.now() - 10 * 60_000).toISOString();
  const said = { seat: "w2", at, durationMs: 180_000, ref: "=PBX-1001", number: "13900139000" };
  expect(await post(deaf, "/api/v1/announcements", said)).toBe(201);
  expect(await post(deaf, "/api/v1/announcements", { ...said, seat: "w1" }), "another's seat").toBe(403);
  expect(
    await post(deaf, "/api/v1/seats/w2/soundcheck", { result: "swapped", agentDbov: 58, customerDbov: 24 }),
  ).toBe(201);

  await page.reload();
  await expect.poll(() => verdict().textContent()).toContain("漏录 1 通");
  const first = page.locator("[data-test=findings] tbody tr").first();
  expect(await first.textContent()).toContain("漏录");
  expect(await first.textContent()).toContain("二号窗口");
  expect(await first.textContent()).toContain("=PBX-1001");
  expect(await page.locator("[data-test=seats] tbody tr").first().textContent()).toContain("两侧接反");
  await keep(page, "capture-missing");

  await page.locator("[data-test=verdict] button", { hasText: "漏录" }).click();
  await expect.poll(() => page.locator("[data-test=findings] tbody tr").count()).toBe(1);
  expect(page.url()).toContain("problem=missing");
  await first.locator("a").click();
  await page.waitForURL(/\/archive\?.*seat=w2/);
  await page.goBack();
});

test("the same can be had as a workbook", async () => {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator("[data-test=book]").click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^capture-\d{4}-\d\d-\d\d\.xlsx$/);
  const files = unzip(await readFile(await download.path()));
  const seats = files.get("xl/worksheets/sheet1.xml") ?? "";
  const findings = files.get("xl/worksheets/sheet2.xml") ?? "";
  expect(seats).toContain("二号窗口");
  expect(seats).not.toContain("一号窗口"); // the page shows seats with missing calls alone
  expect(findings).toContain("漏录");
  expect(findings, "a text that looks like a formula").toContain("&#39;=PBX-1001");
  expect(findings).not.toContain("<f>");
});

test("the missing call raises the alarm, and English says the same", async () => {
  // It is looked for every five minutes, and soon after the start.
  await page.close();
  await stage.server.down();
  await stage.server.up();
  await until(
    "the alarm",
    async () => {
      const { alarms } = await stage.server.api<{ alarms: { code: string }[] }>("GET", "/api/v1/alarms");
      return alarms.some((a) => a.code === "capture");
    },
    120,
  );
  page = await stage.enter({ language: "en" });
  await page.goto(`${stage.server.url}/capture`);
  await expect.poll(() => verdict().textContent()).toContain("1 not recorded");
  await keep(page, "capture-missing-en");
});

/** Gives the page a microphone of two channels; say(i) lets the i-th speak alone. */
const twoVoices = () => {
  const gains: GainNode[][] = [];
  let voice = -1;
  const set = (pair: GainNode[]) => {
    for (const [i, gain] of pair.entries()) gain.gain.value = i === voice ? 0.1 : 0;
  };
  Object.assign(window, {
    say(i: number) {
      voice = i;
      for (const pair of gains) set(pair);
    },
  });
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const out = context.createMediaStreamDestination();
    const merger = context.createChannelMerger(2);
    const pair = [220, 330].map((hz, i) => {
      const [tone, gain] = [context.createOscillator(), context.createGain()];
      tone.frequency.value = hz;
      tone.connect(gain).connect(merger, 0, i);
      tone.start();
      return gain;
    });
    set(pair);
    gains.push(pair);
    merger.connect(out);
    return out.stream;
  };
};

test("a sound check finds swapped sides, and the page swaps them back", async () => {
  const seat = await stage.server.makeSeat("w3", "三号窗口", "east", "counter", "event");
  const window = await openWindow(stage.browser);
  await window.addInitScript(twoVoices);
  await speakLanguage(window, "zh-CN");
  const desk = await window.newPage();
  await desk.setViewportSize({ width: 1024, height: 768 });
  const say = (side: "left" | "right") =>
    desk.evaluate((i) => (globalThis as unknown as { say(i: number): void }).say(i), side === "left" ? 0 : 1);
  const step = (n: number) => desk.getByText(`第 ${n} 步，共 2 步`).waitFor();
  const found = (result: string) => desk.locator(`[data-test=sound-dialog][data-result=${result}]`).waitFor();
  try {
    await desk.goto(seat.seatUrl);
    await desk.locator("input[name=kind][value=stereo]").check();
    await desk.locator("[data-test=go]").click();
    await desk.locator("[data-test=sound-check-bar]").waitFor();
    const scrolls = () =>
      desk.evaluate(() => document.documentElement.scrollHeight > document.documentElement.clientHeight);
    expect(await scrolls(), "the bar makes the page scroll").toBe(false);
    const folder = process.env.EARSHOT_PICTURES;
    if (folder) await desk.screenshot({ path: join(folder, "sound-bar.png") });

    await desk.locator("[data-test=sound-check]").click();
    await step(1);
    if (folder) await desk.screenshot({ path: join(folder, "sound-step.png") });
    await say("right"); // the agent speaks, and it comes on the customer's side
    await step(2);
    await say("left");
    await found("swapped");
    if (folder) await desk.screenshot({ path: join(folder, "sound-swapped.png") });
    await say("right");
    await desk.locator("[data-test=sound-swap]").click();
    await step(2);
    await say("left");
    await found("ok");
    await desk.locator("[data-test=sound-done]").click();
    expect(await desk.locator("[data-test=sound-check-bar]").count()).toBe(0);
    const day = await stage.server.api<{
      rows: { seat: string; soundCheck: { result: string } | null; soundFail: number }[];
    }>("GET", "/api/v1/capture");
    const row = day.rows.find((r) => r.seat === "w3");
    expect([row?.soundCheck?.result, row?.soundFail]).toEqual(["ok", 0]);
    await desk.reload();
    await desk.locator("[data-test=state][data-state=idle]").waitFor();
    expect(await desk.locator("[data-test=sound-check-bar]").count(), "it is asked once a shift").toBe(0);
  } catch (err) {
    await picture([desk], "sound-check");
    throw err;
  } finally {
    await window.close();
  }
});
