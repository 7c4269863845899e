import { onBeforeUnmount, ref, shallowRef } from "vue";
import { api, type Call } from "@/api";
import { sayProblem } from "@/lib/problem";
import { useLive } from "@/live/store";
import { type Filters, noFilters, queryOf } from "./filters";

const pageSize = 50;
/** Longer than this says that it is loading, ms. */
const patienceMs = 300;

/**
 * The calls that filters find, newest first, page after page by key. Rows
 * already shown follow what happens to their calls; that new ones have begun is
 * counted, not pushed under one's eyes.
 */
export function useCalls() {
  const calls = shallowRef<Call[] | null>(null);
  const next = ref("");
  const slow = ref(false);
  const loadingMore = ref(false);
  const problem = ref("");
  const fresh = ref(0);
  let filters: Filters = noFilters();
  let running: AbortController | null = null;

  async function load(wanted: Filters): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    filters = wanted;
    const patience = setTimeout(() => {
      slow.value = true;
    }, patienceMs);
    try {
      const page = await api.calls(queryOf(wanted, "", pageSize), mine.signal);
      calls.value = page.calls;
      next.value = page.next;
      fresh.value = 0;
      problem.value = "";
    } catch (err) {
      if (!mine.signal.aborted) problem.value = sayProblem(err);
    } finally {
      clearTimeout(patience);
      if (running === mine) slow.value = false;
    }
  }

  async function more(): Promise<void> {
    const mine = running;
    if (!next.value || loadingMore.value || !mine) return;
    loadingMore.value = true;
    try {
      const page = await api.calls(queryOf(filters, next.value, pageSize), mine.signal);
      if (running !== mine) return;
      const known = new Set(calls.value?.map((c) => c.id));
      calls.value = [...(calls.value ?? []), ...page.calls.filter((c) => !known.has(c.id))];
      next.value = page.next;
    } catch (err) {
      if (!mine.signal.aborted) problem.value = sayProblem(err);
    } finally {
      loadingMore.value = false;
    }
  }

  const seen = new Set<string>();
  const forget = useLive().follow((event) => {
    const { call } = event;
    if (event.kind !== "call" || !call || !calls.value) return;
    const at = calls.value.findIndex((c) => c.id === call.id);
    if (at >= 0) {
      calls.value = calls.value.map((c, i) => (i === at ? call : c));
    } else if (!seen.has(call.id) && call.id > (calls.value[0]?.id ?? "")) {
      seen.add(call.id);
      fresh.value++;
    }
  });

  onBeforeUnmount(() => {
    forget();
    running?.abort();
  });
  return { calls, next, slow, loadingMore, problem, fresh, load, more };
}
