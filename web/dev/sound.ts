// Made-up sound for the mock: what it looks like, and a tone a side.

const rate = 8000;

/** Levels of two people taking turns. */
export function wave(durationMs: number): { stepMs: number; agent: string; customer: string } {
  const n = Math.ceil(durationMs / 100);
  const agent = new Uint8Array(n);
  const customer = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const turn = Math.sin(i / 38) + Math.sin(i / 91);
    const voice = () => Math.round(16 + 20 * Math.abs(Math.sin(i * 1.7)) + 12 * Math.random());
    agent[i] = turn > 0.15 ? voice() : 78;
    customer[i] = turn < -0.15 ? voice() : 80;
  }
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return { stepMs: 100, agent: base64(agent), customer: base64(customer) };
}

/** A two-channel WAV: 330 Hz left, 440 Hz right, taking turns each second. */
export function tone(durationMs: number): Buffer {
  const frames = Math.round((durationMs * rate) / 1000);
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
  for (let i = 0; i < frames; i++) {
    const left = Math.floor(i / rate) % 2 === 0;
    wav.writeInt16LE(left ? Math.round(8000 * Math.sin((2 * Math.PI * 330 * i) / rate)) : 0, 44 + i * 4);
    wav.writeInt16LE(left ? 0 : Math.round(8000 * Math.sin((2 * Math.PI * 440 * i) / rate)), 46 + i * 4);
  }
  return wav;
}
