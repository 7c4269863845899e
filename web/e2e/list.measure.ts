// How smoothly the archive's list scrolls: an index of 100,000 calls, the product
// on it, a real Chromium that turns the wheel from the first row to the last.
// `npm run measure:list` prints what docs/benchmarks.md says of it. Nothing is
// asserted: figures are of the machine they were taken on.
import { spawnSync } from "node:child_process";
import type { Browser } from "playwright-core";
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
    const frames = await page.evaluate(
      async ({ from, speed, seconds }) => {
        const box = document.querySelector("#content") as HTMLElement;
        box.scrollTop = from === "top" ? 0 : box.scrollHeight / 2;
        await new Promise((rest) => setTimeout(rest, 1000));
        const took: number[] = [];
        const begun = performance.now();
        let last = begun;
        const sign = from === "top" ? 1 : -1;
        let most = 0;
        while (last - begun < seconds * 1000) {
          const now = await new Promise<number>((next) => requestAnimationFrame(next));
          box.scrollTop += (sign * speed * (now - last)) / 1000;
          took.push(now - last);
          last = now;
          most = Math.max(most, document.querySelectorAll("tr[data-call]").length);
        }
        return { took: took.slice(1), rows: most, tallest: box.scrollHeight };
      },
      { from, speed, seconds },
    );
    tell(what, frames);
  }
  console.log(`heap ${await heap()} MB at the end`);
}

function tell(what: string, { took, rows, tallest }: Frames): void {
  const sorted = [...took].sort((a, b) => a - b);
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1);
  const whole = took.reduce((sum, ms) => sum + ms, 0);
  const fps = ((took.length * 1000) / whole).toFixed(1);
  console.log(
    `${what}: ${fps} frames a second at ${speed} px a second; a frame p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms; at most ${rows} rows drawn of ${Math.round(tallest / 37)}`,
  );
}
