import { onBeforeUnmount, onMounted, ref } from "vue";

/**
 * How much of the page there is to see from side to side, px, its own padding left
 * out. A list may be wider: then the page scrolls aside under one scrollbar at the
 * window's edge, at hand however long the list is, and what is not the list stays.
 */
export function useSight() {
  const sight = ref(0);
  let sized: ResizeObserver | undefined;

  function measure(content: HTMLElement): void {
    const page = content.querySelector(".page");
    const { paddingLeft, paddingRight } = page
      ? getComputedStyle(page)
      : { paddingLeft: "", paddingRight: "" };
    const padding = (Number.parseFloat(paddingLeft) || 0) + (Number.parseFloat(paddingRight) || 0);
    sight.value = Math.max(0, content.clientWidth - padding);
  }

  onMounted(() => {
    const content = document.querySelector<HTMLElement>("#content");
    if (!content) return;
    measure(content);
    sized = new ResizeObserver(() => measure(content));
    sized.observe(content);
  });
  onBeforeUnmount(() => sized?.disconnect());
  return sight;
}
