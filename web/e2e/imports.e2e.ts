// Bringing old recordings in, as an evidence officer does it: a folder is dropped,
// its names are tried, it comes in, each file with its fate; a call of it is opened
// and heard; what was cut off goes on; what is there already comes in once.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  hear,
  listenForErrors,
  openTappedWindow,
  openWindow,
  picture,
  signIn,
  speakLanguage,
  startChromium,
} from "./browser";
import { adminPassword, Server, until } from "./server";
import { decode, envelope, match, twoSidedMicrophone } from "./sound";

interface Import {
  id: string;
  state: string;
  files: number;
  stored: number;
  duplicate: number;
  refused: number;
}
interface ImportFile {
  path: string;
  fate: string;
  call: string;
  code: string;
  remarks: string[];
}

const binary = process.env.EARSHOT_BIN ?? resolve(import.meta.dirname, "../../bin/earshot");
const folder = mkdtempSync(join(tmpdir(), "earshot-imports-e2e-"));
/** The folder that is dropped. */
const tapes = join(folder, "旧录音");
const shots = process.env.SHOTS;
const known = [
  /status of 401 .*\/api\/v1\/me\b/,
  /status of 40[149] .*\/uploads/, // uploads that were cut off on purpose
  /status of 422 .*\/imports\//, // a pattern that is wrong on purpose
  /net::ERR_.*(\/uploads|\/live|\/imports)/,
  /WebSocket connection .* failed/,
];

let server: Server;
let browser: Browser;
let page: Page;
let officer = "";
const windows: BrowserContext[] = [];
const pages: string[][] = [];
let broken = false;

const pattern = "{date:yyyyMMdd}/{seat}_{agent}_{number}_{time:HHmmss}";
const stereo = "20160304/w1_1001_13900000001_101500.wav";

/** Makes the folder as an older recorder leaves it, and what else lies in such folders. */
function makeTapes(): void {
  mkdirSync(join(tapes, "20160304"), { recursive: true });
  mkdirSync(join(tapes, "20160305"), { recursive: true });
  const spoken = join(folder, "spoken.wav");
  twoSidedMicrophone(spoken, "water-bill");
  const at = (name: string) => join(tapes, name);
  execFileSync("ffmpeg", [
    "-v",
    "error",
    "-i",
    spoken,
    "-t",
    "20",
    "-ar",
    "8000",
    "-c:a",
    "pcm_s16le",
    at(stereo),
  ]);
  execFileSync("sox", [
    spoken,
    "-r",
    "8000",
    "-e",
    "a-law",
    at("20160304/w1_1002_13900000002_111500.wav"),
    "trim",
    "3",
    "6",
  ]);
  execFileSync("ffmpeg", [
    "-v",
    "error",
    "-ss",
    "8",
    "-i",
    spoken,
    "-t",
    "7",
    "-ac",
    "1",
    "-ar",
    "16000",
    join(folder, "mono.wav"),
  ]);
  execFileSync("lame", [
    "--quiet",
    "-b",
    "32",
    join(folder, "mono.wav"),
    at("20160305/h2_1003_02085550003_091000.mp3"),
  ]);
  execFileSync("cp", [
    at("20160305/h2_1003_02085550003_091000.mp3"),
    at("20160305/h2_1003_02085550003_092000.mp3"),
  ]);
  writeFileSync(at("20160305/h2_1004_13900000004_100000.mp3"), "<html>404</html>");
  writeFileSync(at("20160305/说明.pdf"), "%PDF-1.4");
  writeFileSync(at("20160305/Thumbs.db"), "left behind");
  const table = [
    "文件名,户号,业务类型",
    "w1_1001_13900000001_101500.wav,5502,水费咨询",
    "h2_1003_02085550003_091000.mp3,7701,报修",
  ].join("\r\n");
  writeFileSync(at("明细.csv"), execFileSync("iconv", ["-f", "UTF-8", "-t", "GB18030"], { input: table }));
}

async function openPage(lang: "zh-CN" | "en", user = "admin", password?: string): Promise<Page> {
  const window = lang === "en" ? await openWindow(browser, "en") : await openTappedWindow(browser);
  windows.push(window);
  await speakLanguage(window, lang);
  const made = await window.newPage();
  pages.push(listenForErrors(made, known));
  await signIn(made, server, user, password);
  return made;
}

/** Drops a folder of the disk onto the page, as a file manager does. */
async function drop(onto: Page, path: string): Promise<void> {
  const box = await onto.locator(".zone").boundingBox();
  if (!box) throw new Error("there is nowhere to drop");
  const session = await onto.context().newCDPSession(onto);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  const [x, y] = [box.x + box.width / 2, box.y + 20];
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
  await session.detach();
}

async function shoot(name: string, of = page): Promise<void> {
  if (!shots) return;
  for (const [width, height] of [
    [1440, 900],
    [1920, 1080],
  ] as const) {
    await of.setViewportSize({ width, height });
    await of.screenshot({ path: join(shots, `${name}-${width}.png`) });
  }
  await of.setViewportSize({ width: 1440, height: 900 });
}

async function expectAccessible(of: Page): Promise<void> {
  for (const colorScheme of ["dark", "light"] as const) {
    await of.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await of.locator(colorScheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
    const { violations } = await new AxeBuilder({ page: of }).analyze();
    const grave = violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => `${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
    expect(grave, of.url()).toEqual([]);
  }
}

const idOf = (of: Page) => new URL(of.url()).pathname.split("/").at(-1) ?? "";
const made = (id: string) => server.api<Import>("GET", `/api/v1/imports/${id}`);
const filesOf = async (id: string) =>
  (await server.api<{ files: ImportFile[] }>("GET", `/api/v1/imports/${id}/files?limit=1000`)).files;

/** Begins a new import and is on its page. */
async function begin(of = page): Promise<string> {
  await of.goto(`${server.url}/imports`);
  await of.getByRole("button", { name: "新建导入" }).first().click();
  await of.waitForURL(/\/imports\/.+/);
  await of.locator(".zone").waitFor();
  return idOf(of);
}

const uploaded = (of: Page, n: number) => of.getByText(`服务器上已有 ${n} 个文件`).waitFor();

beforeAll(async () => {
  makeTapes();
  server = await Server.start();
  await server.makeBranch("east", "城东营业厅");
  await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  await server.makeSeat("h2", "热线 2 席", "east", "hotline", "event");
  officer = await server.makeUser("lin", "林取证", "evidence");
  browser = await startChromium();
  page = await openPage("zh-CN", "lin", officer);
}, 90_000);

beforeEach((context) => context.skip(broken, "a step before this one failed"));

afterEach(async (context) => {
  if (context.task.result?.state === "fail") {
    broken = true;
    await picture([page], "imports");
  }
  const seen = pages.flatMap((list) => list.splice(0));
  expect(seen, "errors in a browser's console").toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("an evidence officer", () => {
  let first = "";

  test("is told what to do first", async () => {
    await page.goto(`${server.url}/imports`);
    await page.getByText("还没有导入过").waitFor();
    await expectAccessible(page);
    await shoot("imports-empty-zh");
    first = await begin();
    await page.getByRole("button", { name: "选择文件夹" }).waitFor();
    await expectAccessible(page);
    await shoot("import-empty-zh");
  });

  test("drops a folder, and is told what of it was not taken", async () => {
    await drop(page, tapes);
    await uploaded(page, 6);
    await page.getByText("1 个文件不是 MP3、WAV 或 CSV，没有上传").waitFor();
    expect((await made(first)).files).toBe(6);
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
    await shoot("import-draft-zh");
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
    await field.fill("{date:yyyyMMdd}/__{number}_{time:HHmmss}");
    for (const [name, at] of [
      ["坐席位", 16],
      ["工号", 23],
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
    await page.getByText("个文件都处理完了").waitFor({ timeout: 60_000 });
    const files = await filesOf(first);
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
    await shoot("import-done-zh");
  });

  test("takes the report with them, as CSV that Excel reads", async () => {
    const answer = await server.fetch(`/api/v1/imports/${first}/report?format=csv&lang=zh`);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.arrayBuffer());
    expect(text.startsWith("\ufeff文件,")).toBe(true);
    expect(text.trim().split("\r\n")).toHaveLength(1 + (await made(first)).files);
    expect(text).toContain("重复");
  });

  test("opens a call and hears what is in its file", async () => {
    await page.locator("tr", { hasText: stereo }).getByRole("link", { name: "打开通话" }).click();
    await page.waitForURL(/\/calls\//);
    await page.getByText("水费咨询").first().waitFor();
    await page.locator(".dock").getByRole("button", { name: "播放", exact: true }).click();
    const heard = await hear(page, 6);
    const [left, right] = decode(join(tapes, stereo)).map((side) => envelope(side));
    const found = [match(heard.left, left ?? [], 6), match(heard.right, right ?? [], 6)];
    console.log(`heard: ${found.map((f) => f.likeness.toFixed(3)).join(" ")}`);
    expect(Math.max(...found.map((f) => f.likeness))).toBeGreaterThan(0.85);
    await page.keyboard.press("Escape");
  });

  test("finds the calls of the import in the archive", async () => {
    await page.goto(`${server.url}/imports/${first}`);
    await page.getByRole("link", { name: "查看导入的通话" }).click();
    await page.waitForURL(/batch=/);
    await page.locator("tr[data-call]").nth(2).waitFor();
    expect(await page.locator("tr[data-call]").count()).toBe(3);
  });

  test("brings the same folder in again: nothing comes twice", async () => {
    const again = await begin();
    await page.locator("[data-test=folder]").setInputFiles(tapes);
    await uploaded(page, 6);
    await page.locator(".suggestion").filter({ hasText: pattern }).click();
    await page.getByText("5 个符合规则").waitFor();
    await page.getByRole("button", { name: /^开始导入 \d+ 个文件$/ }).click();
    await page.getByText("个文件都处理完了").waitFor({ timeout: 60_000 });
    expect(await made(again)).toMatchObject({ stored: 0, duplicate: 4 });
  });
});

test("a command on another machine does the same", () => {
  const run = spawnSync(
    binary,
    ["import", `--url=${server.url}`, "--name=从命令行", `--pattern=${pattern}`, tapes],
    { env: { ...process.env, EARSHOT_PASSWORD: adminPassword }, encoding: "utf8" },
  );
  expect(run.stderr).toContain("不是全部都已导入");
  expect(run.stdout).toContain("is_html");
  expect(run.stdout).toContain("0 已导入");
  expect(run.stdout).toContain("4 重复");
});

describe("an upload that is cut off", () => {
  const disk = join(folder, "大文件");
  const bytes = 400 << 20;

  test("goes on after a reload and a restart of the server, from where it was", async () => {
    mkdirSync(disk);
    for (const name of ["a.wav", "b.wav"]) {
      writeFileSync(join(disk, name), "RIFF");
      truncateSync(join(disk, name), bytes);
      utimesSync(join(disk, name), 1_400_000_000, 1_400_000_000);
    }
    const id = await begin();
    await page.locator("[data-test=folder]").setInputFiles(disk);
    const sent = async () =>
      (
        await server.api<{ uploads: { offset: number; bytes: number }[] }>(
          "GET",
          `/api/v1/imports/${id}/uploads`,
        )
      ).uploads;
    await until("much of it to be there", async () => (await sent()).some((u) => u.offset > 64 << 20));
    await shoot("import-uploading-zh");
    await page.reload();
    await page.getByText("只传了一部分").waitFor();
    const before = Math.max(...(await sent()).map((u) => u.offset));
    expect(before).toBeGreaterThan(32 << 20);
    await server.down("SIGKILL");
    await server.up();
    const after = await sent();
    expect(Math.max(...after.map((u) => u.offset)), "what is there after the kill").toBeGreaterThan(32 << 20);

    const begun: number[] = [];
    page.on("request", (r) => {
      if (r.method() === "PATCH" && r.url().includes("/uploads/"))
        begun.push(Number(r.headers()["upload-offset"]));
    });
    await page.reload();
    await page.locator("[data-test=folder]").setInputFiles(disk);
    await uploaded(page, 2);
    expect(Math.max(...begun.slice(0, 2)), "it went on where it was").toBeGreaterThan(32 << 20);
    expect((await sent()).every((u) => u.offset === bytes)).toBe(true);
  });

  test("pauses and goes on, and survives a cut network", async () => {
    const id = await begin();
    await page.locator("[data-test=folder]").setInputFiles(disk);
    await page.getByRole("button", { name: "暂停" }).click();
    await page.getByText("已暂停").first().waitFor();
    await page.getByRole("button", { name: "继续" }).click();
    await page.context().setOffline(true);
    await page.getByText("网络断了，恢复后自动继续").waitFor();
    await page.context().setOffline(false);
    await uploaded(page, 2);
    await page.goto(`${server.url}/imports`);
    await server.api("DELETE", `/api/v1/imports/${id}`);
  });

  test("can be left for another page meanwhile", async () => {
    const id = await begin();
    await page.locator("[data-test=folder]").setInputFiles(disk);
    await page.getByText("可以离开本页，上传会继续").waitFor();
    await page.getByRole("link", { name: "录音档案" }).click();
    await until("all to be there", async () => (await made(id)).files === 2, 60);
    await server.api("DELETE", `/api/v1/imports/${id}`);
  });
});

test("an import that was deleted in another window says so", async () => {
  const id = await begin();
  await server.api("DELETE", `/api/v1/imports/${id}`);
  await page.locator("[data-test=folder]").setInputFiles(tapes);
  await page.getByText("没有这次导入，可能已被删除").first().waitFor();
});

test("an English page says the same", async () => {
  const english = await openPage("en");
  page = english;
  await english.goto(`${server.url}/imports`);
  await english.getByText("Bring old recordings in").first().waitFor();
  await expectAccessible(english);
  await shoot("imports-full-en");
  await english.getByRole("button", { name: "New import" }).click();
  await english.locator(".zone").waitFor();
  await shoot("import-empty-en");
  await english.locator("[data-test=folder]").setInputFiles(tapes);
  await english.getByText("6 files, ").first().waitFor();
  await english.locator(".suggestion").filter({ hasText: pattern }).click();
  await english.getByText("5 fit the pattern").waitFor();
  await expectAccessible(english);
  await shoot("import-draft-en");
  await english.getByRole("button", { name: /^Start with \d+ files$/ }).click();
  await english.getByText(/All \d+ files are done/).waitFor({ timeout: 60_000 });
  await expectAccessible(english);
  await shoot("import-done-en");
});
