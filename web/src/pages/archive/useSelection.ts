import { computed, shallowReactive } from "vue";
import type { Call } from "@/api";

/**
 * The calls one has chosen from the list, in the order of choosing. They stay
 * chosen while one looks for others: a dispute is seldom found by one search.
 * A null in the list stands for rows that are not at hand.
 */
export function useSelection(list: () => (Call | null)[]) {
  const picked = shallowReactive(new Map<string, Call>());
  /** Where a range begins: the row that was last chosen by itself. */
  let anchor = "";

  const atHand = () => list().filter((c) => c !== null);
  /** The chosen calls as they are now, as far as the list shows them. */
  const chosen = computed(() => {
    const shown = new Map(atHand().map((c) => [c.id, c]));
    return [...picked.values()].map((c) => shown.get(c.id) ?? c);
  });
  const elsewhere = computed(() => {
    const shown = new Set(atHand().map((c) => c.id));
    return [...picked.keys()].filter((id) => !shown.has(id)).length;
  });

  const has = (call: Call) => picked.has(call.id);

  function toggle(call: Call): void {
    if (!picked.delete(call.id)) picked.set(call.id, call);
    anchor = call.id;
  }

  /**
   * Chooses all from where the last choice was to this one; this one alone, and
   * answers false, where not all that lie between are at hand.
   */
  function extend(call: Call): boolean {
    const all = list();
    const to = all.findIndex((c) => c?.id === call.id);
    const from = anchor ? all.findIndex((c) => c?.id === anchor) : to;
    if (to < 0) return false;
    const between = from < 0 ? [null] : all.slice(Math.min(from, to), Math.max(from, to) + 1);
    const whole = !between.includes(null);
    if (from < 0 || !anchor) anchor = call.id;
    for (const c of whole ? between : [call]) if (c) picked.set(c.id, c);
    return whole;
  }

  function clear(): void {
    picked.clear();
    anchor = "";
  }

  return { chosen, elsewhere, has, toggle, extend, clear };
}
