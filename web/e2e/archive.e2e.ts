// The archive's list as those use it who live in it: words, chips, columns, saved
// searches, links, the way back, and the list as a file.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { listenForErrors, openWindow, picture, signIn, speakLanguage, startChromium } from "./browser";
import { binary, Server, until } from "./server";

// Whether one is signed in is asked before one is; the browser notes the answer.
// The same of what one's role may not.
const known = [/status of 401 .*\/api\/v1\/me\b/, /status of 403 .*\/api\/v1\/calls\?.*state=deleted/];
const filled = 700;
const formula = "=1+1";

let server: Server;
let browser: Browser;
let page: Page;
let folder = "";
let special = "";
const errors: string[] = [];

interface Call {
  id: string;
  state: string;
  startedAt: string;
  seat: string;
  account: string;
  number: string;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earshot-archive-"));
  server = await Server.start();
  await server.down();
  const fill = spawnSync(binary, [
    ...["bench", "fill", `--data=${server.folder}`, `--calls=${filled}`, "--over=240h", "--quiet"],
  ]);
  if (fill.status !== 0) throw new Error(`the index could not be filled: ${fill.stderr}`);
  await server.up();
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "一号窗口", "east", "counter", "event");
  special = (
    await server.api<Call>("POST", "/api/v1/seats/w1/calls", { account: "HU-4711", number: formula })
  ).id;
  await server.api("POST", `/api/v1/calls/${special}/end`, {});
  await until(
    "the call to be stored",
    async () => (await server.api<Call>("GET", `/api/v1/calls/${special}`)).state === "stored",
  );
  browser = await startChromium();
  page = await desk();
}, 180_000);

afterEach(async (context) => {
  if (context.task.result?.state === "fail") await picture([page], "archive");
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
  expect(errors, "errors in a browser's console").toEqual([]);
});

async function desk(user?: string, password?: string, language: "zh-CN" | "en" = "zh-CN"): Promise<Page> {
  const window = await openWindow(browser, language, { acceptDownloads: true });
  await speakLanguage(window, language);
  const opened = await window.newPage();
  listenForErrors(opened, known, errors);
  await signIn(opened, server, user, password);
  return opened;
}

const rows = (on = page) => on.locator("tr[data-call]");
const box = () => page.getByRole("textbox", { name: "搜索" });
const heads = (on = page) => on.locator("table.rows thead th").allInnerTexts();
const chip = (text: string) => page.locator(".chip.set", { hasText: text });
const search = () => new URL(page.url()).search;

async function archive(query = ""): Promise<void> {
  await page.goto(`${server.url}/archive${query}`);
  await rows().first().waitFor();
}
const only = (id: string) =>
  until("that call alone", async () => {
    const ids = await rows().evaluateAll((all) => all.map((r) => r.getAttribute("data-call")));
    return ids.length === 1 && ids[0] === id;
  });

describe("who looks for calls", () => {
  test("finds them while typing, and goes back to what was there before", async () => {
    await archive();
    await box().pressSequentially("HU-4711", { delay: 20 });
    await only(special);
    expect(search()).toBe("?q=HU-4711");
    await page.goBack();
    await until("the whole list", async () => (await rows().count()) > 20);
    expect([search(), await box().inputValue()]).toEqual(["", ""]);
    await page.goForward();
    await only(special);
    await box().fill("nobody said this");
    await page.getByText("没有符合条件的通话").waitFor();
    await page.locator(".empty").getByRole("button", { name: "清除筛选" }).click();
    await until("the whole list", async () => (await rows().count()) > 20);
  });

  test("an answer that comes late does not stand in a newer one's place", async () => {
    await archive();
    let release = () => {};
    const held = new Promise<void>((go) => {
      release = go;
    });
    await page.route(/\/api\/v1\/calls\?.*q=HU&/, async (route) => {
      await held;
      await route.continue().catch(() => undefined); // it was given up by then
    });
    await box().fill("HU");
    await until("words in the address", async () => search() === "?q=HU");
    await box().fill("HU-4711");
    await only(special);
    release();
    await page.waitForLoadState("networkidle");
    await only(special);
    await page.unroute(/\/api\/v1\/calls\?.*q=HU&/);
  });

  test("narrows by what words may mean, by days and by how it went; each is a chip", async () => {
    await archive();
    await box().fill("一号窗口");
    await page.locator(".chip.offered", { hasText: "坐席位：一号窗口" }).click();
    await only(special);
    expect(search()).toBe("?seat=w1");
    await page.getByRole("button", { name: "今天", exact: true }).click();
    await chip("今天").waitFor();
    await page.getByRole("button", { name: "筛选", exact: true }).click();
    await page.getByLabel("静音至少").fill("30");
    await page.getByLabel("时长至少").fill("60");
    await page.getByRole("button", { name: "查询", exact: true }).click();
    await chip("静音至少：30%").waitFor();
    expect(await page.locator(".chip.set").allInnerTexts()).toEqual([
      ...["今天", "时长至少：60 秒", "静音至少：30%", "坐席位：一号窗口"],
    ]);
    await page.getByText("没有符合条件的通话").waitFor();
    for (const text of ["静音至少", "时长至少"]) await chip(text).click();
    await only(special);
    await page.getByRole("button", { name: "清除筛选" }).click();
    await until("the whole list", async () => (await rows().count()) > 20);
    expect(search()).toBe("");
  });

  test("takes several of a choice by mouse, and gives one back", async () => {
    await server.makeSeat("w2", "二号窗口", "east", "counter", "event");
    await archive();
    await page.getByRole("button", { name: "筛选", exact: true }).click();
    const form = page.locator(".archive-filters:visible");
    const choice = (name: string) =>
      form.locator(".choice").filter({ has: page.getByText(name, { exact: true }) });
    for (const [name, options] of [
      ["坐席位", ["一号窗口", "二号窗口"]],
      ["类型", ["柜台"]],
      ["评价", ["4 分", "5 分"]],
      ["冻结", ["未冻结"]],
    ] as const) {
      await choice(name).locator(".el-select").click();
      for (const option of options) await form.getByRole("option", { name: option, exact: true }).click();
      await form.locator("legend").click(); // closes the list of choices, and nothing chosen goes by that
    }
    for (const tag of ["投诉", "回访"]) {
      await form.getByRole("textbox", { name: "标签" }).fill(tag);
      await page.keyboard.press("Enter");
      await form.getByRole("textbox", { name: "标签" }).click();
    }
    await form.getByRole("button", { name: "查询", exact: true }).click();
    const chips = () => page.locator(".chip.set").allInnerTexts();
    await until("chips", async () => (await chips()).length > 0);
    expect(await chips()).toEqual([
      ...["未冻结", "坐席位：一号窗口", "坐席位：二号窗口", "类型：柜台"],
      ...["评价：4 分", "评价：5 分", "标签：投诉", "标签：回访"],
    ]);
    await page.getByRole("button", { name: "筛选", exact: true }).click();
    await choice("评价").getByRole("button").first().click(); // the first tag's own
    await form.getByRole("button", { name: "查询", exact: true }).click();
    await until("one rating", async () => (await chips()).filter((c) => c.startsWith("评价")).length === 1);
  });

  test("walks the rows by keys: space would play, Enter opens, the way back leads to the row", async () => {
    await archive();
    const order = (await server.api<{ calls: Call[] }>("GET", "/api/v1/calls?limit=200")).calls.map(
      (c) => c.id,
    );
    await rows().first().focus();
    for (const key of ["ArrowDown", "ArrowDown", "PageDown", "PageDown", "PageDown", "ArrowUp"])
      await page.keyboard.press(key);
    const at = page.locator("tr[data-call]:focus");
    const [id, row] = [await at.getAttribute("data-call"), Number(await at.getAttribute("data-row"))];
    expect(row).toBeGreaterThan(30);
    expect(id).toBe(order[row]);
    const top = await page.locator("#content").evaluate((el) => el.scrollTop);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/calls/${id}`);
    await page.goBack();
    await page.locator(`tr[data-call="${id}"]`).waitFor();
    await until(
      "the place in the list",
      async () => Math.abs((await page.locator("#content").evaluate((el) => el.scrollTop)) - top) < 2,
    );
    expect(await page.locator(`tr[data-call="${id}"]`).getAttribute("tabindex")).toBe("0");
  });

  test("scrolls to the end of the list; only what is in sight is drawn, in the server's order", async () => {
    await archive();
    await until("the last row", async () => {
      await page.locator("#content").evaluate((el) => {
        el.scrollTop = el.scrollHeight;
      });
      return (await page.locator(`tr[data-row="${filled}"]`).count()) > 0; // one more than was filled, counted from 0
    });
    await page.getByText("没有更早的了").waitFor();
    expect(await rows().count()).toBeLessThan(80);
    await page.getByText(`共 ${filled + 1} 个`).waitFor();
    // The first rows were let go by now; they come again.
    await page.locator("#content").evaluate((el) => {
      el.scrollTop = 0;
    });
    await page.locator(`tr[data-row="0"][data-call="${special}"]`).waitFor();
  });

  test("what is pressed in a row leaves the keys at that row, wherever one scrolls meanwhile", async () => {
    await archive();
    const content = page.locator("#content");
    const focused = () =>
      page.evaluate(() => document.activeElement?.closest<HTMLElement>("tr")?.dataset.row ?? "none");
    // The same address again leads to where one was.
    await content.evaluate((el) => {
      el.scrollTop = 0;
    });
    await page.locator('tr[data-row="2"]').getByRole("checkbox").click();
    expect(await focused()).toBe("2");
    // Its block becomes that of other rows, and none of them has the keys.
    await content.evaluate((el) => {
      el.scrollTop = 2400;
    });
    await page.locator('tr[data-row="70"]').waitFor();
    await page.locator('tr[data-row="2"]').waitFor({ state: "detached" });
    expect(await focused()).toBe("none");
    await content.evaluate((el) => {
      el.scrollTop = 0;
    });
    await until("the row to have the keys again", async () => (await focused()) === "2");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toBe("3");
    expect(await page.locator('tr[data-row="2"]').getByRole("checkbox").getAttribute("aria-checked")).toBe(
      "true",
    );
    await page.keyboard.press("Escape");
    // Those who read rows otherwise than by looking find them in their order.
    await until("rows in their order", async () => {
      const at = await rows().evaluateAll((all) => all.map((r) => Number((r as HTMLElement).dataset.row)));
      return at.every((row, i) => i === 0 || row === (at[i - 1] ?? 0) + 1);
    });
  });

  test("a bar that comes above the page leaves the filters' form below its button", async () => {
    await archive();
    const button = page.getByRole("button", { name: "筛选", exact: true });
    await button.click();
    const form = page.locator(".archive-filters:visible");
    await form.waitFor();
    await page.evaluate(() => {
      const bar = document.createElement("div");
      bar.style.height = "48px";
      document.querySelector("#content")?.before(bar);
    });
    await until("the form below its button", async () => {
      const [above, below] = [await button.boundingBox(), await form.boundingBox()];
      return Boolean(above && below && below.y >= above.y + above.height);
    });
    await button.click();
    await form.waitFor({ state: "hidden" });
  });

  test("scrolls many columns aside; the line one searches in, the buttons and the first column stay", async () => {
    const usual = "time,length,sound,seat,agent,number,account,business,notes";
    const box = async (what: string) => {
      const found = await page.locator(what).first().boundingBox();
      return [found?.x, found?.width].map((n) => Math.round(n ?? -1));
    };
    const content = page.locator("#content");
    const over = () => content.evaluate((el) => el.scrollWidth - el.clientWidth);
    try {
      await page.setViewportSize({ width: 1366, height: 768 });
      await archive();
      await until("the usual columns to fit", async () => (await over()) === 0);
      await page.setViewportSize({ width: 1440, height: 900 });
      await archive(`?columns=${usual},branch,listened,silence,monologue`);
      await until("more columns than fit", async () => (await over()) > 100);
      const stays = [".words", ".page-tools", "td.play", "td.c-time", "th.c-time", ".bar > .el-button"];
      const before = await Promise.all(stays.map(box));
      await content.evaluate((el) => {
        el.scrollLeft = el.scrollWidth;
      });
      await until("the last column", async () => {
        const [x = 0, width = 0] = await box("th.c-monologue");
        return x + width < 1440;
      });
      const after = await Promise.all(stays.map(box));
      // A row's own lie at the page's edge once it was scrolled, as far from each other as before.
      for (const [i, what] of stays.entries())
        if (/^t/.test(what)) expect(after[i]?.[0] ?? -1, what).toBeLessThanOrEqual(before[i]?.[0] ?? -1);
        else expect(after[i], what).toEqual(before[i]);
      expect(after[2]?.[0]).toBeGreaterThanOrEqual(84); // the rail's width
      for (const id of ["time", "seat", "notes", "monologue"])
        expect(await box(`td.c-${id}`), id).toEqual(await box(`th.c-${id}`));
      await rows().first().focus();
      await page.keyboard.press("End");
      await page.locator("tr[data-row]:focus").waitFor(); // the last of those that had come
      expect(await box("td.c-monologue")).toEqual(await box("th.c-monologue"));
    } finally {
      await page.setViewportSize({ width: 1440, height: 900 });
    }
  });

  test("says at the field what is no figure, and looks for nothing meanwhile", async () => {
    await archive();
    await page.getByRole("button", { name: "筛选", exact: true }).click();
    const form = page.locator(".archive-filters:visible");
    const apply = form.getByRole("button", { name: "查询", exact: true });
    await form.getByLabel("时长至少").fill("10m");
    await form.getByLabel("静音至少").fill("150");
    await form.getByText("请填 0–999999 的整数").waitFor();
    await form.getByText("请填 0–100 的数字").waitFor();
    await apply.click();
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-invalid"))).toBe("true");
    await form.getByLabel("静音至少").fill("");
    await form.getByLabel("时长至少").fill("600");
    await form.getByLabel("时长至多").fill("10");
    await form.getByText("“时长至少”比“时长至多”还大").waitFor();
    await apply.click();
    expect(search()).toBe("");
    await form.getByLabel("时长至多").fill("900");
    await apply.click();
    await chip("时长至多：900 秒").waitFor();
    expect(search()).toBe("?shortest=600&longest=900");
  });

  test("is led on where trying again cannot help", async () => {
    await page.goto(`${server.url}/archive?shortest=600&longest=10&seat=w1`);
    const failure = page.locator(".panel").getByRole("alert");
    await failure.getByText("“时长至少”比“时长至多”还大").waitFor();
    expect(await failure.getByRole("button", { name: "重试" }).count()).toBe(0);
    await failure.getByRole("button", { name: "去掉“时长至少：600 秒”" }).click();
    await only(special);
    expect(search()).toBe("?longest=10&seat=w1");

    const other = await desk("qian", await server.makeUser("qian", "钱质检", "inspector"));
    await other.goto(`${server.url}/archive?state=deleted&seat=w1`);
    await other.getByText("您的角色看不到已删除的通话").waitFor();
    expect(await other.getByRole("button", { name: "重试" }).count()).toBe(0);
    await other.getByRole("button", { name: "去掉“状态：已删除”" }).click();
    await rows(other).first().waitFor();
    expect(new URL(other.url()).search).toBe("?seat=w1");
    await other.context().close();
  });

  test("chooses columns; a link shows the same to somebody else", async () => {
    await archive("?days=week");
    await page.getByRole("button", { name: "列", exact: true }).click();
    const menu = page.getByRole("group", { name: "列", exact: true });
    await menu.getByLabel("网点", { exact: true }).check();
    await menu.getByLabel("声音", { exact: true }).uncheck();
    await menu.getByLabel("网点", { exact: true }).press("Alt+ArrowUp");
    await page.keyboard.press("Escape");
    const wanted = [
      "播放",
      "开始",
      "时长",
      "坐席位",
      "坐席",
      "号码",
      "户号 / 票号",
      "业务类型",
      "网点",
      "提示与标签",
    ];
    await until("the columns", async () => (await heads()).join() === wanted.join());
    const link = page.url();
    expect(link).toContain("columns=time,length,seat,agent,number,account,business,branch,notes");
    const password = await server.makeUser("chen", "陈质检", "inspector");
    const other = await desk("chen", password);
    await other.goto(link);
    await rows(other).first().waitFor();
    expect(await heads(other)).toEqual(wanted);
    expect(
      await other.getByRole("button", { name: "近 7 天", exact: true }).getAttribute("aria-pressed"),
    ).toBe("true");
    expect(await rows(other).first().innerText()).toBe(await rows().first().innerText());
    await other.goto(`${server.url}/archive?columns=time,seat`); // theirs from now on
    await other.getByRole("button", { name: "列", exact: true }).click();
    await other.getByRole("group", { name: "列", exact: true }).getByLabel("时长", { exact: true }).check();
    await until("their own columns", async () => (await heads(other)).join() === "播放,开始,坐席位,时长");
    await other.goto(`${server.url}/archive?days=week`); // from somebody who has the usual ones
    await rows(other).first().waitFor();
    expect(await heads(other)).toContain("声音");
    await other.context().close();
    await archive(); // kept for the person
    expect(await heads()).toEqual(wanted);
    await page.getByRole("button", { name: "列", exact: true }).click();
    await page.getByRole("button", { name: "恢复默认" }).click();
    await until("the usual columns", async () => (await heads()).includes("声音"));
    expect(search()).toBe("");
  });
});

describe("a saved search", () => {
  test("is kept, opened, changed and deleted; its days stay relative", async () => {
    await archive("?seat=w1&days=week");
    const menu = () => page.getByRole("group", { name: "常用搜索" });
    const button = (name: string | RegExp) => page.locator(".page-tools").getByRole("button", { name });
    await button("常用搜索").click();
    await menu().getByRole("button", { name: "保存当前搜索…" }).click();
    const form = page.getByRole("dialog").filter({ visible: true });
    await form.getByRole("textbox", { name: "名称" }).fill("一号窗口本周");
    await form.getByText("共享给其他人").click();
    await form.getByRole("button", { name: "保存", exact: true }).click();
    await button("一号窗口本周").waitFor();
    const [kept] = (
      await server.api<{ searches: { query: string; shared: boolean }[] }>("GET", "/api/v1/searches")
    ).searches;
    expect(kept).toMatchObject({ query: "days=week&seat=w1", shared: true });

    await page.getByRole("button", { name: "清除筛选" }).click();
    await button("常用搜索").click();
    await menu()
      .getByRole("button", { name: /^一号窗口本周/ })
      .press("Enter");
    await only(special);
    await chip("近 7 天").waitFor();
    await chip("近 7 天").click();
    await button("常用搜索").click();
    await menu().getByRole("button", { name: "更新“一号窗口本周”" }).click();
    await until("the search to be changed", async () => {
      const { searches } = await server.api<{ searches: { query: string }[] }>("GET", "/api/v1/searches");
      return searches[0]?.query === "seat=w1";
    });
    await menu().getByRole("button", { name: "删除 一号窗口本周" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "删除", exact: true }).click();
    await until("the search to be gone", async () => {
      const { searches } = await server.api<{ searches: unknown[] }>("GET", "/api/v1/searches");
      return searches.length === 0;
    });
  });
});

describe("the list as a file", () => {
  async function exported(format: string): Promise<string> {
    await page.getByRole("button", { name: "导出", exact: true }).click();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: format }).click();
    const path = join(folder, (await coming).suggestedFilename());
    await (await coming).saveAs(path);
    await page.getByText(/已导出 \d+ 行/).waitFor();
    await page.keyboard.press("Escape");
    return path;
  }

  test("has what the list has, and no formula", async () => {
    await archive("?q=HU-4711&columns=time,number,account");
    await only(special);
    const csv = readFileSync(await exported("CSV (.csv)"), "utf8");
    expect(csv.startsWith("\ufeff开始 (Asia/Shanghai),号码,方向,户号,票号\r\n")).toBe(true);
    const [, line, end] = csv.split("\r\n");
    expect(end).toBe("");
    const shown = (await rows().first().locator("td").nth(1).locator("a").innerText()).trim();
    expect(line?.slice(11)).toBe(`${shown},'${formula},无方向,HU-4711,`);

    const book = await exported("Excel (.xlsx)");
    const sheet = execFileSync("python3", [
      ...[
        "-c",
        "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read('xl/worksheets/sheet1.xml').decode())",
        book,
      ],
    ]).toString();
    expect(sheet).toContain(`<t>&#39;${formula}</t>`);
    expect(sheet).toContain("HU-4711");
    expect(sheet).not.toContain("<f>");
    expect(sheet.match(/<row /g)).toHaveLength(2);
  });

  test("has all that is found, in its order", async () => {
    await archive("?columns=id");
    const csv = readFileSync(await exported("CSV (.csv)"), "utf8");
    const ids = csv
      .split("\r\n")
      .slice(1, -1)
      .map((line) => line.split(",")[0]);
    expect(ids).toHaveLength(filled + 1);
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    const { calls } = await server.api<{ calls: Call[] }>("GET", "/api/v1/calls?limit=200");
    expect(ids.slice(0, 200)).toEqual(calls.map((c) => c.id));
  });
});

describe("people who cannot see or point", () => {
  test.each(["zh-CN", "en"] as const)("are not shut out, in %s", async (language) => {
    const on = await desk(undefined, undefined, language);
    await on.goto(
      `${server.url}/archive?days=week&seat=w1&q=HU&columns=time,length,sound,seat,number,notes,talk,listened`,
    );
    await rows(on).first().waitFor();
    const check = async () => {
      for (const colorScheme of ["dark", "light"] as const) {
        await on.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await on.locator(colorScheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
        const { violations } = await new AxeBuilder({ page: on }).analyze();
        const grave = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
        expect(grave.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`)).toEqual([]);
      }
    };
    await check();
    const tools = on.locator(".page-tools button, .bar > button");
    for (let i = 0; i < (await tools.count()); i++) {
      await tools.nth(i).click();
      await on.locator(".el-popover:visible").waitFor();
      await on.waitForLoadState("networkidle");
      await check();
      await tools.nth(i).click();
      await on.locator(".el-popover:visible").waitFor({ state: "hidden" });
    }
    await on.context().close();
  });
});
