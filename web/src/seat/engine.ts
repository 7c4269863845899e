import { Problem, type Side } from "@/api";
import { type Setup, sidesOf } from "./devices";
import { type Capture, MicError, type MicTrouble } from "./microphones";
import type { Publication, PublicationEvents, SideTrack } from "./whip";

// Keeps the seat on the air: takes up the microphones, connects, and after each
// loss connects again until a person stops. It knows no screen and no protocol.

/** Why the connection is being made anew. */
export type Reason = "network" | "server" | "microphone";

export type EngineState =
  | { name: "setup" }
  | { name: "asking" }
  /** No microphone can be had; it is looked for again, unless only a person can help. */
  | { name: "deaf"; trouble: MicTrouble }
  | { name: "connecting" }
  | { name: "onAir" }
  /** nextAt: when the next try begins, ms by now(); 0 while it runs. */
  | { name: "reconnecting"; reason: Reason; tries: number; nextAt: number }
  /** The server does not want us; it is asked again at nextAt. */
  | { name: "refused"; problem: Problem; nextAt: number }
  /** Another device publishes for this seat; only a person says who shall. */
  | { name: "taken" }
  | { name: "stopped" };

/** What the engine works with. */
export interface EngineDeps {
  openMicrophones(setup: Setup): Promise<Capture>;
  publish(tracks: SideTrack[], events: PublicationEvents): Publication;
  /** Whether somebody publishes any of these sides now, as the server sees it. */
  occupied(sides: readonly Side[]): Promise<boolean>;
  /** Gets another token where that is possible, after the server refused this one. */
  renew(): Promise<boolean>;
  now(): number;
  /** 0 to 1; hundreds of seats shall not come back in the same moment. */
  random(): number;
}

/** What the engine tells. */
export interface EngineSink {
  state(state: EngineState): void;
  /** A side's microphone came or went. */
  sides(capture: Capture | null): void;
}

/** The pauses before each try after a loss, ms; the last one goes on. */
export const pauses = [0, 1000, 2000, 4000, 8000] as const;
/** The pause before asking again a server that refused, ms. */
export const refusedPause = 30_000;
/** The pause before looking again for microphones, ms. */
export const deafPause = 4000;

/** Where nobody but a person can help. */
const hopeless: readonly MicTrouble[] = ["denied", "insecure"];

export class Engine {
  private current: EngineState = { name: "setup" };
  private setup: Setup | null = null;
  private capture: Capture | null = null;
  private publication: Publication | null = null;
  /** The connection that was lost: the server may hold it still. */
  private former: Publication | null = null;
  private tries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts beginnings and ends, so that what an older one awaited does nothing. */
  private turn = 0;

  constructor(
    private readonly deps: EngineDeps,
    private readonly sink: EngineSink,
  ) {}

  get state(): EngineState {
    return this.current;
  }

  /** Goes on the air with a setup; a capture of it that is open already is taken over. */
  async start(setup: Setup, capture: Capture | null = null): Promise<void> {
    this.letGo();
    this.setup = setup;
    if (capture) return this.heardBy(capture);
    await this.listen();
  }

  /** Tries now: a person clicked, the network is said to be back, a microphone was allowed. */
  async again(): Promise<void> {
    switch (this.current.name) {
      case "deaf":
        return this.listen();
      case "reconnecting":
        if (this.current.nextAt > 0) return this.attempt(this.current.reason);
        return;
      case "refused":
      case "taken":
        this.former?.drop();
        this.former = null;
        return this.attempt("server");
    }
  }

  /** The server says that our sound does not come: asks it what became of our connection. */
  async suspect(): Promise<void> {
    const { publication, turn } = this;
    if (!publication || this.current.name !== "onAir") return;
    // A server that cannot be asked is not one that has lost us.
    const fate = await publication.fate().catch(() => "there");
    if (fate === "gone" && turn === this.turn && publication === this.publication) this.lost("server");
  }

  /** Ends it on purpose; rejects with a Problem if the server could not be told. */
  async stop(): Promise<void> {
    const publication = this.publication;
    this.publication = null;
    this.letGo();
    this.enter({ name: "stopped" });
    await publication?.stop();
  }

  /** Back to choosing microphones; the server keeps an open call for a while. */
  leave(): void {
    this.letGo();
    this.enter({ name: "setup" });
  }

  /** Lets everything go without a word: the page is being left. */
  close(): void {
    this.letGo();
  }

  private enter(state: EngineState): void {
    this.current = state;
    this.sink.state(state);
  }

  private letGo(): void {
    this.turn++;
    clearTimeout(this.timer);
    this.publication?.drop();
    this.former?.drop();
    this.publication = null;
    this.former = null;
    this.capture?.close();
    this.capture = null;
    this.tries = 0;
    this.sink.sides(null);
  }

  private async listen(): Promise<void> {
    if (!this.setup) return;
    const turn = ++this.turn;
    clearTimeout(this.timer);
    if (this.current.name !== "deaf") this.enter({ name: "asking" });
    try {
      const capture = await this.deps.openMicrophones(this.setup);
      if (turn !== this.turn) return capture.close();
      await this.heardBy(capture);
    } catch (err) {
      if (turn !== this.turn) return;
      const trouble = err instanceof MicError ? err.trouble : "failed";
      this.enter({ name: "deaf", trouble });
      if (!hopeless.includes(trouble)) this.timer = setTimeout(() => void this.listen(), deafPause);
    }
  }

  private heardBy(capture: Capture): Promise<void> {
    this.capture = capture;
    capture.onchange = () => this.sidesChanged();
    this.sink.sides(capture);
    this.enter({ name: "connecting" });
    return this.connect();
  }

  private sidesChanged(): void {
    const { capture, publication } = this;
    if (!capture) return;
    for (const side of capture.sides) {
      // A connection that cannot change its track is over; that it tells itself.
      publication?.replace(side, capture.track(side)).catch(() => undefined);
    }
    this.sink.sides(capture);
  }

  private async connect(renewed = false): Promise<void> {
    const { capture } = this;
    if (!capture || !this.setup) return;
    const turn = ++this.turn;
    const tracks = sidesOf(this.setup).map((side) => ({ side, track: capture.track(side) }));
    const publication: Publication = this.deps.publish(tracks, {
      up: () => {
        if (publication === this.publication) this.connected();
      },
      doubt: () => {
        if (publication === this.publication) this.waitFor("network", 0);
      },
      lost: () => {
        if (publication === this.publication) this.lost("network");
      },
    });
    this.publication = publication;
    try {
      await publication.start();
    } catch (err) {
      if (turn !== this.turn || publication !== this.publication) return;
      publication.drop();
      this.publication = null;
      await this.failed(err, renewed);
    }
  }

  private connected(): void {
    this.former?.drop();
    this.former = null;
    this.tries = 0;
    if (this.current.name !== "onAir") this.enter({ name: "onAir" });
    // What changed while it connected.
    this.sidesChanged();
  }

  private lost(reason: Reason): void {
    this.turn++;
    this.former?.drop();
    this.former = this.publication;
    this.publication = null;
    this.later(reason);
  }

  private async failed(err: unknown, renewed: boolean): Promise<void> {
    const problem = err instanceof Problem ? err : new Problem(0, "connect_failed", String(err));
    const turn = this.turn;
    if (problem.status === 401 && !renewed) {
      const another = await this.deps.renew().catch(() => null);
      if (turn !== this.turn) return;
      if (another) return this.connect(true);
      if (another === null) return this.later("network");
    }
    const passing = problem.status < 400 || problem.status >= 500 || [408, 429].includes(problem.status);
    if (passing) return this.later(problem.status === 0 ? "network" : "server", problem.retryAfterSeconds);
    this.enter({ name: "refused", problem, nextAt: this.deps.now() + refusedPause });
    this.timer = setTimeout(() => void this.attempt("server"), refusedPause);
  }

  private waitFor(reason: Reason, nextAt: number): void {
    this.enter({ name: "reconnecting", reason, tries: this.tries, nextAt });
  }

  private later(reason: Reason, atLeastSeconds = 0): void {
    const base = pauses[Math.min(this.tries, pauses.length - 1)] ?? 0;
    const pause = Math.max(base * (0.75 + this.deps.random() / 2), atLeastSeconds * 1000);
    this.tries++;
    clearTimeout(this.timer);
    if (pause <= 0) return void this.attempt(reason);
    this.waitFor(reason, this.deps.now() + pause);
    this.timer = setTimeout(() => void this.attempt(reason), pause);
  }

  private async attempt(reason: Reason): Promise<void> {
    clearTimeout(this.timer);
    const turn = ++this.turn;
    this.waitFor(reason, 0);
    try {
      if (await this.takenOver()) {
        if (turn === this.turn) this.enter({ name: "taken" });
        return;
      }
    } catch {
      if (turn === this.turn) this.later(reason);
      return;
    }
    if (turn === this.turn) await this.connect();
  }

  /** The server has let our connection go though somebody publishes our sides: another device does. */
  private async takenOver(): Promise<boolean> {
    if (!this.former || !this.setup) return false;
    if ((await this.former.fate()) === "there") return false;
    return this.deps.occupied(sidesOf(this.setup));
  }
}
