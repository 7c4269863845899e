import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import { actionText, reasonText } from "./auditWords";

afterEach(() => setLang("zh-CN"));

test("our own words are said in the reader's language, people's as they are", () => {
  const rows = ["part 2", "excerpt", "live", "too_slow", "投诉 118 号"];
  expect(rows.map(reasonText)).toEqual([
    "第 2 段",
    "片段",
    "通话进行中",
    "用时太长，服务器中断了这次请求，请稍后重试或缩小范围",
    "投诉 118 号",
  ]);
  expect([actionText("play"), actionText("unheard_of")]).toEqual(["回放", "unheard_of"]);
  setLang("en");
  expect(["part 2", "excerpt", "live"].map(reasonText)).toEqual(["part 2", "clip", "while live"]);
});
