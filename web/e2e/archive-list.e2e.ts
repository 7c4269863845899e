// The archive's list: its rows by keys, scrolled and pressed, its columns, and the
// list as a file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { ArchivePage, filled, formula, startArchive } from "./archivepage";
import type { Call } from "./recording";
import { until } from "./server";
import { setStage } from "./stage";
import { unzip } from "./zip";

let special = "";
let page: Page;
let list: ArchivePage;
const stage = setStage("archive-list", {
  serve: async () => {
    const started = await startArchive();
    special = started.special;
    return started.server;
  },
});

beforeAll(async () => {
  page = await stage.enter();
  list = new ArchivePage(page, stage.server);
});

describe("the rows", () => {
  test("walks the rows by keys: space would play, Enter opens, the way back leads to the row", async () => {
    await list.open();
    const order = (await stage.server.api<{ calls: Call[] }>("GET", "/api/v1/calls?limit=200")).calls.map(
      (c) => c.id,
    );
    await list.rows.first().focus();
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
    await list.open();
    await until("the last row", async () => {
      await page.locator("#content").evaluate((el) => {
        el.scrollTop = el.scrollHeight;
      });
      return (await page.locator(`tr[data-row="${filled}"]`).count()) > 0; // one more than was filled, counted from 0
    });
    await page.getByText("没有更早的了").waitFor();
    expect(await list.rows.count()).toBeLessThan(80);
    await page.getByText(`共 ${filled + 1} 个`).waitFor();
    // The first rows were let go by now; they come again.
    await page.locator("#content").evaluate((el) => {
      el.scrollTop = 0;
    });
    await page.locator(`tr[data-row="0"][data-call="${special}"]`).waitFor();
  });

  test("what is pressed in a row leaves the keys at that row, wherever one scrolls meanwhile", async () => {
    await list.open();
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
      const at = await list.rows.evaluateAll((all) => all.map((r) => Number((r as HTMLElement).dataset.row)));
      return at.every((row, i) => i === 0 || row === (at[i - 1] ?? 0) + 1);
    });
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
      await list.open();
      await until("the usual columns to fit", async () => (await over()) === 0);
      await page.setViewportSize({ width: 1440, height: 900 });
      await list.open(`?columns=${usual},branch,listened,silence,monologue`);
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
      await list.rows.first().focus();
      await page.keyboard.press("End");
      await page.locator("tr[data-row]:focus").waitFor(); // the last of those that had come
      expect(await box("td.c-monologue")).toEqual(await box("th.c-monologue"));
    } finally {
      await page.setViewportSize({ width: 1440, height: 900 });
    }
  });

  test("chooses columns; a link shows the same to somebody else", async () => {
    await list.open("?days=week");
    await list.button("列").click();
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
    await until("the columns", async () => (await list.heads()).join() === wanted.join());
    const link = page.url();
    expect(link).toContain("columns=time,length,seat,agent,number,account,business,branch,notes");
    const password = await stage.server.makeUser("chen", "陈质检", "inspector");
    const other = await stage.enter({ user: "chen", password });
    const theirs = new ArchivePage(other, stage.server);
    await other.goto(link);
    await theirs.rows.first().waitFor();
    expect(await theirs.heads()).toEqual(wanted);
    expect(
      await other.getByRole("button", { name: "近 7 天", exact: true }).getAttribute("aria-pressed"),
    ).toBe("true");
    expect(await theirs.rows.first().innerText()).toBe(await list.rows.first().innerText());
    await other.goto(`${stage.server.url}/archive?columns=time,seat`); // theirs from now on
    await other.getByRole("button", { name: "列", exact: true }).click();
    await other.getByRole("group", { name: "列", exact: true }).getByLabel("时长", { exact: true }).check();
    await until("their own columns", async () => (await theirs.heads()).join() === "播放,开始,坐席位,时长");
    await other.goto(`${stage.server.url}/archive?days=week`); // from somebody who has the usual ones
    await theirs.rows.first().waitFor();
    expect(await theirs.heads()).toContain("声音");
    await other.context().close();
    await list.open(); // kept for the person
    expect(await list.heads()).toEqual(wanted);
    await list.button("列").click();
    await page.getByRole("button", { name: "恢复默认" }).click();
    await until("the usual columns", async () => (await list.heads()).includes("声音"));
    expect(list.search).toBe("");
  });
});

describe("the list as a file", () => {
  async function exported(format: string): Promise<string> {
    const menu = page.locator(".archive-export:visible");
    await list.button("导出").click();
    const coming = page.waitForEvent("download");
    await menu.getByRole("button", { name: format }).click();
    const path = join(stage.folder, (await coming).suggestedFilename());
    await (await coming).saveAs(path);
    await menu.getByText(/已导出 \d+ 行/).waitFor();
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "hidden" }); // what is clicked before that closes it again
    return path;
  }

  test("has what the list has, and no formula", async () => {
    await list.open("?q=HU-4711&columns=time,number,account");
    await list.only(special);
    const csv = readFileSync(await exported("CSV (.csv)"), "utf8");
    expect(csv.startsWith(`\ufeff开始 (${stage.server.zone}),号码,方向,户号,票号\r\n`)).toBe(true);
    const [, line, end] = csv.split("\r\n");
    expect(end).toBe("");
    const shown = (await list.rows.first().locator("td").nth(1).locator("a").innerText()).trim();
    expect(line?.slice(11)).toBe(`${shown},'${formula},无方向,HU-4711,`);

    const book = await exported("Excel (.xlsx)");
    const sheet = unzip(readFileSync(book)).get("xl/worksheets/sheet1.xml") ?? "";
    expect(sheet).toContain(`<t>&#39;${formula}</t>`);
    expect(sheet).toContain("HU-4711");
    expect(sheet).not.toContain("<f>");
    expect(sheet.match(/<row /g)).toHaveLength(2);
  });

  test("has all that is found, in its order", async () => {
    await list.open("?columns=id");
    const csv = readFileSync(await exported("CSV (.csv)"), "utf8");
    const ids = csv
      .split("\r\n")
      .slice(1, -1)
      .map((line) => line.split(",")[0]);
    expect(ids).toHaveLength(filled + 1);
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    const { calls } = await stage.server.api<{ calls: Call[] }>("GET", "/api/v1/calls?limit=200");
    expect(ids.slice(0, 200)).toEqual(calls.map((c) => c.id));
  });
});
