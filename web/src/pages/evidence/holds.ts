import type { Call, Hold } from "@/api";
import { ms } from "@/lib/format";

/** Whether a hold keeps anything at now, ms. */
export const isActive = (hold: Hold, now: number): boolean =>
  !hold.releasedAt && (!hold.until || now < ms(hold.until));

/** The holds of a call that keep it at now, ms. */
export const activeHolds = (call: Call, now: number): Hold[] => call.holds.filter((h) => isActive(h, now));

/**
 * The call that somebody means who gives an id, or the address of its page;
 * empty if it is neither.
 */
export function callIdOf(text: string): string {
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/.exec(text.trim().toLowerCase());
  return id?.[0] ?? "";
}
