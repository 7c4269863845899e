// Whether a page shuts nobody out: looked at by axe once it stands still.
import AxeBuilder from "@axe-core/playwright";
import type { Page, Request } from "playwright-core";
import { expect } from "vitest";
import { until } from "./server";

export type Scheme = "dark" | "light";

const asking = new WeakMap<Page, Set<Request>>();

/** Notes from now on what a page asks the server, so that `settled` knows of it. */
export function noteRequests(page: Page): void {
  const open = new Set<Request>();
  asking.set(page, open);
  page.on("request", (request) => {
    if (["fetch", "xhr"].includes(request.resourceType())) open.add(request);
  });
  const over = (request: Request) => void open.delete(request);
  page.on("requestfinished", over);
  page.on("requestfailed", over);
}

/** Waits until a page has read what it shows, has drawn it, and nothing fades or slides any more. */
export async function settled(page: Page): Promise<void> {
  await until("the page to stand still", async () => {
    if (asking.get(page)?.size) return false;
    const still = await page.evaluate(async () => {
      const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
      await frame();
      await frame();
      const moves = (a: Animation) =>
        a.playState === "running" && a.effect?.getTiming().iterations !== Number.POSITIVE_INFINITY;
      return !document.getAnimations().some(moves);
    });
    return still && !asking.get(page)?.size;
  });
}

/** Dresses a page in light or dark, without motion. */
export async function dress(page: Page, scheme: Scheme): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  await page.locator(scheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
}

/** Fails where axe finds anything serious on a page, in the colours given; the page is left in the last. */
export async function expectAccessible(page: Page, schemes: Scheme[] = ["dark", "light"]): Promise<void> {
  for (const scheme of schemes) {
    await dress(page, scheme);
    await settled(page);
    // Our pages have no frames: what axe finds need not be put together in another window.
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    const grave = violations
      .filter((v) => v.impact === "serious" || v.impact === "critical")
      .map((v) => `${scheme}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
    expect(grave, page.url()).toEqual([]);
  }
}
