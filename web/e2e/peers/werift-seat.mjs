// A seat over werift, a WebRTC stack that is neither Chromium nor pion: sends
// the packets of two Ogg Opus files as two tracks by WHIP, until they end.
//
//   node werift-seat.mjs WHIP-URL TOKEN AGENT.opus CUSTOMER.opus SECONDS
import { readFileSync } from "node:fs";
import { MediaStreamTrack, RTCPeerConnection, RtpHeader, RtpPacket, useOPUS } from "werift";

const [url, token, agentFile, customerFile, seconds] = process.argv.slice(2);

/** The audio packets of an Ogg Opus file: RFC 3533 lacing, two header packets. */
function packetsOf(file) {
  const data = readFileSync(file);
  const packets = [];
  let open = [];
  for (let at = 0; at + 27 <= data.length; ) {
    const segments = data[at + 26];
    const lacing = data.subarray(at + 27, at + 27 + segments);
    at += 27 + segments;
    for (const length of lacing) {
      open.push(data.subarray(at, at + length));
      at += length;
      if (length < 255) {
        packets.push(Buffer.concat(open));
        open = [];
      }
    }
  }
  return packets.slice(2);
}

const peer = new RTCPeerConnection({
  codecs: { audio: [useOPUS()], video: [] },
  bundlePolicy: "max-bundle",
  iceServers: [],
});
const tracks = [agentFile, customerFile].map((file) => {
  const track = new MediaStreamTrack({ kind: "audio" });
  peer.addTransceiver(track, { direction: "sendonly" });
  return { track, packets: packetsOf(file) };
});

await peer.setLocalDescription(await peer.createOffer());
if (peer.iceGatheringState !== "complete") {
  await new Promise((done) =>
    peer.iceGatheringStateChange.subscribe((state) => state === "complete" && done()),
  );
}
const answer = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
  body: peer.localDescription.sdp,
});
if (answer.status !== 201) throw new Error(`POST: ${answer.status} ${await answer.text()}`);
const resource = new URL(answer.headers.get("Location"), url);
const connected = new Promise((done) =>
  peer.connectionStateChange.subscribe((state) => state === "connected" && done()),
);
await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
await connected;

// Absolute pacing: packet n of a track leaves n × 20 ms after the first.
const began = performance.now();
const count = Math.round(Number(seconds) * 50);
for (let n = 0; n < count; n++) {
  const wait = began + n * 20 - performance.now();
  if (wait > 0) await new Promise((next) => setTimeout(next, wait));
  for (const [i, { track, packets }] of tracks.entries()) {
    track.writeRtp(
      new RtpPacket(
        new RtpHeader({
          payloadType: 96,
          sequenceNumber: n & 0xffff,
          timestamp: n * 960,
          ssrc: 1000 + i,
          marker: n === 0,
        }),
        packets[n % packets.length],
      ),
    );
  }
}
await fetch(resource, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
await peer.close();
