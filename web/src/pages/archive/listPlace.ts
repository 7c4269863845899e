// Where one was in a list, for the way back: kept for each place in the tab's
// history, as long as the tab. Of the rows only their number and where the
// server goes on are kept, so that far down a list one is back at once.

export interface ListPlace {
  /** The search it is about; another one at the same place in history begins anew. */
  search: string;
  /** Of each page where it begins and how many rows it has. */
  pages: { cursor: string; rows: number }[];
  next: string;
  total: number | null;
  scrollTop: number;
  /** The row the keyboard was at. */
  at: number;
}

const place = "earshot.lists";
const keepAtMost = 6;
let kept: Map<number, ListPlace> | null = null;

function all(): Map<number, ListPlace> {
  if (kept) return kept;
  kept = new Map();
  try {
    const read: unknown = JSON.parse(sessionStorage.getItem(place) ?? "[]");
    if (Array.isArray(read)) kept = new Map(read as [number, ListPlace][]);
  } catch {
    // What was kept is unreadable, or storage is forbidden: lists begin at their top.
  }
  return kept;
}

/** Which place in the tab's history this is; the router counts them. */
const here = (): number => Number((history.state as { position?: number } | null)?.position ?? -1);

/** Keeps where one is; what lay ahead in history cannot be reached any more. */
export function keepPlace(value: ListPlace): void {
  const places = all();
  const at = here();
  places.delete(at);
  places.set(at, value);
  for (const oldest of places.keys()) {
    if (places.size <= keepAtMost) break;
    places.delete(oldest);
  }
  try {
    sessionStorage.setItem(place, JSON.stringify([...places]));
  } catch {
    // Then the way back is kept until the page is loaded again.
  }
}

/** Where one was at this place in history; null if it was another search. */
export function keptPlace(search: string): ListPlace | null {
  const value = all().get(here());
  return value && value.search === search && Array.isArray(value.pages) ? value : null;
}
