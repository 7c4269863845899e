import { beforeEach, expect, test } from "vitest";
import { findDevice, microphonesIn, propose, rememberedSetup, rememberSetup, type Setup } from "./devices";

const info = (kind: string, deviceId: string, label: string) =>
  ({ kind, deviceId, label }) as MediaDeviceInfo;
const a = { id: "a", label: "USB 麦克风" };
const b = { id: "b", label: "USB 麦克风" };
const c = { id: "c", label: "内置麦克风" };

beforeEach(() => localStorage.clear());

test("microphones are the audio inputs, without their aliases", () => {
  expect(
    microphonesIn([
      info("audioinput", "default", "默认 - 内置麦克风"),
      info("audioinput", "communications", "通讯 - 内置麦克风"),
      info("audioinput", "c", "内置麦克风"),
      info("audiooutput", "s", "扬声器"),
      info("videoinput", "v", "摄像头"),
    ]),
  ).toEqual([c]);
});

test("an alias serves where it is all there is; nameless places before permission do not", () => {
  expect(microphonesIn([info("audioinput", "default", "Mic")])).toEqual([{ id: "default", label: "Mic" }]);
  expect(microphonesIn([info("audioinput", "", "")])).toEqual([]);
});

test("a device is found by its id, else by its name, never one that is taken", () => {
  expect(findDevice(b, [a, b, c])).toEqual(b);
  expect(findDevice({ id: "old", label: a.label }, [c, a, b])).toEqual(a);
  expect(findDevice({ id: "old", label: a.label }, [a, b], ["a"])).toEqual(b);
  expect(findDevice(a, [a], ["a"])).toBeNull();
  expect(findDevice({ id: "old", label: "" }, [{ id: "x", label: "" }])).toBeNull();
  expect(findDevice(a, [])).toBeNull();
});

test("two devices are two sides, one is a two-sided one", () => {
  expect(propose([a, c])).toEqual({ kind: "two", agent: a, customer: c });
  expect(propose([a])).toEqual({ kind: "stereo", device: a, swapped: false });
  expect(propose([])).toBeNull();
});

test.each<Setup>([
  { kind: "two", agent: a, customer: c },
  { kind: "stereo", device: a, swapped: true },
  { kind: "one", side: "customer", device: c },
])("the choice $kind is remembered", (setup) => {
  rememberSetup(localStorage, setup);
  expect(rememberedSetup(localStorage)).toEqual(setup);
});

test.each([
  "{",
  "{}",
  '{"kind":"two","agent":{"id":1}}',
  '{"kind":"one","side":"both","device":{"id":"a","label":""}}',
])("something else in the memory, %s, is no choice", (value) => {
  localStorage.setItem("earshot.seat.microphones", value);
  expect(rememberedSetup(localStorage)).toBeNull();
});
