import { levelGap } from "@/live/levels";

/** Passes levels on to meters, ten times a second, without waking Vue. */
export class LevelFeed {
  private readonly followers = new Set<(agent: number, customer: number) => void>();

  readonly tell = (agent: number, customer: number): void => {
    for (const fn of this.followers) fn(agent, customer);
  };

  /** Nothing is known any more. */
  clear(): void {
    this.tell(levelGap, levelGap);
  }

  /** Calls fn with all that comes until the answer is called. */
  follow(fn: (agent: number, customer: number) => void): () => void {
    this.followers.add(fn);
    return () => this.followers.delete(fn);
  }
}
