// A page is reloaded, a network breaks, a server goes and comes: the dashboard
// says so at once and heals by itself, and a seat goes on with its call.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page, WebSocket } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openWindow, picture, signIn, startChromium } from "./browser";
import { Cable } from "./cable";
import { Server, until } from "./server";
import { twoSidedMicrophone } from "./sound";

interface LiveSeat {
  state: string;
  call: { id: string } | null;
}
interface Call {
  id: string;
  state: string;
  account: string;
  parts: { n: number; startMs: number; sha256: string }[];
  gaps: { side: string; cause: string; startMs: number; endMs: number }[];
  flags: string[];
}
interface Message {
  type: string;
  event?: { kind: string; call?: { id: string; state: string } };
}

const folder = mkdtempSync(join(tmpdir(), "earshot-resilience-e2e-"));
let server: Server;
let cable: Cable;
let mouth: Browser;
let ears: Browser;
let wall: Page;
let seatPage: Page;
/** Each test begins where the one before it ended. */
let broken = false;
/** The wall's lines to the server, the present one last, and what came on it. */
const lines: { address: URL; messages: Message[] }[] = [];

beforeAll(async () => {
  const microphone = twoSidedMicrophone(join(folder, "microphone.wav"), "power-outage");
  server = await Server.start();
  cable = await Cable.lay(server);
  await server.makeBranch("east", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  const hotline = await server.makeSeat("h1", "热线一号", "east", "hotline", "event");
  await server.makeSeat("w2", "2 号窗口", "east", "counter", "event");
  server.speak(hotline, "gas-leak");

  [mouth, ears] = await Promise.all([startChromium(microphone.file), startChromium()]);
  seatPage = await (await openWindow(mouth)).newPage();
  await seatPage.goto(seat.seatUrl);
  await seatPage.locator("input[name=kind][value=stereo]").check();
  await seatPage.locator("[data-test=go]").click();
  await seatPage.locator("[data-test=state][data-state=idle]").waitFor();
  await seatPage.locator("[data-test=start]").click();

  wall = await (await openWindow(ears)).newPage();
  wall.on("websocket", follow);
  await signIn(wall, cable);
  await card("w1", "live").waitFor();
  await card("h1", "idle").waitFor();
  await card("w2", "offline").waitFor();
});

beforeEach((context) => context.skip(broken, "a step before this one failed"));

afterEach(async (context) => {
  if (context.task.result?.state === "fail") {
    broken = true;
    await picture([wall, seatPage], "resilience");
  }
  cable?.mend();
});

afterAll(async () => {
  await Promise.all([mouth?.close(), ears?.close()]);
  await cable?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

function follow(socket: WebSocket): void {
  const address = new URL(socket.url());
  if (address.pathname !== "/api/v1/live") return;
  const line = { address, messages: [] as Message[] };
  lines.push(line);
  socket.on("framereceived", ({ payload }) => {
    if (typeof payload === "string") line.messages.push(JSON.parse(payload) as Message);
  });
}

const card = (id: string, state: string) => wall.locator(`[data-seat=${id}].${state}`);
const banner = () => wall.locator(".banner");
const live = (id: string) => server.api<LiveSeat>("GET", `/api/v1/seats/${id}/state`);
const call = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);

async function openCall(id: string): Promise<string> {
  return until(`a call at ${id}`, async () => (await live(id)).call?.id);
}

/** Notes in the page that it is this one: a reload would forget it. */
const nameThisPage = () => wall.evaluate(() => Object.assign(globalThis, { neverReloaded: true }));
const expectSamePage = async () =>
  expect(await wall.evaluate(() => "neverReloaded" in globalThis), "the page was not reloaded").toBe(true);

async function metersMove(id: string): Promise<void> {
  const bars = () =>
    wall
      .locator(`[data-seat=${id}] .seat-meter i`)
      .evaluateAll((elements) => elements.map((bar) => (bar as HTMLElement).style.cssText).join());
  const seen = new Set<string>();
  await until("the meters to move", async () => seen.add(await bars()).size > 4);
}

async function bannerWithin(seconds: number, since: number): Promise<void> {
  await banner().waitFor({ timeout: (seconds + 5) * 1000 });
  const took = (Date.now() - since) / 1000;
  console.log(`the banner came after ${took.toFixed(1)} s`);
  expect(took).toBeLessThan(seconds);
  await wall.locator(".grid.stale").waitFor();
}

async function healed(): Promise<void> {
  await banner().waitFor({ state: "hidden" });
  await wall.getByText("连接已恢复").first().waitFor();
  await expectSamePage();
}

describe("the dashboard", () => {
  test("is reloaded in the middle of listening", async () => {
    await card("w1", "live").click();
    await wall.locator(".dock [data-first-sound-ms]").waitFor();
    await wall.reload();
    await card("w1", "live").waitFor();
    await card("h1", "idle").waitFor();
    await metersMove("w1");
    await until("the server to know that nobody listens", async () => {
      const { listeners } = await server.api<{ listeners: string[] }>("GET", "/api/v1/seats/w1/state");
      return listeners.length === 0;
    });
    await card("w1", "live").click();
    await wall.locator(".dock [data-first-sound-ms]").waitFor();
    await wall.keyboard.press("s");
  });

  test("loses its connection, says so at once, and misses nothing", async () => {
    await nameThisPage();
    const before = lines.length;
    const former = await openCall("w1");
    const at = Date.now();
    cable.cut();
    await bannerWithin(4, at);

    // Meanwhile much happens.
    await server.api("POST", `/api/v1/calls/${former}/end`);
    await until("the call to be stored", async () => (await call(former)).state === "stored");
    const brief = await server.api<Call>("POST", "/api/v1/seats/h1/calls", { account: "A-1" });
    await server.api("PATCH", `/api/v1/calls/${brief.id}`, { account: "A-2" });
    await server.api("POST", `/api/v1/calls/${brief.id}/end`);
    const lasting = await server.api<Call>("POST", "/api/v1/seats/h1/calls", { account: "B-1" });
    await server.api("POST", `/api/v1/calls/${lasting.id}/pause`, { reason: "刷卡" });
    expect(await card("w1", "live").count(), "the wall shows what it knew").toBe(1);

    cable.mend();
    await healed();
    await card("w1", "idle").waitFor();
    await card("h1", "paused").waitFor();
    await wall.locator("[data-seat=h1]", { hasText: "刷卡" }).waitFor();
    await metersMove("w1");

    const since = lines.slice(before);
    const now = since.at(-1);
    expect(now?.address.searchParams.get("since"), "it takes up where it was").toBeTruthy();
    const told = since.flatMap((line) => line.messages);
    expect(told.filter((m) => m.type === "snapshot")).toEqual([]);
    for (const id of [former, brief.id, lasting.id]) {
      const events = told.filter((m) => m.event?.kind === "call" && m.event.call?.id === id);
      expect(events.length, `events of call ${id}`).toBeGreaterThan(0);
    }
    await server.api("POST", `/api/v1/calls/${lasting.id}/end`);
    await card("h1", "idle").waitFor();
  });

  test("notices a line on which nothing passes", async () => {
    await nameThisPage();
    const at = Date.now();
    cable.freeze();
    await bannerWithin(16, at);
    await seatPage.locator("[data-test=start]").click();
    await openCall("w1");
    cable.mend();
    await healed();
    await card("w1", "live").waitFor();
    await metersMove("w1");
  });

  test("outlives the server's restart, and the seat goes on with its call", async () => {
    await nameThisPage();
    const id = await openCall("w1");
    await until("some seconds of the call", async () => {
      const { parts } = await server.api<{ parts: { durationMs: number }[] }>("GET", `/api/v1/calls/${id}`);
      return (parts[0]?.durationMs ?? 0) > 2000;
    });
    const at = Date.now();
    const down = server.down();
    await bannerWithin(4, at);
    expect(await down, "exit status of the server").toBe(0);
    console.log(`the server was down after ${Date.now() - at} ms`);
    await seatPage.locator("[data-test=state][data-state=down]").waitFor();

    await server.up();
    await healed();
    await seatPage.locator("[data-test=state][data-state=live]").waitFor();
    await card("w1", "live").waitFor();
    await card("h1", "idle").waitFor();
    await card("w2", "offline").waitFor();
    await metersMove("w1");
    expect(await openCall("w1"), "the call goes on").toBe(id);

    const second = await until("the second part", async () => (await call(id)).parts[1]);
    await until("sound in the second part", async () => {
      const { parts } = await server.api<{ parts: { durationMs: number }[] }>("GET", `/api/v1/calls/${id}`);
      return (parts[1]?.durationMs ?? 0) > 1000;
    });
    await seatPage.locator("[data-test=end]").click();
    const stored = await until("the call to be stored", async () => {
      const now = await call(id);
      return now.state === "stored" && now;
    });
    expect(stored.parts.map((p) => p.n)).toEqual([1, 2]);
    for (const part of stored.parts) expect(part.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(stored.flags).toContain("interrupted");
    const away = stored.gaps.filter((g) => ["disconnected", "recorder_down"].includes(g.cause));
    expect(
      away.some((g) => g.startMs > 0 && g.endMs <= second.startMs + 100),
      "the gap between the parts",
    ).toBe(true);
  });
});
