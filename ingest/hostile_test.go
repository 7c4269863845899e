package ingest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/audio/ogg"
	"earshot/ingest/recorder"
)

// packetsOf are the payloads in the only part of a seat's only call.
func (h *hall) packetsOf(t *testing.T, seat string) (earshot.Call, [][]byte) {
	t.Helper()
	var call earshot.Call
	h.news.until(t, "the call of "+seat+" is kept", func() bool {
		for _, c := range h.shelf.all() {
			if c.Seat == seat && c.State == earshot.CallStored {
				call = c
				return true
			}
		}
		return false
	})
	if len(call.Parts) != 1 {
		t.Fatalf("%s: parts %+v", seat, call.Parts)
	}
	h.files.mu.Lock()
	file := h.files.parts[call.Parts[0].File]
	data := slices.Clone(file.data)
	h.files.mu.Unlock()
	r, err := ogg.NewOpusReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return call, packets
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(p.Data))
	}
}

// genuine counts the packets of a device that lie in a file, in order, and those
// in it that nobody sent there.
func genuine(d *device, packets [][]byte) (kept, foreign int) {
	next := uint16(1000)
	for _, p := range packets {
		switch {
		case len(p) == 3 && p[0] == 0xf8 && d.sent(p):
			if seq := uint16(p[1]) | uint16(p[2])<<8; seq >= next {
				next = seq + 1
				kept++
			}
		case len(p) == 1: // what fills a gap
		default:
			foreign++
		}
	}
	return kept, foreign
}

// sent says whether the payload is one of the device's.
func (d *device) sent(p []byte) bool {
	seq := uint16(p[1]) | uint16(p[2])<<8
	return seq >= 1000 && seq < d.tracks[0].seq
}

// What a seat may do to itself, and what it must not do to another: the seat's
// file has what was genuine, the other's lacks nothing, and the wall says what it
// can see.
func TestHostileSeats(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	packet := func(ssrc uint32, seq uint16, ts uint32, size int) []byte {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: seq, Timestamp: ts, SSRC: ssrc},
			Payload: bytes.Repeat([]byte{0xf8}, size)}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, row := range []struct {
		name      string
		attack    func(d *device, at time.Time, n int) // each 20 ms, for 6 s
		attention earshot.Attention                    // some time during the attack
		least     int                                  // of 600 genuine packets in its file
		foreign   bool                                 // its own file may have what it sent itself
	}{
		{"it stalls", func(d *device, _ time.Time, _ int) { d.mute = true }, earshot.AttentionStalled, 298, false},
		{"it sends garbage", func(d *device, at time.Time, _ int) {
			for range 20 {
				junk := make([]byte, dice.IntN(200))
				for i := range junk {
					junk[i] = byte(dice.IntN(256))
				}
				if len(junk) > 0 {
					junk[0] = junk[0]&0x3f | byte(dice.IntN(2))<<6 // no RTP by its version
				}
				d.stream.Track(0).Receive(junk, at)
			}
		}, "", 600, false},
		{"forged sources", func(d *device, at time.Time, n int) {
			for i := range 20 {
				d.stream.Track(0).Receive(packet(dice.Uint32(), uint16(dice.IntN(1<<16)), dice.Uint32(), 3+i), at)
			}
		}, "", 600, false},
		{"another call's packets", func(d *device, at time.Time, n int) {
			d.stream.Track(0).Receive(packet(777, uint16(40000+n), uint32(5_000_000+960*n), 40), at)
		}, "", 600, false},
		{"it floods", func(d *device, at time.Time, n int) { // 10,000 a second
			for i := range 200 {
				d.stream.Track(0).Receive(packet(1, uint16(dice.IntN(1<<16)), dice.Uint32(), 1000+i), at)
			}
		}, earshot.AttentionOverflow, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHall(t, func(o *Options) {
				o.newRecording = func(call *earshot.Call, opts recorder.Options) recording { return recorder.New(call, o.Files, opts) }
			})
			bad, good := h.device("s1", agentTrack), h.device("e1", agentTrack)
			if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "test"); err != nil {
				t.Fatal(err)
			}
			bad.stream.Connected(true)
			good.stream.Connected(true)
			h.run(3 * time.Second)
			seen := map[earshot.Attention]bool{}
			for n := range 300 {
				row.attack(bad, h.clock.now(), n)
				h.run(20 * time.Millisecond)
				live, err := h.floor.Seat("s1")
				if err != nil {
					t.Fatal(err)
				}
				seen[live.Attention] = true
			}
			if row.attention != "" && !seen[row.attention] {
				t.Errorf("the wall said %v, not %s", seen, row.attention)
			}
			bad.mute = false
			h.run(3 * time.Second)
			if live, err := h.floor.Seat("e1"); err != nil || live.Attention != "" || live.State != earshot.SeatOnCall {
				t.Errorf("the other seat: %+v, %v", live, err)
			}
			bad.end()
			good.end()
			h.run(70 * time.Second)
			call, packets := h.packetsOf(t, "s1")
			kept, foreign := genuine(bad, packets)
			if kept < row.least {
				t.Errorf("%d of 600 packets are in its file; gaps %+v", kept, call.Gaps)
			}
			if foreign > 0 && !row.foreign {
				t.Errorf("%d packets in its file are nobody's", foreign)
			}
			_, packets = h.packetsOf(t, "e1")
			if kept, foreign := genuine(good, packets); kept < 599 || foreign > 0 {
				t.Errorf("of the other seat %d of 600 packets are in its file, and %d foreign ones", kept, foreign)
			}
		})
	}
}
