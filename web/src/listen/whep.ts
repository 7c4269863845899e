import type { Side } from "@/api";
import { problemOf } from "@/api/http";

// WHEP: one POST with an offer of two recvonly audio lines, agent first and
// customer second, answered by the server's SDP; DELETE ends it.

/** So long candidates are gathered before the offer goes; the server finds the rest by itself. */
const gatherMs = 200;
/** A connection that says "disconnected" often comes back; so long we believe in it. */
const disconnectedMs = 2500;
/** How often we look whether the first sound has come. */
const harkMs = 30;

export interface WhepEvents {
  /** A side's audio; its first packets may still be on the way. */
  track(side: Side, track: MediaStreamTrack): void;
  /** First audio of any side has arrived. */
  sound(): void;
  /** The stream is over and will not come back by itself. */
  broken(): void;
}

export class WhepSession {
  private readonly pc: RTCPeerConnection;
  private readonly given = new AbortController();
  private resource = "";
  private over = false;
  private doubt: ReturnType<typeof setTimeout> | undefined;
  private ear: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly url: string,
    private readonly events: WhepEvents,
    iceServers: RTCIceServer[] = [],
  ) {
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.onconnectionstatechange = () => this.judge();
  }

  /** Connects; rejects with a Problem if the server refuses. */
  async start(): Promise<void> {
    for (const side of ["agent", "customer"] as const) {
      const { receiver } = this.pc.addTransceiver("audio", { direction: "recvonly" });
      this.events.track(side, receiver.track);
    }
    await this.pc.setLocalDescription();
    await this.gathered();
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: this.pc.localDescription?.sdp ?? "",
      credentials: "same-origin",
      signal: this.given.signal,
    });
    if (!response.ok) throw await problemOf(response);
    this.resource = response.headers.get("Location") ?? "";
    const sdp = await response.text();
    if (this.over) {
      await this.release();
      return;
    }
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    this.ear = setInterval(() => this.hark(), harkMs);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.given.abort();
    clearTimeout(this.doubt);
    clearInterval(this.ear);
    this.pc.onconnectionstatechange = null;
    for (const receiver of this.pc.getReceivers()) receiver.track.stop();
    void this.release();
  }

  /** Says that we are gone before we go, so that the server knows it from us. */
  private async release(): Promise<void> {
    const { resource } = this;
    this.resource = "";
    if (resource) {
      const address = new URL(resource, new URL(this.url, window.location.href));
      // Unanswered is well too: the server notices a listener that is gone.
      await fetch(address, { method: "DELETE", credentials: "same-origin", keepalive: true }).catch(
        () => undefined,
      );
    }
    this.pc.close();
  }

  /** A track's "unmute" comes with the answer already; a source only with played audio. */
  private hark(): void {
    if (!this.pc.getReceivers().some((r) => r.getSynchronizationSources().length > 0)) return;
    clearInterval(this.ear);
    this.events.sound();
  }

  private judge(): void {
    clearTimeout(this.doubt);
    const state = this.pc.connectionState;
    if (state === "failed" || state === "closed") this.broke();
    if (state === "disconnected") this.doubt = setTimeout(() => this.broke(), disconnectedMs);
  }

  private broke(): void {
    if (this.over) return;
    this.close();
    this.events.broken();
  }

  private gathered(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.pc.removeEventListener("icegatheringstatechange", look);
        resolve();
      };
      const look = () => {
        if (this.pc.iceGatheringState === "complete") done();
      };
      const timer = setTimeout(done, gatherMs);
      this.pc.addEventListener("icegatheringstatechange", look);
      look();
    });
  }
}
