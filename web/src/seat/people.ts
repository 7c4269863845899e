import type { Agent } from "@/api";

// Who sits at this seat, and who sat here before: shift changes are between the
// same few people.

const keptNow = "earshot.seat.agent";
const keptRecent = "earshot.seat.agents";
const recentMany = 8;

const isAgent = (v: unknown): v is Agent =>
  typeof v === "object" &&
  v !== null &&
  typeof (v as Partial<Agent>).id === "string" &&
  typeof (v as Partial<Agent>).name === "string" &&
  (v as Agent).id !== "";

function read(storage: Storage, key: string): unknown {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

function write(storage: Storage, key: string, value: unknown): void {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // Not remembered, then.
  }
}

/** Who said last that they sit here; null if nobody did or they left. */
export function rememberedAgent(storage: Storage): Agent | null {
  const value = read(storage, keptNow);
  return isAgent(value) ? value : null;
}

/** Who sat here before, the last one first. */
export function recentAgents(storage: Storage): Agent[] {
  const value = read(storage, keptRecent);
  return Array.isArray(value) ? value.filter(isAgent) : [];
}

/** null: they left. Those who sat here stay in the list. */
export function rememberAgent(storage: Storage, agent: Agent | null): void {
  write(storage, keptNow, agent);
  if (!agent) return;
  const others = recentAgents(storage).filter((a) => a.id !== agent.id);
  write(storage, keptRecent, [agent, ...others].slice(0, recentMany));
}
