import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import { actionText, reasonText } from "./auditWords";

afterEach(() => setLang("zh-CN"));

test("our own words are said in the reader's language, people's as they are", () => {
  const rows = ["part 2", "heard 19.9 s", "excerpt", "live", "too_slow", "投诉 118 号"];
  expect(rows.map((r) => reasonText(r))).toEqual([
    "第 2 段",
    "听了 19.9 秒",
    "片段",
    "通话进行中",
    "用时太长，服务器中断了这次请求，请稍后重试或缩小范围",
    "投诉 118 号",
  ]);
  expect([actionText("play"), actionText("unheard_of")]).toEqual(["回放", "unheard_of"]);
  setLang("en");
  expect(["part 2", "heard 3.0 s", "excerpt"].map((r) => reasonText(r))).toEqual([
    "part 2",
    "Heard 3.0 s",
    "clip",
  ]);
});

test.each([
  ["update", "mark note: endMs text", "备注 · 改了结束位置、内容", "Note · changed: end, text"],
  ["delete", "mark bookmark", "标记", "Bookmark"],
  ["update", "number rating tags", "改了号码、评价、标签", "changed: number, rating, tags"],
  ["update", "ticket", "改了票号", "changed: ticket"],
  ["token", "ticket", "坐席录音凭据", "Seat page ticket"],
  ["update", "agent 1009", "坐席 1009", "agent 1009"],
  ["update", "agent ", "无人在席", "nobody at the seat"],
  ["update", "password, by command line", "改了密码（命令行）", "changed: password (command line)"],
  ["denied", "list-users", "操作 list-users", "operation list-users"],
  [
    "create",
    'kind="hotline" keepDays=30',
    '类型="hotline" 至少保留（天）=30',
    'kind="hotline" keep at least (days)=30',
  ],
  [
    "update",
    "counter.loudDbov=-20>-15 hotline.silenceMs=30000>4500",
    "柜台 并且高于 -20 dBov → -15 dBov、热线 静音时长 30 秒 → 4.5 秒",
    "Counter and above -20 dBov → -15 dBov, Hotline Silence 30 s → 4.5 s",
  ],
  ["update", "hotline.unheard=1>2", "hotline.unheard=1>2", "hotline.unheard=1>2"],
  ["analyse", "all=true", "全部通话", "all calls"],
  [
    "analyse",
    "from= to= all=false",
    "不是按现在的阈值分析的通话",
    "calls that were not judged by the present thresholds",
  ],
  ["update", "年度 导入", "年度 导入", "年度 导入"],
  ["hold", "mark note", "mark note", "mark note"],
])("%s: %s", (action, reason, zh, en) => {
  expect(reasonText(reason, action)).toBe(zh);
  setLang("en");
  expect(reasonText(reason, action)).toBe(en);
});
