import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

// WCAG AA: text holds 4.5:1 on every ground it is used on, in light and dark.

const css = readFileSync(join(process.cwd(), "src/theme/tokens.css"), "utf8");

function tokens(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  const block = css.slice(start, css.indexOf("}", start));
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m) as [number, number];
  return (x + 0.05) / (y + 0.05);
}

const grounds = ["ground", "surface", "sunken"];
const pairs: [string, string[]][] = [
  ["text", [...grounds, "accent-soft"]],
  ["text-2", grounds],
  ["text-3", grounds],
  ["accent", [...grounds, "accent-soft"]],
  ["on-accent", ["accent", "accent-strong"]],
  ["live", [...grounds, "live-soft"]],
  ["idle", [...grounds, "idle-soft"]],
  ["paused", [...grounds, "paused-soft"]],
  ["faulty", [...grounds, "faulty-soft"]],
  ["offline", [...grounds, "offline-soft"]],
  ["unknown", [...grounds, "unknown-soft"]],
];

test.each([
  ["light", ":root"],
  ["dark", "html.dark"],
])("%s colours hold AA contrast", (_name, selector) => {
  const colour = tokens(selector);
  for (const [text, on] of pairs) {
    for (const ground of on) {
      const ratio = contrast(colour.get(text) ?? "", colour.get(ground) ?? "");
      expect(ratio, `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    }
  }
});
