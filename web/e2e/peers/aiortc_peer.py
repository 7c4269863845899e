"""A seat or a listener over aiortc, a WebRTC stack that is neither Chromium nor pion.

    aiortc_peer.py publish WHIP-URL TOKEN AGENT CUSTOMER SECONDS
    aiortc_peer.py listen WHEP-URL TOKEN AGENT.wav CUSTOMER.wav SECONDS

publish sends two audio files as two tracks by WHIP (RFC 9725); listen asks for
both sides by WHEP and writes what it heard.
"""

import asyncio
import sys
import urllib.parse
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRecorder


def request(method, url, token, body=None):
    asked = urllib.request.Request(url, data=body and body.encode(), method=method)
    asked.add_header("Authorization", f"Bearer {token}")
    if body:
        asked.add_header("Content-Type", "application/sdp")
    with urllib.request.urlopen(asked) as answer:
        return answer.headers.get("Location"), answer.read().decode()


async def negotiate(peer, url, token):
    """Offers, takes the answer, waits for the connection; gives the resource."""
    connected = asyncio.Event()

    @peer.on("connectionstatechange")
    def changed():
        if peer.connectionState == "connected":
            connected.set()

    await peer.setLocalDescription(await peer.createOffer())
    location, answer = await asyncio.to_thread(
        request, "POST", url, token, peer.localDescription.sdp
    )
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), 15)
    print("connected", flush=True)
    return urllib.parse.urljoin(url, location)


async def publish(url, token, agent, customer, seconds):
    peer = RTCPeerConnection()
    players = [MediaPlayer(agent), MediaPlayer(customer)]
    for player in players:
        peer.addTransceiver(player.audio, direction="sendonly")
    resource = await negotiate(peer, url, token)
    await asyncio.sleep(float(seconds))
    await asyncio.to_thread(request, "DELETE", resource, token)
    await peer.close()


async def listen(url, token, agent, customer, seconds):
    peer = RTCPeerConnection()
    recorders = []
    files = [agent, customer]

    @peer.on("track")
    def on_track(track):
        recorder = MediaRecorder(files[len(recorders)])
        recorder.addTrack(track)
        recorders.append(recorder)

    for _ in files:
        peer.addTransceiver("audio", direction="recvonly")
    resource = await negotiate(peer, url, token)
    for recorder in recorders:
        await recorder.start()
    await asyncio.sleep(float(seconds))
    for recorder in recorders:
        await recorder.stop()
    await asyncio.to_thread(request, "DELETE", resource, token)
    await peer.close()


asyncio.run({"publish": publish, "listen": listen}[sys.argv[1]](*sys.argv[2:]))
