// Clips: a stretch of a call as a file, whose packets are those that were recorded.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { CallPage } from "./callpage";
import { packetsOf } from "./ogg";
import { startRecorded } from "./recorded";
import type { Call, Part } from "./recording";
import { setStage } from "./stage";

let call: Call;
let several: Call;
let page: Page;
let on: CallPage;
const stage = setStage("clips", {
  serve: async () => {
    const recorded = await startRecorded();
    ({ call, several } = recorded);
    return recorded.server;
  },
});

beforeAll(async () => {
  page = await stage.enter();
  on = new CallPage(page, stage.server);
});

describe("clips", () => {
  test("have the packets that were recorded, byte for byte, and say who took them and why", async () => {
    await on.open(call.id, "?t=2");
    await page.getByRole("button", { name: "截取…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("从").fill("0:02.5");
    await dialog.getByLabel("到").fill("0:07");
    await on.press("Tab");
    await dialog.getByLabel("用途（可不填，记入审计）").fill("投诉 118 号");
    await expectAccessible(page);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("link", { name: "下载" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^1号窗口_\d{8}-\d{6}_00m02\.5s-00m07\.0s\.opus$/);
    const file = join(stage.folder, "clip.opus");
    await download.saveAs(file);
    const whole = await stage.server.fetch(`/api/v1/calls/${call.id}/parts/1/audio`);
    const recorded = packetsOf(Buffer.from(await whole.arrayBuffer())).slice(2);
    const taken = packetsOf(readFileSync(file)).slice(2);
    const first = recorded.findIndex((p) => taken[0]?.equals(p));
    expect(first).toBeGreaterThan(0);
    expect(taken.every((p, i) => p.equals(recorded[first + i] ?? Buffer.of()))).toBe(true);
    expect(Math.abs(taken.length - (4500 + 80) / 20)).toBeLessThan(3);
    await on.press("Escape");
    await page.getByTestId("call-audit").getByText("投诉 118 号").waitFor();
  });

  test("of several files are one of each", async () => {
    const [one, two] = several.parts as [Part, Part];
    await on.open(several.id, `?t=${(one.startMs + one.durationMs - 2000) / 1000}`);
    await on.press("[");
    await on.seek(two.startMs + 1000);
    await on.leaveField();
    await on.press("]");
    await page.getByTestId("span").getByRole("button", { name: "下载此段" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("跨了 2 个录音文件").waitFor();
    const links = await dialog.getByRole("link", { name: "下载" }).all();
    expect(links).toHaveLength(2);
    for (const [i, link] of links.entries()) {
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      const file = join(stage.folder, `several-${i}.opus`);
      await download.saveAs(file);
      const whole = await stage.server.fetch(`/api/v1/calls/${several.id}/parts/${i + 1}/audio`);
      const recorded = packetsOf(Buffer.from(await whole.arrayBuffer())).slice(2);
      expect(recorded.some((p) => packetsOf(readFileSync(file))[2]?.equals(p))).toBe(true);
    }
    await on.press("Escape", "Escape");
  });
});
