// Whether what is kept is still what was stored, as people find out: a byte of a
// stored recording is changed on the disk; an officer has the archive checked, is
// told which call it is, the wall says so too, and says what became of it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type Language,
  listenForErrors,
  openWindow,
  picture,
  signIn,
  speakLanguage,
  startChromium,
} from "./browser";
import { Server, until } from "./server";

interface Call {
  id: string;
  state: string;
  parts: { sha256: string; file: string; durationMs: number }[];
}
interface Integrity {
  scrub: { state: string; checked: number };
  problems: { id: string; code: string; call: string; file: string; resolvedBy: string; reason: string }[];
  open: number;
}

/** Where pictures of the page go; none are made without it. */
const pictures = process.env.EARSHOT_PICTURES;
const known = [/status of 401 .*\/api\/v1\/me\b/];

let server: Server;
let browser: Browser;
let officer: Page;
let supervisor: Page;
let stored: Call;
const windows: BrowserContext[] = [];
/** Each test begins where the one before it ended. */
let broken = false;
const errors: string[][] = [];

async function openPage(user: string, password?: string, language: Language = "zh-CN"): Promise<Page> {
  const window = await openWindow(browser, language);
  await speakLanguage(window, language);
  windows.push(window);
  const page = await window.newPage();
  errors.push(listenForErrors(page, known));
  await signIn(page, server, user, password);
  return page;
}

const call = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const integrity = () => server.api<Integrity>("GET", "/api/v1/integrity");

async function record(seat: string): Promise<Call> {
  const { id } = await server.api<Call>("POST", `/api/v1/seats/${seat}/calls`, { account: "5502" });
  await until("two seconds of sound", async () => ((await call(id)).parts[0]?.durationMs ?? 0) > 2000);
  await server.api("POST", `/api/v1/calls/${id}/end`);
  return until("the call to be stored", async () => {
    const one = await call(id);
    return one.state === "stored" && one.parts.every((p) => p.sha256) && one;
  });
}

async function take(page: Page, name: string): Promise<void> {
  if (!pictures) return;
  for (const [width, height] of [
    [1440, 900],
    [1920, 1080],
  ] as const) {
    await page.setViewportSize({ width, height });
    await page.screenshot({ path: join(pictures, `integrity-${name}-${width}.png`) });
  }
}

async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  expect(grave.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`)).toEqual([]);
}

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("hall", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "hall", "counter", "event");
  const officerPassword = await server.makeUser("lin", "林静", "evidence");
  const supervisorPassword = await server.makeUser("wang", "王班长", "supervisor");
  const hush = server.speak(seat, "water-bill");
  await until("the seat to be there", async () => {
    const { state } = await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state");
    return state === "idle";
  });
  stored = await record("w1");
  await hush();
  await until("the part to be in the ledger", async () => {
    return (await server.api<{ pending: number }>("GET", "/api/v1/ledger")).pending === 0;
  });
  browser = await startChromium();
  officer = await openPage("lin", officerPassword);
  supervisor = await openPage("wang", supervisorPassword);
});

afterAll(async () => {
  for (const window of windows) await window.close();
  await browser?.close();
  await server?.close();
});

beforeEach((context) => context.skip(broken, "a step before this one failed"));

afterEach(async (context) => {
  if (context.task.result?.state !== "fail") return;
  broken = true;
  await picture([officer, supervisor], "integrity");
});

describe("an evidence officer", () => {
  test("has the archive checked, and hears that all is well", async () => {
    await officer.goto(`${server.url}/integrity`);
    await officer.getByText("没有待处理的问题").waitFor();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await until("the check to be over", async () => {
      const { scrub } = await integrity();
      return scrub.state === "idle" && scrub.checked === 1;
    });
    await officer.getByText(/上次于 .* 检查了 1 个文件/).waitFor();
    expect((await integrity()).open).toBe(0);
    await expectAccessible(officer);
  });

  test("is told of an altered recording by its call, and so is the wall", async () => {
    const part = stored.parts[0];
    if (!part) throw new Error("the call has no part");
    const file = join(server.folder, "audio", part.file);
    const audio = readFileSync(file);
    const at = audio.length >> 1;
    audio.writeUInt8(audio.readUInt8(at) ^ 1, at);
    writeFileSync(file, audio);

    await supervisor.goto(`${server.url}/`);
    await supervisor.getByText("1 号窗口").first().waitFor();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await officer.getByText("录音被改动：校验值与账本不符").waitFor();
    await officer.getByText("1 个问题待处理").waitFor();
    await officer.getByText(part.file).waitFor();
    expect(await officer.getByRole("link", { name: "打开通话" }).getAttribute("href")).toBe(
      `/calls/${stored.id}`,
    );
    await supervisor.getByText("有文件损坏").first().waitFor();
    await expectAccessible(officer);
    await take(officer, "problem-zh");
    await take(supervisor, "wall-zh");
  });

  test("says what became of it; the alarm ends", async () => {
    await officer.getByRole("button", { name: /^处理 录音被改动/ }).click();
    const form = officer.getByRole("dialog");
    await form.locator("textarea").fill("已从备份恢复");
    await form.getByRole("button", { name: "处理", exact: true }).click();
    await officer.getByText("没有待处理的问题").waitFor();
    await supervisor.getByText("有文件损坏").first().waitFor({ state: "detached" });
    await officer.getByRole("button", { name: "已处理" }).click();
    await officer.getByText(/lin 于 .* 处理/).waitFor();
    await officer.getByText("已从备份恢复").waitFor();
    await expectAccessible(officer);
    await take(officer, "resolved-zh");
    const [problem] = (await integrity()).problems;
    expect([problem?.code, problem?.call, problem?.resolvedBy]).toEqual(["altered", stored.id, "lin"]);
  });

  test("is told again while it is not mended", async () => {
    await officer.getByRole("button", { name: "待处理" }).click();
    await officer.getByRole("button", { name: "现在检查" }).click();
    await officer.getByText("录音被改动：校验值与账本不符").waitFor();
    const { problems, open } = await integrity();
    expect([problems.length, open]).toEqual([2, 1]);
  });
});

test("the page reads in English, too", async () => {
  const page = await openPage("lin", "lin sits here", "en");
  await page.goto(`${server.url}/integrity`);
  await page.getByText("Recording altered: its hash is not the ledger's").waitFor();
  await take(page, "problem-en");
});

test("no page met an error", () => {
  expect(errors.flat()).toEqual([]);
});
