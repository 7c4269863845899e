import { type Call, partAudioUrl, type Side } from "@/api";
import type { Mixer } from "@/listen/mixer";
import { lengthOf, nextSound, type Span, spansAt, spansOf } from "./timeline";

// Plays the parts of a call as one timeline. Two decks, because a call may have
// a file a side for the same time; the first deck that sounds tells the time.

export type PlayerPhase = "loading" | "paused" | "playing" | "ended" | "failed";

export interface PlayerReport {
  phase(phase: PlayerPhase): void;
  length(ms: number): void;
  /** A growing part has been played to its end as it was when it was fetched. */
  caughtUp(): void;
}

/** Decks further apart than this are brought together, ms. */
const driftMs = 80;

class Deck {
  readonly element = new Audio();
  span: Span | null = null;
  /** Where a growing file ended when it was fetched, on the call's timeline. */
  private fetchedMs = 0;
  private readonly source: MediaElementAudioSourceNode;
  private readonly firstToAgent: GainNode;
  private readonly firstToCustomer: GainNode;
  private readonly secondToCustomer: GainNode;

  constructor(mixer: Mixer) {
    this.element.preload = "auto";
    this.element.preservesPitch = true;
    this.source = mixer.context.createMediaElementSource(this.element);
    const split = mixer.context.createChannelSplitter(2);
    this.source.connect(split);
    const wire = (channel: number, side: Side) => {
      const gain = new GainNode(mixer.context, { gain: 0 });
      split.connect(gain, channel);
      gain.connect(mixer.input(side));
      return gain;
    };
    this.firstToAgent = wire(0, "agent");
    this.firstToCustomer = wire(0, "customer");
    this.secondToCustomer = wire(1, "customer");
  }

  /** Whether the span's file is on, and, if it grows, is long enough to play at ms. */
  has(span: Span, ms: number): boolean {
    return this.span?.n === span.n && (!span.growing || ms < this.fetchedMs);
  }

  /** Puts a span's file on. */
  load(call: string, span: Span): void {
    this.span = span;
    this.fetchedMs = span.endMs;
    const { track } = span;
    this.firstToAgent.gain.value = track === "customer" ? 0 : 1;
    this.firstToCustomer.gain.value = track === "customer" || track === "mixed" ? 1 : 0;
    this.secondToCustomer.gain.value = track === "both" ? 1 : 0;
    // A growing file is another file each time it is fetched.
    this.element.src = partAudioUrl(call, span.n) + (span.growing ? `?upto=${Math.round(span.endMs)}` : "");
  }

  /** Where the deck is on the call's timeline, ms. */
  position(): number {
    return (this.span?.startMs ?? 0) + this.element.currentTime * 1000;
  }

  seek(ms: number): void {
    if (!this.span) return;
    const wanted = Math.max(0, (ms - this.span.startMs) / 1000);
    if (Math.abs(this.element.currentTime - wanted) > 0.005) this.element.currentTime = wanted;
  }

  eject(): void {
    this.element.pause();
    if (this.span) {
      this.span = null;
      this.element.removeAttribute("src");
      this.element.load();
    }
  }

  dispose(): void {
    this.eject();
    this.source.disconnect();
  }
}

export class ReplayPlayer {
  private readonly decks: [Deck, Deck];
  private spans: Span[] = [];
  private playing = false;
  private over = false;
  private at = 0;
  private rate = 1;

  constructor(
    private call: Call,
    mixer: Mixer,
    private readonly report: PlayerReport,
    private readonly now: () => number,
  ) {
    this.decks = [new Deck(mixer), new Deck(mixer)];
    for (const deck of this.decks) this.listen(deck);
    this.setCall(call);
  }

  /** Takes the call as it is now: a live one has grown. */
  setCall(call: Call): void {
    this.call = call;
    this.spans = spansOf(call, this.now());
    this.report.length(lengthOf(call, this.now()));
  }

  get length(): number {
    return lengthOf(this.call, this.now());
  }

  /** Where the playing is on the call's timeline, ms. */
  position(): number {
    const lead = this.lead();
    return lead && !this.over && lead.element.readyState > 0 ? lead.position() : this.at;
  }

  play(): void {
    if (this.over) this.at = 0;
    this.over = false;
    this.playing = true;
    this.go(this.position());
  }

  pause(): void {
    this.playing = false;
    this.at = this.position();
    for (const deck of this.decks) deck.element.pause();
    this.report.phase("paused");
  }

  seek(ms: number): void {
    this.over = false;
    this.go(Math.min(Math.max(0, ms), Math.max(0, this.length - 50)));
  }

  setRate(rate: number): void {
    this.rate = rate;
    for (const deck of this.decks) {
      deck.element.defaultPlaybackRate = rate;
      deck.element.playbackRate = rate;
    }
  }

  dispose(): void {
    this.playing = false;
    this.over = true;
    for (const deck of this.decks) deck.dispose();
  }

  /** Puts on what sounds at ms, or at the next sound after it: nothing waits through a gap. */
  private go(ms: number): void {
    if (this.call.state === "live") this.spans = spansOf(this.call, this.now());
    const next = nextSound(this.spans, ms);
    if (next === null) {
      this.end();
      return;
    }
    this.at = next;
    const wanted = spansAt(this.spans, next);
    for (const deck of this.decks) {
      if (!wanted.some((s) => deck.has(s, next))) deck.eject();
    }
    for (const span of wanted) {
      const deck = this.decks.find((d) => d.has(span, next)) ?? this.decks.find((d) => !d.span);
      if (!deck) continue;
      if (!deck.span) deck.load(this.call.id, span);
      deck.element.playbackRate = this.rate;
      deck.seek(next);
      if (this.playing) void deck.element.play().catch((err: unknown) => this.refused(err));
    }
    if (!this.playing) this.report.phase("paused");
  }

  private lead(): Deck | null {
    return this.decks.find((d) => d.span) ?? null;
  }

  private listen(deck: Deck): void {
    const { element } = deck;
    element.addEventListener("playing", () => {
      if (this.playing) this.report.phase("playing");
    });
    element.addEventListener("waiting", () => {
      if (this.playing && deck === this.lead()) this.report.phase("loading");
    });
    element.addEventListener("ended", () => this.ended(deck));
    element.addEventListener("error", () => {
      if (deck.span && element.error) this.report.phase("failed");
    });
    element.addEventListener("timeupdate", () => this.align());
  }

  private ended(deck: Deck): void {
    if (!this.playing || !deck.span) return;
    const { span } = deck;
    const other = this.decks.find((d) => d !== deck && d.span && !d.element.ended);
    this.at = deck.position();
    deck.eject();
    if (span.growing) this.report.caughtUp();
    else if (!other) this.go(Math.max(span.endMs, this.at));
  }

  private align(): void {
    const [a, b] = this.decks;
    if (!a.span || !b.span || a.element.seeking || b.element.seeking) return;
    if (Math.abs(a.position() - b.position()) > driftMs) b.seek(a.position());
  }

  private end(): void {
    this.playing = false;
    this.over = true;
    this.at = this.length;
    for (const deck of this.decks) deck.eject();
    this.report.phase("ended");
  }

  private refused(err: unknown): void {
    // A play that a newer pause or seek has overtaken rejects, and that is all right.
    if (err instanceof DOMException && err.name === "AbortError") return;
    this.playing = false;
    this.report.phase(err instanceof DOMException && err.name === "NotAllowedError" ? "paused" : "failed");
  }
}
