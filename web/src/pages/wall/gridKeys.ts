import { nextTick, onUpdated, type Ref, ref } from "vue";

/**
 * Arrow keys in a grid of cards that wraps as the window likes: one card is in
 * the tab order, arrows move from it to what lies beside, above or below.
 */
export function useGridKeys(grid: Ref<HTMLElement | undefined>, ids: Ref<string[]>) {
  const current = ref("");
  let held = false;

  const cardOf = (id: string) =>
    grid.value?.querySelector<HTMLElement>(`[data-seat="${CSS.escape(id)}"]`) ?? null;

  function focus(id: string): void {
    current.value = id;
    void nextTick(() => cardOf(id)?.focus());
  }

  /** The card in the row above or below that lies nearest to this one. */
  function across(from: number, step: 1 | -1): number {
    const here = cardOf(ids.value[from] ?? "")?.getBoundingClientRect();
    if (!here) return from;
    let row: number | null = null;
    let best = from;
    let distance = Number.POSITIVE_INFINITY;
    for (let i = from + step; i >= 0 && i < ids.value.length; i += step) {
      const there = cardOf(ids.value[i] ?? "")?.getBoundingClientRect();
      if (!there || Math.abs(there.top - here.top) < 4) continue;
      row ??= there.top;
      if (Math.abs(there.top - row) > 4) break;
      if (Math.abs(there.left - here.left) < distance) {
        distance = Math.abs(there.left - here.left);
        best = i;
      }
    }
    return best;
  }

  function keydown(event: KeyboardEvent): void {
    const at = Math.max(0, ids.value.indexOf(current.value));
    const last = ids.value.length - 1;
    const to: Record<string, () => number> = {
      ArrowLeft: () => at - 1,
      ArrowRight: () => at + 1,
      ArrowUp: () => across(at, -1),
      ArrowDown: () => across(at, 1),
      Home: () => 0,
      End: () => last,
    };
    const go = to[event.key];
    if (!go || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const id = ids.value[Math.min(Math.max(0, go()), last)];
    if (id) focus(id);
  }

  // A card that is moved in the document loses the focus: it gets it back.
  onUpdated(() => {
    const active = document.activeElement;
    if (held && active === document.body) cardOf(current.value)?.focus({ preventScroll: true });
    held = grid.value?.contains(document.activeElement) ?? false;
  });

  const focusin = (event: FocusEvent) => {
    const id = event.target instanceof HTMLElement ? event.target.dataset.seat : undefined;
    if (id) current.value = id;
    held = true;
  };
  const focusout = (event: FocusEvent) => {
    if (event.relatedTarget) held = false;
  };

  return { current, keydown, focusin, focusout };
}
