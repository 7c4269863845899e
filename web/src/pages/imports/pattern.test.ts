import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import { written } from "./pattern";

afterEach(() => setLang("zh-CN"));

test("a pattern names its fields in the language of the page", () => {
  const patterns = {
    "{date:yyyyMMdd}/{seat}_{agent:digits}{name}_{number}_{time:HHmmss}":
      "{日期:yyyyMMdd}/{坐席}_{工号:数字}{姓名}_{号码}_{时刻:HHmmss}",
    "[{direction:in=inbound,out=outbound}_]{agent:3-6}{*}{ticket}":
      "[{方向:in=inbound,out=outbound}_]{工号:3-6}{*}{工单号}",
    "{开始时间:yyyyMMddHHmmss}_{other}": "{开始时间:yyyyMMddHHmmss}_{other}",
  };
  for (const [pattern, chinese] of Object.entries(patterns)) {
    setLang("zh-CN");
    expect(written(pattern)).toBe(chinese);
    setLang("en");
    expect(written(pattern)).toBe(pattern);
  }
});
