// What the wall says when something that the server leans on fails: read in a
// real browser, in both languages, and that it is gone when it is over.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { openWindow, picture, signIn, startChromium } from "./browser";
import { freePort, Server } from "./server";

let server: Server;
let browser: Browser;
let wall: Page;
let redis: ChildProcess;
let redisPort: number;

async function startRedis(): Promise<void> {
  redis = spawn("redis-server", [
    "--port",
    `${redisPort}`,
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
  ]);
  for await (const data of redis.stdout ?? []) if (`${data}`.includes("Ready to accept")) return;
  throw new Error("redis-server did not start");
}

async function stopRedis(): Promise<void> {
  const ended = once(redis, "exit");
  redis.kill("SIGKILL");
  await ended;
}

beforeAll(async () => {
  redisPort = await freePort();
  await startRedis();
  server = await Server.start(`--redis=redis://127.0.0.1:${redisPort}/0`);
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  browser = await startChromium();
  wall = await (await openWindow(browser)).newPage();
  await signIn(wall, server);
  await wall.locator("[data-seat=w1]").waitFor();
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture([wall], "faults");
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  redis?.kill("SIGKILL");
});

const alarm = (code: string) => wall.locator(`.alarms [data-alarm=${code}]`);

async function said(code: string, since: number): Promise<void> {
  await alarm(code).waitFor();
  console.log(`${code} was on the wall after ${((Date.now() - since) / 1000).toFixed(1)} s`);
}

test("Redis goes and comes back", async () => {
  const at = Date.now();
  await stopRedis();
  await said("redis_away", at);
  await alarm("redis_away").getByText("实时状态（Redis）连不上").waitFor();
  await alarm("redis_away").getByText("请检查 Redis").waitFor();
  await startRedis();
  await alarm("redis_away").waitFor({ state: "hidden" });
});

test("the index is damaged: on the wall, on other pages in one line, and at sign-in", async () => {
  const at = Date.now();
  writeFileSync(join(server.folder, "index.db"), "no index. ".repeat(5000));
  await said("index_away", at);
  await wall.locator("a[href='/archive']").first().click();
  const line = wall.locator(".alarms .head");
  await line.getByText("索引用不了").waitFor();
  await alarm("index_away").waitFor({ state: "hidden" }); // elsewhere only a line
  await line.getByRole("button").click();
  await alarm("index_away").getByText("earshot reindex").waitFor();

  const stranger = await (await openWindow(browser, "en")).newPage();
  await stranger.goto(`${server.url}/login`);
  await stranger.locator("[data-test=index-away]").waitFor();
});
