import type { Alarm, LiveEvent, LiveNode, LiveSeat } from "@/api";

// The connection to the live part of the server. It knows the protocol and no
// screen: what comes is handed to the sink, in order, each event once.

/** The part of a reconnecting WebSocket that the line needs. */
export interface Socket {
  onopen: ((e: Event) => void) | null;
  onclose: ((e: never) => void) | null;
  onmessage: ((e: MessageEvent) => void) | null;
  send(data: string): unknown;
  reconnect(): void;
  close(): void;
}

/** Opens a socket that reconnects by itself and asks for its address each time. */
export type OpenSocket = (address: () => string) => Socket;

export interface Snapshot {
  seats: LiveSeat[];
  nodes: LiveNode[];
}

/** What the line tells. */
export interface LineSink {
  /** The line works: the server has spoken. at is the server's clock, ms. */
  up(at: number): void;
  /** The line broke, or never came to be; it is being tried again. */
  down(): void;
  snapshot(snapshot: Snapshot): void;
  event(event: LiveEvent): void;
  roster(seats: string[]): void;
  /** Two bytes a seat in the roster's order: agent, customer. */
  levels(bytes: Uint8Array): void;
  /** The server itself has no fresh states since then; null: it has again. */
  stale(since: string | null): void;
  /** What is the matter with the server's own node, told even while it has no fresh states. */
  alarms(node: string, alarms: Alarm[]): void;
}

/** A line on which nothing came for so long is dead, whatever TCP believes. */
export const deadAfterMs = 12_000;

const levelsMessage = 1;
const levelsHead = 3;

type ServerMessage =
  | { type: "hello"; at: string; version: string }
  | { type: "snapshot"; id: string; at: string; seats: LiveSeat[] | null; nodes: LiveNode[] | null }
  | { type: "roster"; version: number; seats: string[] | null }
  | { type: "event"; id: string; event: LiveEvent }
  | { type: "stale"; since: string }
  | { type: "fresh" }
  | { type: "alarms"; node: string; alarms: Alarm[] | null }
  | { type: "ping" }
  | { type: "error"; code: string };

export class LiveLine {
  private readonly socket: Socket;
  private readonly watchdog: ReturnType<typeof setInterval>;
  private heardAt = 0;
  private open = false;
  private lastId = "";
  private rosterVersion = -1;
  private wantsLevels = true;

  constructor(
    openSocket: OpenSocket,
    private readonly sink: LineSink,
    private readonly now: () => number = Date.now,
  ) {
    this.socket = openSocket(() => this.address());
    this.socket.onopen = () => {
      this.open = true;
      this.heardAt = this.now();
    };
    this.socket.onclose = () => this.broke();
    this.socket.onmessage = (e: MessageEvent) => this.take(e.data);
    this.watchdog = setInterval(() => this.watch(), 1000);
  }

  close(): void {
    clearInterval(this.watchdog);
    this.socket.onclose = null;
    this.socket.onmessage = null;
    this.socket.close();
  }

  /** Says whether levels shall come: ten messages a second are not for pages that show no meters. */
  setLevels(on: boolean): void {
    if (on === this.wantsLevels) return;
    this.wantsLevels = on;
    if (this.open) this.sayLevels();
  }

  private sayLevels(): void {
    this.socket.send(JSON.stringify({ type: "levels", on: this.wantsLevels }));
  }

  /** The address to (re)connect to: from the last event on, so that none is missed. */
  private address(): string {
    return this.lastId ? `/api/v1/live?since=${encodeURIComponent(this.lastId)}` : "/api/v1/live";
  }

  private watch(): void {
    if (this.open && this.now() - this.heardAt > deadAfterMs) {
      this.broke();
      this.socket.reconnect();
    }
  }

  private broke(): void {
    this.open = false;
    this.rosterVersion = -1;
    this.sink.down();
  }

  private take(data: unknown): void {
    this.heardAt = this.now();
    if (data instanceof ArrayBuffer) this.takeLevels(new Uint8Array(data));
    else if (typeof data === "string") this.takeText(JSON.parse(data) as ServerMessage);
  }

  private takeText(m: ServerMessage): void {
    switch (m.type) {
      case "hello":
        if (!this.wantsLevels) this.sayLevels();
        this.sink.up(Date.parse(m.at));
        break;
      case "snapshot":
        this.lastId = m.id;
        this.sink.snapshot({ seats: m.seats ?? [], nodes: m.nodes ?? [] });
        break;
      case "event":
        this.lastId = m.id;
        this.sink.event(m.event);
        break;
      case "roster":
        this.rosterVersion = m.version % 65536;
        this.sink.roster(m.seats ?? []);
        break;
      case "stale":
        this.sink.stale(m.since);
        break;
      case "fresh":
        this.sink.stale(null);
        break;
      case "alarms":
        this.sink.alarms(m.node, m.alarms ?? []);
        break;
    }
  }

  /** Levels of another roster than the one we know would show on wrong seats. */
  private takeLevels(bytes: Uint8Array): void {
    if (bytes.length < levelsHead || bytes[0] !== levelsMessage) return;
    const version = ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0);
    if (version === this.rosterVersion) this.sink.levels(bytes.subarray(levelsHead));
  }
}
