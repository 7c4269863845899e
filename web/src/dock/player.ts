import type { Call } from "@/api";
import type { Mixer } from "@/listen/mixer";
import { Deck } from "./deck";
import { type Stretch, stretchAt } from "./silence";
import { lengthOf, nextChange, nextSound, type Span, spansAt, spansOf } from "./timeline";

// Plays the parts of a call as one timeline, on which what was not recorded runs
// as silence. Two decks, because a call may have a file a side for the same time,
// and because the next part is put on before the last one ends; the first deck
// that sounds tells the time. Nothing is fetched before one plays: the server
// writes down who was sent what.

export type PlayerPhase = "loading" | "paused" | "playing" | "ended" | "failed";

export interface PlayerReport {
  phase(phase: PlayerPhase): void;
  length(ms: number): void;
  /** A growing part has been played to its end as it was when it was fetched. */
  caughtUp(): void;
  /** Whether one is where nothing was recorded. */
  gap(inside: boolean): void;
  /** What is at this address does not play. */
  unplayable(url: string): void;
  /** Silence has been jumped. */
  skipped(fromMs: number, toMs: number): void;
}

/** Decks further apart than this are brought together, ms. */
const driftMs = 80;
/** So often it is looked where the playing is, ms. */
const tickMs = 40;
/** The next part is put on so long before it is to sound, ms. */
const aheadMs = 8000;
/** Of a silence so much is heard at its end, that no word begins cut, ms. */
const leadInMs = 250;
/** So little where nothing was recorded is not worth a word while one stands there, ms. */
const shortGapMs = 1000;

export class ReplayPlayer {
  private readonly decks: [Deck, Deck];
  private spans: Span[] = [];
  private playing = false;
  private over = false;
  private at = 0;
  private rate = 1;
  /** Running where nothing was recorded: from where, since when. */
  private gap: { fromMs: number; since: number } | null = null;
  private loop: Stretch | null = null;
  private silences: Stretch[] = [];
  private ticking: ReturnType<typeof setInterval> | undefined;
  /** Where the last look found the playing, ms. */
  private last = 0;
  private toldGap = false;

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
    if (this.gap) return Math.min(this.gapEnd(), this.gap.fromMs + this.gapRun());
    const lead = this.lead();
    return lead && !this.over && lead.element.readyState > 0 ? lead.position() : this.at;
  }

  play(): void {
    const at = this.over ? (this.loop?.fromMs ?? 0) : this.position();
    this.over = false;
    this.playing = true;
    clearInterval(this.ticking);
    this.ticking = setInterval(() => this.look(), tickMs);
    this.go(at);
  }

  pause(): void {
    this.at = this.position();
    this.halt();
    for (const deck of this.decks) deck.pause();
    this.report.phase("paused");
  }

  seek(ms: number): void {
    this.over = false;
    this.go(Math.min(Math.max(0, ms), Math.max(0, this.length - 50)));
  }

  setRate(rate: number): void {
    if (this.gap) this.gap = { fromMs: this.position(), since: performance.now() };
    this.rate = rate;
    for (const deck of this.decks) {
      deck.element.defaultPlaybackRate = rate;
      deck.element.playbackRate = rate;
    }
  }

  /** Plays a stretch over and over, once the playing is in it; null no more. */
  setLoop(loop: Stretch | null): void {
    this.loop = loop;
  }

  /** The silences that are jumped; none: all is heard. */
  setSilences(silences: Stretch[]): void {
    this.silences = silences;
  }

  dispose(): void {
    this.halt();
    this.over = true;
    for (const deck of this.decks) deck.dispose();
  }

  /** Puts on what sounds at ms; where nothing does, time runs on in silence. */
  private go(ms: number): void {
    this.gap = null;
    this.at = this.last = ms;
    if (this.call.state === "live") this.spans = spansOf(this.call, this.now());
    const wanted = spansAt(this.spans, ms);
    if (!this.playing) this.stand(wanted, ms);
    else if (wanted.length === 0) this.goSilent(ms);
    else this.sound(wanted, ms);
    this.tellGap(this.last); // a loop may have led elsewhere
  }

  /** Says whether one is where nothing was recorded; who stands a moment before what was, hears it at once. */
  private tellGap(ms: number): void {
    const next = nextSound(this.spans, ms);
    const begins = next ?? (this.call.state === "live" ? ms : this.length - 1);
    const inside = begins > ms && (this.gap !== null || begins - ms > shortGapMs);
    if (inside === this.toldGap) return;
    this.toldGap = inside;
    this.report.gap(inside);
  }

  private sound(wanted: Span[], ms: number): void {
    for (const deck of this.decks) {
      deck.on = wanted.some((s) => deck.has(s, ms));
      if (!deck.on) deck.eject();
    }
    for (const span of wanted) {
      const deck = this.decks.find((d) => d.has(span, ms));
      if (deck) deck.seek(ms);
      else this.report.phase("loading");
      this.start(deck ?? this.putOn(span, ms));
    }
  }

  /** Puts a span on a deck that does not sound. */
  private putOn(span: Span, ms: number): Deck | undefined {
    const deck = this.decks.find((d) => !d.on);
    deck?.eject();
    deck?.load(this.call.id, span, ms);
    return deck;
  }

  private start(deck: Deck | undefined): void {
    if (!deck) return;
    deck.on = true;
    deck.element.playbackRate = this.rate;
    void deck.element.play().catch((err: unknown) => this.refused(err));
  }

  /** Paused: what is on is moved, nothing is fetched. */
  private stand(wanted: Span[], ms: number): void {
    for (const deck of this.decks) {
      if (wanted.some((s) => deck.has(s, ms))) deck.seek(ms);
      else deck.eject();
    }
    this.report.phase("paused");
  }

  private goSilent(ms: number): void {
    const next = nextSound(this.spans, ms);
    if (next === null && (this.call.state === "live" || ms >= this.length - 1)) {
      this.end();
      return;
    }
    for (const deck of this.decks) {
      deck.on = false;
      deck.pause();
    }
    this.gap = { fromMs: ms, since: performance.now() };
    this.report.phase("playing");
  }

  private gapRun(): number {
    return this.gap && this.playing ? (performance.now() - this.gap.since) * this.rate : 0;
  }

  private gapEnd(): number {
    return nextSound(this.spans, this.gap?.fromMs ?? 0) ?? this.length;
  }

  private lead(): Deck | null {
    return this.decks.find((d) => d.on) ?? null;
  }

  /** What the place asks for: back to the loop's beginning, over a silence, on to the next part. */
  private look(): void {
    if (!this.playing) return;
    const at = this.position();
    const before = this.last;
    this.last = at;
    const { loop } = this;
    if (loop && before >= loop.fromMs - tickMs && before < loop.toMs && at >= loop.toMs) {
      this.go(loop.fromMs);
      return;
    }
    // Who loops a stretch wants to hear all of it.
    const looping = loop && at >= loop.fromMs && at < loop.toMs;
    const silence = looping ? null : stretchAt(this.silences, at);
    if (silence && silence.toMs - at > 2 * leadInMs) {
      const to = Math.min(silence.toMs - leadInMs, this.length - 50);
      this.go(to);
      this.report.skipped(at, to);
      return;
    }
    if (this.gap && at >= this.gapEnd()) this.go(at);
    else {
      this.join(before, at);
      this.layReady(at);
    }
  }

  /** One side's file may begin while the other's goes on: nothing ends then. */
  private join(before: number, at: number): void {
    for (const span of spansAt(this.spans, at)) {
      if (span.startMs <= before || this.decks.some((d) => d.on && d.span?.n === span.n)) continue;
      const ready = this.decks.find((d) => d.has(span, at));
      ready?.seek(at);
      this.start(ready ?? this.putOn(span, at));
    }
  }

  /** Puts what sounds next on the decks that are free, when its time is near. */
  private layReady(at: number): void {
    const next = nextChange(this.spans, at, aheadMs * this.rate);
    if (!next) return;
    const free = this.decks.filter((d) => !d.on && !next.spans.some((s) => d.has(s, next.atMs)));
    for (const span of next.spans) {
      if (span.growing || this.decks.some((d) => d.has(span, next.atMs))) continue;
      const deck = free.pop();
      deck?.eject();
      deck?.load(this.call.id, span, next.atMs);
    }
  }

  private listen(deck: Deck): void {
    const { element } = deck;
    element.addEventListener("playing", () => {
      if (this.playing && deck.on) this.report.phase("playing");
    });
    element.addEventListener("waiting", () => {
      if (this.playing && deck === this.lead()) this.report.phase("loading");
    });
    element.addEventListener("ended", () => this.ended(deck));
    element.addEventListener("error", () => {
      if (!deck.span || !element.error) return;
      if (!deck.on) {
        deck.eject();
        return;
      }
      const url = element.src;
      this.at = this.position();
      this.halt();
      // Put on afresh when one tries again.
      for (const one of this.decks) one.eject();
      this.report.unplayable(url);
    });
    element.addEventListener("timeupdate", () => this.align());
  }

  private ended(deck: Deck): void {
    if (!this.playing || !deck.span || !deck.on) return;
    const { span } = deck;
    const other = this.decks.find((d) => d !== deck && d.on && !d.element.ended);
    this.at = deck.position();
    deck.eject();
    if (span.growing) this.report.caughtUp();
    else if (!other) this.go(Math.max(span.endMs, this.at));
  }

  private align(): void {
    const [a, b] = this.decks;
    if (!a.on || !b.on || a.element.seeking || b.element.seeking) return;
    // Who has ended stands at its end, before all of it was heard: the other must not jump there.
    if (a.element.ended || b.element.ended) return;
    const apart = a.position() - b.position();
    if (Math.abs(apart) <= driftMs) return;
    if (b.span?.jumps !== "always") b.seek(a.position());
    else if (apart > 0) a.wait(apart);
    else b.wait(-apart);
  }

  private halt(): void {
    clearInterval(this.ticking);
    this.gap = null;
    this.playing = false;
  }

  private end(): void {
    const { loop, last } = this;
    if (loop && last >= loop.fromMs && loop.toMs >= this.length - 2 * tickMs) {
      this.go(loop.fromMs);
      return;
    }
    if (this.call.state === "live") {
      this.report.caughtUp();
      return;
    }
    this.halt();
    this.over = true;
    this.at = this.length;
    for (const deck of this.decks) deck.eject();
    this.report.phase("ended");
  }

  private refused(err: unknown): void {
    // A play that a newer pause or seek has overtaken rejects, and that is all right.
    if (err instanceof DOMException && err.name === "AbortError") return;
    this.at = this.position();
    this.halt();
    this.report.phase(err instanceof DOMException && err.name === "NotAllowedError" ? "paused" : "failed");
  }
}
