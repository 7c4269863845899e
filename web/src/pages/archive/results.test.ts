import { beforeEach, expect, test, vi } from "vitest";
import { api, type Call } from "@/api";
import { noFilters } from "./filters";
import { neighbour, placeAmong, rememberResults } from "./results";

const call = (id: string) => ({ id }) as Call;

beforeEach(() => vi.restoreAllMocks());

test("the next result stands below, the previous above; at an end there is none", async () => {
  rememberResults(noFilters(), 0, [call("c"), call("b"), call("a")], "");
  expect(await neighbour("b", 1)).toBe("a");
  expect(await neighbour("b", -1)).toBe("c");
  expect(await neighbour("a", 1)).toBe("");
  expect(await neighbour("c", -1)).toBe("");
  expect(await neighbour("x", 1)).toBe("");
  expect(placeAmong("b")).toEqual({ at: 1, of: 3, more: false });
});

test("at the end of what was shown the search goes on where it stood", async () => {
  const asked = vi
    .spyOn(api, "calls")
    .mockResolvedValue({ calls: [call("a"), call("9")], next: "" } as never);
  rememberResults({ ...noFilters(), account: "5502" }, 700, [call("b"), call("a")], "cursor");
  expect(await neighbour("a", 1)).toBe("9");
  expect(asked.mock.calls[0]?.[0]).toMatchObject({ account: "5502", cursor: "cursor" });
  expect(placeAmong("9")).toEqual({ at: 702, of: 703, more: false });
  expect(asked).toHaveBeenCalledTimes(1);
});

test("a page on which nothing new stands is no end while the server goes on", async () => {
  const asked = vi
    .spyOn(api, "calls")
    .mockResolvedValueOnce({ calls: [], next: "second" } as never)
    .mockResolvedValueOnce({ calls: [call("a")], next: "third" } as never)
    .mockResolvedValueOnce({ calls: [call("9")], next: "" } as never);
  rememberResults(noFilters(), 0, [call("a")], "first");
  expect(await neighbour("a", 1)).toBe("9");
  expect(asked.mock.calls.map(([query]) => query?.cursor)).toEqual(["first", "second", "third"]);
  expect(placeAmong("9")).toEqual({ at: 1, of: 2, more: false });
});

test("a search that began meanwhile is not added to", async () => {
  rememberResults(noFilters(), 0, [call("a")], "first");
  vi.spyOn(api, "calls").mockImplementation(() => {
    rememberResults(noFilters(), 0, [call("z")], "");
    return Promise.resolve({ calls: [call("9")], next: "more" }) as never;
  });
  expect(await neighbour("a", 1)).toBe("9");
  expect(placeAmong("z")).toEqual({ at: 0, of: 1, more: false });
});

test("looks through no more than some empty pages at a time, and goes on where it stood", async () => {
  let page = 0;
  const asked = vi
    .spyOn(api, "calls")
    .mockImplementation(() => Promise.resolve({ calls: [], next: `c${++page}` }) as never);
  rememberResults(noFilters(), 0, [call("a")], "c0");
  expect(await neighbour("a", 1)).toBe("");
  expect(placeAmong("a").more).toBe(true);
  const before = asked.mock.calls.length;
  await neighbour("a", 1);
  expect(asked.mock.calls[before]?.[0]).toMatchObject({ cursor: `c${before}` });
});
