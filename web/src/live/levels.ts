// Levels and their meters. Ten messages a second for hundreds of seats must not
// wake Vue: bytes go from the message into typed arrays, and once a frame from
// there into the meters that are on the page. A meter's bar is a background whose
// size changes: a thousand transforms would each be a layer of their own to sort,
// which took Chromium 18 ms a tick where this takes 2.

/** No audio came. */
export const levelGap = 255;
/** The quietest level that a meter shows, −dBov. */
export const meterFloor = 60;

/** How much of a meter a level fills, 0 to 1. */
export function levelFill(level: number): number {
  return level >= meterFloor ? 0 : (meterFloor - level) / meterFloor;
}

const sizes = Array.from({ length: 256 }, (_, level) => `${(levelFill(level) * 100).toFixed(0)}% 100%`);

/** The present levels of all seats, in the order of the server's roster. */
export class LevelBoard {
  private index = new Map<string, number>();
  private bytes = new Uint8Array(0);
  /** Counts rosters, so that who keeps an index knows when it is void. */
  version = 0;

  setRoster(seats: string[]): void {
    this.index = new Map(seats.map((seat, i) => [seat, i]));
    this.bytes = new Uint8Array(seats.length * 2).fill(levelGap);
    this.version++;
  }

  take(bytes: Uint8Array): void {
    this.bytes.set(bytes.subarray(0, this.bytes.length));
  }

  /** Forgets the levels, not the roster: nothing is known any more. */
  clear(): void {
    this.bytes.fill(levelGap);
  }

  indexOf(seat: string): number {
    return this.index.get(seat) ?? -1;
  }

  agent(index: number): number {
    return this.bytes[index * 2] ?? levelGap;
  }

  customer(index: number): number {
    return this.bytes[index * 2 + 1] ?? levelGap;
  }
}

interface Meter {
  seat: string;
  agentBar: HTMLElement;
  customerBar: HTMLElement;
  version: number;
  index: number;
  agent: number;
  customer: number;
}

/** Paints meters from a board, at most once a frame, only what has changed. */
export class MeterPainter {
  private readonly meters = new Set<Meter>();
  private frame = 0;

  constructor(private readonly board: LevelBoard) {}

  /** Keeps two bars in step with a seat's levels until the answer is called. */
  attach(seat: string, agentBar: HTMLElement, customerBar: HTMLElement): () => void {
    const meter: Meter = { seat, agentBar, customerBar, version: -1, index: -1, agent: -1, customer: -1 };
    this.meters.add(meter);
    this.wake();
    return () => this.meters.delete(meter);
  }

  /** Says that the board has changed. */
  wake(): void {
    if (this.frame === 0 && this.meters.size > 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    for (const m of this.meters) {
      if (m.version !== this.board.version) {
        m.version = this.board.version;
        m.index = this.board.indexOf(m.seat);
      }
      const agent = this.board.agent(m.index);
      const customer = this.board.customer(m.index);
      if (agent !== m.agent) {
        m.agent = agent;
        m.agentBar.style.backgroundSize = sizes[agent] ?? "";
      }
      if (customer !== m.customer) {
        m.customer = customer;
        m.customerBar.style.backgroundSize = sizes[customer] ?? "";
      }
    }
  }
}
