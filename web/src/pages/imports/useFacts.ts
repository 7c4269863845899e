import { nextTick, onBeforeUnmount, reactive, ref, shallowRef, watch } from "vue";
import { Problem } from "@/api";
import {
  type Import,
  type ImportPreview,
  type ImportSettings,
  type ImportSuggestion,
  importsApi,
} from "@/api/imports";
import { lang } from "@/i18n";
import { sayProblem } from "@/lib/problem";
import { isUnderstood, onlyTable } from "./table";

/** So long after the last keystroke settings are kept and tried, ms. */
const calmMs = 350;

/** Tables that were tried once, by import: what people decide then counts. */
const tried = new Map<string, string>();

/**
 * What people say of an import's files, kept as they type, and what that makes
 * of the files. Leaving ends it.
 */
export function useFacts(id: string) {
  const settings = reactive<ImportSettings>({
    ...{ pattern: "", seat: "", branch: "", kind: "", direction: "", track: "", swap: false },
    ...{ timezone: "", charset: "auto", metadata: "", refuseUnknownStart: false, refuseUnknownSeat: false },
  } as ImportSettings);
  /** What settings made of the files: of those at hand, unless there is a problem. */
  const preview = shallowRef<ImportPreview | null>(null);
  const suggestions = shallowRef<ImportSuggestion[]>([]);
  /** What is wrong with the settings, or why there is no preview. */
  const problem = ref("");
  /** Whether it is the pattern that is wrong. */
  const wrongPattern = ref(false);
  const busy = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  let taking = false;

  /** Takes what the server has. */
  function take(from: Import): void {
    taking = true;
    Object.assign(settings, from.settings);
    if (!settings.charset) settings.charset = "auto";
    void nextTick(() => {
      taking = false;
    });
  }

  /** Keeps the settings, if they were changed, and tries them. */
  async function look(save: boolean): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    busy.value = true;
    try {
      const now = { ...settings };
      if (save) await importsApi.changeImport(id, { settings: now }, mine.signal);
      preview.value = await importsApi.preview(id, now, mine.signal);
      problem.value = "";
      wrongPattern.value = false;
    } catch (err) {
      if (mine.signal.aborted) return;
      wrongPattern.value = err instanceof Problem && err.code === "bad_pattern";
      // Where a pattern is wrong only the server can say.
      problem.value =
        wrongPattern.value && err instanceof Problem
          ? `${sayProblem(err)}${inOurs(err.detail)}`
          : sayProblem(err);
    } finally {
      if (running === mine) busy.value = false;
    }
  }

  async function suggest(): Promise<void> {
    try {
      suggestions.value = await importsApi.suggestions(id);
    } catch {
      suggestions.value = []; // one can do without
    }
  }

  /** The table that was chosen without people. */
  const foundTable = ref("");

  /** Chooses the only table there is, once, if its columns are understood. */
  async function findTable(paths: readonly string[]): Promise<void> {
    const path = onlyTable(paths);
    if (!path || settings.metadata || tried.get(id) === path) return;
    tried.set(id, path);
    try {
      const { csv } = await importsApi.preview(id, { ...settings, metadata: path });
      if (settings.metadata || !isUnderstood(csv)) return;
      foundTable.value = path;
      settings.metadata = path;
    } catch {
      tried.delete(id); // the settings are wrong for now, or the server away
    }
  }

  watch(
    () => ({ ...settings }),
    () => {
      if (taking) return;
      clearTimeout(timer);
      timer = setTimeout(() => void look(true), calmMs);
    },
  );

  /** Ends what waits and what is under way: somebody else keeps the settings now. */
  function stop(): void {
    clearTimeout(timer);
    running?.abort();
    busy.value = false;
  }

  onBeforeUnmount(stop);
  return {
    ...{ settings, preview, suggestions, foundTable, problem, wrongPattern, busy },
    ...{ take, look, suggest, findTable, stop },
  };
}

/** What the server says in Chinese and, below it, in English, in the language of the page. */
function inOurs(detail: string): string {
  const [chinese = "", english = chinese] = detail.split("\n");
  return lang.value === "en" ? `: ${english}` : `：${chinese}`;
}

export type Facts = ReturnType<typeof useFacts>;
