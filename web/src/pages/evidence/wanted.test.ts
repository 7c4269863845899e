import { expect, test } from "vitest";
import type { Call } from "@/api";
import { faultOf, readCalls, requestOf, spanOf, type Wanted, writeCalls } from "./wanted";

const a = "019a0000-0000-7000-8000-00000000000a";
const b = "019a0000-0000-7000-8000-00000000000b";
const call = (id: string, durationMs = 90_500) => ({ id, durationMs }) as Call;

test("the calls live in the address, once each, and survive the way through it", () => {
  const calls = [{ call: a }, { call: b, fromMs: 5000, toMs: 9000 }];
  expect(readCalls(writeCalls(calls) as Record<string, string[]>)).toEqual(calls);
  expect(readCalls({ call: a })).toEqual([{ call: a }]);
  expect(readCalls({ call: [a, a, "nonsense", null] })).toEqual([{ call: a }]);
  expect(readCalls({ call: `${b}@9-5` })).toEqual([{ call: b }]);
  expect(readCalls({})).toEqual([]);
});

test.each([
  ["0:05", "1:10", { fromMs: 5000, toMs: 70_000 }],
  ["0:00", "1:31", { fromMs: 0, toMs: 90_500 }], // the last second is not whole
  ["0：05", "9", { fromMs: 5000, toMs: 9000 }],
  ["0:05", "0:05", null],
  ["0:09", "0:05", null],
  ["0:05", "1:32", null],
  ["", "0:05", null],
  ["0:61", "2:00", null],
])("from %s to %s of 90.5 s is %j", (from, to, span) => {
  expect(spanOf(from, to, 90_500)).toEqual(span);
});

const whole: Wanted = {
  ...{
    title: " 投诉 118 ",
    reason: "交法务 ",
    encryption: "none",
    passphrase: "",
    recipient: "",
    language: "zh",
  },
  calls: [
    { call: call(a), whole: true, from: "", to: "" },
    { call: call(b), whole: false, from: "0:20", to: "1:00" },
  ],
  silence: [{ call: a, from: "0:12", to: "0:19", reason: "身份证号" }],
};

test("what has no fault is asked for", () => {
  expect(faultOf(whole)).toBeNull();
  expect(requestOf(whole)).toEqual({
    ...{ title: "投诉 118", reason: "交法务", language: "zh" },
    calls: [{ call: a }, { call: b, fromMs: 20_000, toMs: 60_000 }],
    silence: [{ call: a, fromMs: 12_000, toMs: 19_000, reason: "身份证号" }],
  });
  const locked = { ...whole, encryption: "passphrase", passphrase: "correct horse" } as const;
  expect(requestOf(locked).passphrase).toBe("correct horse");
  expect(requestOf({ ...locked, encryption: "none" }).passphrase).toBeUndefined();
});

test.each([
  [{ calls: [] }, { what: "calls" }],
  [{ title: " " }, { what: "title" }],
  [{ reason: "" }, { what: "reason" }],
  [{ calls: [{ call: call(a), whole: false, from: "1:00", to: "0:20" }] }, { what: "span", n: 0 }],
  [{ silence: [{ call: a, from: "0:12", to: "0:19", reason: "" }] }, { what: "silence", n: 0 }],
  [{ silence: [{ call: "gone", from: "0:12", to: "0:19", reason: "x" }] }, { what: "silence", n: 0 }],
  [{ encryption: "passphrase", passphrase: "short" }, { what: "passphrase" }],
  [{ encryption: "recipient", recipient: "ssh-ed25519 AAAA" }, { what: "recipient" }],
] as [Partial<Wanted>, object][])("%j is told", (part, fault) => {
  expect(faultOf({ ...whole, ...part })).toEqual(fault);
});
