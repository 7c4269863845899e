import type { Side } from "@/api";

// Which microphones there are, and which of them are whose.

/** A device as it is remembered: browsers may give it another id, its name stays. */
export interface DeviceRef {
  id: string;
  label: string;
}

/** How the two sides come in. */
export type Setup =
  | { kind: "two"; agent: DeviceRef; customer: DeviceRef }
  /** One device whose left is the agent and right the customer; swapped: the other way round. */
  | { kind: "stereo"; device: DeviceRef; swapped: boolean }
  | { kind: "one"; side: Side; device: DeviceRef };

export const sidesOf = (setup: Setup): Side[] =>
  setup.kind === "one" ? [setup.side] : ["agent", "customer"];

export const devicesOf = (setup: Setup): DeviceRef[] =>
  setup.kind === "two" ? [setup.agent, setup.customer] : [setup.device];

/** Chromium lists the system's choice a second time under these ids. */
const aliases = new Set(["default", "communications"]);

/** The microphones among all devices; a device's alias only where it is all there is. */
export function microphonesIn(devices: readonly MediaDeviceInfo[]): DeviceRef[] {
  const inputs = devices.filter((d) => d.kind === "audioinput" && d.deviceId !== "");
  const real = inputs.filter((d) => !aliases.has(d.deviceId));
  return (real.length > 0 ? real : inputs).map((d) => ({ id: d.deviceId, label: d.label }));
}

/** The device that is meant: by its id, else by its name, but none that is taken; null if it is not there. */
export function findDevice(
  wanted: DeviceRef,
  there: readonly DeviceRef[],
  taken: readonly string[] = [],
): DeviceRef | null {
  const free = there.filter((d) => !taken.includes(d.id));
  return (
    free.find((d) => d.id === wanted.id) ??
    free.find((d) => d.label !== "" && d.label === wanted.label) ??
    null
  );
}

/** What to propose to somebody who has not chosen yet; null without any microphone. */
export function propose(there: readonly DeviceRef[]): Setup | null {
  const [first, second] = there;
  if (!first) return null;
  if (second) return { kind: "two", agent: first, customer: second };
  return { kind: "stereo", device: first, swapped: false };
}

const kept = "earshot.seat.microphones";

/** What was chosen here before; null if nothing was. */
export function rememberedSetup(storage: Storage): Setup | null {
  try {
    const value: unknown = JSON.parse(storage.getItem(kept) ?? "null");
    return isSetup(value) ? value : null;
  } catch {
    return null; // forbidden or damaged: it is chosen anew
  }
}

export function rememberSetup(storage: Storage, setup: Setup): void {
  try {
    storage.setItem(kept, JSON.stringify(setup));
  } catch {
    // Not remembered, then.
  }
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null;
const isDevice = (v: unknown): v is DeviceRef =>
  isObject(v) && typeof v.id === "string" && typeof v.label === "string";

function isSetup(v: unknown): v is Setup {
  if (!isObject(v)) return false;
  if (v.kind === "two") return isDevice(v.agent) && isDevice(v.customer);
  if (v.kind === "stereo") return isDevice(v.device) && typeof v.swapped === "boolean";
  return v.kind === "one" && isDevice(v.device) && (v.side === "agent" || v.side === "customer");
}
