// Whatever opens on a page, in both languages: menus, dialogs, forms in their
// place. axe finds nothing serious with it open.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import en from "../src/i18n/en";
import zh from "../src/i18n/zh-CN";
import { expectAccessible } from "./accessible";
import type { Language } from "./browser";
import { beginImport, chooseFolder } from "./importpage";
import { keep } from "./pictures";
import { startRecorded } from "./recorded";
import type { Call } from "./recording";
import { setStage } from "./stage";
import { makeTapes } from "./tapes";

const texts = { "zh-CN": zh, en };
type Words = typeof zh;

let call: Call;
const stage = setStage("dialogs", {
  serve: async () => {
    const recorded = await startRecorded();
    call = recorded.call;
    return recorded.server;
  },
});
const tapes = makeTapes(stage.folder);

beforeAll(async () => {
  const { server } = stage;
  await server.makeUser("chen", "陈质检", "inspector");
  await server.api("POST", `/api/v1/calls/${call.id}/marks`, {
    ...{ kind: "note", startMs: 4000, endMs: 6000, text: "承诺", shared: true },
  });
  await server.api("POST", "/api/v1/searches", { name: "本周", query: "days=week", shared: true });
  await server.api("POST", "/api/v1/holds", { call: call.id, reason: "投诉 118 号" });
});

/** A button whose name begins so; `of` is where it stands. */
const press = (page: Page, name: string, of = "main"): Promise<void> =>
  page
    .locator(of)
    .getByRole("button", { name: new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`) })
    .first()
    .click();

const dialog = (page: Page): Promise<void> =>
  page.getByRole("dialog").filter({ visible: true }).first().waitFor();
const popover = (page: Page): Promise<void> => page.locator(".el-popover:visible").first().waitFor();
const menu = (page: Page): Promise<void> =>
  page.getByRole("menu").filter({ visible: true }).first().waitFor();

interface Opening {
  name: string;
  path: () => string;
  /** What shows that the page is there. */
  shows: string;
  open: (page: Page, words: Words) => Promise<void>;
}

const callPage = { path: () => `/calls/${call.id}`, shows: "[data-testid=marks] li" };
const openings: Opening[] = [
  {
    ...{ name: "the keys", path: () => "/admin/branches", shows: ".rows" },
    open: (page) => page.keyboard.press("?").then(() => dialog(page)),
  },
  ...(["lang", "theme"] as const).map((key) => ({
    ...{ name: `the menu of ${key}`, path: () => "/admin/branches", shows: ".rows" },
    open: (page: Page, words: Words) => press(page, words.shell[key], ".rail").then(() => menu(page)),
  })),
  {
    ...{ name: "the menu of the account, and its password", path: () => "/admin/branches", shows: ".rows" },
    open: async (page, words) => {
      await press(page, words.shell.account.replace("{name}", ""), ".rail");
      await menu(page);
      await expectAccessible(page, ["dark"]);
      await page.getByRole("menuitem", { name: words.shell.changePassword }).click();
      await dialog(page);
    },
  },
  {
    ...{ name: "a saved search", path: () => "/archive?days=week", shows: "tr[data-call]" },
    open: async (page, words) => {
      await page.locator(".page-tools").getByRole("button", { name: "本周" }).click();
      await popover(page);
      await expectAccessible(page, ["dark"]);
      await press(page, words.archive.searches.edit.replace("{name}", "本周"), ".archive-searches:visible");
      await dialog(page);
    },
  },
  {
    ...{ name: "columns", path: () => "/archive", shows: "tr[data-call]" },
    open: (page, words) => press(page, words.archive.columns.title).then(() => popover(page)),
  },
  {
    ...{ name: "the export", path: () => "/archive", shows: "tr[data-call]" },
    open: (page, words) => press(page, words.archive.export.title).then(() => popover(page)),
  },
  {
    ...{ name: "chosen calls, and their hold", path: () => "/archive", shows: "tr[data-call]" },
    open: async (page, words) => {
      await page.locator("tr[data-call]").first().getByRole("checkbox").click();
      await page.getByRole("group", { name: words.evidence.select.bar }).waitFor();
      await expectAccessible(page, ["dark"]);
      await press(page, words.evidence.call.hold);
      await dialog(page);
    },
  },
  {
    ...{ name: "a mark that is changed", ...callPage },
    open: async (page, words) => {
      await press(page, words.player.marks.edit, "[data-testid=marks]");
      await page.getByRole("form", { name: words.player.marks.edit }).waitFor();
    },
  },
  {
    ...{ name: "a note that is written", ...callPage },
    open: async (page, words) => {
      await press(page, words.archive.callPage.noteHere);
      await page.getByRole("button", { name: words.archive.callPage.addNote, exact: true }).waitFor();
    },
  },
  {
    ...{ name: "a tag that is put on", ...callPage },
    open: async (page, words) => {
      await press(page, words.player.tags.add, "[data-testid=tags]");
      await page.getByTestId("tags").getByRole("textbox").waitFor();
    },
  },
  {
    ...{ name: "a call's facts", ...callPage },
    open: (page, words) => press(page, words.archive.callPage.edit).then(() => dialog(page)),
  },
  {
    ...{ name: "a clip", ...callPage },
    open: (page, words) => press(page, words.player.clip.open).then(() => dialog(page)),
  },
  {
    ...{ name: "the hold of a seat's time", path: () => "/evidence/holds", shows: "td" },
    open: (page, words) => press(page, words.evidence.holds.add).then(() => dialog(page)),
  },
  {
    ...{ name: "the release of a hold", path: () => "/evidence/holds", shows: "td" },
    open: (page, words) => press(page, words.evidence.holds.release).then(() => dialog(page)),
  },
  {
    ...{ name: "a policy", path: () => "/evidence/retention", shows: ".everything" },
    open: (page, words) => press(page, words.evidence.retention.add).then(() => dialog(page)),
  },
  {
    ...{ name: "a password that is reset", path: () => "/admin/users", shows: ".rows" },
    open: (page, words) => press(page, words.admin.users.reset).then(() => dialog(page)),
  },
  {
    ...{ name: "a seat that is changed", path: () => "/admin/seats", shows: ".rows" },
    open: (page, words) => press(page, words.words.edit).then(() => dialog(page)),
  },
  {
    ...{ name: "a seat that is taken away", path: () => "/admin/seats", shows: ".rows" },
    open: (page, words) => press(page, words.words.remove).then(() => dialog(page)),
  },
  {
    ...{ name: "the analysis", path: () => "/admin/analysis", shows: "input" },
    open: (page) => page.getByRole("spinbutton").first().waitFor(),
  },
  {
    ...{ name: "integrity", path: () => "/integrity", shows: "main button" },
    open: (page) => page.locator("main h2").first().waitFor(),
  },
];

/** Colours are the same in all languages: each language is looked at in one. */
const schemes = { "zh-CN": "dark", en: "light" } as const;

describe.each(["zh-CN", "en"] as Language[])("in %s", (language) => {
  const words = texts[language] as Words;
  let page: Page;
  beforeAll(async () => {
    page = await stage.enter({ language });
  });

  test.each(openings)("$name", async ({ name, path, shows, open }) => {
    await page.goto(stage.server.url + path());
    await page.locator(shows).first().waitFor();
    await open(page, words);
    await expectAccessible(page, [schemes[language]]);
    await keep(page, `dialog-${name.replace(/\W+/g, "-")}-${language}`);
  });

  test("an import that is prepared, its settings and its name", async () => {
    await beginImport(page, stage.server);
    await chooseFolder(page, tapes);
    await page.locator(".suggestion").first().click();
    await page.locator("summary", { hasText: words.imports.facts.advanced }).click();
    await page.locator("td", { hasText: "2016-03-04 10:15:00" }).first().waitFor();
    await expectAccessible(page, [schemes[language]]);
    await keep(page, `dialog-import-${language}`);
    await press(page, words.imports.rename);
    await dialog(page);
    await expectAccessible(page, [schemes[language]]);
    expect(await page.getByRole("dialog").filter({ visible: true }).count()).toBe(1);
  });
});
