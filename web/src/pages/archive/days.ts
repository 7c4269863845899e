import { isoDay } from "@/lib/format";

// Days at a click. What is chosen stays what it was: the address says which days
// are shown, and beside them by which of these names they were chosen; a link
// that is opened tomorrow shows the same days. A saved search keeps the name.

export const presets = ["today", "yesterday", "week", "thisWeek", "month"] as const;
export type Preset = (typeof presets)[number];

const dayMs = 86_400_000;

/** The days of a preset, both included, by the site's clock. */
export function daysOf(preset: Preset, now: number): { from: string; to: string } {
  const today = isoDay(now);
  // Days are counted on the calendar: where clocks are put forward a day has 23 hours.
  const ago = (days: number) => new Date(Date.parse(today) - days * dayMs).toISOString().slice(0, 10);
  switch (preset) {
    case "today":
      return { from: today, to: today };
    case "yesterday":
      return { from: ago(1), to: ago(1) };
    case "week":
      return { from: ago(6), to: today };
    case "thisWeek":
      // Weeks begin on Monday.
      return { from: ago((new Date(today).getUTCDay() + 6) % 7), to: today };
    case "month":
      return { from: ago(29), to: today };
  }
}

export const isPreset = (name: string): name is Preset => (presets as readonly string[]).includes(name);
