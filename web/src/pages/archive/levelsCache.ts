import { api } from "@/api";
import { decodeLevels, type SideLevels } from "./peaks";

// Levels of the calls that lists show. Few are asked for at a time, so that a
// page of rows does not hold up the call one plays.

const kept = new Map<string, SideLevels>();
const keepAtMost = 300;
const atOnce = 4;

let running = 0;
const waiting: (() => void)[] = [];

async function turn(): Promise<void> {
  if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
  running++;
}

function done(): void {
  running--;
  waiting.shift()?.();
}

/** Levels that have been read already. */
export const knownLevels = (call: string): SideLevels | null => kept.get(call) ?? null;

/** The levels of a stored call; they never change, so they are kept. */
export async function levelsOf(call: string, signal: AbortSignal): Promise<SideLevels> {
  const known = kept.get(call);
  if (known) return known;
  await turn();
  try {
    signal.throwIfAborted();
    const levels = decodeLevels(await api.levels(call, signal));
    kept.set(call, levels);
    for (const oldest of kept.keys()) {
      if (kept.size <= keepAtMost) break;
      kept.delete(oldest);
    }
    return levels;
  } finally {
    done();
  }
}
