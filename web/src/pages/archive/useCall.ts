import { onBeforeUnmount, type Ref, shallowRef, watch } from "vue";
import { api, type Call } from "@/api";
import { useLoad } from "@/lib/useLoad";
import { useLive } from "@/live/store";
import { decodeLevels, type SideLevels } from "./peaks";

/** A live call's waveform is read again so often, ms. */
const liveEveryMs = 3000;

/**
 * One call with its levels, as it is: it follows what happens to the call, and
 * while that is live it grows.
 */
export function useCall(id: Ref<string>) {
  const levels = shallowRef<SideLevels | null>(null);
  const { value: call, slow, problem, load } = useLoad((signal) => read(id.value, signal));

  async function read(wanted: string, signal: AbortSignal): Promise<Call> {
    const [found, drawn] = await Promise.all([
      api.call(wanted, signal),
      // A call without levels is shown without a waveform.
      api.levels(wanted, signal).catch(() => null),
    ]);
    levels.value = drawn && drawn.agent.length + drawn.customer.length > 0 ? decodeLevels(drawn) : null;
    return found;
  }

  const forget = useLive().follow((event) => {
    if (event.kind === "call" && event.call?.id === id.value) void load();
  });
  const growing = setInterval(() => {
    if (call.value?.state === "live" && !document.hidden) void load();
  }, liveEveryMs);

  watch(
    id,
    () => {
      call.value = null;
      void load();
    },
    { immediate: true },
  );
  onBeforeUnmount(() => {
    forget();
    clearInterval(growing);
  });
  return { call, levels, slow, problem, load };
}
