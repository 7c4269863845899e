import type { Side } from "@/api";
import { levelGap } from "@/live/levels";
import type { Capture } from "./microphones";

// How loud the microphones are before anything is sent; once it is, the server
// says what it hears.

/** So often, ms. */
const everyMs = 100;

const quietest = 127;

/** The level of samples as the server counts it: −dBov, 0 loudest, 127 silence. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const rms = Math.sqrt(sum / (samples.length || 1));
  return rms > 0 ? Math.min(quietest, Math.max(0, Math.round(-20 * Math.log10(rms)))) : quietest;
}

/** Watches the sides of a capture until closed. */
export class LevelMeter {
  private readonly context = new AudioContext();
  private readonly ears = new Map<
    Side,
    { track: MediaStreamTrack; ear: AnalyserNode; node: MediaStreamAudioSourceNode }
  >();
  private readonly samples = new Float32Array(4096);
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly capture: Capture,
    private readonly tell: (agent: number, customer: number) => void,
  ) {
    this.timer = setInterval(() => this.tell(this.level("agent"), this.level("customer")), everyMs);
  }

  /** True while the browser holds sound back until somebody clicks. */
  get asleep(): boolean {
    return this.context.state === "suspended";
  }

  wake(): void {
    this.context.resume().catch(() => undefined); // refused until a click; then asked again
  }

  close(): void {
    clearInterval(this.timer);
    void this.context.close();
  }

  private level(side: Side): number {
    const track = this.capture.track(side);
    if (!track) return levelGap;
    let known = this.ears.get(side);
    if (known?.track !== track) {
      known?.node.disconnect();
      const ear = this.context.createAnalyser();
      ear.fftSize = this.samples.length;
      const node = this.context.createMediaStreamSource(new MediaStream([track]));
      node.connect(ear);
      known = { track, ear, node };
      this.ears.set(side, known);
    }
    known.ear.getFloatTimeDomainData(this.samples);
    return levelOf(this.samples);
  }
}
