// Sounds for a test: a two-sided microphone, and how alike two sounds are.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

const rate = 48000;
const step = rate / 20; // envelopes count in 50 ms
const stretch = 60; // steps

const demo = resolve(import.meta.dirname, "../../ingest/seat/demo");

/** Loudness over time: one RMS value each 50 ms. */
export type Envelope = number[];

/** The 50 ms envelope of samples. */
export function envelope(samples: ArrayLike<number>, samplesPerStep = step): Envelope {
  const steps: Envelope = [];
  for (let at = 0; at + samplesPerStep <= samples.length; at += samplesPerStep) {
    let sum = 0;
    for (let i = at; i < at + samplesPerStep; i++) {
      const sample = samples[i] ?? 0;
      sum += sample * sample;
    }
    steps.push(Math.sqrt(sum / samplesPerStep));
  }
  return steps;
}

/** Decodes any audio file that ffmpeg knows; one array a channel. */
export function decode(file: string): Float32Array[] {
  const layout = execFileSync("ffprobe", [
    ...["-v", "error", "-show_entries", "stream=channels", "-of", "csv=p=0", file],
  ]);
  const channels = Number.parseInt(layout.toString(), 10);
  const raw = execFileSync("ffmpeg", ["-v", "error", "-i", file, "-f", "f32le", "-ar", String(rate), "-"], {
    maxBuffer: 1 << 30,
  });
  const interleaved = new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from(
      { length: interleaved.length / channels },
      (_, i) => interleaved[i * channels + channel] ?? 0,
    ),
  );
}

export interface Microphone {
  file: string;
  agent: Envelope;
  customer: Envelope;
}

/**
 * Writes a stereo WAV, agent left and customer right, from one of the demo
 * conversations; Chromium plays it in a loop as its fake microphone.
 */
export function twoSidedMicrophone(file: string, conversation: string): Microphone {
  const [agent, customer] = ["agent", "customer"].map(
    (side) => decode(`${demo}/${conversation}-${side}.opus`)[0] ?? new Float32Array(),
  ) as [Float32Array, Float32Array];
  const frames = Math.min(Math.max(agent.length, customer.length), 40 * rate);
  const wav = Buffer.alloc(44 + frames * 4);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + frames * 4, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(2, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 4, 28);
  wav.writeUInt16LE(4, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(frames * 4, 40);
  const pcm = (sample = 0) => Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
  for (let i = 0; i < frames; i++) {
    wav.writeInt16LE(pcm(agent[i]), 44 + i * 4);
    wav.writeInt16LE(pcm(customer[i]), 46 + i * 4);
  }
  writeFileSync(file, wav);
  return {
    file,
    agent: envelope(agent.subarray(0, frames)),
    customer: envelope(customer.subarray(0, frames)),
  };
}

export interface Match {
  /** Where in the loop `heard` began, in steps of 50 ms. */
  offset: number;
  /** Pearson's correlation there, -1 to 1. */
  likeness: number;
}

/**
 * Where in the loop of `played` what was heard fits best, and how well. `give`:
 * so many steps a stretch of three seconds may lie from where the whole lies;
 * what listens live stretches and squeezes time to hide the network's unrest.
 */
export function match(heard: Envelope, played: Envelope, give = 0): Match {
  let best: Match = { offset: 0, likeness: -1 };
  for (let offset = 0; offset < played.length; offset++) {
    const likeness = likenessAt(heard, played, offset);
    if (likeness > best.likeness) best = { offset, likeness };
  }
  if (give === 0) return best;
  const fitting: Envelope = [];
  for (let at = 0; at < heard.length; at += stretch) {
    const part = heard.slice(at, at + stretch);
    let near: Match = { offset: best.offset + at, likeness: -1 };
    for (let offset = best.offset + at - give; offset <= best.offset + at + give; offset++) {
      const likeness = likenessAt(part, played, offset + played.length);
      if (likeness > near.likeness) near = { offset, likeness };
    }
    fitting.push(...part.map((_, i) => played[(near.offset + i + played.length) % played.length] ?? 0));
  }
  return { offset: best.offset, likeness: correlation(heard, (i) => fitting[i] ?? 0) };
}

/**
 * How alike `heard` is to `played`, which repeats: the best Pearson correlation
 * over all places in the loop where `heard` may have begun.
 */
export const likeness = (heard: Envelope, played: Envelope): number => match(heard, played).likeness;

/** Pearson's correlation of `heard` with the loop of `played` from `offset` on. */
export const likenessAt = (heard: Envelope, played: Envelope, offset: number): number =>
  correlation(heard, (i) => played[(i + offset) % played.length] ?? 0);

/** How far two places in a loop of so many steps are from each other. */
export function distance(a: number, b: number, loop: number): number {
  const ahead = (((a - b) % loop) + loop) % loop;
  return Math.min(ahead, loop - ahead);
}

/** The envelope of the same sound played so many times as fast. */
export function faster(played: Envelope, times: number): Envelope {
  return Array.from({ length: Math.floor(played.length / times) }, (_, i) => {
    const steps = played.slice(i * times, (i + 1) * times);
    return Math.sqrt(steps.reduce((sum, rms) => sum + rms * rms, 0) / times);
  });
}

function correlation(heard: Envelope, at: (i: number) => number): number {
  const n = heard.length;
  let [sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    const x = heard[i] ?? 0;
    const y = at(i);
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  const spread = Math.sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
  return spread === 0 ? 0 : (n * sxy - sx * sy) / spread;
}
