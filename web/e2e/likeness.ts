// How alike two sounds are, and where in the one the other lies. Sounds are compared
// by their loudness over time, in windows of 50 ms that begin every 5 ms: what is
// heard begins anywhere in what was recorded, and windows that stand half a window
// apart would make the same sound look like another.

/** Loudness is told each so many ms. */
export const stepMs = 5;
/** And compared by windows of so many steps. */
const windowSteps = 10;
/** A side whose loudest window is below this says nothing: noise is like noise everywhere. */
const audible = 0.003;
/** So long nothing at all is sent where a sound is interrupted, steps. */
const pauseSteps = 40 / stepMs;
/** So much before its beginning and after its end a sound may be found, ms. */
const beyondMs = 1000;
/** What is not played evenly is compared piece by piece, steps. */
const pieceSteps = 2000 / stepMs;

/** Loudness over time: one RMS value each step. */
export type Envelope = number[];
/** The sides of a sound, each as long as the others. */
export type Sides = Envelope[];

/** The envelope of samples at a rate in Hz. */
export function envelope(samples: ArrayLike<number>, rate = 48_000): Envelope {
  const per = (rate * stepMs) / 1000;
  return Array.from({ length: Math.floor(samples.length / per) }, (_, step) => {
    const [from, to] = [Math.round(step * per), Math.round((step + 1) * per)];
    let sum = 0;
    for (let i = from; i < to; i++) sum += (samples[i] ?? 0) ** 2;
    return Math.sqrt(sum / (to - from));
  });
}

/** The envelope of the same sound played so many times as fast, a whole number. */
export const faster = (played: Envelope, times: number): Envelope =>
  Array.from({ length: Math.floor(played.length / times) }, (_, i) => {
    const steps = played.slice(i * times, (i + 1) * times);
    return Math.sqrt(steps.reduce((sum, rms) => sum + rms * rms, 0) / times);
  });

/** What was heard from where anything at all was sent to a side. */
export function begun(heard: Sides): Sides {
  const from = heard[0]?.findIndex((_, i) => heard.some((side) => side[i] !== 0)) ?? 0;
  return heard.map((side) => side.slice(Math.max(0, from)));
}

/** What was heard between pauses in which nothing at all was sent to any side. */
export function stretchesOf(heard: Sides): { ms: number; sides: Sides }[] {
  const length = heard[0]?.length ?? 0;
  const sent = Array.from({ length }, (_, i) => heard.some((side) => side[i] !== 0));
  const stretches: { ms: number; sides: Sides }[] = [];
  for (let from = sent.indexOf(true); from >= 0; ) {
    let to = from;
    for (let i = from; i < length && i - to <= pauseSteps; i++) if (sent[i]) to = i;
    stretches.push({ ms: from * stepMs, sides: heard.map((side) => side.slice(from, to + 1)) });
    from = sent.indexOf(true, to + 1);
  }
  return stretches;
}

/** All that was heard, without the pauses in which nothing at all was sent: a player that was interrupted goes on where it was. */
export const unbroken = (heard: Sides): Sides => {
  const stretches = stretchesOf(heard);
  return heard.map((_, side) => stretches.flatMap(({ sides }) => sides[side] ?? []));
};

export interface Match {
  /** Where in what was played that which was heard began, ms; below 0 before its beginning. */
  ms: number;
  /** Pearson's correlation there over all sides at once, -1 to 1; 0 where nothing was to be heard. */
  likeness: number;
}

export interface Search {
  /** What was played is played over and over. */
  loops?: boolean;
  /** Where it may have begun, ms; anywhere unless it is said. */
  from?: number;
  to?: number;
  /**
   * So far, ms, a piece of it may lie from where the whole lies: what listens live
   * stretches and squeezes time to hide the network's unrest, and on a busy machine
   * sound stutters. As alike as most pieces are is then the whole: their median.
   */
  give?: number;
}

/** Where in what was played that which was heard fits best, and how well. */
export function match(heard: Sides, played: Sides, search: Search = {}): Match {
  const [first, last] = limits(heard, played, search);
  const give = Math.round((search.give ?? 0) / stepMs);
  const h = heard.map(windowsOf);
  // What lies around the place of a piece is looked at, too.
  const p = played.map((side) => lay(side, first - give, last + give + (h[0]?.length ?? 0), search.loops));
  const best = bestOf(h, p, give, give + last - first);
  const found = { ms: (best.at - give + first) * stepMs, likeness: best.likeness };
  return give === 0 ? found : { ...found, likeness: likenessOfPieces(h, p, best.at, give) };
}

/** How alike what was heard is to what was played from a place on, ms. */
export const likenessAt = (heard: Sides, played: Sides, ms: number, loops = false): number =>
  match(heard, played, { loops, from: ms, to: ms }).likeness;

/** How far two places in a loop of so many ms are from each other. */
export function distance(a: number, b: number, loop: number): number {
  const ahead = (((a - b) % loop) + loop) % loop;
  return Math.min(ahead, loop - ahead);
}

type Windows = Float64Array;

/** The first and the last place to look at, in steps. */
function limits(heard: Sides, played: Sides, { loops, from, to }: Search): [number, number] {
  const length = played[0]?.length ?? 0;
  const beyond = beyondMs / stepMs;
  const end = loops ? length - 1 : Math.max(0, length - (heard[0]?.length ?? 0) + beyond);
  return [
    from === undefined ? (loops ? 0 : -beyond) : Math.round(from / stepMs),
    to === undefined ? end : Math.round(to / stepMs),
  ];
}

/** The RMS of each window, one a step. */
function windowsOf(steps: ArrayLike<number>): Windows {
  const windows = new Float64Array(Math.max(0, steps.length - windowSteps + 1));
  for (let i = 0; i < windows.length; i++) {
    let sum = 0;
    for (let k = i; k < i + windowSteps; k++) sum += (steps[k] ?? 0) ** 2;
    windows[i] = Math.sqrt(sum / windowSteps);
  }
  return windows;
}

/** The windows of a side from a step to another; silent beyond its ends, unless it loops. */
function lay(side: Envelope, from: number, to: number, loops = false): Windows {
  const length = to - from + windowSteps - 1;
  const wrap = (i: number) => ((i % side.length) + side.length) % side.length;
  return windowsOf(Float64Array.from({ length }, (_, i) => side[loops ? wrap(from + i) : from + i] ?? 0));
}

interface Fit {
  at: number;
  likeness: number;
}

function bestOf(heard: Windows[], played: Windows[], first: number, last: number): Fit {
  let best: Fit = { at: first, likeness: -1 };
  for (let at = first; at <= last; at++) {
    const likeness = correlation(heard, played, at);
    if (likeness > best.likeness) best = { at, likeness };
  }
  return best;
}

/** The median of how alike the pieces are in which anything is to be heard, each where it fits best, not far from its place. */
function likenessOfPieces(heard: Windows[], played: Windows[], at: number, give: number): number {
  const alike: number[] = [];
  const length = heard[0]?.length ?? 0;
  for (let from = 0; from === 0 || from + pieceSteps <= length; from += pieceSteps) {
    const piece = heard.map((side) => side.subarray(from, from + pieceSteps));
    const { likeness } = bestOf(piece, played, Math.max(0, at + from - give), at + from + give);
    if (likeness !== 0) alike.push(likeness);
  }
  return alike.sort((a, b) => a - b)[Math.floor((alike.length - 1) / 2)] ?? 0;
}

/** Pearson's correlation of the sides heard with those played from a window on. */
function correlation(heard: Windows[], played: Windows[], at: number): number {
  let [n, sx, sy, sxx, syy, sxy, loudest] = [0, 0, 0, 0, 0, 0, 0];
  for (const [side, xs] of heard.entries()) {
    const ys = played[side];
    for (let i = 0; i < xs.length; i++) {
      const x = xs[i] as number;
      const y = ys?.[at + i] ?? 0;
      if (x > loudest) loudest = x;
      sx += x;
      sy += y;
      sxx += x * x;
      syy += y * y;
      sxy += x * y;
    }
    n += xs.length;
  }
  const spread = Math.sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
  return loudest < audible || !(spread > 0) ? 0 : (n * sxy - sx * sy) / spread;
}
