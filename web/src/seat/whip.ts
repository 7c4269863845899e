import { Problem, type Side } from "@/api";
import { problemOf } from "@/api/http";
import type { Access } from "./access";
import { type Ice, iceOf, renewIce, writeFragment } from "./fragment";

// WHIP (RFC 9725): one POST with an offer of sendonly audio lines, agent first
// and customer second; PATCH brings late candidates and restarts ICE; DELETE,
// only when a person stops on purpose, ends the session's call at once.

/** So long candidates are gathered before an offer goes; later ones are sent after it. */
const gatherMs = 200;
/** A connection that says "disconnected" often comes back; so long we believe in it. */
const doubtMs = 2000;
/** So long a restart of ICE may take before the connection is given up. */
const restartMs = 5000;
/** So long after a restart that did not reach the server the next one is tried. */
const restartAgainMs = 800;
/** A server that has not answered by then is not reached. */
const answerMs = 8000;
/** A first connection that takes longer does not come about. */
const connectMs = 12_000;

export interface PublicationEvents {
  /** Sound can flow. */
  up(): void;
  /** It cannot; ICE is being restarted. */
  doubt(): void;
  /** The connection is over, and will not come back by itself. */
  lost(): void;
}

/** What became of a connection on the server's side. */
export type Fate = "there" | "gone";

/** A connection of the seat to the server. */
export interface Publication {
  /** Connects; rejects with a Problem if the server refuses or cannot be reached. */
  start(): Promise<void>;
  /** Another track for a side, or silence: nothing is sent, and the server knows. */
  replace(side: Side, track: MediaStreamTrack | null): Promise<void>;
  /** Asks the server; rejects with a Problem if it cannot be reached. */
  fate(): Promise<Fate>;
  /** Ends it on purpose: the server ends a session's call. */
  stop(): Promise<void>;
  /** Lets it go without a word: the server keeps the call open for a while. */
  drop(): void;
}

export interface SideTrack {
  side: Side;
  track: MediaStreamTrack | null;
}

export class WhipClient implements Publication {
  private readonly pc: RTCPeerConnection;
  private readonly given = new AbortController();
  private readonly senders = new Map<Side, RTCRtpSender>();
  private readonly endpoint: string;
  private resource = "";
  private etag = "";
  private late: string[] = [];
  private sent = new Set<string>();
  private over = false;
  private ended = false;
  private restarting = false;
  private timers = new Set<ReturnType<typeof setTimeout>>();
  private doubting: ReturnType<typeof setTimeout> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;

  /** One track of one side says which it is; two are agent and customer. */
  constructor(
    private readonly access: Access,
    private readonly tracks: SideTrack[],
    private readonly events: PublicationEvents,
    iceServers: RTCIceServer[] = [],
  ) {
    const only = tracks.length === 1 ? `?side=${tracks[0]?.side}` : "";
    this.endpoint = `/whip/${encodeURIComponent(access.seat)}${only}`;
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.onconnectionstatechange = () => this.judge();
    this.pc.oniceconnectionstatechange = () => this.judge();
    this.pc.onicecandidate = (e) => this.candidate(e.candidate);
  }

  async start(): Promise<void> {
    this.addTracks();
    await this.pc.setLocalDescription();
    await this.gathered();
    const offer = this.pc.localDescription?.sdp ?? "";
    for (const candidate of iceOf(offer).candidates) this.sent.add(candidate);
    const response = await this.send("POST", this.endpoint, { type: "application/sdp", body: offer });
    if (!response.ok) throw await problemOf(response);
    this.resource = response.headers.get("Location") ?? "";
    this.etag = response.headers.get("ETag") ?? "";
    const answer = await response.text();
    if (this.over || this.ended) return;
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer });
    this.watchTransport();
    this.deadline = this.after(connectMs, () => this.lose());
    this.trickle();
  }

  async replace(side: Side, track: MediaStreamTrack | null): Promise<void> {
    if (!this.over) await this.senders.get(side)?.replaceTrack(track);
  }

  async fate(): Promise<Fate> {
    if (!this.resource) return "gone";
    const response = await this.send("GET", this.resource);
    if (response.ok) return "there";
    if (response.status >= 500 || response.status === 429) throw await problemOf(response);
    return "gone"; // or not ours any more: what is wrong, the next POST will be told
  }

  /** Says so before the connection closes: a server that sees it closed first would wait for our return. */
  async stop(): Promise<void> {
    this.ended = true; // what the connection does from here on is not a loss
    try {
      if (!this.resource) return;
      const response = await request("DELETE", this.resource, { token: this.access.token, keepalive: true });
      if (!response.ok && response.status !== 404) throw await problemOf(response);
    } finally {
      this.drop();
    }
  }

  drop(): void {
    if (this.over) return;
    this.over = true;
    this.given.abort();
    this.silence();
  }

  private silence(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.pc.onconnectionstatechange = null;
    this.pc.oniceconnectionstatechange = null;
    this.pc.onicecandidate = null;
    this.pc.close();
  }

  private addTracks(): void {
    for (const { side, track } of this.tracks) {
      const line = this.pc.addTransceiver(track ?? "audio", { direction: "sendonly" });
      const opus = RTCRtpSender.getCapabilities("audio")?.codecs.filter((c) => /\/opus$/i.test(c.mimeType));
      if (opus?.length) line.setCodecPreferences(opus);
      this.senders.set(side, line.sender);
    }
  }

  /** The server closing the connection shows first in DTLS: it says so, ICE only falls silent. */
  private watchTransport(): void {
    const transport = this.pc.getSenders()[0]?.transport;
    transport?.addEventListener("statechange", () => {
      if (transport.state === "closed" || transport.state === "failed") this.lose();
    });
  }

  private judge(): void {
    if (this.over || this.ended) return;
    const { connectionState, iceConnectionState } = this.pc;
    if (connectionState === "connected" && /^(connected|completed)$/.test(iceConnectionState)) {
      this.clear(this.doubting);
      this.clear(this.deadline);
      this.restarting = false;
      this.events.up();
    } else if (connectionState === "closed") {
      this.lose();
    } else if (iceConnectionState === "failed" || connectionState === "failed") {
      if (this.resource && !this.restarting) this.restart();
    } else if (iceConnectionState === "disconnected" && !this.restarting) {
      this.clear(this.doubting);
      this.doubting = this.after(doubtMs, () => this.restart());
    }
  }

  /** New credentials on the same connection: the call goes on in the same part. */
  private restart(): void {
    this.restarting = true;
    this.clear(this.doubting);
    this.clear(this.deadline);
    this.deadline = this.after(restartMs, () => this.lose());
    this.events.doubt();
    void this.tryRestart();
  }

  private async tryRestart(): Promise<void> {
    try {
      this.sent.clear();
      this.late = [];
      this.pc.restartIce();
      await this.pc.setLocalDescription();
      await this.gathered();
      const offer = this.pc.localDescription?.sdp ?? "";
      const ice = iceOf(offer);
      for (const candidate of ice.candidates) this.sent.add(candidate);
      const response = await this.patch(writeFragment(offer, ice, false));
      if (!response.ok) throw await problemOf(response);
      this.etag = response.headers.get("ETag") ?? this.etag;
      await this.renew(iceOf(await response.text()));
      this.judge(); // it may stand already, and then no event says so
    } catch (err) {
      if (this.ended || this.over) return;
      // A server that was reached and refuses will not change its mind before
      // the deadline; a network that is away may come back.
      if (err instanceof Problem && err.status === 0)
        this.after(restartAgainMs, () => void this.tryRestart());
      else this.lose();
    }
  }

  private async renew(ice: Ice): Promise<void> {
    const answer = this.pc.currentRemoteDescription?.sdp ?? "";
    if (this.over || this.ended || !ice.ufrag) return;
    await this.pc.setRemoteDescription({ type: "answer", sdp: renewIce(answer, ice) });
    this.trickle();
  }

  private candidate(candidate: RTCIceCandidate | null): void {
    if (!candidate?.candidate || this.sent.has(candidate.candidate)) return;
    this.late.push(candidate.candidate);
    if (this.resource && this.pc.signalingState === "stable") this.trickle();
  }

  /** Sends what was found after the offer. One that does not arrive may be the one not needed. */
  private trickle(): void {
    if (this.late.length === 0 || this.over || this.ended) return;
    const offer = this.pc.localDescription?.sdp ?? "";
    const found = this.late.filter((candidate) => !this.sent.has(candidate));
    this.late = [];
    for (const candidate of found) this.sent.add(candidate);
    if (found.length === 0) return;
    const fragment = writeFragment(offer, { ...iceOf(offer), candidates: found }, false);
    this.patch(fragment).catch(() => undefined); // see above; the deadline decides
  }

  private patch(body: string): Promise<Response> {
    return this.send("PATCH", this.resource, {
      type: "application/trickle-ice-sdpfrag",
      body,
      etag: this.etag,
    });
  }

  private send(method: string, path: string, more: Partial<Sending> = {}): Promise<Response> {
    return request(method, path, { token: this.access.token, signal: this.given.signal, ...more });
  }

  private lose(): void {
    if (this.over || this.ended) return;
    this.ended = true;
    this.silence();
    this.events.lost();
  }

  private after(ms: number, fn: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      fn();
    }, ms);
    this.timers.add(timer);
    return timer;
  }

  private clear(timer: ReturnType<typeof setTimeout> | undefined): void {
    if (timer === undefined) return;
    clearTimeout(timer);
    this.timers.delete(timer);
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

interface Sending {
  token: string;
  type?: string;
  body?: string;
  etag?: string;
  keepalive?: boolean;
  signal?: AbortSignal;
}

/** One request that ends within answerMs; rejects with a Problem of status 0 if it does not. */
async function request(method: string, path: string, sending: Sending): Promise<Response> {
  const headers: Record<string, string> = { Authorization: `Bearer ${sending.token}` };
  if (sending.type) headers["Content-Type"] = sending.type;
  if (sending.etag) headers["If-Match"] = sending.etag;
  const ending = new AbortController();
  const end = () => ending.abort();
  const timer = setTimeout(end, answerMs);
  sending.signal?.addEventListener("abort", end);
  try {
    return await fetch(path, {
      method,
      headers,
      body: sending.body ?? null,
      keepalive: sending.keepalive ?? false,
      signal: ending.signal,
      credentials: "omit",
    });
  } catch {
    throw new Problem(0, "unreachable", "");
  } finally {
    clearTimeout(timer);
    sending.signal?.removeEventListener("abort", end);
  }
}
