import { describe, expect, it } from "vitest";
import { setLang } from "@/i18n";
import { sayDouble } from "./words";

describe("what a duplicate tells", () => {
  const rows: [string, string, string][] = [
    ["", "与这个通话相同", "The same as this call"],
    [
      "agent=1001 王芳, 组长 taken",
      "与这个通话相同；坐席 1001 王芳, 组长 取自这个文件",
      "The same as this call. Agent 1001 王芳, 组长 was taken from this file",
    ],
    [
      "direction=inbound taken; number=139 not taken",
      "与这个通话相同；方向 呼入 取自这个文件；这个文件另写有号码 139，通话的不变",
      "The same as this call. Direction Inbound was taken from this file. This file says Number 139; the call keeps what it has",
    ],
    ["what nobody knows", "与这个通话相同", "The same as this call"],
  ];
  it.each(rows)("%s", (text, zh, en) => {
    setLang("zh-CN");
    expect(sayDouble({ text })).toBe(zh);
    setLang("en");
    expect(sayDouble({ text })).toBe(en);
  });
});
