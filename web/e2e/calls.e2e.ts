// A call's page: marks and tags, clips that are what was recorded, calls of an
// hour and of four, and such as were brought in from older recorders.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  forget,
  heardSoFar,
  listenForErrors,
  openTappedWindow,
  picture,
  signIn,
  startChromium,
} from "./browser";
import { packetsOf } from "./ogg";
import { Server, until } from "./server";
import { putForeign, putLong, type Shelved, shelved, takeUp } from "./shelf";

interface Call {
  id: string;
  state: string;
  durationMs: number;
  parts: { n: number; file: string; sha256: string; startMs: number; durationMs: number }[];
  marks: {
    id: string;
    kind: string;
    text: string;
    startMs: number;
    endMs: number;
    shared: boolean;
    by: string;
  }[];
  tags: string[];
}

const folder = mkdtempSync(join(tmpdir(), "earshot-calls-e2e-"));
const known = [
  /status of 401 .*\/api\/v1\/me\b/,
  /status of (404|409|501) .*\/(levels|playable)\b/,
  /status of 404 .*\/api\/v1\/imports\//, // the import of the call that was brought in is gone
];

let server: Server;
let browser: Browser;
let window: BrowserContext;
let page: Page;
let call: Call;
let several: Call;
const ids: Record<"hour" | "four" | "gsm", string> = { hour: "", four: "", gsm: "" };
const pages: string[][] = [];

const read = (id: string) => server.api<Call>("GET", `/api/v1/calls/${id}`);
const dock = () => page.locator(".dock");
const marks = () => page.getByTestId("marks");
const positionMs = async () => Number(await dock().getByLabel("位置").inputValue());
const at = (ms: number, off = 60) =>
  until(`the dock to be at ${ms} ms`, async () => Math.abs((await positionMs()) - ms) < off);
const press = (...keys: string[]) =>
  keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
const stands = () => dock().getByRole("button", { name: "播放", exact: true }).waitFor();

async function openAt(id: string, query = ""): Promise<void> {
  await page.goto(`${server.url}/calls/${id}${query}`);
  await page.getByTestId("waveform").waitFor();
  await stands();
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

/** Ends the seat's call once it has so much, and waits until it is stored. */
async function store(id: string): Promise<Call> {
  await server.api("POST", `/api/v1/calls/${id}/end`);
  return until("the call to be stored", async () => {
    const now = await read(id);
    return now.state === "stored" && now.parts.every((p) => p.sha256) && now;
  });
}
const begin = async () => (await server.api<Call>("POST", "/api/v1/seats/w1/calls", { account: "7731" })).id;
const reach = (id: string, n: number, ms: number) =>
  until(`part ${n}`, async () => ((await read(id)).parts.find((p) => p.n === n)?.durationMs ?? 0) > ms, 60);

beforeAll(async () => {
  server = await Server.start();
  await server.makeBranch("east", "城东营业厅");
  const seat = await server.makeSeat("w1", "1 号窗口", "east", "counter", "event");
  let hush = server.speak(seat, "gas-leak");
  const listening = () =>
    until(
      "the seat",
      async () => (await server.api<{ state: string }>("GET", "/api/v1/seats/w1/state")).state === "idle",
    );
  await listening();
  const first = await begin();
  await reach(first, 1, 12_000);
  call = await store(first);
  const second = await begin();
  await reach(second, 1, 4000);
  await hush();
  hush = server.speak(seat, "gas-leak");
  await reach(second, 2, 3000);
  several = await store(second);
  await hush();
  const from: Shelved = shelved(server, call.id, call.parts[0]?.file ?? "");
  ids.hour = putLong(server, from, 1, folder);
  ids.four = putLong(server, from, 4, folder);
  ids.gsm = putForeign(
    server,
    from,
    "gsm",
    {
      path: "旧录音/2019-03/8001_20190312093000.wav",
      remarks: ["torn", "started_at_unknown", "no_waveform_no_ffmpeg"],
    },
    folder,
  );
  await takeUp(server);
  browser = await startChromium();
  window = await openTappedWindow(browser);
  await window.grantPermissions(["clipboard-read", "clipboard-write"]);
  page = await window.newPage();
  pages.push(listenForErrors(page, known));
  await signIn(page, server);
}, 180_000);

afterEach(async (context) => {
  if (context.task.result?.state === "fail") {
    await picture([page], "calls");
  }
  expect(
    pages.flatMap((list) => list.splice(0)),
    "errors in a browser's console",
  ).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("marks", () => {
  test("are set at the second that is heard, stepped through, changed and taken away", async () => {
    await openAt(call.id, "?t=3");
    await at(3000);
    await press("m");
    await marks().getByRole("button", { name: "0:03" }).waitFor();
    await press("ArrowRight", "t");
    await page.getByRole("textbox", { name: "备注内容" }).fill("客户要求退费");
    await marks().getByText("其他人可见").click();
    await marks().getByRole("button", { name: "添加" }).click();
    const note = marks().getByRole("listitem").filter({ hasText: "客户要求退费" });
    await note.getByText("仅自己可见").waitFor({ state: "attached" });

    await press("0");
    await page.locator("main").click({ position: { x: 5, y: 5 } });
    await dock().getByLabel("位置").fill("0");
    await page.locator("main").click({ position: { x: 5, y: 5 } });
    await press("n");
    await at(3000);
    await press("n");
    await at(8000);
    await press("n");
    await page.getByText("后面没有标记了").waitFor();
    await press("p");
    await at(3000);

    await note.getByRole("button", { name: "修改这条标记" }).click();
    await marks().getByRole("textbox", { name: "文字" }).fill("客户要求退费 50 元");
    await marks().getByText("其他人可见").click();
    await marks().getByRole("button", { name: "移到当前位置" }).click();
    await marks().getByRole("button", { name: "保存" }).click();
    await marks().getByText("客户要求退费 50 元").waitFor();
    const changed = (await read(call.id)).marks.find((m) => m.kind === "note");
    expect(changed).toMatchObject({ text: "客户要求退费 50 元", shared: true, startMs: 3000, endMs: 3000 });
  });

  test("that last have their ends dragged on the waveform", async () => {
    await openAt(call.id);
    const made = await server.api<{ id: string }>("POST", `/api/v1/calls/${call.id}/marks`, {
      ...{ kind: "note", startMs: 4000, endMs: 6000, text: "承诺", shared: true },
    });
    await page.reload();
    await stands();
    const row = marks().getByRole("listitem").filter({ hasText: "承诺" });
    await row.getByRole("button", { name: "修改这条标记" }).click();
    await page.getByTestId("span").waitFor();
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("the waveform is not drawn");
    const x = (ms: number) => box.x + (box.width * ms) / call.durationMs;
    await page.mouse.move(x(6000), box.y + 50);
    await page.mouse.down();
    await page.mouse.move(x(8000), box.y + 50, { steps: 5 });
    await page.mouse.move(x(9000), box.y + 50, { steps: 5 });
    await page.mouse.up();
    await expectAccessible();
    await marks().getByRole("button", { name: "保存" }).click();
    await page.getByTestId("span").waitFor({ state: "detached" });
    const mark = (await read(call.id)).marks.find((m) => m.id === made.id);
    expect(mark?.startMs).toBe(4000);
    expect(Math.abs((mark?.endMs ?? 0) - 9000)).toBeLessThan(60);
  });

  test("of analysis stand on the waveform and in the list in words, cannot be deleted, and can be hidden", async () => {
    // What analysis finds depends on the call: here it has found one of each kind.
    const kinds = { silence: "长时间静音", overtalk: "抢话", loud: "提高嗓门", one_sided: "只有一方有声" };
    await page.route(`**/api/v1/calls/${call.id}`, async (route) => {
      const real = (await (await route.fetch()).json()) as Call;
      const alerts = Object.keys(kinds).map((kind, i) => ({
        ...{
          id: `alert-${i}`,
          kind,
          side: kind === "loud" ? "customer" : "",
          by: "",
          text: "",
          shared: true,
        },
        ...{ startMs: 500 + i * 2500, endMs: 1500 + i * 2500 },
      }));
      await route.fulfill({ json: { ...real, marks: [...real.marks, ...alerts] } });
    });
    await openAt(call.id);
    for (const word of Object.values(kinds)) {
      const row = marks().getByRole("listitem").filter({ hasText: word });
      await row.getByText("分析").waitFor();
      expect(await row.getByRole("button").count()).toBe(1);
      await page.locator(".flags").getByRole("button", { name: word }).waitFor();
    }
    await expectAccessible();
    await marks().getByRole("button", { name: "分析提示 4" }).click();
    await marks().getByText("有 4 条未显示").waitFor();
    expect(await marks().getByText("抢话").count()).toBe(0);
    expect(await page.locator(".flags").getByRole("button", { name: "抢话" }).count()).toBe(0);
    await page.reload();
    await marks().getByText("有 4 条未显示").waitFor();
    await marks().getByRole("button", { name: "分析提示 4" }).click();
    await marks().getByText("抢话").waitFor();
    await page.unroute(`**/api/v1/calls/${call.id}`);
  });

  test("tags are put on and taken off where they stand", async () => {
    await openAt(call.id);
    const tags = page.getByTestId("tags");
    await tags.getByRole("button", { name: "加标签" }).click();
    await tags.getByRole("textbox", { name: "标签" }).fill("复查");
    await press("Enter");
    await until("the tag", async () => (await read(call.id)).tags.includes("复查"));
    await tags.getByRole("button", { name: "去掉标签 复查" }).click();
    await until("the tag to go", async () => !(await read(call.id)).tags.includes("复查"));
  });

  test("a link to the second that is heard opens there", async () => {
    await openAt(call.id, "?t=4.2");
    await at(4200);
    await press("c");
    await page.getByText("已复制 0:04 处的链接").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toBe(`${server.url}/calls/${call.id}?t=4.2`);
    await dock().getByRole("button", { name: "复制此刻的链接" }).click();
  });
});

describe("clips", () => {
  test("have the packets that were recorded, byte for byte, and say who took them and why", async () => {
    await openAt(call.id, "?t=2");
    await page.getByRole("button", { name: "截取…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("从").fill("0:02.5");
    await dialog.getByLabel("到").fill("0:07");
    await press("Tab");
    await dialog.getByLabel("用途（可不填，记入审计）").fill("投诉 118 号");
    await expectAccessible();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("link", { name: "下载" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^1号窗口_\d{8}-\d{6}_00m02\.5s-00m07\.0s\.opus$/);
    const file = join(folder, "clip.opus");
    await download.saveAs(file);
    const whole = await server.fetch(`/api/v1/calls/${call.id}/parts/1/audio`);
    const recorded = packetsOf(Buffer.from(await whole.arrayBuffer())).slice(2);
    const taken = packetsOf(readFileSync(file)).slice(2);
    const first = recorded.findIndex((p) => taken[0]?.equals(p));
    expect(first).toBeGreaterThan(0);
    expect(taken.every((p, i) => p.equals(recorded[first + i] ?? Buffer.of()))).toBe(true);
    expect(Math.abs(taken.length - (4500 + 80) / 20)).toBeLessThan(3);
    await press("Escape");
    await page.getByTestId("call-audit").getByText("投诉 118 号").waitFor();
  });

  test("of several files are one of each", async () => {
    const [one, two] = several.parts as [Call["parts"][0], Call["parts"][0]];
    await openAt(several.id, `?t=${(one.startMs + one.durationMs - 2000) / 1000}`);
    await press("[");
    await dock()
      .getByLabel("位置")
      .fill(String(Math.round((two.startMs + 1000) / 100) * 100));
    await page.locator("main").click({ position: { x: 5, y: 5 } });
    await press("]");
    await page.getByTestId("span").getByRole("button", { name: "下载此段" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("跨了 2 个录音文件").waitFor();
    const links = await dialog.getByRole("link", { name: "下载" }).all();
    expect(links).toHaveLength(2);
    for (const [i, link] of links.entries()) {
      const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
      const file = join(folder, `several-${i}.opus`);
      await download.saveAs(file);
      const whole = await server.fetch(`/api/v1/calls/${several.id}/parts/${i + 1}/audio`);
      const recorded = packetsOf(Buffer.from(await whole.arrayBuffer())).slice(2);
      expect(recorded.some((p) => packetsOf(readFileSync(file))[2]?.equals(p))).toBe(true);
    }
    await press("Escape", "Escape");
  });
});

describe("a long call", () => {
  // The player's elements are not in the page: they are noted as they are made.
  const noteSeeks = () =>
    page.addInitScript(() => {
      const times = { pressedAt: 0, soughtIn: 0 };
      const made = new Proxy(Audio, {
        construct(target, args) {
          const element = Reflect.construct(target, args) as HTMLAudioElement;
          element.addEventListener("playing", () => {
            times.soughtIn = performance.now() - times.pressedAt;
          });
          return element;
        },
      });
      Object.assign(globalThis, { times, Audio: made });
      addEventListener("pointerup", () => Object.assign(times, { pressedAt: performance.now() }), true);
    });
  /** When the waveform was first drawn after the page was asked for, ms. */
  const noteWaveform = () =>
    page.addInitScript(() => {
      const { fillRect } = CanvasRenderingContext2D.prototype;
      let bars = 0;
      CanvasRenderingContext2D.prototype.fillRect = function (...args) {
        if (++bars === 200) Object.assign(globalThis, { drawnAt: performance.now() });
        fillRect.apply(this, args);
      };
    });

  /** The first second in which somebody speaks: before it nothing can be heard. */
  async function loudSecond(id: string): Promise<number> {
    const levels = await server.api<{ agent: string; customer: string }>("GET", `/api/v1/calls/${id}/levels`);
    const [agent, customer] = [levels.agent, levels.customer].map((side) => Buffer.from(side, "base64"));
    const loud = (i: number) => Math.min(agent?.[i] ?? 255, customer?.[i] ?? 255) < 35;
    for (let i = 1; i < 1000; i++) if (loud(i) && loud(i + 1) && loud(i + 2)) return (i + 1) / 10;
    throw new Error("nobody speaks");
  }

  test.each([
    ["hour", 1],
    ["four", 4],
  ] as const)("of %s: waveform, first sound and seeks in time, in bounded memory", async (name, hours) => {
    const lengthMs = hours * 3_600_000;
    if (hours === 1) {
      await noteSeeks();
      await noteWaveform();
    }
    await openAt(ids[name], `?t=${await loudSecond(ids[name])}`);
    const drawn = await until("the waveform", () =>
      page.evaluate(() => (globalThis as never as { drawnAt?: number }).drawnAt),
    );
    await forget(page);
    await page.locator(".wave").getByRole("button", { name: "播放" }).click();
    const heard = await until("sound", async () => {
      const now = await heardSoFar(page);
      return now.clickToSound > 0 && now;
    });
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("the waveform is not drawn");
    const took: number[] = [];
    for (const share of [0.5, 0.9, 0.1, 0.75, 0.3, 0.31]) {
      await page.evaluate(() =>
        Object.assign((globalThis as never as { times: object }).times, { soughtIn: 0 }),
      );
      await page.mouse.click(box.x + box.width * share, box.y + 60);
      took.push(
        await until("the place", () =>
          page.evaluate(() => (globalThis as never as { times: { soughtIn: number } }).times.soughtIn),
        ),
      );
      expect(Math.abs((await positionMs()) - lengthMs * share)).toBeLessThan(8000 * hours);
    }
    for (let i = 0; i < 18; i++) await press("+");
    await press("0");
    const heap = await page.evaluate(
      () => (performance as never as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    );
    console.log(
      `${hours} h: waveform ${drawn.toFixed(0)} ms after the page was asked for, first sound ${heard.clickToSound.toFixed(0)} ms after the click, seeks ${took.map((ms) => ms.toFixed(0)).join(", ")} ms, ${(heap / 1e6).toFixed(0)} MB of heap`,
    );
    await press("s");
    expect(heap).toBeLessThan(120e6);
    if (process.env.EARSHOT_MEASURE) {
      expect(heard.clickToSound).toBeLessThan(500);
      expect(Math.max(...took)).toBeLessThan(100);
    }
  });
});

describe("a call that was brought in", () => {
  test("says where it comes from, and what is remarked of it", async () => {
    await openAt(ids.gsm);
    const origin = page.getByTestId("origin");
    for (const text of ["旧录音/2019-03/8001_20190312093000.wav", "命令行", "文件不完整，在音频中途结束"])
      await origin.getByText(text).waitFor();
    await page.getByText("WAV（GSM 6.10）").waitFor();
    await expectAccessible();
  });

  test("plays and seeks as what the server makes of it", async () => {
    const part = (await read(ids.gsm)).parts[0];
    await page.locator(".wave").getByRole("button", { name: "播放" }).click();
    await until("it to play", async () => (await positionMs()) > 1500);
    expect(Math.max(...(await heardSoFar(page)).left)).toBeGreaterThan(0.005);
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box || !part) throw new Error("nothing to seek in");
    await page.mouse.click(box.x + box.width * 0.7, box.y + 60);
    await until("the place", async () => (await positionMs()) >= part.durationMs * 0.7 - 200);
    await press("s");
  });

  test("is played and sought in without a waveform, which is said", async () => {
    const none = Buffer.alloc(120, 255).toString("base64");
    await page.route("**/levels", (route) =>
      route.fulfill({ json: { stepMs: 100, agent: none, customer: none } }),
    );
    await openAt(ids.gsm);
    await page.getByText("这个通话没有波形，仍可播放和定位").waitFor();
    await expectAccessible();
    const box = await page.getByTestId("waveform").boundingBox();
    if (!box) throw new Error("nothing to seek in");
    await page.mouse.click(box.x + box.width * 0.5, box.y + 60);
    await until("the place", async () => (await positionMs()) > 4000);
    await press("s");
    await page.unroute("**/levels");
  });

  test("and why it does not play, where nothing can convert it", async () => {
    const problem = {
      status: 501,
      code: "no_converter",
      title: "Not Implemented",
      detail: "x",
      type: "about:blank",
    };
    await page.route("**/parts/1/playable*", (route) =>
      route.fulfill({ status: 501, contentType: "application/problem+json", body: JSON.stringify(problem) }),
    );
    await openAt(ids.gsm);
    await page.locator(".wave").getByRole("button", { name: "播放" }).click();
    const told = page.getByTestId("play-failure");
    await told.getByText("ffmpeg").waitFor();
    await expectAccessible();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      told.getByRole("link", { name: "下载原文件（第 1 段）" }).click(),
    ]);
    const file = join(folder, "original.wav");
    await download.saveAs(file);
    expect(readFileSync(file).equals(readFileSync(join(folder, "gsm.wav")))).toBe(true);
    await page.unroute("**/parts/1/playable*");
  });

  test("is read in English too", async () => {
    await page.evaluate(() => localStorage.setItem("earshot.lang", "en"));
    await page.reload();
    await page.getByText("The file is not whole").waitFor();
    await expectAccessible();
    await page.goto(`${server.url}/calls/${call.id}`);
    await page.getByRole("heading", { name: "Marks and notes" }).waitFor();
    await expectAccessible();
  });
});
