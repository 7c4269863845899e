import { onBeforeUnmount, ref, shallowRef } from "vue";
import { sayProblem } from "./problem";

/** A list that takes longer than this says that it is loading, ms. */
const patienceMs = 300;

/**
 * Something that is read from the server: its value, whether it takes long, and
 * what went wrong. A newer reading overtakes an older one; leaving ends it.
 */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>) {
  const value = shallowRef<T | null>(null);
  const slow = ref(false);
  const problem = ref("");
  let running: AbortController | null = null;

  async function load(): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const patience = setTimeout(() => {
      slow.value = true;
    }, patienceMs);
    try {
      const answer = await read(mine.signal);
      if (mine.signal.aborted) return;
      value.value = answer;
      problem.value = "";
    } catch (err) {
      if (!mine.signal.aborted) problem.value = sayProblem(err);
    } finally {
      clearTimeout(patience);
      if (running === mine) slow.value = false;
    }
  }

  onBeforeUnmount(() => running?.abort());
  return { value, slow, problem, load };
}
