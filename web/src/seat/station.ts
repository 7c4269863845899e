import { computed, ref, shallowRef, watch } from "vue";
import { type Agent, type LiveSeat, Problem, type Seat, type Side, type Site, type Stream } from "@/api";
import type { SoundResult } from "@/api/capture";
import { useSubmit } from "@/lib/submit";
import { clock } from "@/live/clock";
import type { Access } from "./access";
import { rememberedSetup, rememberSetup, type Setup, sidesOf } from "./devices";
import { Engine, type EngineState } from "./engine";
import { type FactKey, type Facts, FactsSaver, noFacts, type SaveState } from "./facts";
import { LevelFeed } from "./levelFeed";
import { type Capture, openMicrophones, type SideTrouble } from "./microphones";
import { recentAgents, rememberAgent, rememberedAgent } from "./people";
import { SeatApi } from "./seatApi";
import { openStateSocket, StateLine } from "./stateline";
import { WhipClient } from "./whip";

/** So long the server may not hear us before it is asked whether it has lost us. */
const unheardMs = 3000;
/** After so many failures of the line the server is asked why. */
const askWhyAfter = 3;

const keptOn = "earshot.seat.on";

/** One seat and all that its page does: what there is to show, and what can be done. */
export type Station = ReturnType<typeof openStation>;

/** Opens the seat; close lets everything go without ending a call. */
export function openStation(access: Access, site: Site | null) {
  const api = new SeatApi(access);
  const engineState = shallowRef<EngineState>({ name: "setup" });
  const seat = shallowRef<LiveSeat | null>(null);
  const info = shallowRef<Seat | null>(null);
  /** Whether what we show of the server is true now. */
  const line = ref<"connecting" | "up" | "down">("connecting");
  /** Why the server does not let us follow the seat; null if it does, or cannot be reached. */
  const lineProblem = shallowRef<Problem | null>(null);
  const sides = shallowRef<{ side: Side; trouble: SideTrouble }[]>([]);
  const narrow = ref(false);
  const setup = shallowRef<Setup | null>(rememberedSetup(localStorage));
  const recent = shallowRef<Agent[]>(recentAgents(localStorage));
  const facts = shallowRef<Facts>(noFacts("counter"));
  const saveState = ref<SaveState>("clean");
  const saveProblem = shallowRef<unknown>(null);
  const levels = new LevelFeed();
  const command = useSubmit();

  let capture: Capture | null = null;
  let saver: FactsSaver | null = null;
  let lastHeard = 0;

  const engine = new Engine(
    {
      openMicrophones,
      publish: (tracks, events) => new WhipClient(access, tracks, events, site?.iceServers ?? []),
      occupied,
      renew: () => access.renew(),
      now: () => clock.now(),
      random: Math.random,
    },
    {
      state(state) {
        if (state.name === "onAir") lastHeard = Date.now();
        if (state.name === "refused" && line.value !== "up") lineProblem.value = state.problem;
        engineState.value = state;
      },
      sides: sidesChanged,
    },
  );

  const stateLine = new StateLine(openStateSocket(access), {
    state: takeState,
    levels: levels.tell,
    down(failures) {
      line.value = line.value === "connecting" && failures < 2 ? "connecting" : "down";
      levels.clear();
      if (failures % askWhyAfter === 0) void askWhy();
    },
  });

  const call = computed(() => seat.value?.call ?? null);
  const byEvent = computed(() => info.value?.cut === "event");
  const paused = computed(() => call.value?.paused ?? false);
  /** The worst of our own streams, as the server hears them; null without one. */
  const stream = computed(() => {
    const mine = sidesOf(setup.value ?? { kind: "two", agent: none, customer: none });
    const streams = (seat.value?.streams ?? []).filter((s) => s.connected && carries(s, mine));
    return streams.sort((a, b) => a.quality - b.quality)[0] ?? null;
  });

  async function occupied(wanted: readonly Side[]): Promise<boolean> {
    try {
      const { streams } = await api.state();
      return streams.some((s) => s.connected && carries(s, wanted));
    } catch (err) {
      // A server that does not let us look will say why when we connect.
      if (err instanceof Problem && err.status >= 400 && err.status < 500) return false;
      throw err;
    }
  }

  function sidesChanged(now: Capture | null): void {
    capture = now;
    narrow.value = now?.narrow ?? false;
    sides.value = now ? now.sides.map((side) => ({ side, trouble: now.trouble(side) })) : [];
  }

  function takeState(now: LiveSeat, about: Seat, at: number): void {
    clock.setServerTime(at);
    const first = line.value !== "up";
    line.value = "up";
    lineProblem.value = null;
    if (!saver || info.value?.kind !== about.kind) openSaver(about);
    info.value = about;
    seat.value = now;
    saver?.follow(now.call ?? null);
    if (first && !now.agent) resendAgent();
  }

  function openSaver(about: Seat): void {
    saver?.close();
    facts.value = noFacts(about.kind);
    saver = new FactsSaver(about.kind, (id, patch, keepalive) => api.changeCall(id, patch, keepalive), {
      facts: (f) => {
        facts.value = f;
      },
      save: (state, problem) => {
        saveState.value = state;
        saveProblem.value = problem;
      },
    });
  }

  /** A server that restarted has forgotten who sits here. */
  function resendAgent(): void {
    const agent = rememberedAgent(localStorage);
    // If it fails, the page shows that nobody is said to sit here.
    if (agent) api.setAgent(agent).catch(() => undefined);
  }

  /** A refused WebSocket does not say why: asks by a request, which does. */
  async function askWhy(): Promise<void> {
    try {
      await api.state();
    } catch (err) {
      if (err instanceof Problem && err.status >= 400 && err.status < 500) lineProblem.value = err;
    }
  }

  async function setAgent(agent: Agent | null): Promise<void> {
    await api.setAgent(agent ?? { id: "", name: "" });
    rememberAgent(localStorage, agent);
    recent.value = recentAgents(localStorage);
  }

  const startCall = () =>
    command.submit(async () => {
      const started = await api.startCall({ ...saver?.draft });
      saver?.started(started.id);
    });

  /** Does something with the open call, after what was typed has been saved. */
  const withCall = (work: (id: string) => Promise<unknown>) =>
    command.submit(async () => {
      const id = call.value?.id;
      if (!id) return;
      await saver?.flush();
      await work(id);
    });

  function start(chosen: Setup, opened: Capture | null = null): void {
    setup.value = chosen;
    rememberSetup(localStorage, chosen);
    setOn(true);
    void engine.start(chosen, opened);
  }

  const stop = () =>
    command.submit(async () => {
      setOn(false);
      await saver?.flush();
      await engine.stop();
    });

  function choose(): void {
    setOn(false);
    engine.leave();
  }

  const again = () => engine.again();
  const wake = () => capture?.wake();

  /** The server says each second how it hears us; if it does not, it may have lost us. */
  const listening = setInterval(() => {
    if (engineState.value.name !== "onAir" || line.value !== "up" || stream.value) lastHeard = Date.now();
    else if (Date.now() - lastHeard > unheardMs) {
      lastHeard = Date.now();
      void engine.suspect();
    }
  }, 1000);

  function online(): void {
    stateLine.hurry();
    void engine.again();
  }

  function leaving(): void {
    void saver?.flush(true);
  }

  addEventListener("online", online);
  addEventListener("pagehide", leaving);
  const unwatchWake = watch(sides, (now) => {
    for (const kind of ["pointerdown", "keydown"]) {
      if (now.some((s) => s.trouble === "asleep")) addEventListener(kind, wake);
      else removeEventListener(kind, wake);
    }
  });

  function close(): void {
    clearInterval(listening);
    removeEventListener("online", online);
    removeEventListener("pagehide", leaving);
    removeEventListener("pointerdown", wake);
    removeEventListener("keydown", wake);
    unwatchWake();
    saver?.close();
    stateLine.close();
    engine.close();
  }

  // What was on the air before a reload goes on by itself.
  if (setup.value && wasOn()) void engine.start(setup.value);

  return {
    access,
    site,
    engineState,
    seat,
    info,
    line,
    lineProblem,
    sides,
    narrow,
    setup,
    recent,
    facts,
    saveState,
    saveProblem,
    levels,
    call,
    byEvent,
    paused,
    stream,
    busy: command.busy,
    problem: command.problem,
    change: <K extends FactKey>(key: K, value: Facts[K]) => saver?.change(key, value),
    setAgent,
    startCall,
    endCall: () => withCall((id) => api.endCall(id)),
    pauseCall: (reason: string) => withCall((id) => api.pauseCall(id, reason)),
    resumeCall: () => withCall((id) => api.resumeCall(id)),
    start,
    stop,
    choose,
    soundCheck: (result: SoundResult, agentDbov: number, customerDbov: number) =>
      api.soundCheck(result, agentDbov, customerDbov),
    again,
    wake,
    close,
  };
}

const none = { id: "", label: "" };

const carries = (stream: Stream, wanted: readonly Side[]): boolean =>
  stream.sides.some((side) => side !== "" && wanted.includes(side));

function wasOn(): boolean {
  try {
    return localStorage.getItem(keptOn) === "1";
  } catch {
    return false;
  }
}

function setOn(on: boolean): void {
  try {
    localStorage.setItem(keptOn, on ? "1" : "0");
  } catch {
    // A reload will ask for the microphones again.
  }
}
