import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LiveEvent, LiveSeat } from "@/api";
import { deadAfterMs, type LineSink, LiveLine, type Socket } from "./line";

class FakeSocket implements Socket {
  onopen: Socket["onopen"] = null;
  onclose: Socket["onclose"] = null;
  onmessage: Socket["onmessage"] = null;
  sent: string[] = [];
  reconnects = 0;
  closed = false;

  constructor(readonly address: () => string) {}

  send(data: string) {
    this.sent.push(data);
  }
  reconnect() {
    this.reconnects++;
  }
  close() {
    this.closed = true;
  }

  open() {
    this.onopen?.(new Event("open"));
  }
  text(message: object) {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  bytes(...bytes: number[]) {
    this.onmessage?.(new MessageEvent("message", { data: Uint8Array.from(bytes).buffer }));
  }
  lose() {
    this.onclose?.(new Event("close") as never);
  }
}

const seat = (id: string) => ({ seat: id, state: "idle" }) as LiveSeat;
const event = (id: string): LiveEvent => ({
  id,
  kind: "seat",
  at: "2026-11-21T00:00:00.000Z",
  seat: seat("w1"),
});

let socket: FakeSocket;
let told: unknown[][];
let line: LiveLine;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      void told.push([name, ...args]);
  const sink: LineSink = {
    up: note("up"),
    down: note("down"),
    snapshot: note("snapshot"),
    event: note("event"),
    roster: note("roster"),
    levels: (b) => void told.push(["levels", [...b]]),
    stale: note("stale"),
    alarms: note("alarms"),
  };
  line = new LiveLine((address) => {
    socket = new FakeSocket(address);
    return socket;
  }, sink);
});

afterEach(() => {
  line.close();
  vi.useRealTimers();
});

test("the first connection asks for a snapshot and passes it on", () => {
  expect(socket.address()).toBe("/api/v1/live");
  socket.open();
  socket.text({ type: "hello", version: "1", at: "2026-11-21T00:00:00.000Z" });
  socket.text({ type: "snapshot", id: "e-7", seats: [seat("w1")], nodes: null });
  expect(told).toEqual([
    ["up", Date.parse("2026-11-21T00:00:00.000Z")],
    ["snapshot", { seats: [seat("w1")], nodes: [] }],
  ]);
});

test("after a loss it takes up at the last event, so that none is missed or doubled", () => {
  socket.open();
  socket.text({ type: "snapshot", id: "a/7", seats: [], nodes: [] });
  socket.text({ type: "event", id: "a/8", event: event("a/8") });
  expect(socket.address()).toBe("/api/v1/live?since=a%2F8");
  socket.lose();
  expect(told.at(-1)).toEqual(["down"]);
  socket.open();
  socket.text({ type: "event", id: "a/9", event: event("a/9") });
  expect(socket.address()).toBe("/api/v1/live?since=a%2F9");
  expect(told.filter(([what]) => what === "event")).toHaveLength(2);
});

test("a snapshot of another epoch replaces where it takes up", () => {
  socket.open();
  socket.text({ type: "event", id: "a/8", event: event("a/8") });
  socket.text({ type: "snapshot", id: "b/1", seats: [], nodes: [] });
  expect(socket.address()).toBe("/api/v1/live?since=b%2F1");
});

test("levels pass only under the roster they belong to", () => {
  socket.open();
  socket.bytes(1, 0, 3, 10, 20);
  socket.text({ type: "roster", version: 3, seats: ["w1"] });
  socket.bytes(1, 0, 3, 10, 20);
  socket.text({ type: "roster", version: 65536 + 260, seats: ["w1", "w2"] });
  socket.bytes(1, 0, 3, 30, 40);
  socket.bytes(1, 1, 4, 1, 2, 3, 4);
  socket.bytes(9, 1, 4, 1, 2, 3, 4);
  socket.bytes(1);
  expect(told.filter(([what]) => what === "levels")).toEqual([
    ["levels", [10, 20]],
    ["levels", [1, 2, 3, 4]],
  ]);
});

test("a roster does not outlive its connection", () => {
  socket.open();
  socket.text({ type: "roster", version: 3, seats: ["w1"] });
  socket.lose();
  socket.open();
  socket.bytes(1, 0, 3, 10, 20);
  expect(told.some(([what]) => what === "levels")).toBe(false);
});

test("a silent line is dead after a while, and any message keeps it alive", () => {
  socket.open();
  for (let i = 0; i < 4; i++) {
    vi.advanceTimersByTime(deadAfterMs - 2000);
    socket.text({ type: "ping" });
  }
  expect(socket.reconnects).toBe(0);
  vi.advanceTimersByTime(deadAfterMs + 1000);
  expect(socket.reconnects).toBe(1);
  expect(told.at(-1)).toEqual(["down"]);
  vi.advanceTimersByTime(deadAfterMs * 3);
  expect(socket.reconnects, "it waits for the new connection").toBe(1);
});

test("stale and fresh are told", () => {
  socket.open();
  socket.text({ type: "stale", since: "2026-11-21T00:00:00.000Z" });
  socket.text({ type: "fresh" });
  expect(told).toEqual([
    ["stale", "2026-11-21T00:00:00.000Z"],
    ["stale", null],
  ]);
});

test("alarms are told", () => {
  const alarm = { code: "disk_low", severity: "warning", since: "2026-11-21T00:00:00.000Z", detail: "" };
  socket.open();
  socket.text({ type: "alarms", node: "n1", alarms: [alarm] });
  socket.text({ type: "alarms", node: "n1", alarms: null });
  expect(told).toEqual([
    ["alarms", "n1", [alarm]],
    ["alarms", "n1", []],
  ]);
});

test("that no levels are wanted is said again on every connection", () => {
  line.setLevels(false);
  expect(socket.sent).toEqual([]);
  for (let i = 0; i < 2; i++) {
    socket.open();
    socket.text({ type: "hello", at: "2026-11-21T00:00:00.000Z" });
    socket.lose();
  }
  expect(socket.sent).toEqual(Array(2).fill('{"type":"levels","on":false}'));
});

test("a closed line tells nothing and holds nothing", () => {
  socket.open();
  line.close();
  expect(socket.closed).toBe(true);
  socket.lose();
  socket.text({ type: "fresh" });
  vi.advanceTimersByTime(deadAfterMs * 2);
  expect(told).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
