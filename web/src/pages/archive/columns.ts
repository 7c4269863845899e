import type { TextKey } from "@/i18n";

// The list's columns: which are shown, in which order. Kept for each person; in
// the address where they are not the usual ones, so that a link shows the same.

export interface Column {
  id: ColumnId;
  title: TextKey;
  /** Width in px. */
  width: number;
  /** Down to which it gives way, px, where all columns fit by that; else it does not. */
  least?: number;
  /** Takes its share of what is left, by this weight. */
  grow?: number;
  right?: boolean;
  /** The columns of an export that say the same. */
  exported: string[];
}

export const columns = [
  { id: "time", title: "archive.time", width: 172, least: 160, exported: ["startedAt"] },
  { id: "length", title: "archive.length", width: 78, least: 74, right: true, exported: ["durationMs"] },
  { id: "sound", title: "archive.sound", width: 126, least: 98, exported: [] },
  { id: "seat", title: "words.seat", width: 164, least: 146, grow: 13, exported: ["seat", "kind"] },
  { id: "agent", title: "words.agent", width: 118, least: 113, grow: 11, exported: ["agent", "agentName"] },
  {
    id: "number",
    title: "archive.filter.number",
    width: 156,
    least: 152,
    grow: 10,
    exported: ["number", "direction"],
  },
  {
    id: "account",
    title: "archive.account",
    width: 246,
    least: 233,
    grow: 16,
    exported: ["account", "ticket"],
  },
  { id: "business", title: "archive.business", width: 74, least: 70, grow: 8, exported: ["business"] },
  {
    id: "notes",
    title: "archive.notes",
    width: 140,
    least: 104,
    grow: 20,
    exported: ["held", "rating", "flags", "tags", "marks"],
  },
  { id: "branch", title: "words.branch", width: 110, grow: 9, exported: ["branch"] },
  { id: "state", title: "archive.filter.state", width: 84, exported: ["state"] },
  { id: "listened", title: "archive.filter.listened", width: 76, exported: ["listened"] },
  { id: "talk", title: "archive.talk", width: 126, exported: ["agentShare", "customerShare"] },
  { id: "silence", title: "archive.silence", width: 76, right: true, exported: ["silenceShare"] },
  { id: "overtalk", title: "archive.overtalk", width: 76, right: true, exported: ["overtalkShare"] },
  {
    id: "interruptions",
    title: "archive.interruptions",
    width: 84,
    right: true,
    exported: ["interruptions"],
  },
  { id: "monologue", title: "archive.monologue", width: 90, right: true, exported: ["longestMonologue"] },
  {
    id: "longestSilence",
    title: "archive.longestSilence",
    width: 90,
    right: true,
    exported: ["longestSilence"],
  },
  { id: "id", title: "archive.callId", width: 300, exported: ["id", "link"] },
] as const satisfies (Omit<Column, "id"> & { id: string })[];
export type ColumnId = (typeof columns)[number]["id"];

/**
 * How wide each is in so much room, px: what is spare goes to those that grow; a
 * little that is missing is given up by those that can. More than that no column
 * gives up: then they are wider than the room.
 */
export function widthsIn(room: number, shown: readonly Column[]): number[] {
  const sum = (of: (c: Column) => number) => shown.reduce((all, c) => all + of(c), 0);
  const spare = room - sum((c) => c.width);
  const share = spare < 0 ? (c: Column) => c.width - (c.least ?? c.width) : (c: Column) => c.grow ?? 0;
  const shares = sum(share);
  if (shares === 0 || -spare > shares) return shown.map((c) => c.width);
  return shown.map((c) => c.width + (spare * share(c)) / shares);
}

export const usualColumns: ColumnId[] = [
  ...(["time", "length", "sound", "seat", "agent", "number", "account", "business", "notes"] as const),
];

const known = new Map<string, Column>(columns.map((c) => [c.id, c]));

/** The columns of these ids. */
export const columnsOf = (ids: ColumnId[]): Column[] => ids.flatMap((id) => known.get(id) ?? []);

/** What a text says of columns, each once; null if it says nothing of them. */
export function readColumns(text: unknown): ColumnId[] | null {
  if (typeof text !== "string") return null;
  const ids = [...new Set(text.split(","))].filter((id): id is ColumnId => known.has(id));
  return ids.length ? ids : null;
}

/** The text for an address; empty for the usual ones. */
export function writeColumns(ids: ColumnId[]): string {
  const text = ids.join(",");
  return text === usualColumns.join(",") ? "" : text;
}

/** The export's columns for what is shown. */
export const exportedColumns = (ids: ColumnId[]): string[] => [
  ...new Set(columnsOf(ids).flatMap((c) => c.exported)),
];

const place = (user: string) => `earshot.columns.${user}`;

/** The columns a person chose last; the usual ones if none. */
export function keptColumns(user: string): ColumnId[] {
  try {
    return readColumns(localStorage.getItem(place(user))) ?? usualColumns;
  } catch {
    return usualColumns; // storage may be forbidden
  }
}

export function keepColumns(user: string, ids: ColumnId[]): void {
  try {
    if (writeColumns(ids)) localStorage.setItem(place(user), ids.join(","));
    else localStorage.removeItem(place(user));
  } catch {
    // Then they last as long as the address.
  }
}

/** The columns with one a place further up or down. */
export function moved(ids: ColumnId[], id: ColumnId, by: 1 | -1): ColumnId[] {
  const at = ids.indexOf(id);
  const to = at + by;
  if (at < 0 || to < 0 || to >= ids.length) return ids;
  const next = ids.filter((other) => other !== id);
  next.splice(to, 0, id);
  return next;
}

/** The columns with one shown or not; the last one stays. */
export function toggled(ids: ColumnId[], id: ColumnId): ColumnId[] {
  if (!ids.includes(id)) return [...ids, id];
  return ids.length > 1 ? ids.filter((other) => other !== id) : ids;
}
