import { duration } from "@/lib/format";

// One clock for all running timers: it follows the server's time, ticks once a
// second, and writes text nodes itself instead of waking hundreds of components.

interface Timer {
  el: HTMLElement;
  since: number;
}

export class SharedClock {
  private offset = 0;
  private readonly timers = new Set<Timer>();
  private ticking: ReturnType<typeof setTimeout> | undefined;

  /** Sets the server's time, ms. */
  setServerTime(at: number): void {
    if (Number.isFinite(at)) this.offset = at - Date.now();
  }

  /** Now by the server's clock, ms. */
  now(): number {
    return Date.now() + this.offset;
  }

  /** Writes the time run since (ms) into el, every second, until the answer is called. */
  attach(el: HTMLElement, since: number): () => void {
    const timer = { el, since };
    this.timers.add(timer);
    this.write(timer, this.now());
    if (this.ticking === undefined) this.schedule();
    return () => {
      this.timers.delete(timer);
      if (this.timers.size === 0) {
        clearTimeout(this.ticking);
        this.ticking = undefined;
      }
    };
  }

  private schedule(): void {
    this.ticking = setTimeout(
      () => {
        const now = this.now();
        for (const timer of this.timers) this.write(timer, now);
        this.schedule();
      },
      1000 - (Date.now() % 1000),
    );
  }

  private write(timer: Timer, now: number): void {
    const text = duration(now - timer.since);
    if (timer.el.textContent !== text) timer.el.textContent = text;
  }
}

export const clock = new SharedClock();
