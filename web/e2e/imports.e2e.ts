// Bringing old recordings in, as an evidence officer does it: a folder is dropped,
// its names are tried, it comes in, each file with its fate; a call of it is opened
// and heard; what is there already comes in once.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAccessible } from "./accessible";
import { hear } from "./browser";
import {
  beginImport,
  chooseFolder,
  dropFolder,
  filesOf,
  importOf,
  knownOfImports,
  uploaded,
} from "./importpage";
import { envelope, match, unbroken } from "./likeness";
import { keep } from "./pictures";
import { adminPassword, binary } from "./server";
import { decode } from "./sound";
import { setStage } from "./stage";
import { makeTapes, pattern, stereo } from "./tapes";

const stage = setStage("imports", { known: knownOfImports, steps: true });
const tapes = makeTapes(stage.folder);
let page: Page;

beforeAll(async () => {
  const { server } = stage;
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  await server.makeSeat("h2", "热线 2 席", "east", "hotline", "event");
  const password = await server.makeUser("lin", "林取证", "evidence");
  page = await stage.enter({ user: "lin", password, tapped: true });
});

describe("an evidence officer", () => {
  let first = "";

  test("is told what to do first", async () => {
    await page.goto(`${stage.server.url}/imports`);
    await page.getByText("还没有导入过").waitFor();
    await expectAccessible(page);
    await keep(page, "imports-empty-zh");
    first = await beginImport(page, stage.server);
    await page.getByRole("button", { name: "选择文件夹" }).waitFor();
    await expectAccessible(page);
    await keep(page, "import-empty-zh");
  });

  test("drops a folder, and is told what of it was not taken", async () => {
    await dropFolder(page, tapes);
    await uploaded(page, 6);
    await page.getByText("1 个文件不是 MP3、WAV 或 CSV，没有上传").waitFor();
    expect((await importOf(stage.server, first)).files).toBe(6);
  });

  test("takes a suggested pattern, with the only table there is, and sees what they tell of each file", async () => {
    await page.locator(".suggestion").first().waitFor();
    await page.locator(".suggestion").filter({ hasText: pattern }).click();
    await page.getByText("5 个符合规则").waitFor();
    const row = page.locator("tr", { hasText: stereo.split("/").at(-1) });
    await row.getByText("2016-03-04 10:15:00").waitFor();
    await row.getByText("1 号窗口").waitFor();
    await page.getByText("只有一个表格，已自动选用").waitFor();
    await page.getByText("读出 2 行（gb18030）").waitFor();
    await row.getByText("5502").waitFor();
    await row.getByText("水费咨询").waitFor();
    await expectAccessible(page);
    await keep(page, "import-draft-zh");
  });

  test("is told what is wrong with a pattern, and a wrong one brings nothing in", async () => {
    const field = page.getByTestId("pattern").or(page.locator("[data-test=pattern]")).first();
    await field.fill("{seat}{agent}");
    await page.getByText("命名规则写得不对：第 7 个字符：这个字段和第 1 个字符的字段紧挨着").waitFor();
    await field.fill(pattern);
    await page.getByText("5 个符合规则").waitFor();
  });

  test("puts a pattern together by clicks", async () => {
    const field = page.getByTestId("pattern").or(page.locator("[data-test=pattern]")).first();
    await field.fill("{日期:yyyyMMdd}/__{号码}_{时刻:HHmmss}");
    for (const [name, at] of [
      ["坐席位", 14],
      ["工号", 19],
    ] as const) {
      await field.evaluate((input: HTMLInputElement, caret) => input.setSelectionRange(caret, caret), at);
      await page.getByRole("group", { name: "插入字段" }).getByRole("button", { name, exact: true }).click();
    }
    expect(await field.inputValue()).toBe(pattern);
    await field.fill(pattern);
    await page.getByText("5 个符合规则").waitFor();
  });

  test("starts it, and sees the fate of each file", async () => {
    await page.getByRole("button", { name: /^开始导入 \d+ 个文件$/ }).click();
    await page.getByText("个文件都处理完了").waitFor();
    const files = await filesOf(stage.server, first);
    const fate = (name: string) => files.find((f) => f.path.endsWith(name))?.fate;
    expect(fate(stereo)).toBe("stored");
    expect(fate("w1_1002_13900000002_111500.wav")).toBe("stored");
    expect([fate("091000.mp3"), fate("092000.mp3")].sort()).toEqual(["duplicate", "stored"]);
    expect(fate("100000.mp3")).toBe("refused");
    await page.locator("tr", { hasText: "100000.mp3" }).getByText("网页").waitFor();
    await page.getByRole("button", { name: /^未导入 \d+$/ }).click();
    await page.locator("tr", { hasText: "091000.mp3" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: /^全部 \d+$/ }).click();
    await page.getByRole("combobox", { name: "按备注筛选" }).click();
    await page.getByRole("option", { name: /^表格里没有对应的行 \(\d\)$/ }).click();
    await page.locator("tr", { hasText: stereo }).waitFor({ state: "detached" });
    await page.locator("tr", { hasText: "111500.wav" }).waitFor();
    await page.locator(".remark .el-select__clear").click();
    await page.locator("tr", { hasText: stereo }).waitFor();
    await expectAccessible(page);
    await keep(page, "import-done-zh");
  });

  test("takes the report with them, as CSV that Excel reads", async () => {
    const answer = await stage.server.fetch(`/api/v1/imports/${first}/report?format=csv&lang=zh`);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.arrayBuffer());
    expect(text.startsWith("\ufeff文件,")).toBe(true);
    expect(text.trim().split("\r\n")).toHaveLength(1 + (await importOf(stage.server, first)).files);
    expect(text).toContain("重复");
  });

  test("opens a call and hears what is in its file", async () => {
    await page.locator("tr", { hasText: stereo }).getByRole("link", { name: "打开通话" }).click();
    await page.waitForURL(/\/calls\//);
    await page.getByText("水费咨询").first().waitFor();
    await page.locator(".dock").getByRole("button", { name: "播放", exact: true }).click();
    const heard = await hear(page, 6);
    const recorded = decode(join(tapes, stereo)).map((side) => envelope(side));
    const found = match(unbroken([heard.left, heard.right]), recorded, { give: 300 });
    console.log(`heard: ${found.likeness.toFixed(3)} at ${found.ms} ms`);
    expect(found.likeness).toBeGreaterThan(0.95);
    await page.keyboard.press("Escape");
  });

  test("finds the calls of the import in the archive", async () => {
    await page.goto(`${stage.server.url}/imports/${first}`);
    await page.getByRole("link", { name: "查看导入的通话" }).click();
    await page.waitForURL(/batch=/);
    await page.locator("tr[data-call]").nth(2).waitFor();
    expect(await page.locator("tr[data-call]").count()).toBe(3);
  });

  test("brings the same folder in again: nothing comes twice", async () => {
    const again = await beginImport(page, stage.server);
    await chooseFolder(page, tapes);
    await uploaded(page, 6);
    await page.locator(".suggestion").filter({ hasText: pattern }).click();
    await page.getByText("5 个符合规则").waitFor();
    await page.getByRole("button", { name: /^开始导入 \d+ 个文件$/ }).click();
    await page.getByText("个文件都处理完了").waitFor();
    expect(await importOf(stage.server, again)).toMatchObject({ stored: 0, duplicate: 4 });
  });
});

test("a command on another machine does the same", () => {
  const run = spawnSync(
    binary,
    ["import", `--url=${stage.server.url}`, "--name=从命令行", `--pattern=${pattern}`, tapes],
    { env: { ...process.env, EARSHOT_PASSWORD: adminPassword }, encoding: "utf8" },
  );
  expect(run.stderr).toContain("不是全部都已导入");
  expect(run.stdout).toContain("is_html");
  expect(run.stdout).toContain("0 已导入");
  expect(run.stdout).toContain("4 重复");
});

test("a second window sees what the first one uploads, and what a browser cannot read stops nothing", async () => {
  const id = await beginImport(page, stage.server);
  const other = await page.context().newPage();
  await other.goto(`${stage.server.url}/imports/${id}`);
  await other.locator(".zone").waitFor();
  const odd = join(stage.folder, "odd");
  mkdirSync(odd);
  writeFileSync(
    Buffer.concat([Buffer.from(`${odd}/`), Buffer.from("c1f5d1f32e6d7033", "hex")]),
    "in GB18030",
  );
  writeFileSync(join(odd, "w1_20160304101500.mp3"), "<html>no recording</html>");
  await dropFolder(page, odd);
  await uploaded(page, 1);
  await page.getByText("浏览器读不了").waitFor();
  await dropFolder(page, tapes);
  await uploaded(page, 7);
  await uploaded(other, 7);
  await expectAccessible(page);
  await keep(page, "import-unread-zh");
  await keep(other, "import-second-zh");
  await other.close();
});

test("an import that was deleted in another window says so", async () => {
  const id = await beginImport(page, stage.server);
  await stage.server.api("DELETE", `/api/v1/imports/${id}`);
  await page.getByText("没有这次导入，可能已被删除").first().waitFor();
});

test("an English page says the same", async () => {
  const english = await stage.enter({ language: "en" });
  await english.goto(`${stage.server.url}/imports`);
  await english.getByText("Bring old recordings in").first().waitFor();
  await expectAccessible(english);
  await keep(english, "imports-full-en");
  await english.getByRole("button", { name: "New import" }).click();
  await english.locator(".zone").waitFor();
  await keep(english, "import-empty-en");
  await chooseFolder(english, tapes);
  await english.getByText("6 files, ").first().waitFor();
  const suggested = "{date:yyyyMMdd}/{seat}_{agent}_{number}_{time:HHmmss}";
  await english.locator(".suggestion").filter({ hasText: suggested }).click();
  await english.getByText("5 fit the pattern").waitFor();
  await expectAccessible(english);
  await keep(english, "import-draft-en");
  await english.getByRole("button", { name: /^Start with \d+ files$/ }).click();
  await english.getByText(/All \d+ files are done/).waitFor();
  await expectAccessible(english);
  await keep(english, "import-done-en");
});
