// A machine that several people use: who signs out is heard and shown no more.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openWindow, signIn, startChromium } from "./browser";
import { adminPassword, Server, until } from "./server";

let browser: Browser;
let server: Server;
let page: Page;

beforeAll(async () => {
  [browser, server] = await Promise.all([startChromium(), Server.start()]);
  page = await (await openWindow(browser)).newPage();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Whether the page is still the one that was marked. */
const marked = () => page.evaluate(() => document.body.dataset.mark === "mine");

async function signOut(): Promise<void> {
  await page.getByRole("button", { name: /^账户/ }).click();
  await page.getByRole("menuitem", { name: "退出登录" }).click();
  await page.waitForURL(/\/login/);
}

/** Signs in on the page that is there, without loading it. */
async function comeBack(user: string, password: string): Promise<void> {
  await page.locator("input[autocomplete=username]").fill(user);
  await page.locator("input[autocomplete=current-password]").fill(password);
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: /^账户/ }).waitFor();
}

test("what one person hears ends as they sign out, and the next begins with nothing of theirs", async () => {
  await server.makeBranch("hall", "营业厅");
  const password = await server.makeUser("zhang", "张检", "inspector");
  server.speak(await server.makeSeat("w1", "一号窗口", "hall", "counter", "session"), "water-bill");
  const call = await until("a call", async () => {
    const { calls } = await server.api<{ calls: { id: string }[] }>("GET", "/api/v1/calls?state=live");
    return calls[0];
  });
  await signIn(page, server);
  await page.goto(`${server.url}/calls/${call.id}`);
  await page.evaluate(() => {
    document.body.dataset.mark = "mine";
  });
  const dock = page.locator(".dock");
  await dock.waitFor();

  await signOut();
  await comeBack("admin", adminPassword);
  expect(await dock.count()).toBe(0);
  expect(await marked()).toBe(true); // who comes back finds the page as it was

  await signOut();
  await comeBack("zhang", password);
  await until("the page to be loaded anew", async () => !(await marked()));
  expect(await dock.count()).toBe(0);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});
