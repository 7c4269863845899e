import type { Side } from "@/api";

/** How one likes to hear, kept in the browser. */
export interface DockSettings {
  volume: Record<Side, number>;
  muted: Record<Side, boolean>;
  apart: boolean;
  rate: number;
  skipSilence: boolean;
}

const kept = "earshot.dock";

export function loadSettings(): DockSettings {
  const settings: DockSettings = {
    volume: { agent: 1, customer: 1 },
    muted: { agent: false, customer: false },
    apart: true,
    rate: 1,
    skipSilence: false,
  };
  try {
    const value: unknown = JSON.parse(localStorage.getItem(kept) ?? "null");
    if (typeof value !== "object" || value === null) return settings;
    const v = value as Partial<DockSettings>;
    for (const side of ["agent", "customer"] as const) {
      const volume = v.volume?.[side];
      if (typeof volume === "number" && volume >= 0 && volume <= 1) settings.volume[side] = volume;
      if (v.muted?.[side] === true) settings.muted[side] = true;
    }
    if (typeof v.apart === "boolean") settings.apart = v.apart;
    if (typeof v.skipSilence === "boolean") settings.skipSilence = v.skipSilence;
    if (typeof v.rate === "number" && v.rate >= 0.5 && v.rate <= 4) settings.rate = v.rate;
  } catch {
    // What was kept is unreadable, or storage is forbidden: begin afresh.
  }
  return settings;
}

export function saveSettings(settings: DockSettings): void {
  try {
    localStorage.setItem(kept, JSON.stringify(settings));
  } catch {
    // Not remembered, then.
  }
}
