import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LiveSeat, Seat } from "@/api";
import type { Socket } from "@/live/line";
import { deadAfterMs, StateLine } from "./stateline";

class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onclose: Socket["onclose"] = null;
  onmessage: Socket["onmessage"] = null;
  reconnects = 0;
  closed = false;

  send(): void {}
  reconnect(): void {
    this.reconnects++;
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.(new Event("open"));
  }
  say(message: object): void {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  lose(): void {
    this.onclose?.(new Event("close") as never);
  }
}

const seat = { seat: "w1", state: "live" } as LiveSeat;
const info: Seat = { id: "w1", name: "1 号窗口", branch: "b", kind: "counter", cut: "event" };
const at = "2026-11-21T08:00:00.000Z";

let socket: FakeSocket;
let line: StateLine;
let told: unknown[][];

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  socket = new FakeSocket();
  line = new StateLine(socket, {
    state: (...said) => told.push(["state", ...said]),
    levels: (...said) => told.push(["levels", ...said]),
    down: (failures) => told.push(["down", failures]),
  });
});

afterEach(() => {
  line.close();
  vi.useRealTimers();
});

test("states and levels are passed on, pings are not", () => {
  socket.open();
  socket.say({ type: "state", seat, seatInfo: info, at });
  socket.say({ type: "levels", agent: 20, customer: 255 });
  socket.say({ type: "ping" });
  expect(told).toEqual([
    ["state", seat, info, Date.parse(at)],
    ["levels", 20, 255],
  ]);
});

test("failures are counted until the server has spoken", () => {
  socket.lose();
  socket.open();
  socket.lose();
  expect(told).toEqual([
    ["down", 1],
    ["down", 2],
  ]);
  socket.open();
  socket.say({ type: "state", seat, seatInfo: info, at });
  socket.lose();
  expect(told.at(-1)).toEqual(["down", 1]);
});

test("a silent line is dead after a while; any message keeps it alive", () => {
  socket.open();
  for (let i = 0; i < 4; i++) {
    vi.advanceTimersByTime(deadAfterMs - 2000);
    socket.say({ type: "ping" });
  }
  expect(socket.reconnects).toBe(0);
  vi.advanceTimersByTime(deadAfterMs + 2000);
  expect(told).toEqual([["down", 1]]);
  expect(socket.reconnects, "once, then it waits").toBe(1);
});

test("the network's return hurries a broken line only", () => {
  socket.open();
  line.hurry();
  expect(socket.reconnects).toBe(0);
  socket.lose();
  line.hurry();
  expect(socket.reconnects).toBe(1);
});

test("a closed line tells nothing and holds nothing", () => {
  socket.open();
  line.close();
  socket.lose();
  socket.say({ type: "levels", agent: 1, customer: 2 });
  vi.advanceTimersByTime(deadAfterMs * 2);
  expect(told).toEqual([]);
  expect(socket.closed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
