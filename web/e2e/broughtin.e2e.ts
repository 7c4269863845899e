// A call that was brought in from an older recorder: where it comes from, how it
// plays where browsers do not know its codec, and what is said where it does not.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { heardSoFar } from "./browser";
import { CallPage } from "./callpage";
import { startRecorded } from "./recorded";
import { callOf } from "./recording";
import { until } from "./server";
import { putForeign, shelved, takeUp } from "./shelf";
import { setStage } from "./stage";

const known = [
  /status of (404|409|501) .*\/(levels|playable)\b/,
  /status of 404 .*\/api\/v1\/imports\//, // the import of the call that was brought in is gone
];
const path = "旧录音/2019-03/8001_20190312093000.wav";
let gsm = "";
let recorded = "";
let page: Page;
let on: CallPage;
const stage = setStage("broughtin", {
  known,
  serve: async () => {
    const { server, call } = await startRecorded();
    recorded = call.id;
    const from = shelved(server, call.id, call.parts[0]?.file ?? "");
    const remarks = ["torn", "started_at_unknown", "no_waveform_no_ffmpeg"];
    gsm = putForeign(server, from, "gsm", { path, remarks }, stage.folder);
    await takeUp(server);
    return server;
  },
});

beforeAll(async () => {
  page = await stage.enter({ tapped: true });
  on = new CallPage(page, stage.server);
});

describe("a call that was brought in", () => {
  test("says where it comes from, and what is remarked of it", async () => {
    await on.open(gsm);
    const origin = page.getByTestId("origin");
    for (const text of ["旧录音/2019-03/8001_20190312093000.wav", "命令行", "文件不完整，在音频中途结束"])
      await origin.getByText(text).waitFor();
    await page.getByText("WAV（GSM 6.10）").waitFor();
    await expectAccessible(page);
  });

  test("plays and seeks as what the server makes of it", async () => {
    const part = (await callOf(stage.server, gsm)).parts[0];
    await on.play();
    await until("it to play", async () => (await on.positionMs()) > 1500);
    expect(Math.max(...(await heardSoFar(page)).left)).toBeGreaterThan(0.005);
    if (!part) throw new Error("nothing to seek in");
    await on.clickAt(0.7);
    await until("the place", async () => (await on.positionMs()) >= part.durationMs * 0.7 - 200);
    await on.press("s");
  });

  test("is played and sought in without a waveform, which is said", async () => {
    const none = Buffer.alloc(120, 255).toString("base64");
    await page.route("**/levels", (route) =>
      route.fulfill({ json: { stepMs: 100, agent: none, customer: none } }),
    );
    await on.open(gsm);
    await page.getByText("这个通话没有波形，仍可播放和定位").waitFor();
    await expectAccessible(page);
    await on.clickAt(0.5);
    await until("the place", async () => (await on.positionMs()) > 4000);
    await on.press("s");
    await page.unroute("**/levels");
  });

  test("and why it does not play, where nothing can convert it", async () => {
    const problem = {
      status: 501,
      code: "no_converter",
      title: "Not Implemented",
      detail: "x",
      type: "about:blank",
    };
    await page.route("**/parts/1/playable*", (route) =>
      route.fulfill({ status: 501, contentType: "application/problem+json", body: JSON.stringify(problem) }),
    );
    await on.open(gsm);
    await on.play();
    const told = page.getByTestId("play-failure");
    await told.getByText("ffmpeg").waitFor();
    await expectAccessible(page);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      told.getByRole("link", { name: "下载原文件（第 1 段）" }).click(),
    ]);
    const file = join(stage.folder, "original.wav");
    await download.saveAs(file);
    expect(readFileSync(file).equals(readFileSync(join(stage.folder, "gsm.wav")))).toBe(true);
    await page.unroute("**/parts/1/playable*");
  });

  test("is read in English too", async () => {
    const english = await stage.enter({ language: "en" });
    await english.goto(`${stage.server.url}/calls/${gsm}`);
    await english.getByText("The file is not whole").waitFor();
    await expectAccessible(english);
    await english.goto(`${stage.server.url}/calls/${recorded}`);
    await english.getByRole("heading", { name: "Marks and notes" }).waitFor();
    await expectAccessible(english);
  });
});
