import type { SeatState } from "@/api";
import type { Station } from "./station";

/** What the page says of the recording: always what the server says, or that it cannot be asked. */
export type Shown = SeatState | "down" | "barred" | "connecting";

export function shownState(station: Station): Shown {
  if (station.line.value === "up") return station.seat.value?.state ?? "connecting";
  if (station.lineProblem.value) return "barred";
  if (station.line.value === "down") return "down";
  return "connecting";
}
