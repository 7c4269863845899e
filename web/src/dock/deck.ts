import { partAudioUrl, playableUrl, type Side } from "@/api";
import type { Mixer } from "@/listen/mixer";
import type { Span } from "./timeline";

/** One media element on the mixer, on which a part of a call is put. */
export class Deck {
  readonly element = new Audio();
  span: Span | null = null;
  /** Whether it sounds now; another may lie ready for later. */
  on = false;
  /** Where a growing file ended when it was fetched, on the call's timeline. */
  private fetchedMs = 0;
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

  /** Whether the span's file is on, and, if it grew when it was fetched, is long enough to play at ms. */
  has(span: Span, ms: number): boolean {
    return this.span?.n === span.n && (!this.span.growing || ms < this.fetchedMs);
  }

  /** Puts a span's file on. */
  load(call: string, span: Span): void {
    this.span = span;
    this.fetchedMs = span.endMs;
    const { track } = span;
    const swapped = track === "swapped"; // the left is the customer
    this.firstToAgent.gain.value = track === "customer" || swapped ? 0 : 1;
    this.firstToCustomer.gain.value = track === "customer" || track === "mixed" || swapped ? 1 : 0;
    this.secondToAgent.gain.value = swapped || track === "mixed" || track === "agent" ? 1 : 0;
    this.secondToCustomer.gain.value = track === "both" || track === "mixed" || track === "customer" ? 1 : 0;
    // A growing file is another file each time it is fetched.
    if (span.converted) this.element.src = playableUrl(call, span.n);
    else
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
    this.on = false;
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
