// How smoothly the archive's list scrolls: an index of 100,000 calls, the product
// on it, a real Chromium that scrolls from the first row to the last and back.
// `npm run measure:list` prints what docs/benchmarks.md says of it; it fails where
// the last row is not reached, or a row in sight is missing at the end. Frames a
// second are of the machine they were taken on, so beside each figure stands how
// the same rows scroll with no code behind them: all that the machine can.
import { loadavg } from "node:os";
import type { Browser, Page } from "playwright-core";
import { expect, test } from "vitest";
import { openWindow, signIn, startChromium } from "./browser";
import { Server, until } from "./server";

const calls = Number(process.env.CALLS ?? 100_000);
/** What a fast hand turns the wheel by, px a second. */
const speed = Number(process.env.SPEED ?? 4000);
const seconds = Number(process.env.SECONDS ?? 20);

interface Frames {
  /** Times between frames, ms. */
  took: number[];
  /** Frames in which a row in sight was not there. */
  holes: number;
  /** The most rows that were drawn. */
  rows: number;
}

test(`${calls} results are scrolled`, { timeout: 3_600_000 }, async () => {
  const server = await Server.start();
  const browser = await startChromium();
  try {
    console.log(`filling an index with ${calls} calls`);
    await server.fill(calls);
    await measure(server, browser);
  } finally {
    await browser.close();
    await server.close();
  }
});

async function measure(server: Server, browser: Browser): Promise<void> {
  const window = await openWindow(browser);
  const page = await window.newPage();
  await signIn(page, server);
  await page.goto(`${server.url}/archive`);
  await page.locator("tr[data-call]").first().waitFor();
  const devtools = await window.newCDPSession(page);
  const heap = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    return Math.round(usedSize / 1e6);
  };
  const before = await heap();
  console.log(`the last row was reached after ${await toTheEnd(page)} s`);
  console.log(`heap ${before} MB before, ${await heap()} MB there`);
  for (const [what, from] of [
    ["from the first row, down", 0],
    ["from the middle, up", 0.5],
  ] as const) {
    const bare = tell(`${what}, bare rows`, await scroll(page, from, true));
    const list = tell(`${what}, the list`, await scroll(page, from, false));
    console.log(`${what}: ${Math.round((100 * list) / bare)}% of the bare rows' frames a second`);
  }
  console.log(`heap ${await heap()} MB at the end; load of the machine ${loadavg()[0]?.toFixed(1)}`);
}

/** Goes to the end again and again, until nothing comes any more; answers the seconds. */
async function toTheEnd(page: Page): Promise<string> {
  const begun = Date.now();
  let said = 0;
  await until(
    "the last row",
    async () => {
      const last = await page.evaluate(() => {
        const box = document.querySelector("#content") as HTMLElement;
        box.scrollTop = box.scrollHeight;
        const rows = [...document.querySelectorAll<HTMLElement>("tr[data-row]")];
        return Math.max(...rows.map((row) => Number(row.dataset.row)));
      });
      if (last >= said + 10_000) {
        said = last;
        console.log(`row ${last} after ${((Date.now() - begun) / 1000).toFixed(0)} s`);
      }
      return last + 1 >= calls;
    },
    2700,
  );
  return ((Date.now() - begun) / 1000).toFixed(0);
}

/** Scrolls for some seconds; `bare` a copy of the rows that has no code, there and back. */
async function scroll(page: Page, from: number, bare: boolean): Promise<Frames> {
  await page.locator("#content").evaluate((list, part) => {
    list.scrollTop = part * list.scrollHeight;
  }, from);
  await page.waitForFunction(() => !document.querySelector("tr.waiting"));
  await page.waitForLoadState("networkidle");
  if (bare) await page.evaluate(layBare);
  const frames = await page.evaluate(turn, {
    ...{ box: bare ? "#bare" : "#content", down: from === 0 || bare, speed, seconds },
  });
  if (bare) await page.evaluate(() => document.querySelector("#bare")?.remove());
  else await page.waitForFunction(() => !document.querySelector("tr.waiting"));
  return frames;
}

/** In the page: puts copies of the rows that are drawn above it, below one another. */
function layBare(): void {
  const list = document.querySelector("#content") as HTMLElement;
  const box = document.createElement("div");
  box.id = "bare";
  box.style.cssText = "position: fixed; inset: 0; z-index: 9999; overflow: auto; background: Canvas";
  const table = list.querySelector("table.rows")?.cloneNode(true) as HTMLTableElement;
  const blocks = [...table.tBodies];
  let top = table.tHead?.offsetHeight ?? 34;
  for (const block of blocks) block.remove();
  for (const block of [1, 2, 3, 4].flatMap(() => blocks)) {
    const copy = block.cloneNode(true) as HTMLElement;
    copy.style.top = `${top}px`;
    top += Number.parseFloat(copy.style.height);
    table.append(copy);
  }
  table.style.height = `${top}px`;
  box.append(table);
  document.body.append(box);
}

/** In the page: scrolls a box with every frame, as far as the time since the last one says. */
async function turn(how: { box: string; down: boolean; speed: number; seconds: number }): Promise<Frames> {
  const box = document.querySelector(how.box) as HTMLElement;
  const table = box.querySelector("table.rows") as HTMLTableElement;
  const took: number[] = [];
  let [holes, rows, at, sign] = [0, 0, box.scrollTop, how.down ? 1 : -1];
  const next = () => new Promise<number>((go) => requestAnimationFrame(go));
  const begun = await next();
  for (let last = begun; last - begun < how.seconds * 1000; ) {
    // What the frame that was just shown had: its blocks by their places, and rows not yet read.
    const blocks = [...table.tBodies].map((b) => [b.offsetTop, b.offsetTop + b.offsetHeight] as const);
    const covered = blocks.reduce(
      (sum, [top, end]) => sum + Math.max(0, Math.min(end, at + box.clientHeight) - Math.max(top, at)),
      0,
    );
    const room = Math.min(box.clientHeight, table.offsetHeight - 200) - 200; // the page's head and foot
    if (covered < room || table.querySelector("tr.waiting")) holes++;
    rows = Math.max(rows, table.querySelectorAll("tr[data-call]").length);
    const now = await next();
    took.push(now - last);
    at += (sign * how.speed * (now - last)) / 1000;
    if (at < 0) sign = 1;
    else if (at > box.scrollHeight - box.clientHeight) sign = -1;
    box.scrollTop = at;
    last = now;
  }
  return { took: took.slice(1), holes, rows };
}

/** Prints them; answers the frames a second. */
function tell(what: string, { took, holes, rows }: Frames): number {
  const sorted = [...took].sort((a, b) => a - b);
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1);
  const whole = took.reduce((sum, ms) => sum + ms, 0);
  const fps = ((took.length * 1000) / whole).toFixed(1);
  console.log(
    `${what}: ${fps} frames a second at ${speed} px a second; a frame p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms; at most ${rows} rows drawn; rows missing in ${holes} of ${took.length} frames`,
  );
  expect(rows, "rows drawn").toBeGreaterThan(0);
  return Number(fps);
}
