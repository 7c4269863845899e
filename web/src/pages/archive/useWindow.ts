import { computed, type InjectionKey, onBeforeUnmount, onMounted, type Ref, ref, shallowRef } from "vue";

/** Rows are drawn and taken away by so many at once. */
export const blockRows = 4;
/** Drawn beyond what is in sight, so that scrolling does not show holes, px. */
const beyond = 400;
/** Who scrolls faster looks for a place, not at rows, px a millisecond. */
const fastFrom = 1.5;
/** So long after the last move it rests, ms. */
const restsAfterMs = 150;

/** For what is in rows: whether one scrolls too fast to look at what goes by. */
export const goesByFast: InjectionKey<Readonly<Ref<boolean>>> = Symbol("goesByFast");

/**
 * Which blocks of a long list are in sight. All rows have one height; the list
 * has the room of all of them, and blocks stand at their places in it. `box` is
 * what scrolls, `list` what has the room, its head above the first row.
 */
export function useWindow(
  rows: Ref<number>,
  rowHeight: number,
  head: number,
  list: Ref<HTMLElement | undefined>,
) {
  const blockHeight = blockRows * rowHeight;
  /** What of the rows lies above the box's upper edge, px. */
  const top = ref(0);
  const height = ref(900);
  const box = shallowRef<HTMLElement | null>(null);

  const all = computed(() => Math.ceil(rows.value / blockRows));
  /** How many blocks are drawn, where there are so many. */
  const most = computed(() => Math.ceil((height.value + 2 * beyond) / blockHeight) + 1);
  const first = computed(() =>
    Math.max(0, Math.min(Math.floor((top.value - beyond) / blockHeight), all.value - most.value)),
  );
  const end = computed(() => Math.min(first.value + most.value, all.value));
  const from = computed(() => first.value * blockRows);
  const to = computed(() => Math.min(rows.value, end.value * blockRows));

  /** The slot whose block stands first in the document. */
  const leading = ref(0);
  /**
   * The first rows of the blocks that are drawn, each in a slot. A block that
   * comes takes the slot of one that goes; where slots stand in the document
   * changes only when scrolling rests: those who read it otherwise than by
   * looking find rows in order, and who scrolls does not wait for that.
   */
  const blocks = computed(() => {
    const place = (slot: number) => (slot - leading.value + most.value) % most.value;
    return Array.from({ length: end.value - first.value }, (_, i) => {
      const block = first.value + i;
      return { from: block * blockRows, slot: block % most.value };
    }).sort((a, b) => place(a.slot) - place(b.slot));
  });

  const fast = ref(false);
  let asked = 0;
  let measuredAt = 0;
  let rests: ReturnType<typeof setTimeout> | undefined;

  function measure(): void {
    cancelAnimationFrame(asked);
    asked = 0;
    if (!box.value || !list.value) return;
    const before = top.value;
    // Above the list stands what scrolls away with it.
    top.value = box.value.getBoundingClientRect().top - list.value.getBoundingClientRect().top - head;
    height.value = box.value.clientHeight;
    const now = performance.now();
    const by = Math.abs(top.value - before);
    if (by > 0) move(by > height.value / 8 || by > fastFrom * (now - measuredAt));
    measuredAt = now;
  }
  function move(quickly: boolean): void {
    if (quickly) fast.value = true;
    clearTimeout(rests);
    rests = setTimeout(() => {
      fast.value = false;
      leading.value = first.value % most.value;
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
  function show(row: number): void {
    if (!box.value || !list.value) return;
    const offset = list.value.getBoundingClientRect().top - box.value.getBoundingClientRect().top;
    const rowTop = offset + head + row * rowHeight;
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

  return { blocks, from, to, fast, box, measureSoon, show, scrollTo };
}
