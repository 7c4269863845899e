import { type Ref, ref } from "vue";
import type { Stretch } from "@/dock/silence";
import { placeOf, timeAt, type View } from "./geometry";

/** A press that moves less than this is a click, pixels. */
const clickPx = 4;
/** An edge of what is chosen is taken hold of from so near, pixels. */
const edgePx = 6;
/** Less than this is not chosen, ms. */
const leastMs = 50;

export interface PointerHost {
  view: Ref<View>;
  lengthMs: () => number;
  span: () => Stretch | null;
  enabled: () => boolean;
  /** Where the waveform is on the screen. */
  left: () => number;
  go: (ms: number) => void;
  choose: (span: Stretch, done: boolean) => void;
}

/** A click goes to its place; a drag chooses a stretch, or moves the nearer end of the one there is. */
export function usePointer(host: PointerHost) {
  /** What is being dragged: from where, and whether it has become more than a click. */
  const drag = ref<{ anchorMs: number; x: number; moved: boolean } | null>(null);

  const xOf = (event: MouseEvent) => event.clientX - host.left();
  const timeOf = (event: MouseEvent) => {
    const x = Math.min(host.view.value.width, Math.max(0, xOf(event)));
    return Math.min(host.lengthMs(), Math.max(0, timeAt(host.view.value, x)));
  };

  /** The other end, if x is at an end of what is chosen. */
  function otherEnd(x: number): number | null {
    const span = host.span();
    if (!span) return null;
    const near = (ms: number) => Math.abs(placeOf(host.view.value, ms) - x) <= edgePx;
    if (near(span.toMs)) return span.fromMs;
    return near(span.fromMs) ? span.toMs : null;
  }

  function press(event: PointerEvent): void {
    if (event.button !== 0 || !host.enabled()) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const x = xOf(event);
    const end = otherEnd(x);
    drag.value = { anchorMs: end ?? timeOf(event), x, moved: end !== null };
  }

  function move(event: PointerEvent): void {
    const now = drag.value;
    if (!now) return;
    if (!now.moved && Math.abs(xOf(event) - now.x) > clickPx) drag.value = { ...now, moved: true };
    if (drag.value?.moved) stretch(event, now.anchorMs, false);
  }

  function release(event: PointerEvent): void {
    const now = drag.value;
    drag.value = null;
    if (!now) return;
    if (now.moved) stretch(event, now.anchorMs, true);
    else host.go(timeOf(event));
  }

  function stretch(event: PointerEvent, anchorMs: number, done: boolean): void {
    const ms = timeOf(event);
    const [fromMs, toMs] = ms < anchorMs ? [ms, anchorMs] : [anchorMs, ms];
    if (toMs - fromMs >= leastMs) host.choose({ fromMs, toMs }, done);
  }

  return { drag, timeOf, xOf, otherEnd, press, move, release };
}
