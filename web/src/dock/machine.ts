import type { Call } from "@/api";
import type { ListenPhase } from "@/listen/listening";
import type { PlayerPhase } from "./player";

// What the dock holds: nothing, a seat being heard live, or a call being
// replayed. Starting one thing ends the other; there is never a second.

export interface Nothing {
  kind: "nothing";
}
export interface Live {
  kind: "live";
  seat: string;
  phase: ListenPhase;
  why: string;
  firstSoundMs: number;
}
export interface Replay {
  kind: "replay";
  callId: string;
  seat: string;
  /** Null until it has been read. */
  call: Call | null;
  phase: PlayerPhase;
  why: string;
  lengthMs: number;
}
export type DockState = Nothing | Live | Replay;

export type DockAction =
  | { type: "listen"; seat: string }
  | { type: "play"; callId: string; call: Call | null; seat: string }
  | { type: "listenPhase"; phase: ListenPhase; why?: string }
  | { type: "firstSound"; ms: number }
  | { type: "call"; call: Call }
  | { type: "playPhase"; phase: PlayerPhase; why?: string }
  | { type: "length"; ms: number }
  | { type: "stop" };

export const nothing: Nothing = { kind: "nothing" };

/** The state after an action; an action that does not fit the state changes nothing. */
export function step(state: DockState, action: DockAction): DockState {
  switch (action.type) {
    case "listen":
      return { kind: "live", seat: action.seat, phase: "connecting", why: "", firstSoundMs: 0 };
    case "play":
      return {
        kind: "replay",
        callId: action.callId,
        seat: action.seat,
        call: action.call,
        phase: "loading",
        why: "",
        lengthMs: action.call?.durationMs ?? 0,
      };
    case "stop":
      return nothing;
  }
  if (state.kind === "live") {
    if (action.type === "listenPhase") return { ...state, phase: action.phase, why: action.why ?? "" };
    if (action.type === "firstSound") return { ...state, firstSoundMs: action.ms };
  }
  if (state.kind === "replay") {
    if (action.type === "playPhase") return { ...state, phase: action.phase, why: action.why ?? "" };
    if (action.type === "length") return { ...state, lengthMs: action.ms };
    if (action.type === "call" && action.call.id === state.callId) {
      return { ...state, call: action.call, seat: action.call.seat };
    }
  }
  return state;
}
