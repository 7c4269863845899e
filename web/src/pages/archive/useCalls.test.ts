import { mount } from "@vue/test-utils";
import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineComponent } from "vue";
import { api, type Call, type LiveEvent, Problem } from "@/api";
import { useLive } from "@/live/store";
import { noFilters } from "./filters";
import { useCalls } from "./useCalls";

const call = (id: string, more: Partial<Call> = {}): Call =>
  ({
    ...{ id, seat: "c1", branch: "b", agent: null, kind: "counter", direction: "none", number: "" },
    ...{ account: "", ticket: "", business: "", state: "live", startedAt: "2026-11-21T02:00:00Z" },
    ...{ durationMs: 0, parts: [], gaps: [], marks: [], flags: [], tags: [], rating: 0 },
    ...more,
  }) as unknown as Call;

type Page = Awaited<ReturnType<typeof api.calls>>;
const page = (calls: Call[], next = "") => ({ calls, next, listened: [] as string[] }) as Page;

let tell: (event: LiveEvent) => void = () => {};
let forgotten = 0;

beforeEach(() => {
  setActivePinia(createPinia());
  forgotten = 0;
  vi.spyOn(api, "countCalls").mockResolvedValue(1001);
  vi.spyOn(useLive(), "follow").mockImplementation((fn) => {
    tell = fn;
    return () => {
      forgotten++;
      return true;
    };
  });
});
afterEach(() => vi.restoreAllMocks());

function start() {
  let list!: ReturnType<typeof useCalls>;
  const view = mount(
    defineComponent({
      setup: () => {
        list = useCalls();
        return () => null;
      },
    }),
  );
  return { list, view };
}

const news = (c: Call) => tell({ kind: "call", call: c } as unknown as LiveEvent);
const ids = (list: ReturnType<typeof useCalls>) =>
  list.list.value?.pages.flatMap((p) => p.calls ?? []).map((c) => c.id);

test("pages follow by key", async () => {
  const asked = vi
    .spyOn(api, "calls")
    .mockResolvedValueOnce(page([call("9"), call("8")], "k8"))
    .mockResolvedValueOnce(page([call("7"), call("6")]));
  const { list } = start();
  await list.load({ ...noFilters(), seat: ["c1"] });
  await list.more();
  expect(asked.mock.calls[1]?.[0]).toEqual({ limit: 200, cursor: "k8", seat: ["c1"] });
  expect(ids(list)).toEqual(["9", "8", "7", "6"]);
  await list.more(); // there is no next
  expect(asked).toHaveBeenCalledTimes(2);
});

test("a page that fails leaves the rows and can be asked for again", async () => {
  vi.spyOn(api, "calls")
    .mockResolvedValueOnce(page([call("9")], "k9"))
    .mockRejectedValueOnce(new Problem(0, "unreachable", ""))
    .mockResolvedValueOnce(page([call("8")]));
  const { list } = start();
  await list.load(noFilters());
  await list.more();
  expect([ids(list), list.problem.value]).toEqual([["9"], null]);
  expect(list.moreProblem.value).not.toBe("");
  await list.more();
  expect([ids(list), list.moreProblem.value]).toEqual([["9", "8"], ""]);
});

test("an overtaken search changes nothing", async () => {
  let answer: (p: Page) => void = () => {};
  vi.spyOn(api, "calls")
    .mockImplementationOnce(() => new Promise<Page>((done) => (answer = done)))
    .mockResolvedValueOnce(page([call("5")]));
  const { list } = start();
  const first = list.load({ ...noFilters(), q: "a" });
  await list.load({ ...noFilters(), q: "b" });
  answer(page([call("1")], "more"));
  await first;
  expect([ids(list), list.list.value?.next]).toEqual([["5"], ""]);
});

test("rows follow their calls, new ones are counted once and only if they fit", async () => {
  vi.spyOn(api, "calls").mockResolvedValue(page([call("5"), call("4")]));
  const { list } = start();
  await list.load({ ...noFilters(), seat: ["c1"] });
  news(call("4", { state: "stored", durationMs: 9000 }));
  expect(list.list.value?.at(1)?.durationMs).toBe(9000);
  news(call("6"));
  news(call("6", { durationMs: 1 }));
  news(call("7", { seat: "c2" })); // another seat
  news(call("3")); // older than what is shown, on a later page
  expect([ids(list), list.fresh.value]).toEqual([["5", "4"], 1]);
  await list.load(noFilters());
  expect(list.fresh.value).toBe(0);
});

test("the first call of all comes by itself", async () => {
  const asked = vi
    .spyOn(api, "calls")
    .mockResolvedValueOnce(page([]))
    .mockResolvedValueOnce(page([call("1")]));
  const { list } = start();
  await list.load(noFilters());
  news(call("1"));
  await vi.waitFor(() => expect(ids(list)).toEqual(["1"]));
  expect(asked).toHaveBeenCalledTimes(2);
});

test("leaving ends the following and what is being asked", async () => {
  let signal: AbortSignal | undefined;
  vi.spyOn(api, "calls").mockImplementation((_q, s) => {
    signal = s;
    return new Promise(() => {});
  });
  const { list, view } = start();
  void list.load(noFilters());
  view.unmount();
  expect([forgotten, signal?.aborted]).toEqual([1, true]);
});

test("how many there are in all is asked for where the first page is not the last", async () => {
  vi.spyOn(api, "calls").mockResolvedValueOnce(page([call("9")], "k9"));
  const { list } = start();
  await list.load(noFilters());
  await vi.waitFor(() => expect(list.total.value).toBe(1001));
  vi.spyOn(api, "calls").mockResolvedValueOnce(page([call("9"), call("8")]));
  await list.load({ ...noFilters(), q: "x" });
  expect(list.total.value).toBe(2);
  expect(api.countCalls).toHaveBeenCalledTimes(1);
});

test("what lies far away is let go and read again when one comes back to it", async () => {
  const key = (cursor: string | undefined) => Number(cursor || 0);
  const asked = vi.spyOn(api, "calls").mockImplementation(async (query) => {
    const n = key(query.cursor);
    const calls = Array.from({ length: 100 }, (_, i) => call(`p${n}-${i}`));
    return page(calls, n < 29 ? String(n + 1) : "");
  });
  const { list } = start();
  await list.load(noFilters());
  while (list.goesOn()) {
    await list.more();
    list.look((list.list.value?.rows ?? 0) - 30, list.list.value?.rows ?? 0);
  }
  expect(list.list.value?.rows).toBe(3000);
  expect(ids(list)?.length).toBeLessThanOrEqual(600);
  expect(list.list.value?.at(0)).toBeNull();
  asked.mockClear();
  list.look(0, 30);
  await vi.waitFor(() => expect(list.list.value?.at(29)?.id).toBe("p0-29"));
  expect(asked).toHaveBeenCalledTimes(1);
  expect(list.list.value?.at(2999)).toBeNull();
});

test("a list is gone on with where one was, reading only what is looked at", async () => {
  const asked = vi
    .spyOn(api, "calls")
    .mockImplementation(async (query) => page([call(`at ${query.cursor}`)]));
  const { list } = start();
  const pages = ["", "a", "b"].map((cursor) => ({ cursor, rows: 1 }));
  await list.load(noFilters(), { search: "", pages, next: "c", total: 1001, scrollTop: 9, at: 2 });
  expect([list.list.value?.rows, list.total.value, list.goesOn()]).toEqual([3, 1001, true]);
  expect(asked).not.toHaveBeenCalled();
  list.look(2, 3);
  await vi.waitFor(() => expect(ids(list)).toEqual(["at b"]));
  await list.more();
  expect(ids(list)).toEqual(["at b", "at c"]);
});

test("what no call can be is said without asking, and what was there stays for the way back", async () => {
  const asked = vi.spyOn(api, "calls").mockResolvedValue(page([call("9")]));
  const { list } = start();
  await list.load(noFilters());
  expect(await list.load({ ...noFilters(), shortest: "600", longest: "10" })).toBe(false);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(list.problem.value?.filters?.map((c) => c.key)).toEqual(["shortest", "longest"]);
  expect(await list.load(noFilters())).toBe(true);
  expect([ids(list), list.problem.value]).toEqual([["9"], null]);
});
