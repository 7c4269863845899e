import { bodyOf, client, Problem, problemOf, queryString } from "./http";
import type { components } from "./schema.gen";
import type { CallQuery } from "./types";

// Searches that people keep, and lists that they take along.

export type SavedSearch = components["schemas"]["SavedSearch"];

const one = (id: string) => ({ params: { path: { id } } });

export const searchesApi = {
  all: () => bodyOf(client.GET("/api/v1/searches")).then((r) => r.searches),
  add: (body: { name: string; query: string; shared: boolean }) =>
    bodyOf(client.POST("/api/v1/searches", { body })),
  change: (id: string, body: { name?: string; query?: string; shared?: boolean }) =>
    bodyOf(client.PATCH("/api/v1/searches/{id}", { ...one(id), body })),
  remove: (id: string) => bodyOf(client.DELETE("/api/v1/searches/{id}", one(id))),
};

export interface ListExport {
  format: "csv" | "xlsx";
  columns: string[];
  lang: "zh" | "en";
}

export interface ExportedList {
  file: Blob;
  name: string;
  rows: number;
  /** There are more calls than one export has. */
  more: boolean;
}

/** What a failure on the way is called; that somebody gave up is none. */
const refused =
  (code: string) =>
  (err: unknown): never => {
    if (err instanceof DOMException && err.name === "AbortError") throw err;
    throw new Problem(0, code, "");
  };

/** How many rows one export has at most. */
export const mostExported = 100_000;

/**
 * The list of what a query finds, as a file. `told` hears how many rows have come
 * so far; of a workbook that is known only when it is there.
 */
export async function exportCalls(
  query: CallQuery,
  { format, columns, lang }: ListExport,
  signal: AbortSignal,
  told: (rows: number) => void,
): Promise<ExportedList> {
  const asked = queryString({ ...query, limit: undefined, format, lang });
  const response = await fetch(`/api/v1/calls/export?${asked}&columns=${columns.join(",")}`, {
    credentials: "same-origin",
    signal,
  }).catch(refused("unreachable"));
  if (!response.ok || !response.body) throw await problemOf(response);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let lines = 0;
  const reader = response.body.getReader();
  // The server breaks off what fails once rows are on their way.
  const next = () => reader.read().catch(refused("broken_off"));
  for (let read = await next(); !read.done; read = await next()) {
    pieces.push(read.value);
    if (format !== "csv") continue;
    for (const byte of read.value) if (byte === 10) lines++;
    told(Math.max(0, lines - 1));
  }
  // One line is the head; behind the last row a note says that there are more.
  const rows = format === "csv" ? Math.max(0, lines - 1) : Number(response.headers.get("Earshot-Rows"));
  return {
    file: new Blob(pieces, { type: response.headers.get("Content-Type") ?? "" }),
    name:
      /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? `calls.${format}`,
    rows: Math.min(rows, mostExported),
    more: rows > mostExported || response.headers.get("Earshot-More") === "true",
  };
}
