// Pictures of pages for people to look at; none are made unless EARSHOT_PICTURES
// names a folder.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { dress, type Scheme } from "./accessible";

const folder = process.env.EARSHOT_PICTURES;

/** Keeps what a page looks like on a small and a large screen, in the colours given or those it has. */
export async function keep(page: Page, name: string, schemes?: Scheme[]): Promise<void> {
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  for (const scheme of schemes ?? [undefined]) {
    if (scheme) await dress(page, scheme);
    for (const [width, height] of [
      [1920, 1080],
      [1440, 900],
    ] as const) {
      await page.setViewportSize({ width, height });
      const file = [name, scheme, width].filter(Boolean).join("-");
      await page.screenshot({ path: join(folder, `${file}.png`) });
    }
  }
}
