import type { Uploaded } from "@/api/imports";
import type { Picked } from "./gather";

// What is to be done with files that were dropped, given what is on the server.

export interface Plan {
  /** To be sent, from the beginning or from where they are. */
  send: { picked: Picked; upload?: string; offset: number }[];
  /** On the server already. */
  there: Picked[];
  /** On the server there is another file of that path. */
  taken: { picked: Picked; upload: string }[];
  /** Neither audio nor a table. */
  other: Picked[];
}

const wanted = /\.(mp3|wav|wave|csv|txt)$/i;
const named = /\.[^./]{1,8}$/;

/** Whether a file is taken without asking: audio, tables, and what has no ending. */
export const isWanted = (path: string): boolean => wanted.test(path) || !named.test(path);

/** A file system that keeps local times moves them by hours with the zone, and by 2 s for its own sake. */
const quarterMs = 15 * 60_000;
const slackMs = 2500;
const mostMs = 26 * 3_600_000;

/** Whether two times are of the same file, on whatever disk it lies. */
export function sameTime(a: number, b: number): boolean {
  const apart = Math.abs(a - b);
  return (
    !a || !b || (apart <= mostMs && Math.min(apart % quarterMs, quarterMs - (apart % quarterMs)) <= slackMs)
  );
}

/** A file is known by its path and size; a date that cannot be the same file's says that it is another. */
export function planOf(picked: Picked[], known: ReadonlyMap<string, Uploaded>, all: boolean): Plan {
  const plan: Plan = { send: [], there: [], taken: [], other: [] };
  for (const p of picked) {
    const on = known.get(p.path);
    if (!all && !isWanted(p.path)) plan.other.push(p);
    else if (!on) plan.send.push({ picked: p, offset: 0 });
    else if (on.bytes !== p.file.size || !sameTime(Date.parse(on.modified), p.file.lastModified))
      plan.taken.push({ picked: p, upload: on.id });
    else if (on.offset === on.bytes) plan.there.push(p);
    else plan.send.push({ picked: p, upload: on.id, offset: on.offset });
  }
  return plan;
}

const mostKinds = 12;

/** How many there are of each ending, the most first: "12 .pdf, 3 .jpg". */
export function kindsOf(files: Picked[]): string {
  const counts = new Map<string, number>();
  for (const { path } of files) {
    const ending = named.exec(path)?.[0].toLowerCase() ?? "";
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  const kinds = [...counts].sort((a, b) => b[1] - a[1]).map(([ending, n]) => `${n} ${ending}`);
  return [...kinds.slice(0, mostKinds), ...(kinds.length > mostKinds ? ["…"] : [])].join(", ");
}
