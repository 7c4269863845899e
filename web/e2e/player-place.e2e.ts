// Where one is in a call stays where one is, whatever happens to the call meanwhile;
// who hears a result hears the next one; and the page says who has listened.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { listenForErrors, openWindow, picture, signIn, startChromium } from "./browser";
import { type Seat, Server, until } from "./server";

interface Call {
  id: string;
  state: string;
  parts: { durationMs: number; sha256: string }[];
}

let server: Server;
let browser: Browser;
let page: Page;
let seat: Seat;
/** Two that are stored, the newer first, and one that goes on. */
let stored: string[] = [];
let live = "";
const pages: string[][] = [];

const read = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const begin = async () => (await server.api<Call>("POST", "/api/v1/seats/w1/calls", { account: "6613" })).id;
const reach = (id: string, ms: number) =>
  until(`${ms} ms`, async () => ((await read(id)).parts[0]?.durationMs ?? 0) > ms, 60);

const dock = () => page.locator(".dock");
const positionMs = async () => Number(await dock().getByLabel("位置").inputValue());
const plays = () => dock().getByRole("button", { name: "暂停" }).waitFor();
const stands = () => dock().getByRole("button", { name: "播放", exact: true }).waitFor();
const beyond = (ms: number) =>
  until(`the playing to be beyond ${ms} ms`, async () => (await positionMs()) > ms);
const openAt = async (id: string, query = "") => {
  await page.goto(`${server.url}/calls/${id}${query}`);
  await page.getByTestId("waveform").waitFor();
  await stands();
};
/** The page has read the call again since this was called, and shown it. */
const readAgain = (id: string) =>
  page.waitForResponse((r) => r.url().endsWith(`/calls/${id}`) && r.request().method() === "GET");

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("east", "城东营业厅");
  seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  server.speak(seat, "water-bill");
  await until("the seat", async () => {
    const now = await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state");
    return now.state === "idle";
  });
  for (let i = 0; i < 2; i++) {
    const id = await begin();
    await reach(id, 12_000);
    await server.api("POST", `/api/v1/calls/${id}/end`);
    await until("the call to be stored", async () => {
      const call = await read(id);
      return call.state === "stored" && call.parts.every((p) => p.sha256);
    });
    stored = [id, ...stored];
  }
  live = await begin();
  await reach(live, 9000);
  browser = await startChromium();
  page = await (await openWindow(browser)).newPage();
  pages.push(listenForErrors(page, [/status of 401 .*\/api\/v1\/me\b/]));
  await signIn(page, server);
}, 120_000);

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture([page], "player-place");
  expect(
    pages.flatMap((list) => list.splice(0)),
    "errors in a browser's console",
  ).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

describe("a link to a second", () => {
  test("leads there once: a mark does not lead there again", async () => {
    const [id] = stored as [string];
    await openAt(id, "?t=2.5");
    await page.keyboard.press("k");
    await plays();
    await beyond(4500);
    const again = readAgain(id);
    await page.keyboard.press("m");
    await again;
    const at = await positionMs();
    expect(at).toBeGreaterThan(4400);
    await beyond(at + 500);
    await page.keyboard.press("k");
    await stands();
  });

  test("into a call that goes on, too, however often that is read", async () => {
    await openAt(live, "?t=2");
    await page.keyboard.press("k");
    await plays();
    for (let i = 0; i < 2; i++) await readAgain(live);
    await beyond(4500);
    await page.keyboard.press("k");
    await stands();
  });
});

describe("a call that is heard live", () => {
  test("shows that it is, at its end; quiet, it lies where it was", async () => {
    await openAt(live);
    await page.keyboard.press("g");
    await dock().locator("[data-first-sound-ms]").waitFor();
    await page.locator(".wave").getByRole("button", { name: "暂停" }).waitFor();
    expect(await page.locator(".wave").getByRole("button", { name: "回到实时" }).count()).toBe(0);
    const wave = page.getByTestId("waveform");
    await until("the playhead to stand at the end", async () => {
      const [now, end] = await Promise.all(
        ["aria-valuenow", "aria-valuemax"].map(async (name) => Number(await wave.getAttribute(name))),
      );
      return (end ?? 0) > 0 && (end ?? 0) - (now ?? 0) < 5;
    });
    await page.locator("main h1").click();
    await page.keyboard.press("Space");
    await stands();
    expect(await positionMs()).toBeGreaterThan(9000);
    await page.keyboard.press("s");
  });
});

describe("results that one hears", () => {
  test("go on with the next one", async () => {
    await page.goto(`${server.url}/archive?account=6613`);
    await page.locator(`[data-call="${stored[0]}"] a`).first().click();
    await page.waitForURL(`**/calls/${stored[0]}`);
    await stands();
    await page.keyboard.press("k");
    await plays();
    await page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled")).waitFor();
    await page.keyboard.press("Shift+J");
    await page.waitForURL(`**/calls/${stored[1]}`);
    await dock().locator(`a[href="/calls/${stored[1]}"]`).waitFor();
    await plays();
    await beyond(500);
    await page.keyboard.press("k");
    await stands();
  });
});

describe("a search that finds nothing for long", () => {
  test("says that it is not at its end, and goes on when asked again", async () => {
    const [first, second] = stored as [string, string];
    await page.goto(`${server.url}/archive`);
    await page.evaluate(
      (id) =>
        sessionStorage.setItem(
          "earshot.results",
          JSON.stringify({ filters: {}, first: 0, ids: [id], next: "c" }),
        ),
      first,
    );
    let found: { id: string }[] = [];
    await page.route(/\/api\/v1\/calls\?.*cursor=/, (route) =>
      route.fulfill({ json: { calls: found, next: found.length ? "" : "c", listened: [] } }),
    );
    await openAt(first);
    const next = page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled"));
    await next.waitFor();
    await page.keyboard.press("Shift+J");
    await page.getByText("搜索没有到底").waitFor();
    found = [{ id: second }];
    await next.click();
    await page.waitForURL(`**/calls/${second}`);
    await page.unrouteAll();
  });
});

describe("who has listened", () => {
  test("is said of one's own playing, and of others'", async () => {
    const id = await begin();
    await reach(id, 3000);
    await server.api("POST", `/api/v1/calls/${id}/end`);
    await until("the call to be stored", async () => (await read(id)).state === "stored");
    await openAt(id);
    const rows = page.getByTestId("call-audit").getByRole("listitem");
    await page.getByText("还没有人听过").or(rows.first()).waitFor();
    expect(await rows.count()).toBe(0);
    await page.keyboard.press("k");
    await rows.filter({ hasText: "admin" }).waitFor();
    const password = await server.makeUser("chen", "陈", "inspector");
    const answer = await fetch(`${server.url}/api/v1/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: "chen", password }),
    });
    const { token } = (await answer.json()) as { token: string };
    await fetch(`${server.url}/api/v1/calls/${id}/parts/1/audio`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    await rows.filter({ hasText: "chen" }).waitFor({ timeout: 25_000 });
  });
});
