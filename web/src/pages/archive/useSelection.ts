import { computed, shallowReactive } from "vue";
import type { Call } from "@/api";

/**
 * The calls one has chosen from the list, in the order of choosing. They stay
 * chosen while one looks for others: a dispute is seldom found by one search.
 */
export function useSelection(list: () => Call[]) {
  const picked = shallowReactive(new Map<string, Call>());
  /** Where a range begins: the row that was last chosen by itself. */
  let anchor = "";

  /** The chosen calls as they are now, as far as the list shows them. */
  const chosen = computed(() => {
    const shown = new Map(list().map((c) => [c.id, c]));
    return [...picked.values()].map((c) => shown.get(c.id) ?? c);
  });
  const elsewhere = computed(() => {
    const shown = new Set(list().map((c) => c.id));
    return [...picked.keys()].filter((id) => !shown.has(id)).length;
  });

  const has = (call: Call) => picked.has(call.id);

  function toggle(call: Call): void {
    if (!picked.delete(call.id)) picked.set(call.id, call);
    anchor = call.id;
  }

  /** Chooses all from where the last choice was to this one. */
  function extend(call: Call): void {
    const all = list();
    const to = all.findIndex((c) => c.id === call.id);
    const from = all.findIndex((c) => c.id === anchor);
    if (to < 0) return;
    if (from < 0) anchor = call.id;
    const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    for (const c of all.slice(first, last + 1)) picked.set(c.id, c);
  }

  function clear(): void {
    picked.clear();
    anchor = "";
  }

  return { chosen, elsewhere, has, toggle, extend, clear };
}
