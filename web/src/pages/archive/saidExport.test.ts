import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import { exportText } from "./saidExport";

afterEach(() => setLang("zh-CN"));

const names = {
  seatName: (id: string) => (id === "w1" ? "1 号窗口" : id),
  branchName: (id: string) => (id === "east" ? "城东营业厅" : id),
};
const said = (reason: string) => exportText(reason, names);

test.each([
  ["csv: ", "CSV · 全部通话", "CSV · all calls"],
  ["xlsx: branch=east&seat=w1", "Excel · 网点：城东营业厅 · 坐席位：1 号窗口", null],
  ["csv: flag=loud&rating=5&rating=4", null, "CSV · Flag: Raised voice · Rating: 5 of 5 · Rating: 4 of 5"],
  // Lengths and shares as the page says them.
  ["csv: maxMs=10999&minMs=5000", "CSV · 时长至少：5 秒 · 时长至多：10 秒", null],
  ["csv: maxMs=1500&minSilenceShare=305", "CSV · 时长至多：1.5 秒 · 静音至少：30.5%", null],
  [
    "csv: note=退费&q=漏水&to=2026-11-02&from=2026-11-01",
    "CSV · 搜索：漏水 · 起始日：2026-11-01 · 截止日：2026-11-02 · 备注与标记：退费",
    null,
  ],
  ["csv: held=true&listened=no", "CSV · 已冻结 · 没有人播放过", "CSV · On hold · Nobody has listened"],
  // Words with what looks like more filters.
  ["csv: q=漏水 & a=b&state=stored", "CSV · 搜索：漏水 & a=b · 状态：已保存", null],
  ["csv: account=5502&q=一&二", "CSV · 搜索：一&二 · 户号：5502", null],
  // Cut when it was written down.
  ["csv: account=5502&minSilenceShare=3…", "CSV · 户号：5502 · …", null],
  ["csv: account=5502&se…", "CSV · 户号：5502 · …", null],
])("%s", (reason, zh, en) => {
  if (zh) expect(said(reason)).toBe(zh);
  setLang("en");
  if (en) expect(said(reason)).toBe(en);
});

test("what is none of ours is left as it is", () => {
  for (const reason of ["", "年度导入", "pdf: seat=w1", "csv: colour=red", "csv: nonsense"])
    expect(said(reason), reason).toBeNull();
});
