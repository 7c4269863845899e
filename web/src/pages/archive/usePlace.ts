import { computed, type Ref, ref, watch } from "vue";
import { useRoute } from "vue-router";
import type { Call } from "@/api";
import { type Stretch, silencesOf } from "@/dock/silence";
import { useDock } from "@/dock/store";
import { useSession } from "@/session/store";
import type { SideLevels } from "./peaks";

/** The instant of the call that an address names in seconds, ms; null if it names none. */
export function instantOf(said: unknown): number | null {
  if (typeof said !== "string" || !/^\d{1,6}(\.\d{1,3})?$/.test(said)) return null;
  return Math.round(Number(said) * 1000);
}

/** So near its end a call has been heard: it is played from its beginning, ms. */
const atEndMs = 500;

/**
 * Where one is in a call, and what one has chosen of it. The call lies in the
 * dock, paused, as soon as it is shown, unless something else is being heard.
 */
export function usePlace(call: Ref<Call | null>, levels: Ref<SideLevels | null>, lengthMs: Ref<number>) {
  const route = useRoute();
  const dock = useDock();
  const session = useSession();

  /** Where the playing begins while something else is in the dock, ms. */
  const beginMs = ref(0);
  const held = computed(() => Boolean(call.value && dock.holds(call.value.id)));
  const canPlay = computed(() => Boolean(call.value?.parts.length) && session.may("play"));

  watch(
    // Two sources: a call that is read anew is the same, and leads nowhere again.
    [() => (canPlay.value ? call.value?.id : undefined), () => route.query.t] as const,
    async ([id, said]) => {
      if (!id || !call.value) return;
      const at = instantOf(said);
      beginMs.value = Math.min(at ?? 0, lengthMs.value); // an address may name what lies beyond the end
      if (held.value) at !== null && dock.seek(at);
      else await dock.open(call.value, beginMs.value);
    },
    { immediate: true },
  );

  /** Whether one hears it live, at its growing end. */
  const hearsLive = computed(() => {
    const s = dock.state;
    return Boolean(call.value && s.kind === "live" && dock.openCall() === call.value.id);
  });
  // Who no longer hears it live, for it has ended or for another thing, stays where that was.
  watch([hearsLive, () => call.value?.id], ([hears, id], [heard, was]) => {
    if (heard && !hears && id === was) beginMs.value = lengthMs.value;
  });
  /** Whether it sounds now. */
  const sounds = computed(() => hearsLive.value || (held.value && dock.playing));

  const position = (): number | null => {
    if (!canPlay.value) return null;
    if (hearsLive.value) return Math.min(dock.position(), lengthMs.value);
    return held.value ? dock.position() : Math.min(beginMs.value, lengthMs.value);
  };

  function seek(ms: number): void {
    if (!call.value || !canPlay.value) return;
    if (held.value) dock.seek(ms);
    else void dock.play(call.value, ms);
  }

  function toggle(): void {
    if (!call.value || !canPlay.value) return;
    if (held.value) dock.toggle();
    // Who wants it quiet finds it where it was, and the way to the present again.
    else if (hearsLive.value) void dock.play(call.value, dock.position(), { paused: true });
    else void dock.play(call.value, beginMs.value < lengthMs.value - atEndMs ? beginMs.value : 0);
  }

  const span = computed<Stretch | null>(() =>
    call.value && dock.chosen?.call === call.value.id ? dock.chosen : null,
  );

  /** Chooses a stretch; the place goes to its beginning once it is chosen to the end. */
  function choose(stretch: Stretch | null, done = false): void {
    if (!call.value) return;
    dock.choose(call.value.id, stretch);
    if (!stretch || !done) return;
    if (held.value) dock.seek(stretch.fromMs);
    else beginMs.value = stretch.fromMs;
  }

  /** Sets one end of the stretch where one is; with its end it begins. */
  function chooseEnd(end: "from" | "to"): void {
    const at = position();
    if (at === null) return;
    const known = span.value;
    // Nothing lies between a place and itself.
    if (at === (end === "from" ? known?.toMs : known?.fromMs)) return;
    if (end === "from") choose({ fromMs: at, toMs: known && known.toMs > at ? known.toMs : lengthMs.value });
    else choose({ fromMs: known && known.fromMs < at ? known.fromMs : 0, toMs: at }, true);
  }

  /** The silences that are jumped. */
  const silences = computed<Stretch[]>(() =>
    dock.settings.skipSilence && levels.value ? silencesOf(levels.value) : [],
  );

  return { held, hearsLive, sounds, canPlay, position, seek, toggle, span, choose, chooseEnd, silences };
}
