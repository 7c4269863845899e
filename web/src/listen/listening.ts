import { Problem, type Side } from "@/api";
import type { Mixer } from "./mixer";
import { WhepSession } from "./whep";

export type ListenPhase = "connecting" | "sounding" | "waiting" | "broken" | "failed";

export interface ListenReport {
  phase(phase: ListenPhase, problem?: unknown): void;
  /** Click to first sound, ms; told once. */
  firstSound(ms: number): void;
}

const pausesMs = [300, 800, 1500, 3000];

/** One listening to one seat: connects, connects again when it breaks, until stop. */
export class Listening {
  private session: WhepSession | null = null;
  private readonly voices = new Map<Side, { element: HTMLAudioElement; source: AudioNode }>();
  private readonly began = performance.now();
  private tries = 0;
  private heard = false;
  private stopped = false;
  private pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly seat: string,
    private readonly mixer: Mixer,
    private readonly report: ListenReport,
    private readonly iceServers: RTCIceServer[] = [],
  ) {
    void this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.pause);
    this.session?.close();
    this.session = null;
    this.silence();
  }

  /** Tries at once instead of after the pause: the seat has come back. */
  hurry(): void {
    if (this.stopped || this.session) return;
    clearTimeout(this.pause);
    void this.connect();
  }

  private async connect(): Promise<void> {
    const session = new WhepSession(
      `/whep/${encodeURIComponent(this.seat)}`,
      {
        track: (side, track) => this.hear(side, track),
        sound: () => this.sounded(),
        broken: () => this.again("broken"),
      },
      this.iceServers,
    );
    this.session = session;
    try {
      await session.start();
    } catch (err) {
      if (this.stopped || this.session !== session) return;
      session.close();
      if (err instanceof Problem && (err.status === 409 || err.status === 503)) this.again("waiting");
      else if (err instanceof Problem && err.status >= 400 && err.status < 500) this.fail(err);
      else this.again("broken");
    }
  }

  private sounded(): void {
    this.tries = 0;
    this.report.phase("sounding");
    if (this.heard) return;
    this.heard = true;
    this.report.firstSound(Math.round(performance.now() - this.began));
  }

  private fail(problem: Problem): void {
    this.session = null;
    this.silence();
    this.report.phase("failed", problem);
  }

  private again(phase: ListenPhase): void {
    if (this.stopped) return;
    this.session = null;
    this.silence();
    this.report.phase(phase);
    const wait = pausesMs[Math.min(this.tries++, pausesMs.length - 1)];
    this.pause = setTimeout(() => void this.connect(), wait);
  }

  private hear(side: Side, track: MediaStreamTrack): void {
    const stream = new MediaStream([track]);
    // Chromium gives WebAudio no remote sound unless an element plays the stream too.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play().catch(() => undefined); // muted playing is always allowed; a stopped one rejects, rightly
    const source = this.mixer.context.createMediaStreamSource(stream);
    source.connect(this.mixer.input(side));
    this.voices.set(side, { element, source });
  }

  private silence(): void {
    for (const { element, source } of this.voices.values()) {
      source.disconnect();
      element.pause();
      element.srcObject = null;
    }
    this.voices.clear();
  }
}
