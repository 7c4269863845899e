import { afterEach, expect, test } from "vitest";
import { setLang } from "@/i18n";
import {
  clockTime,
  date,
  dateTime,
  duration,
  durationInWords,
  initials,
  isoDay,
  ms,
  setTimezone,
} from "./format";

afterEach(() => setLang("zh-CN"));

test.each([
  [0, "0:00"],
  [-5, "0:00"],
  [59_999, "0:59"],
  [61_000, "1:01"],
  [3_599_000, "59:59"],
  [3_600_000, "1:00:00"],
  [36_061_000, "10:01:01"],
])("duration of %i ms is %s", (length, text) => {
  expect(duration(length)).toBe(text);
});

test("durations in words, in both languages", () => {
  expect(durationInWords(185_000)).toBe("3 分 5 秒");
  setLang("en");
  expect([4000, 185_000, 3_720_000].map(durationInWords)).toEqual(["4 s", "3 min 5 s", "1 h 2 min"]);
});

test("times are the site's, not the viewer's", () => {
  setTimezone("Asia/Shanghai");
  const at = "2026-11-20T16:00:05.000Z";
  expect(clockTime(at)).toBe("00:00:05");
  expect(date(at)).toBe("2026/11/21");
  expect(isoDay(at)).toBe("2026-11-21");
  setLang("en");
  expect(dateTime(at)).toBe("21/11/2026 00:00:05");
  setTimezone("UTC");
  expect(isoDay(at)).toBe("2026-11-20");
});

test("an unknown time zone falls back to the browser's", () => {
  expect(() => setTimezone("Mars/Olympus")).not.toThrow();
  expect(clockTime("2026-11-20T16:00:05.000Z")).toMatch(/^\d\d:\d\d:05$/);
});

test("no time is no text", () => {
  expect([clockTime(null), date(undefined), dateTime(""), ms(null)]).toEqual(["", "", "", 0]);
});

test.each([
  ["12 号窗口", "12"],
  ["热线 1007 席", "007"],
  ["城东", "城东"],
  ["王秀英", "王秀"],
  ["Front Desk", "FD"],
  ["Lobby", "Lo"],
])("initials of %s are %s", (name, short) => {
  expect(initials(name)).toBe(short);
});
