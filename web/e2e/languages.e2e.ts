// Every page in both languages, light and dark: nothing without a text, nothing
// that shuts out people who cannot see or point.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type Language,
  listenForErrors,
  openWindow,
  picture,
  signIn,
  speakLanguage,
  startChromium,
} from "./browser";
import { type Seat, Server, until } from "./server";

const languages: Language[] = ["zh-CN", "en"];
// Whether one is signed in is asked before one is; the browser notes the answer.
const known = [/status of 401 .*\/api\/v1\/me\b/];

let server: Server;
let browser: Browser;
let page: Page;
let seat: Seat;
let callId = "";

interface Call {
  state: string;
  parts: { durationMs: number }[];
}

/** One window for those who are signed in and one for those who are not, each in one language. */
interface Desk {
  signedIn: Page;
  stranger: Page;
  errors: string[];
  close(): Promise<void>;
}

beforeAll(async () => {
  server = await Server.start();
  await server.api("PATCH", "/api/v1/users/admin", { name: "Admin" });
  browser = await startChromium();
});

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture([page], "languages");
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

async function openDesk(language: Language): Promise<Desk> {
  const windows = await Promise.all([openWindow(browser, language), openWindow(browser, language)]);
  const errors: string[] = [];
  const pages: Page[] = [];
  for (const window of windows) {
    await speakLanguage(window, language);
    const opened = await window.newPage();
    listenForErrors(opened, known, errors);
    pages.push(opened);
  }
  const [signedIn, stranger] = pages as [Page, Page];
  await signIn(signedIn, server);
  page = signedIn;
  return {
    signedIn,
    stranger,
    errors,
    close: async () => void (await Promise.all(windows.map((w) => w.close()))),
  };
}

/** The names of the groups that texts are kept in: a text that is missing shows its key. */
const groups = /import (\w+) from/g;
const texts = readFileSync(resolve(import.meta.dirname, "../src/i18n/zh-CN/index.ts"), "utf8");
const rawKey = new RegExp(
  `\\b(${[...texts.matchAll(groups)].map((m) => m[1]).join("|")})(\\.[a-z]\\w*)+\\b|\\{\\w+\\}|undefined|\\[object|NaN|null`,
);
const chinese = /\p{Script=Han}/u;

/** All that a page says, to eyes and to screen readers. */
function saidOn(): Promise<string[]> {
  return page.evaluate(() => {
    const said = [document.title];
    const attributes = ["aria-label", "title", "placeholder", "alt", "aria-valuetext"];
    for (const element of document.querySelectorAll("*")) {
      if (element.closest("script, style")) continue;
      for (const name of attributes) said.push(element.getAttribute(name) ?? "");
      for (const node of element.childNodes) {
        if (node.nodeType === Node.TEXT_NODE) said.push(node.textContent ?? "");
      }
    }
    return said.map((text) => text.trim()).filter(Boolean);
  });
}

/** What is Chinese on an English page, though it is no name: names stay as people gave them. */
const mayBeChinese = ["中文", "声鉴", "声鉴 Earshot", "声鉴坐席 Earshot seat"];

async function expectTexts(language: Language): Promise<void> {
  expect(await page.locator("html").getAttribute("lang")).toBe(language);
  const said = await saidOn();
  expect(said.length, "texts on the page").toBeGreaterThan(3);
  expect(said.filter((text) => rawKey.test(text))).toEqual([]);
  const inChinese = said.filter((text) => chinese.test(text));
  if (language === "en") expect(inChinese.filter((text) => !mayBeChinese.includes(text))).toEqual([]);
  else expect(inChinese.length, "Chinese texts").toBeGreaterThan(said.length / 4);
}

/** The same in light and dark; colours are the same in all languages, so dark is looked at in one. */
async function expectAccessible(language: Language): Promise<void> {
  for (const colorScheme of language === "en" ? (["light"] as const) : (["dark", "light"] as const)) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.locator(colorScheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
    const { violations } = await new AxeBuilder({ page }).analyze();
    const grave = violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => `${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
    expect(grave).toEqual([]);
  }
}

/** A person reads the page when it has read what it shows. */
async function settled(): Promise<void> {
  await page.waitForLoadState("networkidle");
  await until("the page's transitions to end", () =>
    page.evaluate(() =>
      document
        .getAnimations()
        .every(
          (a) => a.playState !== "running" || a.effect?.getTiming().iterations === Number.POSITIVE_INFINITY,
        ),
    ),
  );
}

describe("a system with nothing in it", () => {
  test.each(languages)("says what to do first, in %s", async (language) => {
    const desk = await openDesk(language);
    const step = language === "en" ? "Make a branch" : "建一个网点";
    await page.locator("li b", { hasText: step }).waitFor();
    expect(await page.locator("ol > li").count()).toBe(3);
    await settled();
    await expectTexts(language);
    await expectAccessible(language);
    for (const path of ["/archive", "/admin/branches", "/admin/seats"]) {
      await page.goto(server.url + path);
      await page.locator(".empty").waitFor();
      await settled();
      await expectTexts(language);
    }
    expect(desk.errors).toEqual([]);
    await desk.close();
  });
});

describe("a system at work", () => {
  beforeAll(async () => {
    await server.makeBranch("east", "East hall");
    await server.api("POST", "/api/v1/branches", { id: "east-1", name: "Floor 1", parent: "east" });
    seat = await server.makeSeat("w1", "Window 1", "east-1", "counter", "session");
    const other = await server.makeSeat("h1", "Hotline 1", "east", "hotline", "event");
    await server.makeSeat("w2", "Window 2", "east", "counter", "voice");
    await server.makeUser("zhang", "Zhang", "supervisor");
    server.speak(seat, "water-bill");
    callId = await storedCall(other);
  });

  /** A call with all that can be said about one, a mark and a gap. */
  async function storedCall(hotline: Seat): Promise<string> {
    const hush = server.speak(hotline, "gas-leak");
    const state = async (id: string) =>
      (await server.api<{ state: string }>("GET", `/api/v1/seats/${id}/state`)).state;
    await until(
      "both seats to be there",
      async () => (await state("w1")) === "live" && (await state("h1")) === "idle",
    );
    const { id } = await server.api<{ id: string }>("POST", "/api/v1/seats/h1/calls", {
      account: "5502",
      ticket: "T-1",
      business: "repair",
      direction: "inbound",
      number: "13500090010",
      agent: { id: "1007", name: "Wang" },
      tags: ["urgent"],
    });
    await server.api("POST", `/api/v1/calls/${id}/marks`, {
      ...{ kind: "note", side: "", startMs: 100, endMs: 100, text: "hello", shared: true },
    });
    const call = () => server.api<Call>("GET", `/api/v1/calls/${id}`);
    await until("a second of sound", async () => ((await call()).parts[0]?.durationMs ?? 0) > 1000);
    await hush(); // it hangs up before the call ends: a gap
    await until("the seat to be gone", async () => (await state("h1")) !== "live");
    await server.api("POST", `/api/v1/calls/${id}/end`);
    await until("the call to be stored", async () => (await call()).state === "stored");
    return id;
  }

  const seatPath = () => seat.seatUrl.slice(server.url.length);
  const routes: { name: string; path: () => string; by?: "stranger"; shows: string; mayFail?: RegExp }[] = [
    { name: "the sign-in page", path: () => "/login", by: "stranger", shows: "form" },
    { name: "the wall", path: () => "/", shows: "[data-seat=w1].live" },
    { name: "the archive", path: () => "/archive", shows: "tr[data-call]" },
    { name: "a call", path: () => `/calls/${callId}`, shows: "[data-testid=waveform]" },
    {
      name: "a call that is not there",
      path: () => "/calls/none",
      shows: "[role=alert]",
      mayFail: /status of 404/,
    },
    { name: "the branches", path: () => "/admin/branches", shows: ".rows" },
    { name: "the seats", path: () => "/admin/seats", shows: ".rows" },
    { name: "the users", path: () => "/admin/users", shows: ".rows" },
    { name: "capture verification", path: () => "/capture", shows: "[data-test=verdict]" },
    { name: "the audit", path: () => "/admin/audit", shows: ".rows" },
    { name: "the holds", path: () => "/evidence/holds", shows: ".empty h2" },
    { name: "the policies", path: () => "/evidence/retention", shows: ".everything" },
    { name: "the packages", path: () => "/evidence/packages", shows: ".empty h2" },
    {
      name: "a package to be made",
      path: () => `/evidence/packages/new?call=${callId}`,
      shows: "form textarea",
    },
    { name: "a page that is not there", path: () => "/nowhere", shows: "h1" },
    { name: "the seat page without a link", path: () => "/seat", by: "stranger", shows: "h1" },
    { name: "the seat page", path: seatPath, by: "stranger", shows: "[data-test=go]" },
  ];

  describe.each(languages)("in %s", (language) => {
    let desk: Desk;
    beforeAll(async () => {
      desk = await openDesk(language);
    });
    afterAll(() => desk?.close());

    test.each(routes)("$name", async ({ path, by, shows, mayFail }) => {
      page = by ? desk.stranger : desk.signedIn;
      desk.errors.length = 0;
      await page.goto(server.url + path());
      await page.locator(shows).first().waitFor();
      await settled();
      await expectTexts(language);
      await expectAccessible(language);
      expect(desk.errors.filter((error) => !mayFail?.test(error))).toEqual([]);
    });

    test("the dock and the dialogs", async () => {
      page = desk.signedIn;
      desk.errors.length = 0;
      await page.goto(server.url);
      await page.locator("[data-seat=w1].live").click();
      await page.locator(".dock [data-first-sound-ms]").waitFor();
      await settled();
      await expectTexts(language);
      await expectAccessible(language);
      await page.keyboard.press("s");
      await page.locator(".dock").waitFor({ state: "hidden" });

      for (const path of ["/admin/branches", "/admin/seats", "/admin/users"]) {
        await page.goto(server.url + path);
        await page.locator(".page-head button.el-button--primary").click();
        await page.getByRole("dialog").waitFor();
        await settled();
        await expectTexts(language);
        await expectAccessible(language);
      }
      expect(desk.errors).toEqual([]);
    });

    test("the wall fits a phone", async () => {
      page = desk.signedIn;
      await page.setViewportSize({ width: 390, height: 844 });
      await page.goto(server.url);
      await page.locator("[data-seat=w1].live").click();
      await page.locator(".dock [data-first-sound-ms]").waitFor();
      const beyond = await page.evaluate(() =>
        [document.documentElement, document.querySelector("main"), document.querySelector(".dock")].map(
          (element) => (element?.scrollWidth ?? 0) - (element?.clientWidth ?? 0),
        ),
      );
      expect(beyond, "pixels of page, wall and dock beyond the edge").toEqual([0, 0, 0]);
    });
  });

  test("the language is chosen on the page, and stays chosen", async () => {
    const window = await openWindow(browser, "zh-CN");
    page = await window.newPage();
    await page.goto(`${server.url}/login`);
    await page.getByRole("button", { name: "登录" }).waitFor();
    await expectTexts("zh-CN");
    await page.getByRole("button", { name: "English" }).click();
    await expectTexts("en");
    await signIn(page, server);
    await page.locator("[data-seat=w1]").waitFor();
    await expectTexts("en");
    await page.getByRole("button", { name: "Language" }).click();
    await page.getByRole("menuitem", { name: "中文" }).click();
    await page.locator("html[lang=zh-CN]").waitFor();
    await page.reload();
    await page.locator("[data-seat=w1]").waitFor();
    await expectTexts("zh-CN");
    await window.close();
  });
});
