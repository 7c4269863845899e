// How the page knows which seat it is. A link, /seat#seat=ID&token=T, is said
// once and then remembered; what stands behind # never leaves the browser, and
// is taken out of the address bar so that nobody photographs it.

/** What is remembered: without a token the seat is used by a signed-in agent. */
export interface SeatLink {
  seat: string;
  token: string;
}

const kept = "earshot.seat";

/** The link that a hash carries; null if it carries none. */
export function readLink(hash: string): SeatLink | null {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const seat = params.get("seat")?.trim() ?? "";
  const token = params.get("token")?.trim() ?? "";
  return seat && token ? { seat, token } : null;
}

/** The link to carry to another address of this server. */
export function writeLink(link: SeatLink): string {
  return link.token ? `#${new URLSearchParams({ seat: link.seat, token: link.token })}` : "";
}

export function rememberedLink(storage: Storage): SeatLink | null {
  try {
    const value: unknown = JSON.parse(storage.getItem(kept) ?? "null");
    if (typeof value !== "object" || value === null) return null;
    const { seat, token } = value as Partial<Record<keyof SeatLink, unknown>>;
    return typeof seat === "string" && seat && typeof token === "string" ? { seat, token } : null;
  } catch {
    return null; // forbidden, or written by something else: as if there were none
  }
}

export function rememberLink(storage: Storage, link: SeatLink): void {
  try {
    storage.setItem(kept, JSON.stringify(link));
  } catch {
    // Not remembered, then: a reload will ask for the link again.
  }
}

export function forgetLink(storage: Storage): void {
  try {
    storage.removeItem(kept);
  } catch {
    // Nothing was remembered.
  }
}

/** Where a link comes from and goes to; window fits. */
export interface Place {
  location: Pick<Location, "hash" | "pathname" | "search">;
  history: Pick<History, "replaceState" | "state">;
  localStorage: Storage;
}

/** Takes the link out of the address bar if there is one, which replaces the remembered one. */
export function takeLink(place: Place): SeatLink | null {
  const link = readLink(place.location.hash);
  if (!link) return rememberedLink(place.localStorage);
  rememberLink(place.localStorage, link);
  place.history.replaceState(place.history.state, "", place.location.pathname + place.location.search);
  return link;
}
