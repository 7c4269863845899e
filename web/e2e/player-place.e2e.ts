// Where one is in a call stays where one is, whatever happens to the call meanwhile;
// who hears a result hears the next one; and the page says who has listened.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { CallPage } from "./callpage";
import { beginCall, reach, recordCall, seatIs } from "./recording";
import { until } from "./server";
import { setStage } from "./stage";

const stage = setStage("player-place");
const fields = { account: "6613" };
let page: Page;
let on: CallPage;
/** Two that are stored, the newer first, and one that goes on. */
let stored: string[] = [];
let live = "";

const beyond = (ms: number) =>
  until(`the playing to be beyond ${ms} ms`, async () => (await on.positionMs()) > ms);
/** The page has read the call again since this was called, and shown it. */
const readAgain = (id: string) =>
  page.waitForResponse((r) => r.url().endsWith(`/calls/${id}`) && r.request().method() === "GET");

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  server.speak(await server.makeSeat("w1", "1 号窗口", "east", "counter", "event"), "water-bill");
  await seatIs(server, "w1", "idle");
  for (let i = 0; i < 2; i++) stored = [(await recordCall(server, "w1", 12_000, fields)).id, ...stored];
  live = await beginCall(server, "w1", fields);
  await reach(server, live, 1, 9000);
  page = await stage.enter();
  on = new CallPage(page, server);
});

describe("a link to a second", () => {
  test("leads there once: a mark does not lead there again", async () => {
    const [id] = stored as [string];
    await on.open(id, "?t=2.5");
    await on.press("k");
    await on.plays();
    await beyond(4500);
    const again = readAgain(id);
    await on.press("m");
    await again;
    const at = await on.positionMs();
    expect(at).toBeGreaterThan(4400);
    await beyond(at + 500);
    await on.press("k");
    await on.stands();
  });

  test("into a call that goes on, too, however often that is read", async () => {
    await on.open(live, "?t=2");
    await on.press("k");
    await on.plays();
    for (let i = 0; i < 2; i++) await readAgain(live);
    await beyond(4500);
    await on.press("k");
    await on.stands();
  });
});

describe("a call that is heard live", () => {
  test("shows that it is, at its end; quiet, it lies where it was", async () => {
    await on.open(live);
    await on.press("g");
    await on.dock.locator("[data-first-sound-ms]").waitFor();
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
    await on.press("Space");
    await on.stands();
    expect(await on.positionMs()).toBeGreaterThan(9000);
    await on.press("s");
  });
});

describe("results that one hears", () => {
  test("go on with the next one", async () => {
    await page.goto(`${stage.server.url}/archive?account=6613`);
    await page.locator(`[data-call="${stored[0]}"] a`).first().click();
    await page.waitForURL(`**/calls/${stored[0]}`);
    await on.stands();
    await on.press("k");
    await on.plays();
    await page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled")).waitFor();
    await on.press("Shift+J");
    await page.waitForURL(`**/calls/${stored[1]}`);
    await on.dock.locator(`a[href="/calls/${stored[1]}"]`).waitFor();
    await on.plays();
    await beyond(500);
    await on.press("k");
    await on.stands();
  });
});

describe("a search that finds nothing for long", () => {
  test("says that it is not at its end, and goes on when asked again", async () => {
    const [first, second] = stored as [string, string];
    await page.goto(`${stage.server.url}/archive`);
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
    await on.open(first);
    const next = page.getByRole("button", { name: "下一个" }).and(page.locator(":enabled"));
    await next.waitFor();
    await on.press("Shift+J");
    await page.getByText("搜索没有到底").waitFor();
    found = [{ id: second }];
    await next.click();
    await page.waitForURL(`**/calls/${second}`);
    await page.unrouteAll();
  });
});

describe("who has listened", () => {
  test("is said of one's own playing, and of others'", async () => {
    const { server } = stage;
    const { id } = await recordCall(server, "w1", 3000, fields);
    await on.open(id);
    const rows = page.getByTestId("call-audit").getByRole("listitem");
    await page.getByText("还没有人听过").or(rows.first()).waitFor();
    expect(await rows.count()).toBe(0);
    await on.press("k");
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
    await rows.filter({ hasText: "chen" }).waitFor();
  });
});
