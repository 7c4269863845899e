// Keeping and proving, as an evidence officer does it: calls are chosen in the
// archive and held, packed with their proofs, checked with our program and with
// public tools, and released; an administrator says how long calls are kept.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listenForErrors, openWindow, picture, signIn, startChromium } from "./browser";
import { Server, until } from "./server";

interface Call {
  id: string;
  state: string;
  durationMs: number;
  parts: { n: number; sha256: string; durationMs: number }[];
  holds: { reason: string; releasedAt: string | null }[];
}
interface Hold {
  id: string;
  call: string;
  seat: string;
  from: string | null;
  to: string | null;
  reason: string;
  until: string | null;
  releasedAt: string | null;
  releaseReason: string;
}
interface Package {
  id: string;
  state: string;
  sha256: string;
  calls: { call: string }[];
  silence: { reason: string }[];
}

const binary = process.env.EARSHOT_BIN ?? resolve(import.meta.dirname, "../../bin/earshot");
const folder = mkdtempSync(join(tmpdir(), "earshot-evidence-e2e-"));
const known = [/status of 401 .*\/api\/v1\/me\b/];

let server: Server;
let browser: Browser;
let officer: Page;
let admin: Page;
const windows: BrowserContext[] = [];
const pages: string[][] = [];
/** The stored calls, the newest first, as the archive shows them. */
let calls: string[] = [];
/** Each test begins where the one before it ended. */
let broken = false;

async function openPage(user: string, password?: string): Promise<Page> {
  const window = await openWindow(browser);
  windows.push(window);
  const page = await window.newPage();
  pages.push(listenForErrors(page, known));
  await signIn(page, server, user, password);
  return page;
}

const call = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const holds = async (state: string) =>
  (await server.api<{ holds: Hold[] }>("GET", `/api/v1/holds?state=${state}`)).holds;

/** Records a few seconds at the seat and waits until they are stored. */
async function record(seat: string): Promise<string> {
  const { id } = await server.api<Call>("POST", `/api/v1/seats/${seat}/calls`, { account: "5502" });
  await until("three seconds of sound", async () => ((await call(id)).parts[0]?.durationMs ?? 0) > 3000);
  await server.api("POST", `/api/v1/calls/${id}/end`);
  await until("the call to be stored", async () => {
    const { state, parts } = await call(id);
    return state === "stored" && parts.every((p) => p.sha256);
  });
  return id;
}

async function expectAccessible(page: Page): Promise<void> {
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.locator(colorScheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    const grave = violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => `${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
    expect(grave, page.url()).toEqual([]);
  }
}

/** The dialog that is open, faded in. */
async function dialog(page: Page) {
  const found = page.getByRole("dialog").filter({ visible: true });
  await found.waitFor();
  await page.waitForLoadState("networkidle");
  return found;
}

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("east", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  const password = await server.makeUser("lin", "林取证", "evidence");
  const hush = server.speak(seat, "water-bill");
  await until("the seat to be there", async () => {
    const { state } = await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state");
    return state === "idle";
  });
  for (let i = 0; i < 3; i++) calls = [await record("w1"), ...calls];
  await hush();
  browser = await startChromium();
  officer = await openPage("lin", password);
  admin = await openPage("admin");
});

beforeEach((context) => context.skip(broken, "a step before this one failed"));

afterEach(async (context) => {
  if (context.task.result?.state === "fail") {
    broken = true;
    await picture([officer, admin], "evidence");
  }
  const seen = pages.flatMap((list) => list.splice(0));
  expect(seen, "errors in a browser's console").toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("an evidence officer", () => {
  test("chooses calls in the archive by the keyboard, and holds them", async () => {
    await officer.goto(`${server.url}/archive`);
    await officer.locator(`tr[data-call="${calls[0]}"]`).focus();
    await officer.keyboard.press("x");
    await officer.keyboard.press("Shift+ArrowDown");
    const bar = officer.getByRole("group", { name: "已选通话" });
    await bar.getByText("已选 2 个通话").waitFor();
    await expectAccessible(officer);
    await bar.getByRole("button", { name: "冻结…" }).click();
    const form = await dialog(officer);
    await form.locator("textarea").fill("投诉工单 T-2026-118");
    await form.getByRole("button", { name: "冻结", exact: true }).click();
    await officer.getByText("已冻结 2 个通话").waitFor();
    await officer.locator(`tr[data-call="${calls[1]}"]`).getByText("已冻结").waitFor();
    expect((await holds("active")).map((h) => h.call).sort()).toEqual(calls.slice(0, 2).sort());

    await officer.goto(`${server.url}/archive?held=true`);
    await officer.locator("tr[data-call]").first().waitFor();
    expect(await officer.locator("tr[data-call]").count()).toBe(2);
  });

  test("sees on a call's page what keeps it, and where it stands in the ledger", async () => {
    await officer.goto(`${server.url}/calls/${calls[0]}`);
    await officer.getByRole("list", { name: "冻结" }).getByText("投诉工单 T-2026-118").waitFor();
    await until(
      "the ledger to prove the part",
      async () => {
        await officer.reload();
        await officer.getByText("录音文件").waitFor();
        await officer.waitForLoadState("networkidle");
        return (await officer.getByText(/账本第 [\d,]+ 条 · .*可证明/).count()) > 0;
      },
      90,
    );
    await expectAccessible(officer);
  });

  test("packs two calls with a span silenced; the package stands up to a check", async () => {
    await officer.goto(`${server.url}/evidence/packages/new?call=${calls[0]}&call=${calls[1]}`);
    await officer.getByRole("button", { name: "添加一处消音" }).click();
    await officer.getByRole("button", { name: "开始制作" }).click();
    await officer.getByRole("alert").getByText("请写明原因").waitFor();
    await officer.getByPlaceholder("为谁、为什么导出").fill("交法务");
    await officer.getByPlaceholder("m:ss").first().fill("0:01");
    await officer.getByPlaceholder("m:ss").last().fill("0:02");
    await officer.getByPlaceholder("例如：客户报出身份证号").fill("身份证号");
    await expectAccessible(officer);
    await officer.getByRole("button", { name: "开始制作" }).click();
    await officer.waitForURL(/\/evidence\/packages\/[0-9a-f-]{36}$/);
    const link = officer.getByRole("link", { name: /下载证据包/ });
    await link.waitFor();
    await expectAccessible(officer);

    const id = new URL(officer.url()).pathname.split("/").at(-1);
    const made = await server.api<Package>("GET", `/api/v1/packages/${id}`);
    expect(made.calls.map((c) => c.call)).toEqual(calls.slice(0, 2));
    expect(made.silence.map((s) => s.reason)).toEqual(["身份证号"]);
    const [download] = await Promise.all([officer.waitForEvent("download"), link.click()]);
    const file = join(folder, "evidence.zip");
    await download.saveAs(file);
    const sum = execFileSync("sha256sum", [file], { encoding: "utf8" }).split(" ")[0];
    expect(sum).toBe(made.sha256);
    // The page shows the sum and the fingerprint that the check is made with.
    await officer.getByText(made.sha256).waitFor();
    const print = await officer.getByRole("region", { name: "签名公钥指纹" }).locator("code").innerText();
    console.log(execFileSync(binary, ["check", file, "--key", print], { encoding: "utf8" }));
  });

  test("holds a seat's window of time, and releases it with a reason", async () => {
    await officer.goto(`${server.url}/evidence/holds`);
    await officer.getByRole("button", { name: "冻结一个时间段" }).click();
    const form = await dialog(officer);
    await form.getByRole("combobox", { name: "坐席位" }).click();
    await officer.getByRole("option", { name: /1 号窗口/ }).click();
    const from = form.getByRole("combobox", { name: "从" });
    await from.fill("2026-01-02 08:30:00");
    await from.press("Enter");
    await form.locator("textarea").fill("窗口纠纷");
    await expectAccessible(officer);
    await form.getByRole("button", { name: "冻结", exact: true }).click();
    const row = officer.locator("tr", { hasText: "窗口纠纷" });
    await row.waitFor();
    // The fields are the site's clock: Shanghai's half past eight.
    const [window] = (await holds("active")).filter((h) => h.seat === "w1");
    expect([window?.from, window?.to]).toEqual(["2026-01-02T00:30:00.000Z", null]);
    expect((await call(calls[2] ?? "")).holds.map((h) => h.reason)).toEqual(["窗口纠纷"]);
    await expectAccessible(officer);

    await row.getByRole("button", { name: /解除冻结/ }).click();
    const question = await dialog(officer);
    await question.locator("textarea").fill("客户撤诉");
    await question.getByRole("button", { name: "解除冻结" }).click();
    await row.waitFor({ state: "detached" });
    await officer.getByRole("button", { name: "已结束" }).click();
    await officer.locator("tr", { hasText: "客户撤诉" }).waitFor();
    expect((await holds("past")).map((h) => h.releaseReason)).toEqual(["客户撤诉"]);
  });
});

describe("an administrator", () => {
  test("says how long calls are kept, and sees what that lets go before it is so", async () => {
    await admin.goto(`${server.url}/evidence/retention`);
    await admin.getByText("默认：全部保留").waitFor();
    await expectAccessible(admin);
    await admin.getByRole("button", { name: "新建规定" }).click();
    const form = await dialog(admin);
    await form.locator("input").first().fill("柜台一般业务");
    const days = form.getByRole("spinbutton");
    await days.first().fill("30");
    await days.last().fill("60");
    await days.last().press("Tab");
    await form.getByText("至少保留 30 天，60 天后删除").waitFor();
    await form.getByRole("button", { name: "看看影响" }).click();
    await form.getByText("不会改变今晚要删除的通话").waitFor();
    expect((await server.api<{ policies: unknown[] }>("GET", "/api/v1/policies")).policies).toEqual([]);
    await expectAccessible(admin);
    await form.getByRole("button", { name: "保存" }).click();
    await admin.locator(".policies li", { hasText: "至少保留 30 天，60 天后删除" }).waitFor();

    // Two are held: a year from now only the third may go.
    const day = admin.getByRole("combobox", { name: "到这一天" });
    await day.fill(`${new Date().getFullYear() + 1}-12-30`);
    await day.press("Enter");
    await admin.getByText("另有 2 个已到期，只因冻结而保留").waitFor();
    await admin.locator(`a[href="/calls/${calls[2]}"]`).waitFor();
    expect(await admin.locator("td a[href^='/calls/']").count()).toBe(1);
  });

  test("sees that taking a policy away lets nothing go", async () => {
    await admin.locator(".policies li").getByRole("button", { name: /删除/ }).click();
    const form = await dialog(admin);
    await form.getByText("不会改变今晚要删除的通话").waitFor();
    await form.getByRole("button", { name: "删除" }).click();
    await admin.getByText("默认：全部保留").waitFor();
  });

  test("reads the ledger, its head and its key", async () => {
    const head = await server.fetch("/api/v1/ledger/head");
    expect(await head.text()).toMatch(/\n\n— /);
    const key = await server.fetch("/api/v1/ledger/key");
    expect(await key.text()).toContain("BEGIN PUBLIC KEY");
    // A whole archive has nothing to show: what checks find is told here.
    const found = { id: "p1", code: "altered", call: calls[0], file: "a.opus", text: "its hash is another" };
    await admin.route("**/api/v1/integrity", (route) =>
      route.fulfill({
        json: {
          scrub: {
            ...{ state: "idle", at: null, checked: 0, bytes: 0 },
            ...{ total: 0, share: 0.03, next: null },
          },
          problems: [{ ...found, foundAt: "2026-11-21T16:00:00.000Z", resolvedAt: null }],
          damaged: [{ file: "1.wal.damaged", what: "checksum", since: "2026-11-21T16:00:00.000Z" }],
        },
      }),
    );
    await admin.goto(`${server.url}/integrity`);
    await admin.locator("tr", { hasText: "录音被改动" }).getByText("2026/11/22 00:00:00").waitFor();
    await admin.getByText("1.wal.damaged").waitFor();
    const { fingerprint } = await server.api<{ fingerprint: string }>("GET", "/api/v1/ledger");
    await admin.getByText(fingerprint).first().waitFor();
    await expectAccessible(admin);
  });
});
