import { computed, reactive, ref } from "vue";
import { useLoad } from "./useLoad";

/** How one goes through a list's pages; what ListPanel shows below it. */
export interface Pages {
  readonly atNewest: boolean;
  readonly hasOlder: boolean;
  newest(): void;
  older(): void;
}

/**
 * A list that comes in pages by cursor, newest first. It is read anew from its
 * beginning by `newest`, where it stands by `load`.
 */
export function usePages<T extends { next: string }>(
  read: (cursor: string, signal: AbortSignal) => Promise<T>,
) {
  /** The cursors of the pages one has come through, the present one last. */
  const cursors = ref<string[]>([""]);
  const { value, slow, problem, load } = useLoad((signal) => read(cursors.value.at(-1) ?? "", signal));

  function newest(): void {
    cursors.value = [""];
    void load();
  }

  function older(): void {
    if (!value.value?.next) return;
    cursors.value = [...cursors.value, value.value.next];
    void load();
  }

  const pages: Pages = reactive({
    atNewest: computed(() => cursors.value.length === 1),
    hasOlder: computed(() => Boolean(value.value?.next)),
    newest,
    older,
  });
  return { value, slow, problem, load, newest, pages };
}
