import type { Side } from "@/api";
import type { SoundResult } from "@/api/capture";
import { levelGap } from "@/live/levels";
import type { Setup } from "./devices";

// The sound check at the start of a shift: the agent says something, then the
// customer's side is tried; which side brings which voice says what is wrong.

/** −dBov: what is louder is speech, as the server counts it. */
const speech = 45;
/** So much speech says enough, in tenths of a second. */
const enough = 20;
/** A side that is louder by so many dB is the one somebody speaks into. */
const clear = 6;

/** What was heard while one side was tried, in −dBov. */
export interface Trial {
  agent: number;
  customer: number;
}

/** Gathers levels while one side is tried. */
export class Hearing {
  private readonly agent: number[] = [];
  private readonly customer: number[] = [];

  /** Takes a tenth of a second; what nobody speaks in says nothing. */
  take(agent: number, customer: number): void {
    if (this.done || Math.min(agent, customer) >= speech) return;
    this.agent.push(level(agent));
    this.customer.push(level(customer));
  }

  /** 0 to 1. */
  get progress(): number {
    return Math.min(1, this.agent.length / enough);
  }

  get done(): boolean {
    return this.agent.length >= enough;
  }

  /** What was heard; null if nobody spoke, or hardly. */
  get trial(): Trial | null {
    if (this.agent.length < enough / 4) return null;
    return { agent: median(this.agent), customer: median(this.customer) };
  }
}

const level = (l: number): number => (l === levelGap ? 127 : l);

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 127;
}

type Louder = Side | "both" | "none";

function louder(trial: Trial | null): Louder {
  if (!trial) return "none";
  const by = trial.customer - trial.agent;
  if (Math.abs(by) < clear) return "both";
  return by > 0 ? "agent" : "customer";
}

/** What two trials say; the side that was not tried is left out of it. */
export function judge(tried: readonly Side[], agent: Trial | null, customer: Trial | null): SoundResult {
  if (tried.length === 1) {
    const heard = tried[0] === "agent" ? agent : customer;
    if (heard) return "ok";
    return tried[0] === "agent" ? "dead_agent" : "dead_customer";
  }
  const [first, second] = [louder(agent), louder(customer)];
  if (first === "customer" && second !== "customer") return "swapped";
  if (first === "agent" && second === "customer") return "ok";
  if (first === "none" || first === "customer") return second === "agent" ? "swapped" : "dead_agent";
  if (second === "none" || second === "agent") return "dead_customer";
  return "bleed";
}

/** The same microphones with their sides changed over; null where there is only one side. */
export function swapped(setup: Setup): Setup | null {
  if (setup.kind === "two") return { ...setup, agent: setup.customer, customer: setup.agent };
  if (setup.kind === "stereo") return { ...setup, swapped: !setup.swapped };
  return null;
}

const kept = "earshot.seat.soundCheck";

/** A shift: the same person on the same day. */
export const shiftOf = (day: string, agent: string): string => `${day} ${agent}`;

/** Whether this shift's check was made, or put aside. */
export function checked(storage: Storage, shift: string): boolean {
  try {
    return storage.getItem(kept) === shift;
  } catch {
    return true; // nothing can be remembered: rather never ask than always
  }
}

export function rememberChecked(storage: Storage, shift: string): void {
  try {
    storage.setItem(kept, shift);
  } catch {
    // It is asked again, then.
  }
}
