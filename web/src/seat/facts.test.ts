import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CallPatch, LiveCall } from "@/api";
import {
  believeMs,
  type Facts,
  FactsSaver,
  noFacts,
  type SaveState,
  saveAfterMs,
  saveAgainMs,
} from "./facts";

let sent: [string, CallPatch][];
let shown: Facts;
let states: SaveState[];
let fails: boolean;
let saver: FactsSaver;

const call = (id: string, facts: Partial<Facts> = {}) =>
  ({ id, ...noFacts("counter"), ...facts }) as LiveCall;

beforeEach(() => {
  vi.useFakeTimers();
  [sent, states, fails, shown] = [[], [], false, noFacts("counter")];
  saver = new FactsSaver(
    "counter",
    async (id, patch) => {
      sent.push([id, patch]);
      if (fails) throw new Error("away");
    },
    {
      facts: (facts) => {
        shown = facts;
      },
      save: (state) => states.push(state),
    },
  );
});

afterEach(() => {
  saver.close();
  vi.useRealTimers();
});

test("before a call fields are a draft that nobody sends", async () => {
  saver.change("ticket", " A-1 ");
  await vi.advanceTimersByTimeAsync(saveAfterMs * 2);
  expect(sent).toEqual([]);
  expect(saver.draft).toEqual({ ...noFacts("counter"), ticket: "A-1" });
});

test("in a call the last of several keys is sent once, only what changed", async () => {
  saver.follow(call("c1"));
  for (const text of ["1", "12", "123"]) {
    saver.change("account", text);
    await vi.advanceTimersByTimeAsync(saveAfterMs / 2);
  }
  await vi.advanceTimersByTimeAsync(saveAfterMs);
  expect(sent).toEqual([["c1", { account: "123" }]]);
  expect(states).toEqual(["clean", "waiting", "waiting", "waiting", "saving", "saved"]);
});

test("what cannot be saved is shown and sent again", async () => {
  saver.follow(call("c1"));
  fails = true;
  saver.change("number", "139");
  await vi.advanceTimersByTimeAsync(saveAfterMs);
  expect(states.at(-1)).toBe("failed");
  fails = false;
  await vi.advanceTimersByTimeAsync(saveAgainMs);
  expect([states.at(-1), sent.length]).toEqual(["saved", 2]);
});

test("the server's news fill in, but do not overwrite what is being typed or was just saved", async () => {
  saver.follow(call("c1", { ticket: "old" }));
  expect(shown.ticket).toBe("old");
  saver.change("ticket", "new");
  saver.follow(call("c1", { ticket: "old", business: "报修" }));
  expect(shown).toMatchObject({ ticket: "new", business: "报修" });
  await vi.advanceTimersByTimeAsync(saveAfterMs);
  saver.follow(call("c1", { ticket: "old" }));
  expect(shown.ticket).toBe("new");
  await vi.advanceTimersByTimeAsync(believeMs);
  saver.follow(call("c1", { ticket: "by the supervisor" }));
  expect(shown.ticket).toBe("by the supervisor");
});

test("a call's end clears the fields, its start keeps the draft it took", () => {
  saver.change("ticket", "A-1");
  saver.started("c1");
  saver.follow(call("c1"));
  expect(shown.ticket, "the server has not told it yet").toBe("A-1");
  saver.follow(null);
  expect(shown).toEqual(noFacts("counter"));
});

test("without a call a draft survives the server's news", () => {
  saver.change("ticket", "A-1");
  saver.follow(null);
  expect(shown.ticket).toBe("A-1");
});

test("what is typed last is saved before a call ends", async () => {
  saver.follow(call("c1"));
  saver.change("ticket", "last words");
  await saver.flush();
  expect(sent).toEqual([["c1", { ticket: "last words" }]]);
  expect(vi.getTimerCount()).toBe(0);
});

test("another call does not get the last one's words", async () => {
  saver.follow(call("c1"));
  saver.change("ticket", "of c1");
  saver.follow(call("c2"));
  await vi.advanceTimersByTimeAsync(saveAfterMs * 2);
  expect([shown.ticket, sent]).toEqual(["", []]);
});
