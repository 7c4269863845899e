import type { SideLevels } from "@/pages/archive/peaks";

/** A stretch of a call's timeline, ms. */
export interface Stretch {
  fromMs: number;
  toMs: number;
}

/** What is softer than this is silence, −dBov; a low voice still lies above it. */
const silentDBov = 50;
/** A shorter silence is part of speaking, ms. */
const leastMs = 2000;

/** Where neither side is heard for more than two seconds; what was not recorded is silent too. */
export function silencesOf({ stepMs, agent, customer }: SideLevels): Stretch[] {
  const silences: Stretch[] = [];
  const steps = Math.max(agent.length, customer.length);
  let from = 0;
  for (let i = 0; i <= steps; i++) {
    const silent = i < steps && Math.min(agent[i] ?? 255, customer[i] ?? 255) > silentDBov;
    if (silent) continue;
    if ((i - from) * stepMs > leastMs) silences.push({ fromMs: from * stepMs, toMs: i * stepMs });
    from = i + 1;
  }
  return silences;
}

/** The stretch that ms lies in; they are in the order of time. */
export function stretchAt(stretches: Stretch[], ms: number): Stretch | null {
  let [low, high] = [0, stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[middle]?.toMs ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  const found = stretches[low];
  return found && found.fromMs <= ms ? found : null;
}
