import { defineStore } from "pinia";
import { computed, ref, shallowReactive, shallowRef } from "vue";
import { type Alarm, api, type LiveEvent, type LiveNode, type LiveSeat } from "@/api";
import { allAlarms } from "./alarms";
import { clock } from "./clock";
import { useDirectory } from "./directory";
import { LevelBoard, MeterPainter } from "./levels";
import { type LineSink, LiveLine } from "./line";
import { openSocket } from "./socket";

export type LineState = "off" | "connecting" | "up" | "down";

// Levels live outside Vue; see levels.ts.
export const levelBoard = new LevelBoard();
export const meterPainter = new MeterPainter(levelBoard);

/** The live state of all seats and nodes, as the server tells it. */
export const useLive = defineStore("live", () => {
  const seats = shallowReactive(new Map<string, LiveSeat>());
  const nodes = shallowReactive(new Map<string, LiveNode>());
  const state = ref<LineState>("off");
  /** True once a snapshot has come. */
  const known = ref(false);
  /** When what is shown was last true, if it is not any more: ms, else 0. */
  const staleSince = ref(0);
  /** The server cannot reach its live state, though we reach the server. */
  const serverStale = ref(false);

  /** What the server says of its own node; null until it has spoken. */
  const own = shallowRef<{ node: string; alarms: Alarm[] } | null>(null);
  const alarms = computed(() => allAlarms([...nodes.values()], own.value));

  const followers = new Set<(event: LiveEvent) => void>();
  let line: LiveLine | null = null;
  let failures = 0;
  let meters = 0;

  const directory = useDirectory();

  function takeEvent(event: LiveEvent): void {
    if (event.kind === "seat" && event.seat) seats.set(event.seat.seat, event.seat);
    if (event.kind === "node" && event.node) {
      if (event.gone) nodes.delete(event.node.name);
      else nodes.set(event.node.name, event.node);
    }
    if (event.kind === "roster") void directory.reload();
    for (const fn of followers) fn(event);
  }

  const sink: LineSink = {
    up(at) {
      failures = 0;
      clock.setServerTime(at);
      state.value = "up";
      if (!serverStale.value) staleSince.value = 0;
    },
    down() {
      if (state.value === "up") staleSince.value ||= clock.now();
      state.value = known.value || failures > 0 ? "down" : "connecting";
      failures++;
      levelBoard.clear();
      meterPainter.wake();
      // A refused upgrade does not say why: ask whether we are still signed in.
      if (failures % 3 === 2) void api.me().catch(() => undefined); // a lost session tells itself
    },
    snapshot(s) {
      const there = new Set(s.seats.map((seat) => seat.seat));
      for (const id of [...seats.keys()]) if (!there.has(id)) seats.delete(id);
      for (const seat of s.seats) seats.set(seat.seat, seat);
      nodes.clear();
      for (const node of s.nodes) nodes.set(node.name, node);
      known.value = true;
    },
    event: takeEvent,
    roster(ids) {
      levelBoard.setRoster(ids);
      meterPainter.wake();
      for (const id of ids) if (!directory.seats.has(id)) return void directory.reload();
    },
    levels(bytes) {
      levelBoard.take(bytes);
      meterPainter.wake();
    },
    stale(since) {
      serverStale.value = since !== null;
      staleSince.value = since === null ? 0 : Date.parse(since) || clock.now();
    },
    alarms(node, list) {
      own.value = { node, alarms: list };
    },
  };

  /** Opens the line; it stays until stop, through all losses. */
  function start(): void {
    if (line) return;
    state.value = "connecting";
    line = new LiveLine(openSocket, sink);
    line.setLevels(meters > 0);
    void directory.reload();
  }

  function stop(): void {
    line?.close();
    line = null;
    state.value = "off";
    known.value = false;
    staleSince.value = 0;
    serverStale.value = false;
    own.value = null;
    failures = 0;
    seats.clear();
    nodes.clear();
  }

  /** Calls fn for each event until the answer is called. */
  function follow(fn: (event: LiveEvent) => void): () => void {
    followers.add(fn);
    return () => followers.delete(fn);
  }

  /** Lets levels come until the answer is called; a page with meters asks for them. */
  function withLevels(): () => void {
    meters++;
    line?.setLevels(true);
    return () => {
      meters--;
      if (meters === 0) line?.setLevels(false);
    };
  }

  return { seats, nodes, alarms, state, known, staleSince, serverStale, start, stop, follow, withLevels };
});
