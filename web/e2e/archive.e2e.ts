// Looking for calls in the archive as those do who live in it: words, chips, filters,
// saved searches, and the way back.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { ArchivePage, knownOfArchive, startArchive } from "./archivepage";
import { until } from "./server";
import { setStage } from "./stage";

let special = "";
let page: Page;
let list: ArchivePage;
const stage = setStage("archive", {
  known: knownOfArchive,
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

describe("who looks for calls", () => {
  test("finds them while typing, and goes back to what was there before", async () => {
    await list.open();
    await list.box.pressSequentially("HU-4711", { delay: 20 });
    await list.only(special);
    expect(list.search).toBe("?q=HU-4711");
    await page.goBack();
    await list.all();
    expect([list.search, await list.box.inputValue()]).toEqual(["", ""]);
    await page.goForward();
    await list.only(special);
    await list.box.fill("nobody said this");
    await page.getByText("没有符合条件的通话").waitFor();
    await page.locator(".empty").getByRole("button", { name: "清除筛选" }).click();
    await list.all();
  });

  test("goes on by key from the words to what they find, and opens it", async () => {
    for (const key of ["Enter", "ArrowDown"]) {
      await list.open();
      await list.box.fill("HU-4711");
      await list.only(special);
      await list.box.press(key);
      await expect.poll(() => page.locator("tr[data-call]:focus").getAttribute("data-call")).toBe(special);
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/calls/${special}`);
    }
  });

  test("an answer that comes late does not stand in a newer one's place", async () => {
    await list.open();
    let release = () => {};
    const held = new Promise<void>((go) => {
      release = go;
    });
    await page.route(/\/api\/v1\/calls\?.*q=HU&/, async (route) => {
      await held;
      await route.continue().catch(() => undefined); // it was given up by then
    });
    await list.box.fill("HU");
    await until("words in the address", async () => list.search === "?q=HU");
    await list.box.fill("HU-4711");
    await list.only(special);
    release();
    await page.waitForLoadState("networkidle");
    await list.only(special);
    await page.unroute(/\/api\/v1\/calls\?.*q=HU&/);
  });

  test("narrows by what words may mean, by days and by how it went; each is a chip", async () => {
    await list.open();
    await list.box.fill("一号窗口");
    await page.locator(".chip.offered", { hasText: "坐席位：一号窗口" }).click();
    await list.only(special);
    expect(list.search).toBe("?seat=w1");
    await list.button("今天").click();
    await list.chip("今天").waitFor();
    await list.button("筛选").click();
    await page.getByLabel("静音至少").fill("30");
    await page.getByLabel("时长至少").fill("60");
    await list.button("查询").click();
    await list.chip("静音至少：30%").waitFor();
    expect(await page.locator(".chip.set").allInnerTexts()).toEqual([
      ...["今天", "时长至少：60 秒", "静音至少：30%", "坐席位：一号窗口"],
    ]);
    await page.getByText("没有符合条件的通话").waitFor();
    for (const text of ["静音至少", "时长至少"]) await list.chip(text).click();
    await list.only(special);
    await page.getByRole("button", { name: "清除筛选" }).click();
    await list.all();
    expect(list.search).toBe("");
  });

  test("takes several of a choice by mouse, and gives one back", async () => {
    await stage.server.makeSeat("w2", "二号窗口", "east", "counter", "event");
    await list.open();
    await list.button("筛选").click();
    const { form } = list;
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
    await list.button("筛选").click();
    await choice("评价").getByRole("button").first().click(); // the first tag's own
    await form.getByRole("button", { name: "查询", exact: true }).click();
    await until("one rating", async () => (await chips()).filter((c) => c.startsWith("评价")).length === 1);
  });

  test("says at the field what is no figure, and looks for nothing meanwhile", async () => {
    await list.open();
    await list.button("筛选").click();
    const { form } = list;
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
    expect(list.search).toBe("");
    await form.getByLabel("时长至多").fill("900");
    await apply.click();
    await list.chip("时长至多：900 秒").waitFor();
    expect(list.search).toBe("?shortest=600&longest=900");
  });

  test("is led on where trying again cannot help", async () => {
    await page.goto(`${stage.server.url}/archive?shortest=600&longest=10&seat=w1`);
    const failure = page.locator(".panel").getByRole("alert");
    await failure.getByText("“时长至少”比“时长至多”还大").waitFor();
    expect(await failure.getByRole("button", { name: "重试" }).count()).toBe(0);
    await failure.getByRole("button", { name: "去掉“时长至少：600 秒”" }).click();
    await list.only(special);
    expect(list.search).toBe("?longest=10&seat=w1");

    const password = await stage.server.makeUser("qian", "钱质检", "inspector");
    const other = await stage.enter({ user: "qian", password });
    await other.goto(`${stage.server.url}/archive?state=deleted&seat=w1`);
    await other.getByText("您的角色看不到已删除的通话").waitFor();
    expect(await other.getByRole("button", { name: "重试" }).count()).toBe(0);
    await other.getByRole("button", { name: "去掉“状态：已删除”" }).click();
    await new ArchivePage(other, stage.server).rows.first().waitFor();
    expect(new URL(other.url()).search).toBe("?seat=w1");
    await other.context().close();
  });

  test("a bar that comes above the page leaves the filters' form below its button", async () => {
    await list.open();
    const button = list.button("筛选");
    await button.click();
    const { form } = list;
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
});

describe("a saved search", () => {
  test("is kept, opened, changed and deleted; its days stay relative", async () => {
    await list.open("?seat=w1&days=week");
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
      await stage.server.api<{ searches: { query: string; shared: boolean }[] }>("GET", "/api/v1/searches")
    ).searches;
    expect(kept).toMatchObject({ query: "days=week&seat=w1", shared: true });

    await page.getByRole("button", { name: "清除筛选" }).click();
    await button("常用搜索").click();
    await menu()
      .getByRole("button", { name: /^一号窗口本周/ })
      .press("Enter");
    await list.only(special);
    await list.chip("近 7 天").waitFor();
    await list.chip("近 7 天").click();
    await button("常用搜索").click();
    await menu().getByRole("button", { name: "更新“一号窗口本周”" }).click();
    await until("the search to be changed", async () => {
      const { searches } = await stage.server.api<{ searches: { query: string }[] }>(
        "GET",
        "/api/v1/searches",
      );
      return searches[0]?.query === "seat=w1";
    });
    await menu().getByRole("button", { name: "删除 一号窗口本周" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "删除", exact: true }).click();
    await until("the search to be gone", async () => {
      const { searches } = await stage.server.api<{ searches: unknown[] }>("GET", "/api/v1/searches");
      return searches.length === 0;
    });
  });
});

describe("people who cannot see or point", () => {
  test.each(["zh-CN", "en"] as const)("are not shut out, in %s", async (language) => {
    const on = await stage.enter({ language });
    const columns = "time,length,sound,seat,number,notes,talk,listened";
    const theirs = new ArchivePage(on, stage.server);
    await theirs.open(`?days=week&seat=w1&q=HU&columns=${columns}`);
    await expectAccessible(on);
    const tools = on.locator(".page-tools button, .bar > button");
    for (let i = 0; i < (await tools.count()); i++) {
      await tools.nth(i).click();
      await on.locator(".el-popover:visible").waitFor();
      await expectAccessible(on);
      await tools.nth(i).click();
      await on.locator(".el-popover:visible").waitFor({ state: "hidden" });
    }
    await on.context().close();
  });
});
