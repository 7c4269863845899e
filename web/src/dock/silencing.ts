import { api, type Call } from "@/api";
import { levelsOf } from "@/pages/archive/levelsCache";
import { decodeLevels } from "@/pages/archive/peaks";
import type { ReplayPlayer } from "./player";
import { silencesOf } from "./silence";

/** The silences of a call that goes on are looked for again so often, ms. */
const againMs = 5000;

/** Tells a player which silences to jump, as far as they are known. */
export function useSilencing(player: () => ReplayPlayer | null, wanted: () => boolean) {
  let asked = new AbortController();
  let again: ReturnType<typeof setTimeout> | undefined;

  /** Forgets what was looked for. */
  function forget(): void {
    asked.abort();
    clearTimeout(again);
  }

  /** Looks for the silences of the call that the player holds, and of a live one again and again. */
  async function look(call: Call): Promise<void> {
    forget();
    asked = new AbortController();
    const { signal } = asked;
    if (!wanted()) {
      player()?.setSilences([]);
      return;
    }
    const live = call.state === "live";
    try {
      const levels = live ? decodeLevels(await api.levels(call.id, signal)) : await levelsOf(call.id, signal);
      if (signal.aborted) return;
      player()?.setSilences(silencesOf(levels));
    } catch {
      // A call without levels is heard whole.
    }
    if (live && !signal.aborted) again = setTimeout(() => void look(call), againMs);
  }

  return { look, forget };
}
