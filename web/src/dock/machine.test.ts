import { expect, test } from "vitest";
import type { Call } from "@/api";
import { type DockAction, type DockState, nothing, step } from "./machine";

const call = (id: string, seat = "w1") => ({ id, seat, durationMs: 60_000 }) as Call;
const after = (...actions: DockAction[]): DockState => actions.reduce(step, nothing as DockState);

test("listening begins by connecting", () => {
  expect(after({ type: "listen", seat: "w1" })).toEqual({
    kind: "live",
    seat: "w1",
    phase: "connecting",
    why: "",
    firstSoundMs: 0,
  });
});

test("starting something else replaces what was there, whatever it was", () => {
  const state = after(
    { type: "listen", seat: "w1" },
    { type: "firstSound", ms: 300 },
    { type: "listen", seat: "w2" },
  );
  expect(state).toMatchObject({ kind: "live", seat: "w2", phase: "connecting", firstSoundMs: 0 });
  const replay = step(state, { type: "play", callId: "c1", call: null, seat: "" });
  expect(replay).toMatchObject({ kind: "replay", callId: "c1", phase: "loading", lengthMs: 0 });
  expect(step(replay, { type: "listen", seat: "w1" })).toMatchObject({ kind: "live", seat: "w1" });
});

test("a live listening breaks, comes back, and keeps its first sound", () => {
  const state = after(
    { type: "listen", seat: "w1" },
    { type: "listenPhase", phase: "sounding" },
    { type: "firstSound", ms: 412 },
    { type: "listenPhase", phase: "broken" },
    { type: "listenPhase", phase: "sounding" },
  );
  expect(state).toMatchObject({ phase: "sounding", firstSoundMs: 412 });
});

test("a failure says why, and the next phase forgets it", () => {
  const failed = after(
    { type: "listen", seat: "w1" },
    { type: "listenPhase", phase: "failed", why: "forbidden" },
  );
  expect(failed).toMatchObject({ phase: "failed", why: "forbidden" });
  expect(step(failed, { type: "listenPhase", phase: "connecting" })).toMatchObject({ why: "" });
});

test("a replay learns its call, its length and its seat", () => {
  const state = after(
    { type: "play", callId: "c1", call: null, seat: "" },
    { type: "call", call: call("c1", "w7") },
    { type: "length", ms: 60_500 },
    { type: "playPhase", phase: "playing" },
  );
  expect(state).toMatchObject({ seat: "w7", lengthMs: 60_500, phase: "playing" });
});

test("what belongs to another thing than the present one changes nothing", () => {
  const replay = after({ type: "play", callId: "c1", call: call("c1"), seat: "w1" });
  expect(step(replay, { type: "call", call: call("c2") })).toBe(replay);
  expect(step(replay, { type: "listenPhase", phase: "broken" })).toBe(replay);
  expect(step(replay, { type: "firstSound", ms: 1 })).toBe(replay);
  const live = after({ type: "listen", seat: "w1" });
  expect(step(live, { type: "playPhase", phase: "ended" })).toBe(live);
  expect(step(live, { type: "length", ms: 1 })).toBe(live);
  expect(step(nothing, { type: "playPhase", phase: "playing" })).toBe(nothing);
});

test("stopping empties the dock", () => {
  expect(after({ type: "listen", seat: "w1" }, { type: "stop" })).toBe(nothing);
});
