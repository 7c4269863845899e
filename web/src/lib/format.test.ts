import { afterEach, expect, test, vi } from "vitest";
import { setLang } from "@/i18n";
import {
  bytes,
  clockTime,
  date,
  dateTime,
  duration,
  durationInWords,
  idTime,
  initials,
  instantOf,
  isoDay,
  localOf,
  ms,
  setTimezone,
} from "./format";

afterEach(() => {
  setLang("zh-CN");
  vi.restoreAllMocks();
});

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
  expect(date(at)).toBe("2026-11-21");
  expect(isoDay(at)).toBe("2026-11-21");
  setLang("en");
  expect(dateTime(at)).toBe("2026-11-21 00:00:05"); // no reader takes it for another day
  setTimezone("UTC");
  expect(isoDay(at)).toBe("2026-11-20");
});

test("a day is what the API takes, however the browser's locales write one", () => {
  setTimezone("Asia/Shanghai");
  const all: { format: unknown } = Intl.DateTimeFormat.prototype;
  vi.spyOn(all, "format", "get").mockReturnValue(() => "11/21/2026");
  expect(isoDay("2026-11-20T16:00:05.000Z")).toBe("2026-11-21");
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

test.each([
  ["Asia/Shanghai", "2026-11-21 00:30:00", "2026-11-20T16:30:00.000Z"],
  ["UTC", "2026-11-21 00:30:00", "2026-11-21T00:30:00.000Z"],
  ["Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59.000Z"],
  ["Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29T01:00:00.000Z"],
  ["America/New_York", "2026-11-01 12:00:00", "2026-11-01T17:00:00.000Z"],
])("in %s the clock shows %s at %s", (zone, local, instant) => {
  setTimezone(zone);
  expect(instantOf(local)).toBe(instant);
  expect(localOf(instant)).toBe(local);
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 KB"],
  [9_960_000, "10 MB"],
  [4_120_000_000, "4.1 GB"],
  [999_700_000, "1.0 GB"],
])("%s bytes are %s", (n, text) => {
  expect(bytes(n)).toBe(text);
});

test("a call's id says when it began", () => {
  expect(new Date(idTime("019aa4b5-6c80-7123-8000-abcdefabcdef")).getUTCFullYear()).toBe(2025);
  expect(idTime("none")).toBe(0);
});
