// Thresholds as people set them, and the archive judged anew by them: a call is
// recorded, a threshold changed, the page says that the call was judged by an
// older one, and has it judged anew.
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type Language,
  listenForErrors,
  openWindow,
  picture,
  signIn,
  speakLanguage,
  startChromium,
} from "./browser";
import { adminPassword, Server, until } from "./server";

interface Call {
  id: string;
  state: string;
  parts: { sha256: string; durationMs: number }[];
  talk?: { agentShare: number; customerShare: number };
  flags: string[];
}
interface State {
  thresholds: { counter: { shortMs: number } };
  judged: { now: number; older: number; never: number };
  run: { state: string; done: number };
}

/** Where pictures of the page go; none are made without it. */
const pictures = process.env.EARSHOT_PICTURES;
const known = [/status of 401 .*\/api\/v1\/me\b/];

let server: Server;
let browser: Browser;
let page: Page;
let recorded: Call;
const windows: BrowserContext[] = [];
const errors: string[][] = [];

async function openPage(language: Language): Promise<Page> {
  const window = await openWindow(browser, language);
  await speakLanguage(window, language);
  windows.push(window);
  const opened = await window.newPage();
  errors.push(listenForErrors(opened, known));
  await signIn(opened, server, "admin", adminPassword);
  return opened;
}

const call = () => server.api<Call>("GET", `/api/v1/calls/${recorded.id}`);
const state = () => server.api<State>("GET", "/api/v1/analysis");

async function take(of: Page, name: string): Promise<void> {
  if (!pictures) return;
  for (const scheme of ["light", "dark"] as const) {
    await of.emulateMedia({ colorScheme: scheme });
    for (const [width, height] of [
      [1440, 900],
      [1920, 1080],
    ] as const) {
      await of.setViewportSize({ width, height });
      await of.screenshot({ path: join(pictures, `analysis-${name}-${scheme}-${width}.png`) });
    }
  }
  await of.emulateMedia({ colorScheme: "light" });
}

async function expectAccessible(of: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page: of }).analyze();
  const grave = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  expect(grave.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`)).toEqual([]);
}

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("hall", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "hall", "counter", "event");
  const hush = server.speak(seat, "water-bill");
  await until("the seat to be there", async () => {
    return (await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state")).state === "idle";
  });
  recorded = await server.api<Call>("POST", "/api/v1/seats/w1/calls", { account: "5502" });
  await until("six seconds of sound", async () => ((await call()).parts[0]?.durationMs ?? 0) > 6000);
  await server.api("POST", `/api/v1/calls/${recorded.id}/end`);
  await until("the call to be judged", async () => (await call()).talk !== undefined);
  await hush();
  browser = await startChromium();
  page = await openPage("zh-CN");
});

afterAll(async () => {
  for (const window of windows) await window.close();
  await browser?.close();
  await server?.close();
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture([page], "analysis");
});

describe("an administrator", () => {
  test("sees that all calls were judged by the thresholds there are", async () => {
    await page.goto(`${server.url}/admin/analysis`);
    await page.getByText("所有通话都是按现在的阈值判断的。").waitFor();
    await page.getByText("现在用的是默认值。").waitFor();
    expect(await page.getByRole("button", { name: "保存阈值" }).isDisabled()).toBe(true);
    expect((await call()).flags).not.toContain("short");
    await take(page, "calm-zh");
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
    await take(page, "offer-zh");
    await expectAccessible(page);
  });

  test("has them judged anew", async () => {
    await page.getByRole("button", { name: "重新分析这些通话" }).click();
    await page.getByText("所有通话都是按现在的阈值判断的。").waitFor({ timeout: 15_000 });
    await page.getByText("分析 1 通，1 通有变化，0 通没有电平数据，0 通失败").waitFor();
    expect((await state()).judged).toEqual({ now: 1, older: 0, never: 0 });
    expect((await call()).flags).toContain("short");
  });

  test("sees how the conversation went", async () => {
    await page.goto(`${server.url}/calls/${recorded.id}`);
    const panel = page.locator("section", { has: page.getByRole("heading", { name: "说话情况" }) });
    await panel.getByText("最长静音").waitFor();
    await panel.getByText("打断").waitFor();
    await take(page, "call-zh");
  });

  test("reads it in English, too", async () => {
    const english = await openPage("en");
    await english.goto(`${server.url}/admin/analysis`);
    await english.getByText("All calls were judged by the present thresholds.").waitFor();
    await take(english, "calm-en");
    await expectAccessible(english);
  });
});

test("no page complained", () => {
  expect(errors.flat()).toEqual([]);
});
