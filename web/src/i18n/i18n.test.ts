import { expect, test } from "vitest";
import en from "./en";
import zhCN from "./zh-CN";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Map<string, string> {
  const out = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") out.set(prefix + key, value);
    else for (const [k, v] of flat(value, `${prefix}${key}.`)) out.set(k, v);
  }
  return out;
}

const zh = flat(zhCN);
const english = flat(en);
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

test("both languages have the same keys", () => {
  expect([...english.keys()].sort()).toEqual([...zh.keys()].sort());
});

test("a text has the same holes in both languages, and is not empty", () => {
  for (const [key, text] of zh) {
    expect(text.trim(), key).not.toBe("");
    expect(holes(english.get(key) ?? ""), key).toEqual(holes(text));
  }
});

test("Chinese texts are Chinese and English ones English", () => {
  const han = /\p{Script=Han}/u;
  for (const [key, text] of english) expect(han.test(text) && !key.startsWith("shell.lang"), key).toBe(false);
});
