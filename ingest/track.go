package ingest

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"earshot/ingest/recorder"
)

// Track is one incoming track of a stream: the seam between the wire and all
// that is done with audio. Whatever reads the wire calls Receive.
type Track struct {
	source   *source
	types    []uint8 // payload types that are audio; none: all
	levelExt uint8
	ring     *ring
	fan      *fanout
	meter    meter // made when a packet first comes whose header does not say its level

	dropped atomic.Uint64 // packets that were no RTP, or of no negotiated payload type
	mended  atomic.Uint32 // packets that the link had lost, and that came by another way, since the loop last looked

	report atomic.Pointer[senderReport] // nil once the recording has it

	// What follows belongs to the floor's loop.
	stats linkStats
	last  time.Time // arrival of the newest packet
}

// senderReport is the newest RTCP sender report: which RTP time was which wall
// time at the sender.
type senderReport struct {
	ssrc uint32
	ntp  time.Time
	rtp  uint32
}

// newTrack is a stream's i-th track; fan may be nil.
func newTrack(info StreamInfo, i int, fan *fanout) *Track {
	t := &Track{
		source:   &source{Stream: info.ID, Track: info.Tracks[i], LevelExt: info.LevelExt},
		levelExt: info.LevelExt, ring: newRing(trackRing), fan: fan,
		stats: linkStats{clockRate: float64(info.Tracks[i].Codec.ClockRate())},
	}
	if i < len(info.Types) {
		t.types = info.Types[i]
	}
	return t
}

// Receive takes one RTP packet that came at arrival. It is called by one
// goroutine at a time, does not wait, does not keep rtp and does not allocate.
// What is no RTP packet of the track is counted and dropped.
func (t *Track) Receive(rtp []byte, arrival time.Time) {
	h, ok := parseRTP(rtp, t.levelExt)
	if !ok || !t.takes(h.payloadType) {
		t.dropped.Add(1)
		return
	}
	r := record{
		arrival: arrival.UnixNano(), ssrc: h.ssrc, timestamp: h.timestamp, seq: h.seq,
		level: h.level, right: recorder.NoLevel, payload: rtp[h.payload:h.end],
	}
	if len(r.payload) > 0 && (r.level == recorder.NoLevel || t.source.Track.Channels == 2) {
		if t.meter == nil {
			t.meter = newMeter(t.source.Track)
		}
		r.level, r.right = t.meter.measure(r.payload)
	}
	t.ring.put(&r)
	if t.fan != nil {
		t.fan.write(t.source, rtp, arrival)
	}
}

// takes says whether the payload type is the track's audio. Comfort noise and
// telephone events come under types of their own and are no audio.
func (t *Track) takes(payloadType uint8) bool {
	for _, known := range t.types {
		if known == payloadType {
			return true
		}
	}
	return len(t.types) == 0
}

// rtpHeader is what is wanted of an RTP packet's header.
type rtpHeader struct {
	payloadType  uint8
	level        uint8 // RFC 6464, recorder.NoLevel if absent
	seq          uint16
	timestamp    uint32
	ssrc         uint32
	payload, end int // where the payload lies
}

// parseRTP reads the header of an RTP packet (RFC 3550, section 5.1) and the
// audio level in its header extension levelExt (RFC 6464 in RFC 8285, of one
// or two bytes); levelExt 0 is none. ok is false for what is no RTP packet.
func parseRTP(p []byte, levelExt uint8) (h rtpHeader, ok bool) {
	if len(p) < 12 || p[0]>>6 != 2 {
		return h, false
	}
	h.payloadType = p[1] & 0x7f
	h.seq = binary.BigEndian.Uint16(p[2:])
	h.timestamp = binary.BigEndian.Uint32(p[4:])
	h.ssrc = binary.BigEndian.Uint32(p[8:])
	h.level = recorder.NoLevel
	h.payload, h.end = 12+4*int(p[0]&0x0f), len(p)
	if p[0]&0x10 != 0 {
		if h.payload+4 > len(p) {
			return h, false
		}
		profile := binary.BigEndian.Uint16(p[h.payload:])
		start := h.payload + 4
		h.payload = start + 4*int(binary.BigEndian.Uint16(p[h.payload+2:]))
		if h.payload > len(p) {
			return h, false
		}
		if levelExt != 0 {
			h.level = extLevel(profile, p[start:h.payload], levelExt)
		}
	}
	if p[0]&0x20 != 0 { // padding: its last byte says how much
		h.end -= int(p[len(p)-1])
	}
	return h, h.payload <= h.end
}

// extLevel finds the audio level among header extensions.
func extLevel(profile uint16, ext []byte, id uint8) uint8 {
	wide := profile>>4 == 0x100
	if profile != 0xBEDE && !wide {
		return recorder.NoLevel
	}
	for i := 0; i < len(ext); {
		var have uint8
		var n, head int
		switch {
		case ext[i] == 0: // padding between elements
			i++
			continue
		case wide:
			if i+1 >= len(ext) {
				return recorder.NoLevel
			}
			have, n, head = ext[i], int(ext[i+1]), 2
		default:
			have, n, head = ext[i]>>4, int(ext[i]&0x0f)+1, 1
			if have == 15 { // reserved: the rest is not to be read
				return recorder.NoLevel
			}
		}
		if i+head+n > len(ext) {
			return recorder.NoLevel
		}
		if have == id && n > 0 {
			return ext[i+head] & 0x7f
		}
		i += head + n
	}
	return recorder.NoLevel
}
