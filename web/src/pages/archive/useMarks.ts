import { computed, type Ref, ref } from "vue";
import type { Call, Mark } from "@/api";
import { t } from "@/i18n";
import { say } from "@/shell/notices";
import { groupOf, type MarkGroup, markBeside, markGroups } from "./wave/marks";

const kept = "earshot.marks";

/** Groups of marks that one does not want to see, kept in the browser. */
function loadHidden(): MarkGroup[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(kept) ?? "[]");
    return Array.isArray(value) ? markGroups.filter((g) => value.includes(g)) : [];
  } catch {
    return []; // unreadable, or storage is forbidden: all are shown
  }
}

const hidden = ref<Set<MarkGroup>>(new Set(loadHidden()));

/** The marks of a call that one wants to see, and the way from one to the next. */
export function useMarks(call: Ref<Call | null>, position: () => number | null, seek: (ms: number) => void) {
  const all = computed<Mark[]>(() => call.value?.marks ?? []);
  const shown = computed(() => all.value.filter((m) => !hidden.value.has(groupOf(m))));
  /** How many there are of each group that has any. */
  const groups = computed(() =>
    markGroups
      .map((group) => ({
        group,
        count: all.value.filter((m) => groupOf(m) === group).length,
        shown: !hidden.value.has(group),
      }))
      .filter((g) => g.count > 0),
  );

  function toggleGroup(group: MarkGroup): void {
    const next = new Set(hidden.value);
    if (!next.delete(group)) next.add(group);
    hidden.value = next;
    try {
      localStorage.setItem(kept, JSON.stringify([...next]));
    } catch {
      // Not remembered, then.
    }
  }

  /** Goes to the next mark that is shown, or to the one before. */
  function step(by: 1 | -1): void {
    const at = position();
    if (at === null) return;
    const mark = markBeside(shown.value, at, by);
    if (mark) seek(mark.startMs);
    else say(t(by > 0 ? "player.marks.noNext" : "player.marks.noPrevious"));
  }

  return { shown, groups, toggleGroup, step };
}
