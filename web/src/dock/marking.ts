import { api } from "@/api";
import { t } from "@/i18n";
import { copyText } from "@/lib/copy";
import { duration } from "@/lib/format";
import { sayProblem } from "@/lib/problem";
import { say } from "@/shell/notices";

/** Where one is: a call, and the second in it. */
export interface Place {
  call: string;
  ms: number;
}

/** The address that opens a call at a second. */
export function linkTo({ call, ms }: Place): string {
  return `${window.location.origin}/calls/${encodeURIComponent(call)}?t=${Math.round(ms / 100) / 10}`;
}

/** What one does at the second that one hears: mark it, or take a link to it. */
export function useMarking(place: () => Place | null, mayMark: () => boolean) {
  const followers = new Set<(call: string) => void>();

  /** Sets a bookmark where we are; it answers whether there was a call to set it in. */
  async function mark(): Promise<boolean> {
    const here = place();
    if (!here || !mayMark()) return false;
    const ms = Math.round(here.ms);
    try {
      await api.addMark(here.call, {
        ...{ kind: "bookmark", startMs: ms, endMs: ms, side: "", text: "", shared: true },
      });
      say(t("dock.marked", { at: duration(ms) }));
      for (const fn of followers) fn(here.call);
      return true;
    } catch (err) {
      say(sayProblem(err), "error");
      return false;
    }
  }

  /** Copies a link to where we are. */
  async function copyLink(): Promise<void> {
    const here = place();
    if (!here) return;
    if (await copyText(linkTo(here))) say(t("player.linkCopied", { at: duration(here.ms) }), "success");
    else say(t("words.copyFailed"), "error");
  }

  /** Calls fn with a call's id when the dock has set a mark in it, until the answer is called. */
  function onMark(fn: (call: string) => void): () => void {
    followers.add(fn);
    return () => followers.delete(fn);
  }

  return { mark, copyLink, onMark };
}
