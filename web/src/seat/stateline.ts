import { WebSocket as ReconnectingSocket } from "partysocket";
import type { LiveSeat, Seat } from "@/api";
import type { Socket } from "@/live/line";
import type { Access } from "./access";

// The line on which the server says what it knows of the seat: whether it is
// recorded, and how loud both sides are. It knows no screen.

/** What the line tells. */
export interface StateSink {
  /** The seat as the server sees it; at is the server's clock, ms. */
  state(seat: LiveSeat, info: Seat, at: number): void;
  /** The last tenth of a second, −dBov a side; 255: nothing came. */
  levels(agent: number, customer: number): void;
  /** The line broke, or never came to be; it is being tried again. failures counts since it last worked. */
  down(failures: number): void;
}

/** A line on which nothing came for so long is dead, whatever TCP believes. */
export const deadAfterMs = 12_000;

type Message =
  | { type: "state"; seat: LiveSeat; seatInfo: Seat; at: string }
  | { type: "levels"; agent: number; customer: number }
  | { type: "ping" };

export class StateLine {
  private readonly watchdog: ReturnType<typeof setInterval>;
  private heardAt = 0;
  private open = false;
  private failures = 0;

  constructor(
    private readonly socket: Socket,
    private readonly sink: StateSink,
    private readonly now: () => number = Date.now,
  ) {
    socket.onopen = () => {
      this.open = true;
      this.heardAt = this.now();
    };
    socket.onclose = () => this.broke();
    socket.onmessage = (e: MessageEvent) => this.take(e.data);
    this.watchdog = setInterval(() => this.watch(), 1000);
  }

  /** Tries again now rather than later: the network is said to be back. */
  hurry(): void {
    if (!this.open) this.socket.reconnect();
  }

  close(): void {
    clearInterval(this.watchdog);
    this.socket.onopen = null;
    this.socket.onclose = null;
    this.socket.onmessage = null;
    this.socket.close();
  }

  private watch(): void {
    if (this.open && this.now() - this.heardAt > deadAfterMs) {
      this.broke();
      this.socket.reconnect();
    }
  }

  private broke(): void {
    this.open = false;
    this.failures++;
    this.sink.down(this.failures);
  }

  private take(data: unknown): void {
    this.heardAt = this.now();
    if (typeof data !== "string") return;
    const message = JSON.parse(data) as Message;
    if (message.type === "levels") this.sink.levels(message.agent, message.customer);
    if (message.type === "state") {
      this.failures = 0;
      this.sink.state(message.seat, message.seatInfo, Date.parse(message.at));
    }
  }
}

/** A real reconnecting WebSocket for the seat of access; each try uses its token of then. */
export function openStateSocket(access: Access): Socket {
  const base = window.location.origin.replace(/^http/, "ws");
  return new ReconnectingSocket(
    `${base}/api/v1/seats/${encodeURIComponent(access.seat)}/live`,
    () => ["earshot", `bearer.${access.token}`],
    {
      minReconnectionDelay: 400,
      maxReconnectionDelay: 4000,
      reconnectionDelayGrowFactor: 1.6,
      connectionTimeout: 6000,
      maxEnqueuedMessages: 0,
    },
  );
}
