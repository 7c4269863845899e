import { onBeforeUnmount, ref, shallowRef } from "vue";
import { api, type Call } from "@/api";
import { sayProblem } from "@/lib/problem";
import { useDirectory } from "@/live/directory";
import { useLive } from "@/live/store";
import { type Filters, matches, noFilters, queryOf } from "./filters";

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
  /** Why the next page has not come; the rows stay. */
  const moreProblem = ref("");
  const fresh = ref(0);
  /** How many there are in all, 1001 for more; null while that is not known. */
  const total = ref<number | null>(null);
  let filters: Filters = noFilters();
  let running: AbortController | null = null;
  const seen = new Set<string>();
  const directory = useDirectory();

  async function load(wanted: Filters): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    filters = wanted;
    total.value = null;
    const patience = setTimeout(() => {
      slow.value = true;
    }, patienceMs);
    try {
      const page = await api.calls(queryOf(wanted, "", pageSize), mine.signal);
      if (mine.signal.aborted) return;
      calls.value = page.calls;
      next.value = page.next;
      fresh.value = 0;
      seen.clear();
      problem.value = "";
      moreProblem.value = "";
      void count(page, mine);
    } catch (err) {
      if (!mine.signal.aborted) problem.value = sayProblem(err);
    } finally {
      clearTimeout(patience);
      if (running === mine) slow.value = false;
    }
  }

  /** The rows do not wait for how many they are; without an answer none is shown. */
  async function count(first: { calls: Call[]; next: string }, mine: AbortController): Promise<void> {
    if (!first.next) {
      total.value = first.calls.length;
      return;
    }
    const counted = await api.countCalls(queryOf(filters, "", 1), mine.signal).catch(() => null);
    if (running === mine) total.value = counted;
  }

  async function more(): Promise<void> {
    const mine = running;
    if (!next.value || loadingMore.value || !mine) return;
    loadingMore.value = true;
    moreProblem.value = "";
    try {
      const page = await api.calls(queryOf(filters, next.value, pageSize), mine.signal);
      if (running !== mine) return;
      const known = new Set(calls.value?.map((c) => c.id));
      calls.value = [...(calls.value ?? []), ...page.calls.filter((c) => !known.has(c.id))];
      next.value = page.next;
    } catch (err) {
      if (!mine.signal.aborted) moreProblem.value = sayProblem(err);
    } finally {
      loadingMore.value = false;
    }
  }

  function take(call: Call): void {
    const list = calls.value;
    if (!list) return;
    const at = list.findIndex((c) => c.id === call.id);
    if (at >= 0) {
      calls.value = list.map((c, i) => (i === at ? call : c));
      return;
    }
    // Ids are in the order of time: a greater one is newer than all that is shown.
    const first = list[0]?.id ?? "";
    if (seen.has(call.id) || call.id <= first || !matches(filters, call, directory.branchAndBelow)) return;
    seen.add(call.id);
    // Where nothing stands yet, nothing is pushed away.
    if (list.length === 0 && !next.value) void load(filters);
    else fresh.value++;
  }

  const forget = useLive().follow((event) => {
    if (event.kind === "call" && event.call) take(event.call);
  });

  onBeforeUnmount(() => {
    forget();
    running?.abort();
  });
  return { calls, next, total, slow, loadingMore, problem, moreProblem, fresh, load, more };
}
