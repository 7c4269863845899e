import type { Side } from "@/api";
import { levelFill } from "@/live/levels";

// The one place where sound leaves the page: a bus a side, each with its volume
// and its place between left and right. Live audio and replays go into it.

interface Bus {
  gain: GainNode;
  panner: StereoPannerNode;
  meter: AnalyserNode;
}

export class Mixer {
  readonly context: AudioContext;
  private readonly buses: Record<Side, Bus>;
  private readonly samples = new Float32Array(1024);
  private apart = true;
  private mixed = false;

  constructor() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.buses = { agent: this.bus(), customer: this.bus() };
    this.place();
  }

  /** Where a side's sound goes in. */
  input(side: Side): AudioNode {
    return this.buses[side].meter;
  }

  /** Wakes the context; browsers only let it after a click or a key. False if it stays silent. */
  async wake(): Promise<boolean> {
    if (this.context.state !== "running") {
      await Promise.race([this.context.resume(), new Promise((r) => setTimeout(r, 500))]);
    }
    return this.context.state === "running";
  }

  /** Sets a side's volume, 0 to 1; the ear hears the square as even steps. */
  setVolume(side: Side, volume: number): void {
    this.buses[side].gain.gain.setTargetAtTime(volume * volume, this.context.currentTime, 0.01);
  }

  /** Agent left and customer right, or both in the middle. */
  setApart(apart: boolean): void {
    this.apart = apart;
    this.place();
  }

  /** One track that carries both sides belongs in the middle. */
  setMixed(mixed: boolean): void {
    this.mixed = mixed;
    this.place();
  }

  /** How much of a meter a side's sound fills now, before its volume; 0 to 1. */
  fill(side: Side): number {
    this.buses[side].meter.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const s of this.samples) sum += s * s;
    const rms = Math.sqrt(sum / this.samples.length);
    return rms > 0 ? levelFill(-20 * Math.log10(rms)) : 0;
  }

  private place(): void {
    const pan = this.apart && !this.mixed ? 1 : 0;
    this.buses.agent.panner.pan.value = -pan;
    this.buses.customer.panner.pan.value = pan;
  }

  private bus(): Bus {
    const meter = new AnalyserNode(this.context, {
      fftSize: 1024,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    const gain = new GainNode(this.context, { channelCount: 1, channelCountMode: "explicit" });
    const panner = new StereoPannerNode(this.context, { channelCount: 1, channelCountMode: "explicit" });
    meter.connect(gain).connect(panner).connect(this.context.destination);
    return { gain, panner, meter };
  }
}
