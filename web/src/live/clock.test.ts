import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SharedClock } from "./clock";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(1_000_000);
});
afterEach(() => {
  vi.useRealTimers();
});

test("timers run by the server's time, each second, and stop with the last of them", () => {
  const clock = new SharedClock();
  clock.setServerTime(1_060_000);
  const el = document.createElement("span");
  const detach = clock.attach(el, 1_000_000);
  expect(el.textContent).toBe("1:00");
  vi.advanceTimersByTime(3000);
  expect(el.textContent).toBe("1:03");
  detach();
  expect(vi.getTimerCount()).toBe(0);
});
