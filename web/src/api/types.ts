// What the server speaks of; the Go types at the root of the repository are
// the original.

export type Role = "admin" | "supervisor" | "inspector" | "evidence" | "agent";
export type Action =
  | "wall"
  | "listen"
  | "calls"
  | "play"
  | "download"
  | "edit"
  | "mark"
  | "drive"
  | "seat"
  | "admin";

export type Side = "agent" | "customer";
export type Codec = "opus" | "pcmu" | "pcma";
export type SeatKind = "counter" | "hotline";
export type Cut = "session" | "event" | "voice";
export type SeatState = "offline" | "idle" | "live" | "paused" | "faulty" | "unknown";
export type Attention =
  | ""
  | "node_lost"
  | "disconnected"
  | "stalled"
  | "takeover"
  | "overflow"
  | "poor_link"
  | "silent";
export type Direction = "inbound" | "outbound" | "none";
export type CallState = "live" | "stored" | "deleted";
export type Flag =
  | "silence"
  | "overtalk"
  | "loud"
  | "one_sided"
  | "gaps"
  | "interrupted"
  | "long"
  | "short"
  | "damaged";
export type Cause =
  | "lost"
  | "stalled"
  | "drift"
  | "muted"
  | "paused"
  | "disconnected"
  | "overflow"
  | "recorder_down"
  | "damaged";
export type TrackKind = "both" | "agent" | "customer" | "mixed" | "helper";
export type MarkKind = "bookmark" | "note" | "listen" | "whisper" | "pause";

export interface Agent {
  id: string;
  name: string;
}

export interface Branch {
  id: string;
  name: string;
  parent: string;
}

export interface Seat {
  id: string;
  name: string;
  branch: string;
  kind: SeatKind;
  cut: Cut;
}

/** What making a seat, or renewing its token, shows once. */
export interface SeatToken {
  token: string;
  seatUrl: string;
  whipUrl: string;
}

export interface User {
  id: string;
  name: string;
  role: Role;
  disabled: boolean;
}

export interface Me {
  user: { id: string; name: string; role: Role };
  allowed: Action[];
}

export interface Site {
  name: string;
  timezone: string;
  publicUrl: string;
  whipUrl: string;
  version: string;
  demo: boolean;
  iceServers: RTCIceServer[] | null;
}

export interface Stream {
  id: string;
  sides: Side[] | null;
  mixed: boolean;
  codec: Codec;
  since: string | null;
  connected: boolean;
  quality: number;
  lossPct: number;
  jitterMs: number;
  rttMs: number;
}

export interface LiveCall {
  id: string;
  startedAt: string | null;
  paused: boolean;
  pauseReason: string;
  direction: Direction;
  number: string;
  account: string;
  ticket: string;
  business: string;
}

export interface LiveSeat {
  seat: string;
  node: string;
  state: SeatState;
  since: string | null;
  agent: Agent | null;
  call: LiveCall | null;
  streams: Stream[] | null;
  listeners: string[] | null;
  attention: Attention;
}

export interface LiveNode {
  name: string;
  since: string | null;
  seats: number;
  calls: number;
  version: string;
}

export interface ClockPoint {
  fileMs: number;
  at: string | null;
}

export interface Part {
  n: number;
  file: string;
  track: TrackKind;
  codec: Codec;
  channels: number;
  startMs: number;
  durationMs: number;
  bytes: number;
  sha256: string;
  clock: ClockPoint[] | null;
}

export interface Gap {
  side: Side;
  startMs: number;
  endMs: number;
  cause: Cause;
}

export interface Mark {
  id: string;
  kind: MarkKind;
  side: Side | "";
  startMs: number;
  endMs: number;
  by: string;
  text: string;
  shared: boolean;
}

export interface Call {
  id: string;
  seat: string;
  branch: string;
  agent: Agent | null;
  kind: SeatKind;
  direction: Direction;
  number: string;
  account: string;
  ticket: string;
  business: string;
  state: CallState;
  startedAt: string | null;
  endedAt: string | null;
  durationMs: number;
  channels: number;
  parts: Part[] | null;
  gaps: Gap[] | null;
  marks: Mark[] | null;
  tags: string[] | null;
  flags: Flag[] | null;
  rating: number;
  node: string;
}

export interface CallPatch {
  direction?: Direction;
  number?: string;
  account?: string;
  ticket?: string;
  business?: string;
  agent?: Agent;
  rating?: number;
  tags?: string[];
}

/** Levels over a call's timeline, base64 of a byte a step: −dBov, 255 a gap. */
export interface CallLevels {
  stepMs: number;
  agent: string;
  customer: string;
}

export interface Audit {
  id: string;
  at: string | null;
  who: string;
  from: string;
  action: string;
  target: string;
  call: string;
  fromMs: number;
  toMs: number;
  reason: string;
}

export type EventKind = "seat" | "call" | "roster" | "node";

export interface LiveEvent {
  id: string;
  kind: EventKind;
  at: string | null;
  seat?: LiveSeat;
  call?: Call;
  node?: LiveNode;
  gone?: boolean;
}

/** RFC 9457 problem details. */
export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
}
