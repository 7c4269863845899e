/** Makes two mono tracks of a device's left and right. */
export class Splitter {
  readonly tracks: readonly [MediaStreamTrack, MediaStreamTrack];
  private readonly context: AudioContext;

  /** onchange is called when it begins to run, or stops. */
  constructor(source: MediaStreamTrack, onchange: () => void) {
    this.context = new AudioContext({ latencyHint: "interactive" });
    const split = this.context.createChannelSplitter(2);
    this.context.createMediaStreamSource(new MediaStream([source])).connect(split);
    this.tracks = [this.mono(split, 0), this.mono(split, 1)];
    this.context.onstatechange = onchange;
    this.resume();
  }

  get running(): boolean {
    return this.context.state === "running";
  }

  resume(): void {
    // Refused until somebody clicks: then it is asked again.
    if (this.context.state === "suspended") this.context.resume().catch(() => undefined);
  }

  close(): void {
    this.context.onstatechange = null;
    for (const track of this.tracks) track.stop();
    if (this.context.state !== "closed") void this.context.close();
  }

  private mono(split: ChannelSplitterNode, channel: number): MediaStreamTrack {
    const out = this.context.createMediaStreamDestination();
    out.channelCount = 1;
    out.channelCountMode = "explicit";
    split.connect(out, channel);
    const track = out.stream.getAudioTracks()[0];
    if (!track) throw new Error("a destination without a track");
    return track;
  }
}
