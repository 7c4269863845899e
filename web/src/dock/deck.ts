import { partAudioUrl, playableUrl, type Side, type TrackKind } from "@/api";
import type { Mixer } from "@/listen/mixer";
import type { Span } from "./timeline";

/** So near to its beginning every place of a file is at hand, seconds. */
const nearSeconds = 1;

/** What a browser would have to guess the place of is taken as at hand so near to where it is, ms. */
const atHandMs = 5;
/** And so near where it lies ready: it begins there, a moment late or early. */
const readyMs = 200;

/** One media element on the mixer, on which a part of a call is put. */
export class Deck {
  readonly element = new Audio();
  span: Span | null = null;
  /** Whether it sounds now; another may lie ready for later. */
  on = false;
  /** Where on the call's timeline what is on begins, and where a growing file ended when it was fetched. */
  private beginsMs = 0;
  private fetchedMs = 0;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private readonly source: MediaElementAudioSourceNode;
  private readonly firstToAgent: GainNode;
  private readonly firstToCustomer: GainNode;
  private readonly secondToAgent: GainNode;
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
    this.secondToAgent = wire(1, "agent");
    this.secondToCustomer = wire(1, "customer");
  }

  /** Whether the span's file is on and ms in it is at hand. */
  has(span: Span, ms: number): boolean {
    if (this.span?.n !== span.n || (this.span.growing && ms >= this.fetchedMs)) return false;
    if (span.jumps === "always") return Math.abs(ms - this.position()) < (this.on ? atHandMs : readyMs);
    return span.jumps === "browser" || this.reaches((ms - this.beginsMs) / 1000);
  }

  /**
   * Whether a place is in memory, and all between it and the beginning: a browser
   * looks for a place in an Ogg file by halving it, a request each time.
   */
  private reaches(seconds: number): boolean {
    if (seconds < 0) return false;
    if (seconds < nearSeconds) return true;
    const { buffered } = this.element;
    return buffered.length > 0 && buffered.start(0) < nearSeconds && seconds < buffered.end(0);
  }

  /** Puts a span's file on, to be heard from ms on. */
  load(call: string, span: Span, ms: number): void {
    this.span = span;
    this.fetchedMs = span.endMs;
    const near = span.jumps === "always" ? 0 : nearSeconds * 1000;
    const away = span.jumps !== "browser" && ms - span.startMs > near;
    this.beginsMs = away ? Math.round(ms) : span.startMs;
    this.wire(span.track);
    const query = new URLSearchParams();
    if (away) query.set("startMs", String(this.beginsMs));
    // A growing file is another file each time it is fetched.
    if (span.growing) query.set("upto", String(Math.round(span.endMs)));
    const url = span.converted ? playableUrl(call, span.n) : partAudioUrl(call, span.n);
    this.element.src = query.size > 0 ? `${url}?${query}` : url;
    this.seek(ms);
  }

  /** Leads the file's channels to the sides that are in them. */
  private wire(track: TrackKind): void {
    const swapped = track === "swapped"; // the left is the customer
    this.firstToAgent.gain.value = track === "customer" || swapped ? 0 : 1;
    this.firstToCustomer.gain.value = track === "customer" || track === "mixed" || swapped ? 1 : 0;
    this.secondToAgent.gain.value = swapped || track === "mixed" || track === "agent" ? 1 : 0;
    this.secondToCustomer.gain.value = track === "both" || track === "mixed" || track === "customer" ? 1 : 0;
  }

  /** Where the deck is on the call's timeline, ms. */
  position(): number {
    return this.beginsMs + this.element.currentTime * 1000;
  }

  /** Moves to a place that is at hand. */
  seek(ms: number): void {
    if (!this.span || this.span.jumps === "always") return;
    const wanted = Math.max(0, (ms - this.beginsMs) / 1000);
    if (Math.abs(this.element.currentTime - wanted) > 0.005) this.element.currentTime = wanted;
  }

  /** Lets so much time of the call pass before it goes on, ms. */
  wait(ms: number): void {
    if (this.waiting !== undefined) return;
    this.element.pause();
    this.waiting = setTimeout(() => {
      this.waiting = undefined;
      // What a pause or a jump has overtaken rejects, and is started by whoever did that.
      if (this.on) void this.element.play().catch(() => undefined);
    }, ms / this.element.playbackRate);
  }

  /** Stops where it is. */
  pause(): void {
    clearTimeout(this.waiting);
    this.waiting = undefined;
    this.element.pause();
  }

  eject(): void {
    this.on = false;
    this.pause();
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
