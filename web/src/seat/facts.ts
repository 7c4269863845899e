import type { CallPatch, Direction, LiveCall, SeatKind } from "@/api";

// What a clerk says about a call, saved while it is typed.

export interface Facts {
  ticket: string;
  account: string;
  business: string;
  direction: Direction;
  number: string;
}
export type FactKey = keyof Facts;

const keys: readonly FactKey[] = ["ticket", "account", "business", "direction", "number"];

/** So long after the last key a change is sent. */
export const saveAfterMs = 600;
/** The pause before a change that could not be saved is sent again. */
export const saveAgainMs = 3000;
/** So long what was just saved is believed against older news of the server. */
export const believeMs = 3000;

export type SaveState = "clean" | "waiting" | "saving" | "saved" | "failed";

/** Nothing said yet. A counter's calls have no direction, a hotline's mostly come in. */
export const noFacts = (kind: SeatKind): Facts => ({
  ticket: "",
  account: "",
  business: "",
  direction: kind === "hotline" ? "inbound" : "none",
  number: "",
});

export const factsOf = (call: LiveCall): Facts => ({
  ticket: call.ticket,
  account: call.account,
  business: call.business,
  direction: call.direction,
  number: call.number,
});

/** Texts as they are sent: without spaces around them. */
export function patchOf(facts: Partial<Facts>): CallPatch {
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, typeof value === "string" ? value.trim() : value]),
  );
}

export interface FactsSink {
  /** What to show now. */
  facts(facts: Facts): void;
  save(state: SaveState, problem: unknown): void;
}

/** Keeps the shown facts and the server's in step, for one call at a time. */
export class FactsSaver {
  private facts: Facts;
  private call = "";
  private readonly dirty = new Set<FactKey>();
  private readonly savedAt = new Map<FactKey, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: Promise<void> | null = null;

  constructor(
    private readonly kind: SeatKind,
    private readonly send: (call: string, patch: CallPatch, keepalive: boolean) => Promise<unknown>,
    private readonly sink: FactsSink,
    private readonly now: () => number = Date.now,
  ) {
    this.facts = noFacts(kind);
  }

  /** The facts to start a call with. */
  get draft(): CallPatch {
    return patchOf(this.facts);
  }

  /** A person changed a field. Without a call it is a draft of the next one. */
  change<K extends FactKey>(key: K, value: Facts[K]): void {
    this.facts = { ...this.facts, [key]: value };
    this.sink.facts(this.facts);
    if (!this.call) return;
    this.dirty.add(key);
    this.sink.save("waiting", null);
    this.schedule(saveAfterMs);
  }

  /** The call that was started with the draft. */
  started(call: string): void {
    this.call = call;
    this.dirty.clear();
    for (const key of keys) this.savedAt.set(key, this.now());
    this.sink.save("saved", null);
  }

  /** The open call as the server has it now; null if there is none. */
  follow(call: LiveCall | null): void {
    if (!call) {
      this.ended();
      return;
    }
    const another = call.id !== this.call;
    if (another) {
      this.forget();
      this.call = call.id;
      this.sink.save("clean", null);
    }
    const theirs = factsOf(call);
    const mine = this.facts;
    const kept = (key: FactKey) =>
      !another && (this.dirty.has(key) || this.now() - (this.savedAt.get(key) ?? -believeMs) < believeMs);
    this.facts = Object.fromEntries(
      keys.map((key) => [key, kept(key) ? mine[key] : theirs[key]]),
    ) as unknown as Facts;
    this.sink.facts(this.facts);
  }

  /** Sends now what is not saved yet; keepalive: the page is being left. */
  async flush(keepalive = false): Promise<void> {
    clearTimeout(this.timer);
    if (this.running && !keepalive) await this.running;
    if (this.dirty.size > 0) await this.save(keepalive);
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private ended(): void {
    if (!this.call) return;
    this.forget();
    this.facts = noFacts(this.kind);
    this.sink.facts(this.facts);
    this.sink.save("clean", null);
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.call = "";
    this.dirty.clear();
    this.savedAt.clear();
  }

  private schedule(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), ms);
  }

  private save(keepalive: boolean): Promise<void> {
    this.running = this.saveDirty(keepalive).finally(() => {
      this.running = null;
    });
    return this.running;
  }

  private async saveDirty(keepalive: boolean): Promise<void> {
    const { call } = this;
    const sent = [...this.dirty];
    this.dirty.clear();
    this.sink.save("saving", null);
    const patch = patchOf(Object.fromEntries(sent.map((key) => [key, this.facts[key]])));
    try {
      await this.send(call, patch, keepalive);
      if (call !== this.call) return;
      for (const key of sent) this.savedAt.set(key, this.now());
      if (this.dirty.size === 0) this.sink.save("saved", null);
    } catch (err) {
      if (call !== this.call) return;
      for (const key of sent) this.dirty.add(key);
      this.sink.save("failed", err);
      this.schedule(saveAgainMs);
    }
  }
}
