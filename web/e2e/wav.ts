// WAV files as tests write them.
import { writeFileSync } from "node:fs";

const headBytes = 44;

/** Writes 16-bit PCM, the channels' samples in turn, at a rate in Hz. */
export function writeWav(file: string, samples: Int16Array, channels: number, rate: number): void {
  const frameBytes = channels * 2;
  const head = Buffer.alloc(headBytes);
  head.write("RIFF", 0);
  head.writeUInt32LE(headBytes - 8 + samples.byteLength, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); // PCM
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * frameBytes, 28);
  head.writeUInt16LE(frameBytes, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.byteLength, 40);
  writeFileSync(file, head);
  writeFileSync(file, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength), { flag: "a" });
}
