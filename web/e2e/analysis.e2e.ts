// Thresholds as people set them, and the archive judged anew by them: a call is
// recorded, a threshold changed, the page says that the call was judged by an
// older one, and has it judged anew.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { keep } from "./pictures";
import { type Call, callOf, recordCall, seatIs } from "./recording";
import { until } from "./server";
import { setStage } from "./stage";

interface State {
  thresholds: { counter: { shortMs: number } };
  judged: { now: number; older: number; never: number };
  run: { state: string; done: number };
}

const stage = setStage("analysis", { steps: true });
let page: Page;
let recorded: Call;

const call = () => callOf(stage.server, recorded.id);
const state = () => stage.server.api<State>("GET", "/api/v1/analysis");

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("hall", "城东营业厅");
  const hush = server.speak(
    await server.makeSeat("w1", "1 号窗口", "hall", "counter", "event"),
    "water-bill",
  );
  await seatIs(server, "w1", "idle");
  recorded = await recordCall(server, "w1", 6000);
  await until("the call to be judged", async () => (await call()).talk !== undefined);
  await hush();
  page = await stage.enter();
});

describe("an administrator", () => {
  test("sees that all calls were judged by the thresholds there are", async () => {
    await page.goto(`${stage.server.url}/admin/analysis`);
    await page.getByText("所有通话都是按现在的阈值判断的。").waitFor();
    await page.getByText("现在用的是默认值。").waitFor();
    expect(await page.getByRole("button", { name: "保存阈值" }).isDisabled()).toBe(true);
    expect((await call()).flags).not.toContain("short");
    await keep(page, "analysis-calm-zh", ["dark", "light"]);
    await expectAccessible(page);
  });

  test("sets a threshold, and is told that older calls were judged otherwise", async () => {
    const field = page.getByRole("spinbutton", { name: "柜台 · 短于 (秒)" });
    await field.fill("60");
    await field.press("Tab");
    await page.getByRole("button", { name: "保存阈值" }).click();
    await page.getByText("有 1 通电话不是按现在的阈值判断的", { exact: false }).waitFor();
    expect((await state()).thresholds.counter.shortMs).toBe(60_000);
    expect((await call()).flags).not.toContain("short");
    await keep(page, "analysis-offer-zh", ["dark", "light"]);
    await expectAccessible(page);
  });

  test("has them judged anew", async () => {
    await page.getByRole("button", { name: "重新分析这些通话" }).click();
    await page.getByText("所有通话都是按现在的阈值判断的。").waitFor();
    await page.getByText("分析 1 通，1 通有变化，0 通没有电平数据，0 通失败").waitFor();
    expect((await state()).judged).toEqual({ now: 1, older: 0, never: 0 });
    expect((await call()).flags).toContain("short");
  });

  test("sees how the conversation went", async () => {
    await page.goto(`${stage.server.url}/calls/${recorded.id}`);
    const panel = page.locator("section", { has: page.getByRole("heading", { name: "说话情况" }) });
    await panel.getByText("最长静音").waitFor();
    await panel.getByText("打断").waitFor();
    await keep(page, "analysis-call-zh", ["dark", "light"]);
  });

  test("reads it in English, too", async () => {
    const english = await stage.enter({ language: "en" });
    await english.goto(`${stage.server.url}/admin/analysis`);
    await english.getByText("All calls were judged by the present thresholds.").waitFor();
    await keep(english, "analysis-calm-en", ["dark", "light"]);
    await expectAccessible(english);
  });
});
