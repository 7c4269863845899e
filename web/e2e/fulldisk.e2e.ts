// A disk that fills, as clerks and supervisors see it: a small file system of its
// own below a real server.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openWindow, picture, signIn, speakLanguage, startChromium } from "./browser";
import { type Seat, Server, until } from "./server";
import { twoSidedMicrophone } from "./sound";

const folder = mkdtempSync(join(tmpdir(), "earshot-full-e2e-"));
const disk = mkdtempSync(join(tmpdir(), "earshot-full-disk-"));
const ballast = join(disk, "ballast");
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], { encoding: "utf8" });
let server: Server | undefined;
let browser: Browser | undefined;
const pages: Page[] = [];

beforeAll(async () => {
  if (mounted.status !== 0) {
    const why = `cannot mount a small file system: ${mounted.error ?? mounted.stderr}`;
    if (process.env.CI === "true") throw new Error(why);
    console.log(`not run: ${why}`);
    return;
  }
  const microphone = join(folder, "microphone.wav");
  twoSidedMicrophone(microphone, "water-bill");
  server = await Server.start(`--data=${disk}`, "--disk-reserve=16MiB");
  await server.makeBranch("east", "城东营业厅");
  browser = await startChromium(microphone);
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture(pages, "fulldisk");
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  if (mounted.status === 0) spawnSync("umount", [disk]);
  for (const each of [folder, disk]) rmSync(each, { recursive: true, force: true });
});

/** Leaves so many MiB free. */
function fill(leave: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - leave * 2 ** 20));
}

async function onAir(chromium: Browser, seat: Seat): Promise<Page> {
  const window = await openWindow(chromium);
  await speakLanguage(window, "zh-CN");
  const page = await window.newPage();
  pages.push(page);
  await page.goto(seat.seatUrl);
  await page.locator("input[name=kind][value=stereo]").check();
  await page.locator("[data-test=go]").click();
  return page;
}

const state = (page: Page, name: string) => page.locator(`[data-test=state][data-state=${name}]`).waitFor();

test("the disk is full: said at the seat and on the wall, and over once there is room", async () => {
  if (!server || !browser) return; // said above
  const speaking = await server.makeSeat("w1", "1 号窗口", "east", "counter", "session");
  const waiting = await server.makeSeat("w2", "2 号窗口", "east", "counter", "event");
  const wall = await (await openWindow(browser)).newPage();
  pages.push(wall);
  await signIn(wall, server);
  const open = await onAir(browser, speaking);
  await state(open, "live");
  const clerk = await onAir(browser, waiting);
  await state(clerk, "idle");

  const at = Date.now();
  fill(2);
  const alarm = wall.locator(".alarms [data-alarm=disk_full]");
  await alarm.getByText("磁盘已满，不再开始新的通话").waitFor();
  console.log(`disk_full was on the wall after ${((Date.now() - at) / 1000).toFixed(1)} s`);
  await alarm.getByText("请马上腾出空间").waitFor();
  await clerk.locator("[data-test=trouble-attention]").getByText("服务器磁盘已满").waitFor();
  console.log(`and at the seat after ${((Date.now() - at) / 1000).toFixed(1)} s`);
  await wall.locator("[data-seat=w2]").getByText("服务器磁盘已满").first().waitFor();
  const { call } = await server.api<{ call: { id: string } }>("GET", "/api/v1/seats/w1/state");
  await clerk.locator("[data-test=start]").click();
  await clerk.getByText("新的通话现在不会被录下来").nth(1).waitFor(); // the answer, beside the warning
  await state(clerk, "idle");
  await state(open, "live"); // an open call goes on

  rmSync(ballast);
  await alarm.waitFor({ state: "hidden" });
  await clerk.locator("[data-test=trouble-attention]").waitFor({ state: "hidden" });
  await clerk.locator("[data-test=start]").click();
  await state(clerk, "live");
  const still = await until("the open call", async () =>
    server?.api<{ call: { id: string } }>("GET", "/api/v1/seats/w1/state"),
  );
  expect(still.call.id).toBe(call.id);
});
