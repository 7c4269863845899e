// Sounds for a test: a two-sided microphone, and how alike two sounds are.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";

const rate = 48000;
const step = rate / 20; // envelopes count in 50 ms

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

/**
 * How alike `heard` is to `played`, which repeats: the best Pearson correlation
 * over all places in the loop where `heard` may have begun.
 */
export function likeness(heard: Envelope, played: Envelope): number {
  let best = -1;
  for (let offset = 0; offset < played.length; offset++) {
    best = Math.max(
      best,
      correlation(heard, (i) => played[(i + offset) % played.length] ?? 0),
    );
  }
  return best;
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
