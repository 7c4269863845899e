import { onBeforeUnmount, type Ref, ref, watch } from "vue";
import { importsApi } from "@/api/imports";
import { useSession } from "@/session/store";

/**
 * What people call the import of an id; empty where there is none, where it is gone
 * and for who may not see imports.
 */
export function useImportName(id: () => string): Ref<string> {
  const session = useSession();
  const name = ref("");
  let asked = new AbortController();
  watch(
    id,
    async (batch) => {
      asked.abort();
      asked = new AbortController();
      const { signal } = asked;
      name.value = "";
      if (!batch || !session.may("import")) return;
      const found = await importsApi.import(batch, signal).catch(() => null);
      if (found && !signal.aborted) name.value = found.name;
    },
    { immediate: true },
  );
  onBeforeUnmount(() => asked.abort());
  return name;
}
