import { type Ref, reactive, watch } from "vue";
import type { Side } from "@/api";
import type { Mixer } from "@/listen/mixer";
import type { ReplayPlayer } from "./player";
import { loadSettings, saveSettings } from "./settings";

export const rates = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

/**
 * How one hears: each change is heard at once and kept. Where both sides are in
 * one track, `mixed`, there is one volume: the agent's.
 */
export function useHearing(
  mixer: () => Mixer | null,
  player: () => ReplayPlayer | null,
  mixed: Readonly<Ref<boolean>>,
) {
  const settings = reactive(loadSettings());

  const loudness = (side: Side) => (settings.muted[side] ? 0 : settings.volume[side]);

  /** Tells the mixer how loud the sides are. */
  function setLoudness(): void {
    for (const side of ["agent", "customer"] as const)
      mixer()?.setVolume(side, loudness(mixed.value ? "agent" : side));
  }
  watch(mixed, setLoudness);

  /** Sets a side's volume, 0 to 1; one that was muted is heard again. */
  function setVolume(side: Side, volume: number): void {
    settings.volume[side] = volume;
    settings.muted[side] = false;
    setLoudness();
    saveSettings(settings);
  }

  /** Mutes a side; its volume is kept. */
  function setMuted(side: Side, muted: boolean): void {
    settings.muted[side] = muted;
    if (!muted && settings.volume[side] === 0) settings.volume[side] = 1;
    setLoudness();
    saveSettings(settings);
  }

  const toggleMuted = (side: Side) => setMuted(side, loudness(side) > 0);

  function setApart(apart: boolean): void {
    settings.apart = apart;
    mixer()?.setApart(apart);
    saveSettings(settings);
  }

  function setRate(rate: number): void {
    settings.rate = rate;
    player()?.setRate(rate);
    saveSettings(settings);
  }

  /** The next faster or slower speed of the list. */
  function stepRate(by: 1 | -1): void {
    const at = rates.findIndex((r) => r >= settings.rate);
    setRate(rates[Math.min(rates.length - 1, Math.max(0, at + by))] ?? 1);
  }

  return { settings, loudness, setLoudness, setVolume, setMuted, toggleMuted, setApart, setRate, stepRate };
}
