import { computed, type InjectionKey, onBeforeUnmount, onMounted, type Ref, ref, shallowRef } from "vue";

/** Rows drawn beyond what is in sight, so that scrolling does not show holes. */
const beyond = 12;
/** The window moves by so many rows at once. */
const step = 6;
/** Who scrolls faster looks for a place, not at rows, px a millisecond. */
const fastFrom = 1.5;
/** So long after the last fast move it rests, ms. */
const restsAfterMs = 150;

/** For what is in rows: whether one scrolls too fast to look at what goes by. */
export const goesByFast: InjectionKey<Readonly<Ref<boolean>>> = Symbol("goesByFast");

/**
 * Which rows of a long list are in sight. All have one height; above and below
 * those that are drawn stands empty room of the same size. `box` is what scrolls,
 * `body` what the rows are in.
 */
export function useWindow(rows: Ref<number>, rowHeight: number, body: Ref<HTMLElement | undefined>) {
  const top = ref(0);
  const height = ref(900);
  const box = shallowRef<HTMLElement | null>(null);

  const from = computed(() => {
    const first = Math.floor(top.value / rowHeight) - beyond;
    return Math.max(0, Math.min(first - (first % step), rows.value - 1));
  });
  const to = computed(() => {
    const last = Math.ceil((top.value + height.value) / rowHeight) + beyond;
    return Math.min(rows.value, last + step - (last % step));
  });

  /** How many rows are drawn at most. */
  const most = computed(() => Math.ceil(height.value / rowHeight) + 1 + 2 * (beyond + step));
  const fast = ref(false);

  let asked = 0;
  let measuredAt = 0;
  let rests: ReturnType<typeof setTimeout> | undefined;
  function measure(): void {
    cancelAnimationFrame(asked);
    asked = 0;
    if (!box.value || !body.value) return;
    // Above the rows stands what scrolls away with them.
    const before = top.value;
    top.value = box.value.getBoundingClientRect().top - body.value.getBoundingClientRect().top;
    height.value = box.value.clientHeight;
    const now = performance.now();
    const moved = Math.abs(top.value - before);
    if (moved > height.value / 8 || moved > fastFrom * (now - measuredAt)) rush();
    measuredAt = now;
  }
  function rush(): void {
    fast.value = true;
    clearTimeout(rests);
    rests = setTimeout(() => {
      fast.value = false;
    }, restsAfterMs);
  }
  /** Measures before the next frame, however often it is asked for. */
  function measureSoon(): void {
    asked ||= requestAnimationFrame(measure);
  }

  let sized: ResizeObserver | undefined;
  onMounted(() => {
    box.value = document.querySelector<HTMLElement>("#content");
    box.value?.addEventListener("scroll", measureSoon, { passive: true });
    sized = new ResizeObserver(measureSoon);
    if (box.value) sized.observe(box.value);
    measure();
  });
  onBeforeUnmount(() => {
    box.value?.removeEventListener("scroll", measureSoon);
    clearTimeout(rests);
    sized?.disconnect();
    cancelAnimationFrame(asked);
  });

  /** Brings a row into sight, below the sticky head. */
  function show(row: number, head: number): void {
    if (!box.value || !body.value) return;
    const offset = body.value.getBoundingClientRect().top - box.value.getBoundingClientRect().top;
    const rowTop = offset + row * rowHeight;
    if (rowTop < head) box.value.scrollTop += rowTop - head;
    else if (rowTop + rowHeight > box.value.clientHeight)
      box.value.scrollTop += rowTop + rowHeight - box.value.clientHeight;
    measure();
  }

  function scrollTo(y: number): void {
    if (!box.value) return;
    box.value.scrollTop = y;
    measure();
  }

  return { from, to, most, fast, box, measureSoon, show, scrollTo };
}
