/** How fast something goes on, by what was seen of it in the last while. */
export class Pace {
  #seen: { at: number; n: number }[] = [];

  /** `overMs` is the while; before `leastMs` of it nothing is said. */
  constructor(
    readonly overMs: number,
    readonly leastMs: number,
  ) {}

  /** Takes how far it has come at a moment; answers how much it does in a second, 0 while unknown. */
  at(ms: number, n: number): number {
    this.#seen = [...this.#seen.filter((s) => ms - s.at < this.overMs), { at: ms, n }];
    const first = this.#seen[0];
    if (!first || ms - first.at < this.leastMs) return 0;
    return Math.max(0, ((n - first.n) * 1000) / (ms - first.at));
  }

  forget(): void {
    this.#seen = [];
  }
}
