import { onBeforeUnmount, type Ref, ref, shallowRef, watch } from "vue";
import { api, type Call, type CallLevels, type Deletion, Problem } from "@/api";
import { useLoad } from "@/lib/useLoad";
import { useLive } from "@/live/store";
import { knownLevels } from "./levelsCache";
import { anyLevel, decodeLevels, type SideLevels } from "./peaks";
import { readBefore } from "./results";

/** A live call is read again so often, ms. */
const liveEveryMs = 3000;
/** However much happens to a call, it is not read more often than this, ms. */
const atMostEveryMs = 800;

/** Why a call is gone, and what is still known of it. */
export interface Tombstone {
  deletion: Deletion;
  left: Call | null;
}

/**
 * One call with its levels, as it is: it follows what happens to the call, and
 * while that is live it grows. Neither waits for the other.
 */
export function useCall(id: Ref<string>) {
  const levels = shallowRef<SideLevels | null>(null);
  /** Whether the levels have been asked for and an answer has come. */
  const levelsKnown = ref(false);
  /** There is no such call. */
  const missing = ref(false);
  /** The tombstone of a call that was deleted. */
  const deleted = shallowRef<Tombstone | null>(null);
  const { value: call, slow, problem, load: readCall } = useLoad((signal) => read(id.value, signal));
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let lastAt = 0;
  let asked = new AbortController();

  async function read(wanted: string, signal: AbortSignal): Promise<Call> {
    try {
      const found = await api.call(wanted, signal);
      missing.value = false;
      deleted.value = null;
      return found;
    } catch (err) {
      if (err instanceof Problem && err.status === 410) deleted.value = tombstoneOf(err);
      if (err instanceof Problem && err.status === 404) missing.value = true;
      throw err;
    }
  }

  async function readLevels(): Promise<void> {
    asked.abort();
    asked = new AbortController();
    const mine = asked;
    let found: CallLevels;
    try {
      found = await api.levels(id.value, mine.signal);
    } catch {
      // A call without levels is shown without a waveform; what was drawn stays.
      if (!mine.signal.aborted) levelsKnown.value = true;
      return;
    }
    if (mine.signal.aborted) return;
    const decoded = decodeLevels(found);
    levels.value = anyLevel(decoded) ? decoded : null;
    levelsKnown.value = true;
  }

  async function load(): Promise<void> {
    lastAt = Date.now();
    void readLevels();
    await readCall();
  }

  /** Reads soon, once for all that happens until then. */
  function refresh(): void {
    waiting ??= setTimeout(
      () => {
        waiting = undefined;
        void load();
      },
      Math.max(0, lastAt + atMostEveryMs - Date.now()),
    );
  }

  const forget = useLive().follow((event) => {
    if (event.kind === "call" && event.call?.id === id.value) refresh();
  });
  const growing = setInterval(() => {
    if (call.value?.state === "live" && !document.hidden && Date.now() - lastAt >= liveEveryMs - 100)
      void load();
  }, liveEveryMs);

  watch(
    id,
    () => {
      // What was read ahead is shown at once, and read again all the same.
      call.value = readBefore(id.value);
      levels.value = knownLevels(id.value);
      levelsKnown.value = levels.value !== null;
      missing.value = false;
      deleted.value = null;
      void load();
    },
    { immediate: true },
  );
  onBeforeUnmount(() => {
    forget();
    clearInterval(growing);
    clearTimeout(waiting);
    asked.abort();
  });
  return { call, levels, levelsKnown, missing, deleted, slow, problem, load };
}

/** What the server says of a deleted call; it may say nothing but that it is gone. */
function tombstoneOf({ body, detail }: Problem): Tombstone {
  return {
    deletion: body.deleted ?? { at: "", by: "", policy: "", reason: detail },
    left: body.call ?? null,
  };
}
