import { onBeforeUnmount, ref, shallowRef } from "vue";
import { api, type Call } from "@/api";
import { sayProblem } from "@/lib/problem";
import { useDirectory } from "@/live/directory";
import { useLive } from "@/live/store";
import { type Filters, matches, noFilters, queryOf } from "./filters";
import type { ListPlace } from "./listPlace";
import { impossible, type ListProblem, listProblem } from "./listProblem";
import { PagedCalls } from "./pagedCalls";

const firstRows = 100;
/** Of every page behind the first: who scrolls on waits for fewer of them. */
const pageSize = 200;
/** Longer than this says that it is loading, ms. */
const patienceMs = 300;
/** Pages kept above and below those one looks at. */
const keepPages = 2;
/** Nobody scrolls further: filters find what lies below. */
const mostRows = 200_000;

/**
 * The calls that filters find, newest first, page after page by key; only those
 * near what is looked at are kept. Rows shown follow what happens to their calls;
 * that new ones have begun is counted, not pushed under one's eyes.
 */
export function useCalls() {
  /** The list as it stands; null until something was found out. */
  const list = shallowRef<PagedCalls | null>(null);
  /** Counts what changes in it. */
  const version = ref(0);
  const slow = ref(false);
  const loadingMore = ref(false);
  /** Why there is no list; null where there is. */
  const problem = shallowRef<ListProblem | null>(null);
  /** Why the next page has not come; the rows stay. */
  const moreProblem = ref("");
  const fresh = ref(0);
  /** How many there are in all, 1001 for more; null while that is not known. */
  const total = ref<number | null>(null);
  let filters: Filters = noFilters();
  let running: AbortController | null = null;
  const seen = new Set<string>();
  const refilling = new Set<number>();
  const directory = useDirectory();

  const ask = (cursor: string, signal: AbortSignal) =>
    api.calls(queryOf(filters, cursor, cursor ? pageSize : firstRows), signal);

  /** Begins anew, or where one was. A search that is overtaken changes nothing. */
  async function load(wanted: Filters, place: ListPlace | null = null): Promise<boolean> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    filters = wanted;
    const never = impossible(wanted);
    if (never) {
      slow.value = false;
      problem.value = never;
      return false;
    }
    if (place) {
      begin(listAt(place));
      total.value = place.total;
      return true;
    }
    const patience = setTimeout(() => {
      slow.value = true;
    }, patienceMs);
    try {
      const page = await ask("", mine.signal);
      if (mine.signal.aborted) return false;
      const found = new PagedCalls();
      found.append(
        { cursor: "", rows: page.calls.length, calls: page.calls, listened: new Set(page.listened) },
        page.next,
      );
      begin(found);
      void count(page, mine);
      return true;
    } catch (err) {
      if (!mine.signal.aborted) problem.value = listProblem(err, wanted);
      return false;
    } finally {
      clearTimeout(patience);
      if (running === mine) slow.value = false;
    }
  }

  function begin(found: PagedCalls): void {
    list.value = found;
    version.value++;
    fresh.value = 0;
    seen.clear();
    refilling.clear();
    problem.value = null;
    moreProblem.value = "";
  }

  function listAt(place: ListPlace): PagedCalls {
    const found = new PagedCalls();
    const none: ReadonlySet<string> = new Set<string>();
    for (const [i, page] of place.pages.entries())
      found.append({ ...page, calls: null, listened: none }, place.pages[i + 1]?.cursor ?? place.next);
    return found;
  }

  /** The rows do not wait for how many they are; without an answer none is shown. */
  async function count(first: { calls: Call[]; next: string }, mine: AbortController): Promise<void> {
    if (!first.next) {
      total.value = first.calls.length;
      return;
    }
    total.value = null;
    const counted = await api.countCalls(queryOf(filters, "", 1), mine.signal).catch(() => null);
    if (running === mine) total.value = counted;
  }

  /** Whether there is something behind the last row that may be read. */
  const goesOn = () => Boolean(list.value?.next) && (list.value?.rows ?? 0) < mostRows;

  async function more(): Promise<void> {
    const mine = running;
    const shown = list.value;
    if (!shown?.next || !goesOn() || loadingMore.value || !mine) return;
    loadingMore.value = true;
    moreProblem.value = "";
    try {
      const cursor = shown.next;
      const page = await ask(cursor, mine.signal);
      if (running !== mine || list.value !== shown) return;
      shown.append(
        { cursor, rows: page.calls.length, calls: page.calls, listened: new Set(page.listened) },
        page.next,
      );
      version.value++;
    } catch (err) {
      if (!mine.signal.aborted) moreProblem.value = sayProblem(err);
    } finally {
      loadingMore.value = false;
    }
  }

  /** Says which rows are looked at: what lies far away is let go, what is missing is read again. */
  function look(from: number, to: number): void {
    const shown = list.value;
    const mine = running;
    if (!shown || !mine) return;
    shown.letGo(from, to, keepPages);
    for (const page of shown.missing(from, to)) void refill(shown, page, mine);
  }

  async function refill(shown: PagedCalls, index: number, mine: AbortController): Promise<void> {
    if (refilling.has(index)) return;
    refilling.add(index);
    try {
      const page = await ask(shown.pages[index]?.cursor ?? "", mine.signal);
      if (running !== mine || list.value !== shown) return;
      shown.refill(index, page.calls, new Set(page.listened));
      version.value++;
    } catch (err) {
      if (!mine.signal.aborted) moreProblem.value = sayProblem(err);
    } finally {
      refilling.delete(index);
    }
  }

  function take(call: Call): void {
    const shown = list.value;
    if (!shown) return;
    if (shown.put(call)) {
      version.value++;
      return;
    }
    // Ids are in the order of time: a greater one is newer than all that is shown.
    const first = shown.at(0)?.id ?? "";
    if (!first && shown.rows > 0) return; // the newest rows were let go
    if (seen.has(call.id) || call.id <= first || !matches(filters, call, directory.branchAndBelow)) return;
    seen.add(call.id);
    // Where nothing stands yet, nothing is pushed away.
    if (shown.rows === 0 && !shown.next) void load(filters);
    else fresh.value++;
  }

  const forget = useLive().follow((event) => {
    if (event.kind === "call" && event.call) take(event.call);
  });

  onBeforeUnmount(() => {
    forget();
    running?.abort();
  });
  return { list, version, total, slow, loadingMore, problem, moreProblem, fresh, load, more, look, goesOn };
}
