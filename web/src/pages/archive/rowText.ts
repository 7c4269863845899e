import type { Call } from "@/api";
import { t } from "@/i18n";
import { duration } from "@/lib/format";
import type { useDirectory } from "@/live/directory";
import { percent } from "./chipText";
import type { ColumnId } from "./columns";

// What the cells of a row say. A cell has the same pieces whatever call stands
// in it, so that rows are used for other calls by changing texts alone.

type Directory = ReturnType<typeof useDirectory>;

export interface CellText {
  said: string;
  /** Quieter, before or behind it. */
  before?: string;
  behind?: string;
}

/** What a cell of plain words says. */
export function cellText(call: Call, id: ColumnId, directory: Directory): CellText {
  const { talk } = call;
  // Of one channel with both sides nobody can tell who talks.
  const sides = talk?.mixed ? undefined : talk;
  const untold = talk?.mixed ? "—" : "";
  switch (id) {
    case "length":
      return { said: duration(call.durationMs) };
    case "seat":
      return { said: directory.seatName(call.seat) };
    case "branch":
      return { said: directory.branchName(call.branch) };
    case "agent":
      return { before: `${call.agent?.id ?? ""} `, said: call.agent?.name ?? "" };
    case "number": {
      const direction = call.direction === "none" ? "" : ` ${t(`archive.direction.${call.direction}`)}`;
      return { said: call.number, behind: direction };
    }
    case "account":
      return {
        said: call.account || call.ticket,
        behind: call.account && call.ticket ? ` / ${call.ticket}` : "",
      };
    case "business":
      return { said: call.business };
    case "state":
      return { said: t(`words.callState.${call.state}`) };
    case "id":
      return { said: call.id };
    case "talk":
      return {
        said: sides ? percent(sides.agentShare) : untold,
        behind: sides ? ` / ${percent(sides.customerShare)}` : "",
      };
    case "silence":
      return { said: talk ? percent(talk.silenceShare) : "" };
    case "overtalk":
      return { said: sides ? percent(sides.overtalkShare) : untold };
    case "interruptions":
      return { said: sides ? String(sides.interruptions) : untold };
    case "monologue":
      return { said: sides ? duration(sides.longestMonologue) : untold };
    case "longestSilence":
      return { said: talk ? duration(talk.longestSilence) : "" };
  }
  return { said: "" };
}

/** What a cell says in full, where there may be no room for it; empty where it always has. */
export function fullText(call: Call, id: ColumnId, directory: Directory): string {
  switch (id) {
    case "seat":
      return [
        directory.seatName(call.seat),
        t(`words.kind.${call.kind}`),
        directory.branchName(call.branch),
      ].join(" · ");
    case "agent":
      return call.agent ? `${call.agent.id} ${call.agent.name}` : "";
    case "number":
      return call.direction === "none"
        ? call.number
        : `${call.number} ${t(`words.direction.${call.direction}`)}`;
    case "account":
      return [call.account, call.ticket].filter(Boolean).join(" / ");
    case "branch":
    case "business":
      return cellText(call, id, directory).said;
    case "notes":
      return [...call.flags.map((f) => t(`words.flag.${f}`)), ...call.tags].join(" · ");
  }
  return "";
}

/** A day without its year where that is `year`. */
export const shortDay = (day: string, year: string): string =>
  day.startsWith(`${year}-`) ? day.slice(5) : day;

export interface NoteChip {
  kind: "hold" | "flag" | "tag";
  text: string;
}

/** What is short and noteworthy of a call, in the order it is shown. */
export function noteChips(call: Call, held: boolean): NoteChip[] {
  return [
    ...(held ? [{ kind: "hold" as const, text: t("evidence.holds.held") }] : []),
    ...(call.rating ? [{ kind: "tag" as const, text: t("archive.stars", { n: call.rating }) }] : []),
    ...call.flags.map((f) => ({ kind: "flag" as const, text: t(`words.flag.${f}`) })),
    ...call.tags.map((text) => ({ kind: "tag" as const, text })),
  ];
}
