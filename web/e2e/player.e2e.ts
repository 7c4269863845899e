// The player as inspectors use it all day: a call of several parts heard on its
// true timeline, at any place and speed, by keyboard and pointer; what the
// loudspeakers get is compared with the files on the shelf.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  forget,
  type Heard,
  hear,
  heardSoFar,
  listenForErrors,
  openTappedWindow,
  picture,
  signIn,
  startChromium,
} from "./browser";
import { type Seat, Server, until } from "./server";
import { decode, type Envelope, envelope, faster, match } from "./sound";

interface Call {
  id: string;
  state: string;
  durationMs: number;
  parts: { n: number; file: string; sha256: string; startMs: number; durationMs: number }[];
  gaps: { startMs: number; endMs: number; cause: string }[];
  marks: { kind: string; text: string; startMs: number; endMs: number }[];
}

const folder = mkdtempSync(join(tmpdir(), "earshot-player-e2e-"));
const known = [/status of 401 .*\/api\/v1\/me\b/];

let server: Server;
let browser: Browser;
let window: BrowserContext;
let page: Page;
let seat: Seat;
/** The call of two parts, and two short ones after it, the newest first. */
let long: Call;
let short: string[] = [];
/** What was recorded of the long call, both sides on its timeline. */
let recorded: { left: Envelope; right: Envelope };
const pages: string[][] = [];
/** Each test begins where the one before it ended. */
let broken = false;

const read = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const begin = async () => (await server.api<Call>("POST", "/api/v1/seats/w1/calls", { account: "5502" })).id;
const reach = (id: string, n: number, ms: number) =>
  until(
    `part ${n} to reach ${ms} ms`,
    async () => ((await read(id)).parts.find((p) => p.n === n)?.durationMs ?? 0) > ms,
    60,
  );
const seatIs = (state: string) =>
  until(`the seat to be ${state}`, async () => {
    const now = await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state");
    return now.state === state;
  });

async function store(id: string): Promise<Call> {
  await server.api("POST", `/api/v1/calls/${id}/end`);
  return until("the call to be stored", async () => {
    const call = await read(id);
    return call.state === "stored" && call.parts.every((p) => p.sha256) && call;
  });
}

/** Decodes the stored parts and lays them on the call's timeline. */
async function timelineOf(call: Call): Promise<{ left: Envelope; right: Envelope }> {
  const sides = [new Float32Array(call.durationMs * 48), new Float32Array(call.durationMs * 48)];
  for (const part of call.parts) {
    const answer = await server.fetch(`/api/v1/calls/${call.id}/parts/${part.n}/audio`);
    const file = join(folder, `part-${part.n}.opus`);
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    for (const [i, samples] of decode(file).entries()) {
      const at = part.startMs * 48;
      sides[i]?.set(samples.subarray(0, (sides[i]?.length ?? 0) - at), at);
    }
  }
  return { left: envelope(sides[0] ?? []), right: envelope(sides[1] ?? []) };
}

const dock = () => page.locator(".dock");
const positionMs = async () => Number(await dock().getByLabel("位置").inputValue());
const at = (ms: number, off = 250) =>
  until(`the dock to be at ${ms} ms`, async () => Math.abs((await positionMs()) - ms) < off);
const press = (...keys: string[]) =>
  keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const plays = () => dock().getByRole("button", { name: "暂停" }).waitFor();
const stands = () => dock().getByRole("button", { name: "播放", exact: true }).waitFor();
const openAt = async (id: string, query = "") => {
  await page.goto(`${server.url}/calls/${id}${query}`);
  await page.getByTestId("waveform").waitFor();
  await stands();
};

/** Says where on the timeline what was heard lies, ms, after checking that it is it. */
function placeOf(heard: Heard, what: string, times = 1): number {
  const fast =
    times === 1 ? recorded : { left: faster(recorded.left, times), right: faster(recorded.right, times) };
  const found = [match(heard.left, fast.left), match(heard.right, fast.right)];
  const [left, right] = found as [(typeof found)[0], (typeof found)[0]];
  console.log(
    `${what}: ${left.likeness.toFixed(3)} ${right.likeness.toFixed(3)} at ${left.offset * 50 * times} ms`,
  );
  expect(Math.max(left.likeness, right.likeness), what).toBeGreaterThan(times === 1 ? 0.85 : 0.7);
  return (left.likeness > right.likeness ? left : right).offset * 50 * times;
}

async function expectAccessible(): Promise<void> {
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

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("east", "城东营业厅");
  seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  let hush = server.speak(seat, "water-bill");
  await seatIs("idle");
  const id = await begin();
  await reach(id, 1, 16_000);
  await hush();
  // Nobody is there for a while: the call goes on in another part, with other
  // words, so that what is heard has one place on the timeline.
  await new Promise((later) => setTimeout(later, 4000));
  hush = server.speak(seat, "gas-inspection");
  await reach(id, 2, 9000);
  long = await store(id);
  for (let i = 0; i < 2; i++) {
    const next = await begin();
    await reach(next, 1, 3000);
    short = [(await store(next)).id, ...short];
  }
  await hush();
  recorded = await timelineOf(long);
  console.log(long.parts.map((p) => `part ${p.n}: ${p.startMs}+${p.durationMs} ms`).join(", "));
  browser = await startChromium();
  window = await openTappedWindow(browser);
  page = await window.newPage();
  pages.push(listenForErrors(page, known));
  await signIn(page, server);
}, 120_000);

beforeEach((context) => context.skip(broken, "a step before this one failed"));

afterEach(async (context) => {
  if (context.task.result?.state === "fail") {
    broken = true;
    await picture([page], "player");
  }
  const seen = pages.flatMap((list) => list.splice(0));
  expect(seen, "errors in a browser's console").toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a call of several parts", () => {
  test("opens paused at the second of a link; nothing is heard, and nothing is said to be", async () => {
    expect(long.parts.length).toBeGreaterThan(1);
    await openAt(long.id, "?t=3.5");
    await at(3500, 20);
    const before = await server.api<{ audit: { action: string; who: string }[] }>(
      "GET",
      `/api/v1/calls/${long.id}/audit`,
    );
    await page.waitForLoadState("networkidle");
    const after = await server.api<{ audit: unknown[] }>("GET", `/api/v1/calls/${long.id}/audit`);
    expect(after.audit.length).toBe(before.audit.length);
  });

  test("is heard as it was recorded from that second on, and after a seek", async () => {
    await page.getByRole("button", { name: "播放", exact: true }).first().click();
    const from = await positionMs();
    const heard = await hear(page, 5);
    expect(Math.abs(placeOf(heard, "from 3.5 s") - from)).toBeLessThan(700);
    console.log(`click to first sound: ${(await heardSoFar(page)).clickToSound.toFixed(0)} ms`);
    await press(" ");
    await stands();
    await dock().getByLabel("位置").fill("8000");
    await press("k");
    await plays();
    expect(Math.abs(placeOf(await hear(page, 5), "after a seek to 8 s") - 8000)).toBeLessThan(900);
  });

  test("runs through the gap between its parts as silence, at the pace of time", async () => {
    const [first, second] = long.parts as [Call["parts"][0], Call["parts"][0]];
    const end = first.startMs + first.durationMs;
    const gap = second.startMs - end;
    await press("k");
    await stands();
    await dock()
      .getByLabel("位置")
      .fill(String(Math.round((end - 2000) / 100) * 100));
    await press("k");
    await plays();
    const heard = await hear(page, gap / 1000 + 6);
    const place = placeOf(heard, `across a gap of ${gap} ms`);
    expect(Math.abs(place - (end - 2000))).toBeLessThan(900);
  });

  test("is heard twice as fast, in its own pitch, and the speed is remembered", async () => {
    await press("k");
    await stands();
    await dock().getByLabel("位置").fill("0");
    await press(">", ">", ">");
    expect(await dock().getByLabel("速度").inputValue()).toBe("2");
    await press("k");
    await plays();
    placeOf(await hear(page, 6), "twice as fast", 2);
    await page.reload();
    await stands();
    expect(await dock().getByLabel("速度").inputValue()).toBe("2");
    await press("<", "<", "<");
    expect(await dock().getByLabel("速度").inputValue()).toBe("1");
  });
});

describe("every key", () => {
  test("moves the place: J L, arrows, comma and dot", async () => {
    await openAt(long.id);
    const steps: [string, number][] = [
      ["l", 10_000],
      ["j", 0],
      ["ArrowRight", 5000],
      ["Shift+ArrowRight", 6000],
      [".", 6100],
      [",", 6000],
      ["Shift+ArrowLeft", 5000],
      ["ArrowLeft", 0],
    ];
    for (const [key, ms] of steps) {
      await press(key);
      await at(ms, 30);
    }
  });

  test("chooses a stretch, loops it, marks it and notes it", async () => {
    await press("ArrowRight", "[", "Shift+ArrowRight", "Shift+ArrowRight", "]");
    const bar = page.getByTestId("span");
    await bar.getByText("0:05.0–0:07.0").waitFor();
    await press("Space");
    await plays();
    // Three rounds and a half: it never leaves the stretch.
    const seen: number[] = [];
    const until7 = Date.now() + 7000;
    while (Date.now() < until7) seen.push(await positionMs());
    expect(Math.max(...seen)).toBeLessThan(7300);
    expect(seen.filter((ms, i) => ms < (seen[i - 1] ?? 0) - 1000).length, "rounds").toBeGreaterThanOrEqual(2);
    await press("r");
    await until("the playing to leave the stretch", async () => (await positionMs()) > 7500);
    await press("Space", "r");
    await stands();

    await bar.getByRole("button", { name: "标记此段" }).click();
    await page.getByText("已标记 0:05.0–0:07.0").waitFor();
    await press("t");
    await page.getByRole("textbox", { name: "备注内容" }).fill("改口");
    await press("Enter");
    await page.getByRole("listitem").filter({ hasText: "改口" }).waitFor();
    const { marks } = await read(long.id);
    const spans = marks.filter((m) => m.kind !== "listen").map((m) => [m.kind, m.startMs, m.endMs]);
    expect(spans.sort()).toEqual([
      ["bookmark", 5000, 7000],
      ["note", 5000, 7000],
    ]);
    const link = bar.getByRole("link", { name: "导出证据" });
    expect(await link.getAttribute("href")).toBe(`/evidence/packages/new?call=${long.id}@5000-7000`);
    await expectAccessible();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      bar.getByRole("link", { name: "下载此段" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^1号窗口_\d{8}-\d{6}_00m05\.0s-00m07\.0s\.opus$/);
    const clip = join(folder, "clip.opus");
    await download.saveAs(clip);
    const seconds = (decode(clip)[0]?.length ?? 0) / 48_000;
    expect(Math.abs(seconds - 2)).toBeLessThan(0.2);
    await page.locator("main").click({ position: { x: 5, y: 5 } });
    await press("Escape");
    await bar.waitFor({ state: "detached" });
  });

  test("zooms to a tenth of a second, marks, mutes, skips silence, and lists itself", async () => {
    const axis = page.getByTestId("waveform");
    for (let i = 0; i < 14; i++) await press("+");
    expect(await page.getByRole("button", { name: "放大" }).isDisabled()).toBe(true);
    await press("-");
    expect(await page.getByRole("button", { name: "放大" }).isDisabled()).toBe(false);
    await press("0");
    expect(await page.getByRole("button", { name: "缩小" }).isDisabled()).toBe(true);

    await press("m");
    await page.getByText("做标记").last().waitFor();
    for (const [key, name] of [
      ["1", "坐席静音"],
      ["2", "客户静音"],
      ["q", "跳过静音"],
    ] as const) {
      const button = dock().getByRole("button", { name });
      await press(key);
      await dock().locator(`button[aria-pressed=true][aria-label="${name}"]`).waitFor();
      if (key === "q") continue;
      await press(key);
      expect(await button.getAttribute("aria-pressed")).toBe("false");
    }
    await press("?");
    await page.getByRole("dialog").getByText("下一个 / 上一个搜索结果").waitFor();
    await press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await axis.waitFor();
  });

  test("jumps what is silent on both sides", async () => {
    const [first] = long.parts as [Call["parts"][0]];
    const end = first.startMs + first.durationMs;
    const second = long.parts[1]?.startMs ?? 0;
    await dock()
      .getByLabel("位置")
      .fill(String(Math.round((end - 1000) / 100) * 100));
    await press("k");
    await dock().getByText("已跳过静音").waitFor();
    expect(await positionMs()).toBeGreaterThan(Math.min(second, end + 1500) - 600);
    await press("k", "q");
    await stands();
  });
});

describe("the pointer", () => {
  test("drags a stretch over the waveform, moves its end, and clicks to a place", async () => {
    await openAt(long.id);
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("the waveform is not drawn");
    const x = (ms: number) => box.x + (box.width * ms) / long.durationMs;
    const drag = async (from: number, to: number) => {
      await page.mouse.move(x(from), box.y + 50);
      await page.mouse.down();
      await page.mouse.move(x((from + to) / 2), box.y + 60, { steps: 4 });
      await page.mouse.move(x(to), box.y + 60, { steps: 4 });
      await page.mouse.up();
    };
    await drag(4000, 9000);
    const told = page.getByTestId("span").getByRole("status");
    expect(await told.innerText()).toMatch(/^0:0[34]\.\d–0:0(8\.9|9\.0)$/);
    await at(4000, 100);
    await drag(9000, 12_000);
    expect(await told.innerText()).toMatch(/^0:0[34]\.\d–0:1[12]\.\d$/);
    await page.mouse.click(x(10_000), box.y + 60);
    await at(10_000, 100);
  });
});

describe("the results of a search", () => {
  test("are one key apart, loaded ahead, and the way back is the search", async () => {
    await page.goto(`${server.url}/archive?account=5502`);
    await page.locator(`tr[data-call="${short[0]}"] a`).click();
    await page.waitForURL(`**/calls/${short[0]}`);
    const order = [short[0], short[1], long.id];
    for (const id of order.slice(1)) {
      await page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled")).waitFor();
      await press("Shift+J");
      await page.waitForURL(`**/calls/${id}`);
      await stands();
      await until(
        "the call to lie in the dock",
        async () => (await dock().locator(`a[href="/calls/${id}"]`).count()) > 0,
      );
    }
    await press("Shift+K");
    await page.waitForURL(`**/calls/${short[1]}`);
    await page.getByText("2 / 3").waitFor();
    await page.locator("a.back").click();
    await page.waitForURL("**/archive?account=5502");
  });
});

describe("a call that goes on", () => {
  test("plays from its beginning, and 'live' leads to the present", async () => {
    server.speak(seat, "water-bill");
    await seatIs("idle");
    const id = await begin();
    await reach(id, 1, 6000);
    await openAt(id);
    await press("k");
    await plays();
    const from = await positionMs();
    expect(from).toBeLessThan(2500);
    const heard = await hear(page, 6);
    expect(Math.max(...heard.left, ...heard.right)).toBeGreaterThan(0.01);
    await until("it to go beyond what there was", async () => (await positionMs()) > 8500);
    // Silence is jumped in it too, as far as it has been heard.
    const asked = page.waitForRequest((request) => request.url().endsWith(`/calls/${id}/levels`));
    await press("q");
    await asked;
    await dock().locator('button[aria-pressed=true][aria-label="跳过静音"]').waitFor();
    await press("q");
    await press("g");
    await dock().locator("[data-first-sound-ms]").waitFor();
    await forget(page);
    await press("s");
    await store(id);
  });
});
