import { onBeforeUnmount, type Ref, ref, watch } from "vue";
import { t } from "@/i18n";
import { type Place, wantsAttention } from "./view";

/** So long alarms are gathered before they are spoken, ms. */
const gatherMs = 2000;

/** What a screen reader is told: which seats have begun, or ceased, to want attention. */
export function useAlarms(places: Ref<Place[]>): Ref<string> {
  const spoken = ref("");
  let known: Map<string, string> | null = null;
  let waiting: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const speak = () => {
    timer = undefined;
    spoken.value = waiting.slice(0, 5).join("；");
    waiting = [];
  };

  watch(
    () => new Map(places.value.filter((p) => wantsAttention(p.live)).map((p) => [p.seat.id, say(p)])),
    (now) => {
      if (known) {
        for (const [id, text] of now) if (known.get(id) !== text) waiting.push(text);
        for (const id of known.keys()) {
          const place = now.has(id) ? undefined : places.value.find((p) => p.seat.id === id);
          if (place) waiting.push(t("wall.recovered", { name: place.seat.name }));
        }
      }
      known = now;
      if (waiting.length > 0) timer ??= setTimeout(speak, gatherMs);
    },
    { immediate: true },
  );
  onBeforeUnmount(() => clearTimeout(timer));
  return spoken;
}

function say(p: Place): string {
  const what = p.live.attention ? t(`words.attention.${p.live.attention}`) : t(`words.state.${p.live.state}`);
  return t("wall.quietNotice", { name: p.seat.name, what });
}
