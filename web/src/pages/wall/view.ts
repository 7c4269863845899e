import { reactive, watch } from "vue";
import type { Attention, LiveSeat, Seat, SeatState } from "@/api";

// What the wall shows and in which order: pure, apart from being remembered.

export type Sort = "attention" | "name" | "length";
export type Density = "card" | "tile" | "dot";

export const states: SeatState[] = ["live", "paused", "faulty", "idle", "offline", "unknown"];
const attentions: Attention[] = [
  "node_lost",
  "disconnected",
  "stalled",
  "takeover",
  "overflow",
  "poor_link",
  "dead_mic",
  "bleed",
  "silent",
];
const stateOrder: SeatState[] = ["faulty", "unknown", "live", "paused", "idle", "offline"];

/** One seat of the wall; order is its place by name. */
export interface Place {
  seat: Seat;
  order: number;
  live: LiveSeat;
}

export interface Filter {
  text: string;
  branches: Set<string> | null;
  states: Set<SeatState>;
  attentionOnly: boolean;
}

/** Whether something about the seat wants a look. */
export const wantsAttention = (live: LiveSeat) => live.attention !== "" || live.state === "faulty";

/** What a seat is as long as nobody has told: not there. */
export function offlineSeat(id: string): LiveSeat {
  return {
    seat: id,
    node: "",
    state: "offline",
    since: null,
    agent: null,
    call: null,
    streams: [],
    listeners: [],
    attention: "",
  };
}

/** Whether text and branch let the seat through; every word has to be found somewhere. */
export function matches(place: Place, text: string, branches: Set<string> | null): boolean {
  if (branches && !branches.has(place.seat.branch)) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const { seat, live } = place;
  const call = live.call;
  const hay = [
    seat.name,
    seat.id,
    live.agent?.id,
    live.agent?.name,
    call?.number,
    call?.account,
    call?.ticket,
  ]
    .join("\n")
    .toLowerCase();
  return words.every((w) => hay.includes(w));
}

export function matchesState(place: Place, filter: Pick<Filter, "states" | "attentionOnly">): boolean {
  if (filter.attentionOnly && !wantsAttention(place.live)) return false;
  return filter.states.size === 0 || filter.states.has(place.live.state);
}

const collator = new Intl.Collator("zh-CN", { numeric: true });

/** Seats by name, numbers in names by their value. */
export const byName = (seats: Seat[]) =>
  seats.sort((a, b) => collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));

function rank(live: LiveSeat): number {
  if (wantsAttention(live)) return live.attention ? attentions.indexOf(live.attention) : 1;
  return attentions.length + stateOrder.indexOf(live.state);
}

/** The places in the order that sort asks for. */
export function ordered(places: Place[], sort: Sort): Place[] {
  const list = [...places];
  if (sort === "name") return list.sort((a, b) => a.order - b.order);
  const weight = sort === "attention" ? (p: Place) => rank(p.live) : began;
  const weights = new Map(list.map((p) => [p, weight(p)]));
  const of = (p: Place) => weights.get(p) ?? 0;
  return list.sort((a, b) => of(a) - of(b) || a.order - b.order);
}

/** When its call began, ms; those without one come last. */
const began = (p: Place) => (p.live.call ? Date.parse(p.live.call.startedAt) : Number.MAX_SAFE_INTEGER);

/** How large seats are drawn when nobody chooses: so that they fit on a screen if they can. */
export function densityFor(count: number): Density {
  if (count <= 36) return "card";
  return count <= 120 ? "tile" : "dot";
}

/** What one has chosen on the wall; it outlives the page, and two things of it the browser. */
export const view = reactive({
  text: "",
  branch: "",
  states: new Set<SeatState>(),
  attentionOnly: false,
  sort: "attention" as Sort,
  density: "auto" as Density | "auto",
});

const kept = "earshot.wall";
try {
  const value = JSON.parse(localStorage.getItem(kept) ?? "{}") as Partial<typeof view>;
  if (value.sort === "name" || value.sort === "length") view.sort = value.sort;
  if (value.density === "card" || value.density === "tile" || value.density === "dot")
    view.density = value.density;
} catch {
  // Unreadable or forbidden: the defaults serve.
}
watch(
  () => [view.sort, view.density],
  () => {
    try {
      localStorage.setItem(kept, JSON.stringify({ sort: view.sort, density: view.density }));
    } catch {
      // Not remembered, then.
    }
  },
);
