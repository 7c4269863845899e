// How smoothly the archive's list scrolls: an index of 100,000 calls, the product
// on it, a real Chromium that turns the wheel from the first row to the last.
// `npm run measure:list` prints what docs/benchmarks.md says of it. Nothing is
// asserted: figures are of the machine they were taken on. Beside each stands how
// the same rows scroll with no code behind them, which no list can exceed.
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import type { Browser, Page } from "playwright-core";
import { test } from "vitest";
import { openWindow, signIn, startChromium } from "./browser";
import { binary, Server } from "./server";

const calls = Number(process.env.CALLS ?? 100_000);
/** What a fast hand turns the wheel by, px a second. */
const speed = Number(process.env.SPEED ?? 4000);
const seconds = Number(process.env.SECONDS ?? 30);

interface Frames {
  /** Times between frames, ms. */
  took: number[];
  rows: number;
  tallest: number;
}

test(`${calls} results are scrolled`, { timeout: 1_800_000 }, async () => {
  const server = await Server.start();
  const browser = await startChromium();
  try {
    await server.down();
    const filled = spawnSync(binary, [
      "bench",
      "fill",
      `--data=${server.folder}`,
      `--calls=${calls}`,
      "--quiet",
    ]);
    if (filled.status !== 0) throw new Error(`the index could not be filled: ${filled.stderr}`);
    await server.up();
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
  const memory = await window.newCDPSession(page);
  const heap = async () => {
    await memory.send("HeapProfiler.collectGarbage");
    const { usedSize } = await memory.send("Runtime.getHeapUsage");
    return Math.round(usedSize / 1e6);
  };
  const before = await heap();
  // Once down all of the list, as fast as rows come; then the measured pieces.
  const reached = await page.evaluate(async () => {
    const box = document.querySelector("#content") as HTMLElement;
    const begun = performance.now();
    let still = 0;
    for (let last = -1; still < 300 && performance.now() - begun < 900_000; ) {
      box.scrollTop = box.scrollHeight;
      await new Promise((next) => requestAnimationFrame(next));
      still = box.scrollHeight === last ? still + 1 : 0;
      last = box.scrollHeight;
    }
    return {
      rows: Number(
        document.querySelector("table.rows tr[data-row]:last-of-type")?.getAttribute("data-row") ?? 0,
      ),
      ms: performance.now() - begun,
    };
  });
  console.log(
    `the last row was reached after ${(reached.ms / 1000).toFixed(0)} s; heap ${before} MB before, ${await heap()} MB there`,
  );
  for (const [what, from] of [
    ["rows read before", "top"],
    ["from the middle, up", "middle"],
  ] as const) {
    const bare = tell(`${what}, bare`, await scroll(page, from, true));
    const list = tell(what, await scroll(page, from, false));
    console.log(`${what}: ${Math.round((100 * list) / bare)}% of the bare rows' frames a second`);
  }
  console.log(`heap ${await heap()} MB at the end; load of the machine ${loadavg()[0]?.toFixed(1)}`);
}

/** Turns the wheel; `bare` on a copy of the rows that has no code, there and back. */
function scroll(page: Page, from: "top" | "middle", bare: boolean): Promise<Frames> {
  return page.evaluate(
    async ({ from, bare, speed, seconds }) => {
      const rest = (ms: number) => new Promise((next) => setTimeout(next, ms));
      const list = document.querySelector("#content") as HTMLElement;
      list.scrollTop = from === "top" ? 0 : list.scrollHeight / 2;
      await rest(1500);
      const box = bare ? document.createElement("div") : list;
      if (bare) {
        box.style.cssText = "position: fixed; inset: 0; z-index: 9999; overflow: auto; background: Canvas";
        box.append(list.querySelector("table.rows")?.cloneNode(true) ?? "");
        for (const room of box.querySelectorAll(".room")) room.remove();
        const body = box.querySelector("tbody");
        for (const row of [1, 2, 3, 4].flatMap(() => [...list.querySelectorAll("tr[data-call]")]))
          body?.append(row.cloneNode(true));
        document.body.append(box);
        await rest(1500);
      }
      const took: number[] = [];
      const begun = performance.now();
      let [last, most, at] = [begun, 0, box.scrollTop];
      let sign = from === "top" || bare ? 1 : -1;
      while (last - begun < seconds * 1000) {
        const now = await new Promise<number>((next) => requestAnimationFrame(next));
        at += (sign * speed * (now - last)) / 1000;
        if (at < 0) sign = 1;
        else if (at > box.scrollHeight - box.clientHeight) sign = -1;
        box.scrollTop = at;
        took.push(now - last);
        last = now;
        most = Math.max(most, box.querySelectorAll("tr[data-call]").length);
      }
      const tallest = box.scrollHeight;
      if (bare) box.remove();
      return { took: took.slice(1), rows: most, tallest };
    },
    { from, bare, speed, seconds },
  );
}

/** Prints them; answers the frames a second. */
function tell(what: string, { took, rows, tallest }: Frames): number {
  const sorted = [...took].sort((a, b) => a - b);
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1);
  const whole = took.reduce((sum, ms) => sum + ms, 0);
  const fps = ((took.length * 1000) / whole).toFixed(1);
  console.log(
    `${what}: ${fps} frames a second at ${speed} px a second; a frame p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms; at most ${rows} rows drawn of ${Math.round(tallest / 37)}`,
  );
  return Number(fps);
}
