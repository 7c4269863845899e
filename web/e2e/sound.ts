// Sounds for a test: a two-sided microphone, and files as samples.
import { execFileSync } from "node:child_process";
import { type Envelope, envelope } from "./likeness";
import { demo } from "./server";
import { writeWav } from "./wav";

const rate = 48_000;

/** Decodes any audio file that ffmpeg knows, at 48 kHz; one array a channel. */
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
  const sides = ["agent", "customer"].map(
    (side) => decode(`${demo}/${conversation}-${side}.opus`)[0] ?? new Float32Array(),
  );
  const frames = Math.min(Math.max(...sides.map((side) => side.length)), 40 * rate);
  const samples = new Int16Array(frames * 2);
  const [agent, customer] = sides.map((side, channel) => {
    // The side that falls silent first is silent for as long as the other speaks.
    const whole = Float32Array.from({ length: frames }, (_, i) => Math.max(-1, Math.min(1, side[i] ?? 0)));
    for (const [i, sample] of whole.entries()) samples[i * 2 + channel] = Math.round(sample * 32_767);
    return envelope(whole);
  }) as [Envelope, Envelope];
  writeWav(file, samples, 2, rate);
  return { file, agent, customer };
}
