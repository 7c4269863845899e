import { expect, test } from "vitest";
import type { Side } from "@/api";
import { levelGap } from "@/live/levels";
import { checked, Hearing, judge, rememberChecked, shiftOf, swapped, type Trial } from "./soundCheck";

const both: Side[] = ["agent", "customer"];
const onAgent: Trial = { agent: 25, customer: 60 };
const onCustomer: Trial = { agent: 58, customer: 24 };
const onBoth: Trial = { agent: 25, customer: 28 };

test.each([
  ["each voice on its side", both, onAgent, onCustomer, "ok"],
  ["each voice on the other side", both, onCustomer, onAgent, "swapped"],
  ["the agent on the customer's side, then nothing", both, onCustomer, null, "swapped"],
  ["the agent on the customer's side, then the customer too", both, onCustomer, onCustomer, "dead_agent"],
  ["the agent is not heard", both, null, onCustomer, "dead_agent"],
  ["neither is heard", both, null, null, "dead_agent"],
  ["nothing, then the customer on the agent's side", both, null, onAgent, "swapped"],
  ["the customer is not heard", both, onAgent, null, "dead_customer"],
  ["the agent's microphone hears the customer, the other does not", both, onAgent, onAgent, "dead_customer"],
  ["the agent is heard on both", both, onBoth, onCustomer, "bleed"],
  ["the customer is heard on both", both, onAgent, onBoth, "bleed"],
  ["both are heard on both", both, onBoth, onBoth, "bleed"],
  ["only the agent's side is here", ["agent"], onAgent, null, "ok"],
  ["only the agent's side is here, and deaf", ["agent"], null, null, "dead_agent"],
  ["only the customer's side is here, and deaf", ["customer"], null, null, "dead_customer"],
] as [string, Side[], Trial | null, Trial | null, string][])("%s", (_name, tried, agent, customer, want) => {
  expect(judge(tried, agent, customer)).toBe(want);
});

test("two seconds of speech are enough, and pauses say nothing", () => {
  const hearing = new Hearing();
  for (let i = 0; i < 200; i++) hearing.take(70, levelGap);
  expect([hearing.progress, hearing.trial]).toEqual([0, null]);
  for (let i = 0; i < 19; i++) {
    hearing.take(20 + (i % 3), levelGap);
    hearing.take(80, 80);
  }
  expect(hearing.done).toBe(false);
  hearing.take(21, levelGap);
  expect([hearing.done, hearing.progress, hearing.trial]).toEqual([true, 1, { agent: 21, customer: 127 }]);
  hearing.take(1, 1);
  expect(hearing.trial).toEqual({ agent: 21, customer: 127 });
});

test("a cough is no speech", () => {
  const hearing = new Hearing();
  for (let i = 0; i < 4; i++) hearing.take(20, 70);
  expect(hearing.trial).toBeNull();
});

test("sides are changed over where there are two", () => {
  const [a, b] = [
    { id: "a", label: "A" },
    { id: "b", label: "B" },
  ];
  expect(swapped({ kind: "two", agent: a, customer: b })).toEqual({ kind: "two", agent: b, customer: a });
  expect(swapped({ kind: "stereo", device: a, swapped: true })).toEqual({
    kind: "stereo",
    device: a,
    swapped: false,
  });
  expect(swapped({ kind: "one", side: "agent", device: a })).toBeNull();
});

test("it is asked for once a shift", () => {
  localStorage.clear();
  const morning = shiftOf("2026-11-22", "1007");
  expect(checked(localStorage, morning)).toBe(false);
  rememberChecked(localStorage, morning);
  expect(checked(localStorage, morning)).toBe(true);
  expect(checked(localStorage, shiftOf("2026-11-22", "1009"))).toBe(false);
  expect(checked(localStorage, shiftOf("2026-11-23", "1007"))).toBe(false);
});
