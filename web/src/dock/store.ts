import { defineStore } from "pinia";
import { computed, ref, shallowRef } from "vue";
import { api, type Call, type Side } from "@/api";
import { problemOf } from "@/api/http";
import { t } from "@/i18n";
import { sayProblem } from "@/lib/problem";
import { Listening } from "@/listen/listening";
import { Mixer } from "@/listen/mixer";
import { clock } from "@/live/clock";
import { useDirectory } from "@/live/directory";
import { useLive } from "@/live/store";
import { useSession } from "@/session/store";
import { useHearing } from "./hearing";
import { type DockAction, type DockState, nothing, step } from "./machine";
import { type Place, useMarking } from "./marking";
import { ReplayPlayer } from "./player";
import { saveSettings } from "./settings";
import type { Stretch } from "./silence";
import { useSilencing } from "./silencing";
import { isMixed, liveLagMs } from "./timeline";

/**
 * What is being heard, wherever one is in the dashboard: a seat live, or a call.
 * One thing at a time. Pages call listen, play, seek and so on, and draw their
 * cursors from position() (exact, not reactive) or positionMs (a few times a second).
 */
export const useDock = defineStore("dock", () => {
  const session = useSession();
  const live = useLive();
  const directory = useDirectory();

  const state = shallowRef<DockState>(nothing);
  const positionMs = ref(0);
  /** The browser holds the sound back until a click. */
  const blocked = ref(false);
  /** The replay is where nothing was recorded. */
  const inGap = ref(false);
  /** The last silence that was jumped, ms; it is told for a moment. */
  const skippedMs = ref(0);
  /** The stretch of a call that one has chosen, and whether it plays over and over. */
  const chosen = shallowRef<(Stretch & { call: string; looped: boolean }) | null>(null);

  let mixer: Mixer | null = null;
  let listening: Listening | null = null;
  let player: ReplayPlayer | null = null;
  let turn = 0;
  /** Whether both sides are heard from one track. */
  const mixed = computed(() => {
    const s = state.value;
    if (s.kind === "live") return live.seats.get(s.seat)?.streams?.some((one) => one.mixed) ?? false;
    return s.kind === "replay" && s.call?.parts ? isMixed(s.call) : false;
  });
  const { setLoudness, ...hearing } = useHearing(
    () => mixer,
    () => player,
    mixed,
  );
  const { settings } = hearing;
  const silencing = useSilencing(
    () => player,
    () => settings.skipSilence,
  );

  const dispatch = (action: DockAction) => {
    state.value = step(state.value, action);
  };

  function theMixer(): Mixer {
    if (!mixer) {
      mixer = new Mixer();
      setLoudness();
      mixer.setApart(settings.apart);
    }
    return mixer;
  }

  async function wake(): Promise<void> {
    blocked.value = !(await theMixer().wake());
  }

  function drop(): void {
    turn++;
    silencing.forget();
    listening?.stop();
    listening = null;
    player?.dispose();
    player = null;
    positionMs.value = 0;
    inGap.value = false;
    skippedMs.value = 0;
  }

  /** Listens to a seat, ending whatever was heard. Call it from a click or a key. */
  function listen(seat: string): void {
    if (state.value.kind === "live" && state.value.seat === seat && state.value.phase !== "failed") return;
    drop();
    dispatch({ type: "listen", seat });
    const mine = turn;
    const report = (action: DockAction) => mine === turn && dispatch(action);
    theMixer().setMixed(mixed.value);
    void wake();
    listening = new Listening(
      seat,
      theMixer(),
      {
        phase: (phase, problem) => {
          report({ type: "listenPhase", phase, why: problem === undefined ? "" : sayProblem(problem) });
        },
        firstSound: (ms) => report({ type: "firstSound", ms }),
      },
      session.site?.iceServers ?? [],
    );
  }

  /**
   * Puts a call into the dock at a place on its timeline, playing unless paused
   * is asked for. The same call is only moved.
   */
  async function play(call: Call | string, atMs = 0, options: { paused?: boolean } = {}): Promise<void> {
    const id = typeof call === "string" ? call : call.id;
    if (state.value.kind === "replay" && state.value.callId === id && player) {
      seek(atMs);
      if (!options.paused) resume();
      return;
    }
    drop();
    const known = typeof call === "string" ? null : call;
    dispatch({ type: "play", callId: id, call: known, seat: known?.seat ?? "" });
    positionMs.value = atMs;
    const mine = turn;
    if (!options.paused) void wake();
    try {
      const full = known?.parts && known.state !== "live" ? known : await api.call(id);
      if (mine !== turn) return;
      dispatch({ type: "call", call: full });
      start(full, atMs, options.paused ?? false);
    } catch (err) {
      if (mine === turn) dispatch({ type: "playPhase", phase: "failed", why: sayProblem(err) });
    }
  }

  /**
   * Puts a call into the dock, paused, unless something else is being heard:
   * that goes on. Answers whether the call is there.
   */
  async function open(call: Call, atMs = 0): Promise<boolean> {
    const s = state.value;
    const busy = s.kind === "live" || (s.kind === "replay" && ["playing", "loading"].includes(s.phase));
    if (holds(call.id)) return true;
    if (busy) return false;
    await play(call, atMs, { paused: true });
    return holds(call.id);
  }

  function start(call: Call, atMs: number, paused: boolean): void {
    const mine = turn;
    theMixer().setMixed(false);
    player = new ReplayPlayer(
      call,
      theMixer(),
      {
        phase: (phase) => mine === turn && dispatch({ type: "playPhase", phase }),
        length: (ms) => mine === turn && dispatch({ type: "length", ms }),
        caughtUp: () => mine === turn && void follow(call.id),
        unplayable: (url) => mine === turn && void fail(url),
        gap: (inside) => {
          if (mine === turn) inGap.value = inside;
        },
        skipped: (from, to) => mine === turn && tellSkipped(to - from),
      },
      () => clock.now(),
    );
    player.setRate(settings.rate);
    player.setLoop(loopOf(call.id));
    void silencing.look(call);
    player.seek(atMs);
    positionMs.value = player.position();
    if (!paused) player.play();
  }

  /** A replay has come to where a live call stood when it was fetched: on with what has come since. */
  async function follow(id: string): Promise<void> {
    const mine = turn;
    try {
      const call = await api.call(id);
      if (mine !== turn || !player) return;
      const before = player.position();
      dispatch({ type: "call", call });
      player.setCall(call);
      if (player.length - before > 2 * liveLagMs || call.state !== "live") player.play();
      else toLive();
    } catch (err) {
      if (mine === turn) dispatch({ type: "playPhase", phase: "failed", why: sayProblem(err) });
    }
  }

  /** Says why what is at url does not play: the server knows, or it is the browser. */
  async function fail(url: string): Promise<void> {
    const mine = turn;
    dispatch({ type: "playPhase", phase: "failed", why: "" });
    let why = t("player.undecodable");
    try {
      const answer = await fetch(url, { headers: { Range: "bytes=0-0" } });
      if (answer.ok) await answer.body?.cancel();
      else why = sayProblem(await problemOf(answer));
    } catch {
      why = t("errors.unreachable");
    }
    if (mine === turn) dispatch({ type: "playPhase", phase: "failed", why });
  }

  let telling: ReturnType<typeof setTimeout> | undefined;
  function tellSkipped(ms: number): void {
    clearTimeout(telling);
    skippedMs.value = ms;
    telling = setTimeout(() => {
      skippedMs.value = 0;
    }, 2500);
  }

  function setSkipSilence(skip: boolean): void {
    settings.skipSilence = skip;
    saveSettings(settings);
    const s = state.value;
    if (s.kind === "replay" && s.call) void silencing.look(s.call);
  }

  const loopOf = (call: string): Stretch | null =>
    chosen.value?.call === call && chosen.value.looped ? chosen.value : null;

  /** Chooses a stretch of a call, or none; it is looped unless that has been turned off. */
  function choose(call: string, stretch: Stretch | null): void {
    const looped = chosen.value?.looped ?? true;
    chosen.value = stretch && { call, looped, fromMs: stretch.fromMs, toMs: stretch.toMs };
    if (holds(call)) player?.setLoop(loopOf(call));
  }

  function setLooped(looped: boolean): void {
    if (!chosen.value) return;
    chosen.value = { ...chosen.value, looped };
    if (holds(chosen.value.call)) player?.setLoop(loopOf(chosen.value.call));
  }

  function resume(): void {
    void wake();
    player?.play();
  }

  const pause = () => player?.pause();

  /** Plays if it is paused, pauses if it plays; a live listening is left alone. */
  function toggle(): void {
    if (state.value.kind !== "replay") return void (blocked.value && wake());
    if (state.value.phase === "playing" || state.value.phase === "loading") pause();
    else resume();
  }

  function seek(ms: number): void {
    player?.seek(ms);
    positionMs.value = position();
  }

  /** Moves by so much; from live listening, back into the call so far. */
  function skip(byMs: number): void {
    const s = state.value;
    if (s.kind === "replay") seek(position() + byMs);
    else if (s.kind === "live" && byMs < 0) replayOpenCall(Math.max(0, elapsed() + byMs));
  }

  /** From the start: of the replay, or of the call that is being heard live. */
  function fromStart(): void {
    if (state.value.kind === "replay") seek(0);
    else replayOpenCall(0);
  }

  function replayOpenCall(atMs: number): void {
    const call = openCall();
    if (call && session.may("play")) void play(call, atMs);
  }

  /** The id of the open call of the seat in the dock, empty if none. */
  function openCall(): string {
    const s = state.value;
    if (s.kind === "live") return live.seats.get(s.seat)?.call?.id ?? "";
    if (s.kind === "replay" && live.seats.get(s.seat)?.call?.id === s.callId) return s.callId;
    return "";
  }

  /** Whether there is a live moment to go (back) to. */
  const canGoLive = computed(
    () => state.value.kind === "replay" && session.may("listen") && openCall() !== "",
  );

  function toLive(): void {
    if (state.value.kind !== "replay") return;
    if (canGoLive.value) listen(state.value.seat);
    else player?.pause();
  }

  /** How long the call that is heard live has run, ms; 0 without one. */
  function elapsed(): number {
    const s = state.value;
    const began = s.kind === "live" ? live.seats.get(s.seat)?.call?.startedAt : null;
    return began ? Math.max(0, clock.now() - Date.parse(began)) : 0;
  }

  /** Where on the call's timeline we are now, ms. */
  function position(): number {
    return state.value.kind === "live" ? elapsed() : (player?.position() ?? positionMs.value);
  }

  /** Where one is, in the call that is heard; null where none is. */
  function place(): Place | null {
    const call = state.value.kind === "replay" ? state.value.callId : openCall();
    return call ? { call, ms: position() } : null;
  }
  const marking = useMarking(place, () => session.may("mark"));

  /** How much of a meter a side fills now, 0 to 1; what is heard, before its volume. */
  const fill = (side: Side): number => (state.value.kind === "nothing" ? 0 : (mixer?.fill(side) ?? 0));

  function stop(): void {
    drop();
    dispatch({ type: "stop" });
  }

  /** The name of the seat in the dock. */
  const seatName = computed(() =>
    state.value.kind === "nothing" ? "" : directory.seatName(state.value.seat),
  );
  const playing = computed(() => state.value.kind === "replay" && state.value.phase === "playing");
  /** Whether that call is in the dock. */
  const holds = (call: string) => state.value.kind === "replay" && state.value.callId === call;
  const listensTo = (seat: string) => state.value.kind === "live" && state.value.seat === seat;

  // A call in the dock is kept as it is now; a seat that is heard of again is
  // tried at once by an ear that waits.
  live.follow((event) => {
    if (event.call && holds(event.call.id)) {
      dispatch({ type: "call", call: event.call });
      player?.setCall(event.call);
      void silencing.look(event.call);
    }
    if (event.kind !== "seat" || !event.seat || !listensTo(event.seat.seat)) return;
    if (event.seat.state === "offline") return;
    mixer?.setMixed(event.seat.streams?.some((s) => s.mixed) ?? false);
    listening?.hurry();
  });

  // The reactive position follows the exact one a few times a second; pages that
  // draw a cursor ask position() each frame instead.
  setInterval(() => {
    const s = state.value;
    if (s.kind !== "nothing") positionMs.value = position();
    if (s.kind === "replay" && s.call?.state === "live" && player)
      dispatch({ type: "length", ms: player.length });
  }, 200);

  return {
    state,
    positionMs,
    ...hearing,
    mixed,
    blocked,
    inGap,
    skippedMs,
    chosen,
    playing,
    seatName,
    canGoLive,
    listen,
    play,
    open,
    resume,
    pause,
    toggle,
    seek,
    skip,
    fromStart,
    toLive,
    ...marking,
    stop,
    wake,
    setSkipSilence,
    choose,
    setLooped,
    position,
    elapsed,
    openCall,
    fill,
    holds,
    listensTo,
  };
});
