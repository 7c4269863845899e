// The seat page, as a clerk uses it: a real server, a real Chromium whose one
// microphone has two sides.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Language, openWindow, startChromium } from "./browser";
import { type Seat, Server, until } from "./server";
import { twoSidedMicrophone } from "./sound";

interface Call {
  id: string;
  state: string;
  ticket: string;
  account: string;
  business: string;
  direction: string;
  number: string;
  agent: { id: string; name: string } | null;
  parts: { n: number; sha256: string; durationMs: number }[];
  gaps: { side: string; cause: string; startMs: number; endMs: number }[];
  marks: { kind: string; text: string }[];
}
interface LiveSeat {
  state: string;
  agent: { id: string } | null;
  call: { id: string; paused: boolean } | null;
  streams: { connected: boolean; sides: string[] }[];
}

let server: Server;
let browser: Browser;
let window: BrowserContext;
const folder = mkdtempSync(join(tmpdir(), "earshot-seat-e2e-"));

beforeAll(async () => {
  const microphone = join(folder, "microphone.wav");
  twoSidedMicrophone(microphone, "water-bill");
  server = await Server.start();
  await server.makeBranch("hall", "城东营业厅");
  browser = await startChromium(microphone);
});

afterEach(async () => window?.close());

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const state = (page: Page, name: string) => page.locator(`[data-test=state][data-state=${name}]`).waitFor();
const live = (seat: Seat) => server.api<LiveSeat>("GET", `/api/v1/seats/${seat.id}/state`);
const call = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const button = (page: Page, name: string) => page.locator(`[data-test=${name}]`);

const openCall = (seat: Seat) => until("a call to be open", async () => (await live(seat)).call?.id);

/** Opens the seat's link with the language chosen, and says that one device has both sides. */
async function openSeat(seat: Seat, language: Language = "zh-CN", prepare?: () => void): Promise<Page> {
  window = await openWindow(browser, language);
  if (prepare) await window.addInitScript(prepare);
  await window.addInitScript((lang) => localStorage.setItem("earshot.lang", lang), language);
  const page = await window.newPage();
  await page.goto(seat.seatUrl);
  await page.locator("input[name=kind][value=stereo]").check();
  return page;
}

/** How loud the page's meters show both sides at the same moment, 0 to 1. */
const meters = (page: Page) =>
  page.evaluate(() =>
    ["agent", "customer"].map((side) => {
      const bar = document.querySelector<HTMLElement>(`[data-test=meter-${side}] i`);
      return Number(/scaleX\(([\d.]+)\)/.exec(bar?.style.transform ?? "")?.[1] ?? 0);
    }),
  );

async function bothSidesMove(page: Page): Promise<void> {
  const loudest = [0, 0];
  await until("both meters to move", async () => {
    for (const [i, level] of (await meters(page)).entries()) loudest[i] = Math.max(loudest[i] ?? 0, level);
    return loudest.every((level) => level > 0.2);
  });
}

async function onAir(page: Page, seat: Seat): Promise<void> {
  await button(page, "go").click();
  await until("the server to hear both sides", async () =>
    (await live(seat)).streams.some((s) => s.connected && s.sides.length === 2),
  );
}

describe("a seat whose calls are cut by event", () => {
  test("a call from its start to its end, with fields, a pause and a shift change", async () => {
    const seat = await server.makeSeat("w1", "1 号窗口", "hall", "counter", "event");
    const page = await openSeat(seat);
    expect(new URL(page.url()).hash, "the token is not left in the address bar").toBe("");
    await bothSidesMove(page);
    await onAir(page, seat);
    await state(page, "idle");
    await bothSidesMove(page);

    await page.locator(".who").click();
    await page.locator("input[name=agent-id]").fill("1007");
    await page.locator("input[name=agent-name]").fill("王芳");
    await page.keyboard.press("Enter");
    await until("the agent to be known", async () => (await live(seat)).agent?.id === "1007");
    await page.locator(".who b", { hasText: "1007" }).waitFor();

    await page.locator("input[name=ticket]").fill("GD-2611-0042");
    await page.locator("[data-test=start]").focus();
    await page.keyboard.press("Enter");
    await state(page, "live");
    const id = await openCall(seat);
    expect(await call(id)).toMatchObject({
      state: "live",
      ticket: "GD-2611-0042",
      direction: "none",
      agent: { id: "1007", name: "王芳" },
    });

    await page.locator("input[name=account]").fill("3301 0099 1");
    await page.locator("input[name=business]").fill("账单查询");
    await page.locator(".segments label", { hasText: "呼入" }).click();
    await page.locator("input[name=number]").fill("13900001111");
    await page.locator("[data-test=save]", { hasText: "已保存" }).waitFor();
    await until("the fields to arrive", async () => (await call(id)).number === "13900001111");
    expect(await call(id)).toMatchObject({
      account: "3301 0099 1",
      business: "账单查询",
      direction: "inbound",
    });

    await button(page, "pause").click();
    await page.getByRole("button", { name: "读取银行卡号" }).click();
    await state(page, "paused");
    expect(await page.locator("[data-test=state]").innerText()).toContain("读取银行卡号");
    expect((await live(seat)).call?.paused).toBe(true);
    await page.waitForFunction(() => /已暂停 0:(0[1-9]|[1-5]\d)/.test(document.body.innerText));
    await button(page, "resume").click();
    await state(page, "live");

    await page.locator("input[name=ticket]").fill("GD-2611-0043");
    await button(page, "end").click();
    await state(page, "idle");
    const stored = await until("the call to be stored", async () => {
      const now = await call(id);
      return now.state === "stored" && now;
    });
    expect(stored.ticket, "what was typed last is saved before the end").toBe("GD-2611-0043");
    expect(stored.parts).toHaveLength(1);
    expect(
      stored.gaps
        .filter((g) => g.cause === "paused")
        .map((g) => g.side)
        .sort(),
    ).toEqual(["agent", "customer"]);
    expect(stored.marks).toContainEqual(expect.objectContaining({ kind: "pause", text: "读取银行卡号" }));
    expect(await page.locator("input[name=ticket]").inputValue()).toBe("");
  });

  test("a reload in the middle goes on with the same call, and by itself", async () => {
    const seat = await server.makeSeat("w2", "2 号窗口", "hall", "counter", "event");
    const page = await openSeat(seat);
    await onAir(page, seat);
    await page.locator("input[name=ticket]").fill("GD-7");
    await button(page, "start").click();
    await state(page, "live");
    const id = await openCall(seat);
    await page.waitForFunction(() =>
      /0:(0[2-9]|[1-5]\d)/.test(document.querySelector(".timer")?.textContent ?? ""),
    );

    await page.reload();
    await state(page, "live");
    await until("a second part", async () => (await call(id)).parts.length === 2);
    expect(await openCall(seat)).toBe(id);
    expect(await page.locator("input[name=ticket]").inputValue()).toBe("GD-7");
    await bothSidesMove(page);
    await button(page, "end").click();
    const stored = await until("the call to be stored", async () => {
      const now = await call(id);
      return now.state === "stored" && now;
    });
    expect(stored.parts.map((p) => p.n)).toEqual([1, 2]);
    expect(stored.gaps.map((g) => g.cause)).toContain("disconnected");
  });

  test("a server that restarts is reached again, saying so meanwhile", async () => {
    const seat = await server.makeSeat("w3", "3 号窗口", "hall", "counter", "event");
    const page = await openSeat(seat);
    await onAir(page, seat);
    await page.locator(".who").click();
    await page.locator("input[name=agent-id]").fill("1009");
    await page.keyboard.press("Enter");
    await button(page, "start").click();
    await state(page, "live");
    const id = await openCall(seat);

    await server.down();
    await state(page, "down");
    await page.locator("[data-test=trouble-reconnecting]").waitFor();
    await server.up();
    await until("the stream to be back", async () => (await live(seat)).streams.some((s) => s.connected), 40);
    await page.locator("[data-test=trouble-reconnecting]").waitFor({ state: "detached" });
    await until("the agent to be said again", async () => (await live(seat)).agent?.id === "1009");
    expect(["live", "stored"]).toContain((await call(id)).state);
    await bothSidesMove(page);
  });

  test("another device takes over; this one says so and waits for a click", async () => {
    const seat = await server.makeSeat("w4", "4 号窗口", "hall", "counter", "event");
    const page = await openSeat(seat);
    await onAir(page, seat);
    const first = window;
    const other = await openSeat(seat);
    const second = window;
    await button(other, "go").click();
    await page.locator("[data-test=trouble-taken]").waitFor();
    expect((await live(seat)).streams).toHaveLength(1);
    await page.locator("[data-test=trouble-taken] button").click();
    await other.locator("[data-test=trouble-taken]").waitFor();
    await page.locator("[data-test=trouble-taken]").waitFor({ state: "detached" });
    await second.close();
    window = first;
  });

  test("a token that is not valid any more is refused in words", async () => {
    const seat = await server.makeSeat("w5", "5 号窗口", "hall", "counter", "event");
    const page = await openSeat({ ...seat, seatUrl: seat.seatUrl.replace(/token=.*/, "token=est_wrong") });
    await button(page, "go").click();
    await page.locator("[data-test=trouble-refused]", { hasText: "坐席链接已失效" }).waitFor();
    await page.goto(`${server.url}/seat#seat=${seat.id}&token=${seat.token}`);
    await until("the new link to be taken", async () => (await live(seat)).streams.some((s) => s.connected));
  });
});

test("a microphone that is pulled is said, and taken up again on the same connection", async () => {
  const seat = await server.makeSeat("w7", "7 号窗口", "hall", "counter", "event");
  const page = await openSeat(seat, "zh-CN", pullableMicrophone);
  await onAir(page, seat);
  await button(page, "start").click();
  await state(page, "live");
  const id = await openCall(seat);
  await page.evaluate(() => dispatchEvent(new Event("unplug")));
  await page.locator("[data-test=trouble-gone]", { hasText: "麦克风断开了" }).waitFor();
  await state(page, "faulty");
  await page.evaluate(() => dispatchEvent(new Event("plug")));
  await page.locator("[data-test=trouble-gone]").waitFor({ state: "detached" });
  await state(page, "live");
  await bothSidesMove(page);
  expect(await call(id)).toMatchObject({ state: "live", parts: [{ n: 1 }] });
});

/** Runs in the page: events pull the microphone out and put it back, as Chromium's fake one never is. */
function pullableMicrophone(): void {
  const media = navigator.mediaDevices;
  const [give, list] = [media.getUserMedia.bind(media), media.enumerateDevices.bind(media)];
  const given: MediaStreamTrack[] = [];
  let there = true;
  media.enumerateDevices = async () => (there ? list() : []);
  media.getUserMedia = async (wanted) => {
    if (!there) throw new DOMException("pulled", "NotFoundError");
    const stream = await give(wanted);
    given.push(...stream.getTracks());
    return stream;
  };
  addEventListener("unplug", () => {
    there = false;
    for (const track of given.splice(0)) {
      if (track.readyState === "ended") continue;
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }
    media.dispatchEvent(new Event("devicechange"));
  });
  addEventListener("plug", () => {
    there = true;
    media.dispatchEvent(new Event("devicechange"));
  });
}

test("a connection that falters is healed by restarting ICE, in the same part", async () => {
  const seat = await server.makeSeat("w8", "8 号窗口", "hall", "counter", "event");
  const page = await openSeat(seat, "zh-CN", falteringConnection);
  const answers: string[] = [];
  page.on("response", (r) => {
    if (r.url().includes("/whip/")) answers.push(`${r.request().method()} ${r.status()}`);
  });
  await onAir(page, seat);
  await button(page, "start").click();
  await state(page, "live");
  const id = await openCall(seat);
  const before = (await live(seat)).streams;

  await page.evaluate(() => dispatchEvent(new Event("falter")));
  await page.locator("[data-test=trouble-reconnecting]").waitFor();
  await until("the restart", async () => answers.includes("PATCH 200"));
  await page.evaluate(() => dispatchEvent(new Event("recover")));
  await page.locator("[data-test=trouble-reconnecting]").waitFor({ state: "detached" });
  await bothSidesMove(page);
  // Longer than a restart may take: it was not given up meanwhile.
  await page.waitForFunction(() => /0:[1-5]\d/.test(document.querySelector(".timer")?.textContent ?? ""));
  expect(answers.filter((a) => a.startsWith("POST"))).toEqual(["POST 201"]);
  expect((await live(seat)).streams).toMatchObject(before.map(({ sides }) => ({ sides, connected: true })));
  expect((await call(id)).parts).toHaveLength(1);
});

/** Runs in the page: the connection says that it is disconnected until it is told that it has recovered. */
function falteringConnection(): void {
  const Real = RTCPeerConnection;
  const made: RTCPeerConnection[] = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      made.push(this);
    }
  };
  const tell = () => made.at(-1)?.dispatchEvent(new Event("iceconnectionstatechange"));
  addEventListener("falter", () => {
    const pc = made.at(-1);
    if (pc)
      Object.defineProperty(pc, "iceConnectionState", { configurable: true, get: () => "disconnected" });
    tell();
  });
  addEventListener("recover", () => {
    const pc = made.at(-1);
    if (pc) Reflect.deleteProperty(pc, "iceConnectionState");
    tell();
  });
}

test("a session's call begins with the connection and ends when a person stops", async () => {
  const seat = await server.makeSeat("h1", "热线 1 席", "hall", "hotline", "session");
  const page = await openSeat(seat, "en");
  await onAir(page, seat);
  await state(page, "live");
  expect(await page.title()).toBe("Recording · 热线 1 席");
  expect(await page.locator("[data-test=state] .word").innerText()).toContain("Recording");
  const id = await openCall(seat);
  await page.locator("input[name=ticket]").fill("T-1");
  await page.locator("[data-test=save]", { hasText: "Saved" }).waitFor();
  await button(page, "pause").click();
  await page.getByRole("button", { name: "Private talk" }).click();
  await state(page, "paused");
  await button(page, "resume").click();
  await state(page, "live");

  await page.getByRole("button", { name: "Stop recording" }).click();
  await button(page, "stop-sure").click();
  await page.locator("[data-test=trouble-stopped]").waitFor();
  const stored = await until("the call to be stored", async () => {
    const now = await call(id);
    return now.state === "stored" && now;
  });
  expect(stored.ticket).toBe("T-1");
  await page.reload();
  await page.locator("[data-test=go]").waitFor();
  expect((await live(seat)).streams, "stopped stays stopped").toEqual([]);
});

test("without a link the page says how to get one; a signed-in agent chooses a seat", async () => {
  await server.makeSeat("h2", "热线 2 席", "hall", "hotline", "event");
  await server.api("POST", "/api/v1/users", {
    id: "li",
    name: "李强",
    role: "agent",
    password: "a long password",
  });
  window = await openWindow(browser);
  const page = await window.newPage();
  await page.goto(`${server.url}/seat`);
  await page.getByRole("heading", { name: "还不知道自己是哪个坐席位" }).waitFor();
  await page.request.post(`${server.url}/api/v1/login`, {
    data: { name: "li", password: "a long password" },
  });
  await page.reload();
  await page.getByRole("button", { name: "热线 2 席" }).click();
  await page.locator("input[name=kind][value=stereo]").check();
  await onAir(page, { id: "h2", token: "", seatUrl: "", whipUrl: "" });
  await page.reload();
  await state(page, "idle");
});

test("a page that is not secure says what to do", async () => {
  const seat = await server.makeSeat("w6", "6 号窗口", "hall", "counter", "event");
  window = await openWindow(browser);
  await window.addInitScript(() => {
    Object.defineProperty(globalThis, "isSecureContext", { get: () => false });
    Object.defineProperty(navigator, "mediaDevices", { get: () => undefined });
  });
  const page = await window.newPage();
  await page.goto(seat.seatUrl);
  await page.getByRole("heading", { name: "浏览器不让这个页面用麦克风" }).waitFor();
  const text = await page.locator("main").innerText();
  expect(text).toContain(server.url);
  expect(text).toContain("chrome://flags/#unsafely-treat-insecure-origin-as-secure");
});

test.each(["light", "dark"] as const)(
  "nothing is out of reach for anybody, in %s, nor out of sight at 1024 × 768",
  async (theme) => {
    const seat = await server.makeSeat(`a-${theme}`, "7 号窗口", "hall", "counter", "event");
    const page = await openSeat(seat);
    await page.setViewportSize({ width: 1024, height: 768 });
    await page.emulateMedia({ colorScheme: theme });
    await clean(page);
    await onAir(page, seat);
    await state(page, "idle");
    await clean(page);
    await page.locator(".who").click();
    await clean(page);
    await page.keyboard.press("Escape");
    await button(page, "start").click();
    await state(page, "live");
    await button(page, "pause").click();
    await clean(page);
    await page.getByRole("button", { name: "私人谈话" }).click();
    await state(page, "paused");
    await clean(page);
  },
);

async function clean(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`)).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  expect(overflow, "no scrolling").toBeLessThanOrEqual(0);
}
