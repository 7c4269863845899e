import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem, type Side } from "@/api";
import { type Setup, sidesOf } from "./devices";
import { deafPause, Engine, type EngineState, pauses, refusedPause } from "./engine";
import { type Capture, MicError, type MicTrouble } from "./microphones";
import type { Fate, Publication, PublicationEvents, SideTrack } from "./whip";

const device = { id: "a", label: "A" };
const setup: Setup = { kind: "two", agent: device, customer: { id: "b", label: "B" } };
const track = (name: string) => ({ id: name }) as MediaStreamTrack;

class FakeCapture implements Capture {
  onchange: (() => void) | null = null;
  readonly narrow = false;
  readonly setup = setup;
  readonly sides: readonly Side[] = sidesOf(setup);
  readonly tracks = new Map<Side, MediaStreamTrack>([
    ["agent", track("a")],
    ["customer", track("c")],
  ]);
  closed = false;
  track = (side: Side) => this.tracks.get(side) ?? null;
  trouble = (side: Side) => (this.tracks.has(side) ? ("" as const) : ("gone" as const));
  wake(): void {}
  close(): void {
    this.closed = true;
  }
}

class FakePublication implements Publication {
  replaced: [Side, MediaStreamTrack | null][] = [];
  stopped = false;
  dropped = false;
  serverHas: Fate | Error = "there";

  constructor(
    readonly tracks: SideTrack[],
    readonly events: PublicationEvents,
    private readonly refusal: Error | undefined,
  ) {}

  async start(): Promise<void> {
    if (this.refusal) throw this.refusal;
  }
  async replace(side: Side, to: MediaStreamTrack | null): Promise<void> {
    this.replaced.push([side, to]);
  }
  async fate(): Promise<Fate> {
    if (this.serverHas instanceof Error) throw this.serverHas;
    return this.serverHas;
  }
  async stop(): Promise<void> {
    this.stopped = true;
  }
  drop(): void {
    this.dropped = true;
  }
}

let states: EngineState[];
let published: FakePublication[];
let refusals: (Error | undefined)[];
let captures: FakeCapture[];
let micTroubles: (MicTrouble | undefined)[];
let occupied: boolean;
let renew: () => Promise<boolean>;
let engine: Engine;

const names = () => states.map((s) => s.name);
const last = <T>(list: readonly T[]): T => {
  const item = list.at(-1);
  if (item === undefined) throw new Error("nothing there");
  return item;
};
const settle = () => vi.advanceTimersByTimeAsync(0);
const unreachable = () => new Problem(0, "unreachable", "");

beforeEach(() => {
  vi.useFakeTimers();
  [states, published, refusals, captures, micTroubles] = [[], [], [], [], []];
  occupied = false;
  renew = async () => false;
  engine = new Engine(
    {
      openMicrophones: async () => {
        const trouble = micTroubles.shift();
        if (trouble) throw new MicError(trouble);
        captures.push(new FakeCapture());
        return last(captures);
      },
      publish: (tracks, events) => {
        published.push(new FakePublication(tracks, events, refusals.shift()));
        return last(published);
      },
      occupied: async () => occupied,
      renew: () => renew(),
      now: () => Date.now(),
      random: () => 0.5,
    },
    { state: (s) => states.push(s), sides: () => {} },
  );
});

afterEach(() => {
  engine.close();
  expect(vi.getTimerCount(), "nothing goes on after the end").toBe(0);
  vi.useRealTimers();
});

async function onAir(): Promise<void> {
  await engine.start(setup);
  last(published).events.up();
}

test("it takes the microphones, connects with agent before customer, and is on the air", async () => {
  await onAir();
  expect(names()).toEqual(["asking", "connecting", "onAir"]);
  expect(last(published).tracks.map((t) => [t.side, t.track?.id])).toEqual([
    ["agent", "a"],
    ["customer", "c"],
  ]);
});

test("a capture that was open for the preview is taken over", async () => {
  const preview = new FakeCapture();
  await engine.start(setup, preview);
  expect(captures).toEqual([]);
  expect(names()).toEqual(["connecting"]);
  engine.close();
  expect(preview.closed).toBe(true);
});

test("a restart of ICE that helps makes no new connection", async () => {
  await onAir();
  last(published).events.doubt();
  expect(engine.state).toMatchObject({ name: "reconnecting", reason: "network" });
  last(published).events.up();
  expect(engine.state.name).toBe("onAir");
  expect(published).toHaveLength(1);
});

test("after a loss it connects anew at once, while the server still holds the old one", async () => {
  await onAir();
  const first = last(published);
  first.events.lost();
  await settle();
  expect(published).toHaveLength(2);
  expect(first.dropped, "kept until the new one stands").toBe(false);
  last(published).events.up();
  expect(first.dropped).toBe(true);
  expect(first.stopped, "never deleted: the call goes on").toBe(false);
  expect(engine.state.name).toBe("onAir");
});

test("while the network is away it tries again, ever more seldom, and never gives up", async () => {
  await onAir();
  last(published).serverHas = unreachable();
  last(published).events.lost();
  await settle();
  for (const pause of [...pauses.slice(1), pauses[4], pauses[4]]) {
    expect(engine.state).toMatchObject({ name: "reconnecting", nextAt: Date.now() + pause });
    await vi.advanceTimersByTimeAsync(pause);
  }
  expect(published).toHaveLength(1);
  (published[0] as FakePublication).serverHas = "gone";
  await engine.again();
  last(published).events.up();
  expect(engine.state.name).toBe("onAir");
});

test("a server that restarts is reached again by itself", async () => {
  await onAir();
  const first = last(published);
  first.serverHas = unreachable();
  first.events.lost();
  refusals = [unreachable(), new Problem(503, "overloaded", "", 7)];
  await settle();
  first.serverHas = "gone";
  await vi.advanceTimersByTimeAsync(pauses[1]);
  await vi.advanceTimersByTimeAsync(pauses[2]);
  expect(engine.state).toMatchObject({ name: "reconnecting", reason: "server", nextAt: Date.now() + 7000 });
  await vi.advanceTimersByTimeAsync(7000);
  last(published).events.up();
  expect(engine.state.name).toBe("onAir");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(published).toHaveLength(4);
});

test("another device that takes over is not fought: a person decides", async () => {
  await onAir();
  last(published).serverHas = "gone";
  occupied = true;
  last(published).events.lost();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(engine.state.name).toBe("taken");
  expect(published).toHaveLength(1);
  await engine.again();
  last(published).events.up();
  expect(engine.state.name).toBe("onAir");
});

test("suspicion asks the server before it gives a connection up", async () => {
  await onAir();
  await engine.suspect();
  (published[0] as FakePublication).serverHas = unreachable();
  await engine.suspect();
  expect(engine.state.name).toBe("onAir");
  (published[0] as FakePublication).serverHas = "gone";
  await engine.suspect();
  await settle();
  expect(published).toHaveLength(2);
});

test("a refusal is said with its code, and asked again later", async () => {
  refusals = [new Problem(404, "no_seat", "")];
  await engine.start(setup);
  expect(engine.state).toMatchObject({ name: "refused", problem: { code: "no_seat" } });
  await vi.advanceTimersByTimeAsync(refusedPause);
  last(published).events.up();
  expect(engine.state.name).toBe("onAir");
});

test("a ticket that ran out is renewed once; a token that is wrong stays wrong", async () => {
  renew = async () => true;
  refusals = [new Problem(401, "bad_token", "")];
  await engine.start(setup);
  last(published).events.up();
  expect([published.length, engine.state.name]).toEqual([2, "onAir"]);

  refusals = [new Problem(401, "bad_token", ""), new Problem(401, "bad_token", "")];
  await engine.start(setup);
  expect(engine.state).toMatchObject({ name: "refused", problem: { code: "bad_token" } });
});

test("a pulled microphone is silent until it is back, the other side goes on", async () => {
  await onAir();
  const [capture, publication] = [last(captures), last(published)];
  publication.replaced = [];
  capture.tracks.delete("customer");
  capture.onchange?.();
  expect(publication.replaced).toContainEqual(["customer", null]);
  const back = track("c2");
  capture.tracks.set("customer", back);
  capture.onchange?.();
  expect(last(publication.replaced)).toEqual(["customer", back]);
  expect(publication.replaced).not.toContainEqual(["agent", null]);
  expect(published, "on the same connection").toHaveLength(1);
});

test("microphones that are missing are looked for again, forbidden ones wait for a person", async () => {
  micTroubles = ["missing", "busy", undefined];
  await engine.start(setup);
  expect(engine.state).toEqual({ name: "deaf", trouble: "missing" });
  await vi.advanceTimersByTimeAsync(deafPause);
  expect(engine.state).toEqual({ name: "deaf", trouble: "busy" });
  await vi.advanceTimersByTimeAsync(deafPause);
  expect(engine.state.name).toBe("connecting");

  micTroubles = ["denied"];
  await engine.start(setup);
  expect(engine.state).toEqual({ name: "deaf", trouble: "denied" });
  expect(vi.getTimerCount()).toBe(0);
  await engine.again();
  expect(engine.state.name).toBe("connecting");
});

test("only stopping on purpose tells the server to end it", async () => {
  await onAir();
  const publication = last(published);
  await engine.stop();
  expect([publication.stopped, last(captures).closed, engine.state.name]).toEqual([true, true, "stopped"]);

  await onAir();
  engine.close();
  expect([last(published).stopped, last(published).dropped]).toEqual([false, true]);
});

test("what an earlier beginning awaited does not disturb a later one", async () => {
  micTroubles = ["missing"];
  const earlier = engine.start(setup);
  await engine.stop();
  await earlier;
  expect(engine.state.name).toBe("stopped");
  await vi.advanceTimersByTimeAsync(deafPause * 2);
  expect(engine.state.name).toBe("stopped");
  expect(published).toEqual([]);
});
