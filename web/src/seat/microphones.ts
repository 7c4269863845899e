import type { Side } from "@/api";
import { type DeviceRef, devicesOf, findDevice, microphonesIn, type Setup, sidesOf } from "./devices";
import { Splitter } from "./splitter";

// Takes sound from the microphones that a setup names, and keeps taking it: a
// microphone that was pulled is taken up again when it is back.

/** Why there is no sound from the microphones at all. */
export type MicTrouble = "insecure" | "denied" | "none" | "missing" | "busy" | "failed";

export class MicError extends Error {
  constructor(readonly trouble: MicTrouble) {
    super(trouble);
    this.name = "MicError";
  }
}

/** Why there is none from one side: pulled, held back by the browser until somebody clicks, muted by the system. */
export type SideTrouble = "" | "gone" | "asleep" | "muted";

/** The sound of each side of a setup; a side without a track brings nothing. */
export interface Capture {
  readonly setup: Setup;
  readonly sides: readonly Side[];
  track(side: Side): MediaStreamTrack | null;
  trouble(side: Side): SideTrouble;
  /** True if a device that shall bring two sides brings only one channel. */
  readonly narrow: boolean;
  /** Called when a side's track or trouble has changed. */
  onchange: (() => void) | null;
  /** Somebody has clicked: what the browser held back may begin. */
  wake(): void;
  close(): void;
}

/** So often a missing microphone is looked for where the browser does not tell. */
const lookAgainMs = 3000;

/** Whether the browser gives this page microphones at all. */
export const canCapture = (): boolean => window.isSecureContext && !!navigator.mediaDevices?.getUserMedia;

/** The microphones there are; their names only once permission was given. */
export async function listMicrophones(): Promise<DeviceRef[]> {
  if (!canCapture()) throw new MicError("insecure");
  return microphonesIn(await navigator.mediaDevices.enumerateDevices());
}

/** Asks for permission, so that devices get names. Rejects with a MicError. */
export async function askPermission(): Promise<void> {
  const stream = await capture({ audio: true });
  for (const track of stream.getTracks()) track.stop();
}

/** Takes up the setup's microphones; rejects with a MicError if it gets none of them. */
export async function openMicrophones(setup: Setup): Promise<Capture> {
  const capture = new DeviceCapture(setup);
  try {
    await capture.open();
  } catch (err) {
    capture.close();
    throw err;
  }
  return capture;
}

/** Constraints of evidence: what the microphone heard, not what a filter made of it. */
const constraints = (id: string, channels: number): MediaStreamConstraints => ({
  audio: {
    deviceId: { exact: id },
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
    channelCount: { ideal: channels },
  },
});

/** A device that is being taken, and the sides it brings. */
interface Line {
  device: DeviceRef;
  /** The id by which it was found this time. */
  id: string;
  source: MediaStreamTrack | null;
  splitter: Splitter | null;
}

class DeviceCapture implements Capture {
  onchange: (() => void) | null = null;
  narrow = false;
  readonly sides: readonly Side[];
  private readonly lines: Line[];
  private closed = false;
  private looking = false;
  private readonly looker: ReturnType<typeof setInterval>;
  private readonly look = () => void this.takeMissing();

  constructor(readonly setup: Setup) {
    this.sides = sidesOf(setup);
    this.lines = devicesOf(setup).map((device) => ({ device, id: "", source: null, splitter: null }));
    this.looker = setInterval(this.look, lookAgainMs);
  }

  /** Takes what is there; one of two is better than none. */
  async open(): Promise<void> {
    if (!canCapture()) throw new MicError("insecure");
    navigator.mediaDevices.addEventListener("devicechange", this.look);
    const troubles = await this.takeAll();
    if (!this.lines.some((line) => line.source)) throw new MicError(troubles[0] ?? "missing");
  }

  track(side: Side): MediaStreamTrack | null {
    const line = this.lineOf(side);
    if (!line?.source) return null;
    if (this.setup.kind !== "stereo") return line.source;
    // A splitter that sleeps would send silence that was never heard.
    return line.splitter?.running ? line.splitter.tracks[this.channelOf(side)] : null;
  }

  trouble(side: Side): SideTrouble {
    const line = this.lineOf(side);
    if (!line?.source) return "gone";
    if (line.splitter && !line.splitter.running) return "asleep";
    return line.source.muted ? "muted" : "";
  }

  wake(): void {
    for (const line of this.lines) line.splitter?.resume();
  }

  close(): void {
    this.closed = true;
    this.onchange = null;
    clearInterval(this.looker);
    navigator.mediaDevices?.removeEventListener("devicechange", this.look);
    for (const line of this.lines) release(line);
  }

  private lineOf(side: Side): Line | undefined {
    return this.lines[this.setup.kind === "two" && side === "customer" ? 1 : 0];
  }

  private channelOf(side: Side): 0 | 1 {
    const swapped = this.setup.kind === "stereo" && this.setup.swapped;
    return (side === "customer") !== swapped ? 1 : 0;
  }

  private async takeMissing(): Promise<void> {
    if (this.closed || this.looking || this.lines.every((line) => line.source)) return;
    const before = this.lines.filter((line) => line.source).length;
    await this.takeAll();
    if (!this.closed && this.lines.filter((line) => line.source).length > before) this.onchange?.();
  }

  /** Takes each line that has no sound; answers why some still have none. */
  private async takeAll(): Promise<MicTrouble[]> {
    this.looking = true;
    const troubles: MicTrouble[] = [];
    try {
      for (const line of this.lines) {
        if (line.source) continue;
        try {
          await this.take(line);
        } catch (err) {
          troubles.push(err instanceof MicError ? err.trouble : "failed");
        }
      }
    } finally {
      this.looking = false;
    }
    return troubles;
  }

  private async take(line: Line): Promise<void> {
    const there = await listMicrophones();
    const taken = this.lines.filter((other) => other !== line && other.source).map((other) => other.id);
    // Without permission devices have no names nor ids: asking by the old id brings the question.
    const nameless = there.every((d) => d.label === "");
    const device = nameless ? line.device : findDevice(line.device, there, taken);
    if (!device) throw new MicError(there.length === 0 ? "none" : "missing");
    const stereo = this.setup.kind === "stereo";
    const stream = await capture(constraints(device.id, stereo ? 2 : 1));
    const source = stream.getAudioTracks()[0];
    if (!source) throw new MicError("failed");
    if (this.closed) return source.stop();
    line.id = device.id;
    line.source = source;
    if (stereo) {
      this.narrow = source.getSettings().channelCount === 1;
      line.splitter = new Splitter(source, () => this.onchange?.());
    }
    source.onended = () => {
      release(line);
      this.onchange?.();
      void this.takeMissing();
    };
    source.onmute = () => this.onchange?.();
    source.onunmute = () => this.onchange?.();
  }
}

function release(line: Line): void {
  if (line.source) {
    line.source.onended = null;
    line.source.onmute = null;
    line.source.onunmute = null;
    line.source.stop();
  }
  line.splitter?.close();
  line.source = null;
  line.splitter = null;
}

async function capture(wanted: MediaStreamConstraints): Promise<MediaStream> {
  if (!canCapture()) throw new MicError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia(wanted);
  } catch (err) {
    throw new MicError(troubleOf(err));
  }
}

function troubleOf(err: unknown): MicTrouble {
  switch (err instanceof DOMException ? err.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
      return "none";
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
  }
  return "failed";
}
