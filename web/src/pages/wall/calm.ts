import { onBeforeUnmount, type Ref, shallowRef, watch } from "vue";

/** Cards change places at most so often, ms. */
const calmMs = 4000;
/** A pointer that moved over the cards so lately is about to click one, ms. */
const handMs = 2500;

/**
 * The order to show: it follows the wanted one at once when the person changes
 * what is shown (cause), when seats come or go, and otherwise only every few
 * seconds, and never under a moving pointer.
 */
export function useCalmOrder(wanted: Ref<string[]>, cause: () => unknown) {
  const shown = shallowRef<string[]>(wanted.value);
  let changedAt = 0;
  let movedAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function apply(): void {
    clearTimeout(timer);
    timer = undefined;
    changedAt = Date.now();
    shown.value = wanted.value;
  }

  function settle(): void {
    const now = Date.now();
    const wait = Math.max(changedAt + calmMs - now, movedAt + handMs - now);
    if (wait <= 0) apply();
    else
      timer ??= setTimeout(() => {
        timer = undefined;
        settle();
      }, wait);
  }

  watch(cause, apply, { deep: true, flush: "post" });
  watch(wanted, (now) => {
    const before = new Set(shown.value);
    if (now.length !== before.size || now.some((id) => !before.has(id))) apply();
    else if (now.some((id, i) => id !== shown.value[i])) settle();
  });
  onBeforeUnmount(() => clearTimeout(timer));

  return {
    shown,
    moved: () => {
      movedAt = Date.now();
    },
  };
}
