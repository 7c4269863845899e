import type { Call } from "@/api";

// A list that was read page by page, and of which only the pages near what is
// looked at are kept: of the others it is known where the server goes on, so that
// they can be read again.

export interface Page {
  /** Where the server begins with it; empty for the first. */
  cursor: string;
  /** How many rows it has. */
  rows: number;
  /** null: let go. */
  calls: Call[] | null;
  /** Which of them somebody has played. */
  listened: ReadonlySet<string>;
}

export class PagedCalls {
  readonly #pages: Page[] = [];
  /** The first row of each page, and behind the last the number of all rows. */
  #starts: number[] = [0];
  /** Where the server goes on behind the last page; empty at the end. */
  next = "";

  get pages(): readonly Page[] {
    return this.#pages;
  }

  get rows(): number {
    return this.#starts.at(-1) ?? 0;
  }

  /** Appends a page; `next` is where the server goes on behind it. */
  append(page: Page, next: string): void {
    this.#pages.push(page);
    this.#starts.push(this.rows + page.rows);
    this.next = next;
  }

  /** Which page a row is on; -1 behind the end. */
  pageOf(row: number): number {
    if (row < 0 || row >= this.rows) return -1;
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  startOf(page: number): number {
    return this.#starts[page] ?? 0;
  }

  /** The call of a row, as far as it is kept. */
  at(row: number): Call | null {
    const page = this.pageOf(row);
    return this.#pages[page]?.calls?.[row - this.startOf(page)] ?? null;
  }

  isListened(row: number, id: string): boolean {
    return this.#pages[this.pageOf(row)]?.listened.has(id) ?? false;
  }

  /**
   * Puts what was read again into a page. Calls may have gone since: then the
   * server fills the page with those that begin the next, where they stay.
   */
  refill(index: number, calls: Call[], listened: ReadonlySet<string>): void {
    const page = this.#pages[index];
    if (!page) return;
    page.listened = listened;
    this.#put(index, calls);
    this.#yield(index);
    this.#yield(index - 1);
  }

  #put(index: number, calls: Call[]): void {
    const page = this.#pages[index];
    if (!page) return;
    const change = calls.length - page.rows;
    Object.assign(page, { calls, rows: calls.length });
    if (change)
      for (let i = index + 1; i < this.#starts.length; i++) this.#starts[i] = (this.#starts[i] ?? 0) + change;
  }

  /** Leaves the next page the calls that both have. */
  #yield(index: number): void {
    const [own, next] = [this.#pages[index]?.calls, this.#pages[index + 1]?.calls];
    if (!own || !next) return;
    const there = new Set(next.map((c) => c.id));
    const shared = own.findIndex((c) => there.has(c.id));
    if (shared >= 0) this.#put(index, own.slice(0, shared));
  }

  /** Lets go of pages further than `keep` pages from those of the rows. */
  letGo(from: number, to: number, keep: number): void {
    const first = this.pageOf(Math.min(from, this.rows - 1));
    const last = this.pageOf(Math.min(to, this.rows - 1));
    for (const [i, page] of this.#pages.entries()) if (i < first - keep || i > last + keep) page.calls = null;
  }

  /** The pages of some rows that have to be read again. */
  missing(from: number, to: number): number[] {
    const found: number[] = [];
    const last = this.pageOf(Math.min(to, this.rows - 1));
    for (let i = Math.max(0, this.pageOf(from)); i <= last; i++) if (!this.#pages[i]?.calls) found.push(i);
    return found;
  }

  /** The calls kept without a break around a row, from the first to the last. */
  around(row: number): { first: number; calls: Call[]; next: string } {
    const at = Math.max(0, this.pageOf(row));
    let [low, high] = [at, at];
    while (low > 0 && this.#pages[low - 1]?.calls) low--;
    while (this.#pages[high + 1]?.calls) high++;
    const calls = this.#pages.slice(low, high + 1).flatMap((p) => p.calls ?? []);
    return { first: this.startOf(low), calls, next: this.#pages[high + 1]?.cursor ?? this.next };
  }

  /** Puts a call in place of what is kept of it; whether it was there. */
  put(call: Call): boolean {
    for (const page of this.#pages) {
      const i = page.calls?.findIndex((c) => c.id === call.id) ?? -1;
      if (i < 0 || !page.calls) continue;
      page.calls = page.calls.map((c, at) => (at === i ? call : c));
      return true;
    }
    return false;
  }
}
