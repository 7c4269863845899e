package ingest

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/ingest/recorder"
)

func TestParseRTP(t *testing.T) {
	level := func(v uint8) func(*rtp.Packet) {
		return func(p *rtp.Packet) {
			if err := p.SetExtension(3, []byte{v}); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows := []struct {
		name    string
		change  func(*rtp.Packet)
		level   uint8
		payload int
	}{
		{"plain", func(*rtp.Packet) {}, recorder.NoLevel, 40},
		{"level", level(0x80 | 23), 23, 40},
		{"level in a two-byte header", func(p *rtp.Packet) {
			p.ExtensionProfile, p.Extension = 0x1000, true
			level(55)(p)
		}, 55, 40},
		{"level behind others", func(p *rtp.Packet) {
			if err := p.SetExtension(1, []byte{1, 2, 3}); err != nil {
				t.Fatal(err)
			}
			level(9)(p)
		}, 9, 40},
		{"another extension", func(p *rtp.Packet) {
			if err := p.SetExtension(4, []byte{1}); err != nil {
				t.Fatal(err)
			}
		}, recorder.NoLevel, 40},
		{"contributing sources", func(p *rtp.Packet) { p.CSRC = []uint32{1, 2, 3} }, recorder.NoLevel, 40},
		{"padding", func(p *rtp.Packet) { p.Padding, p.PaddingSize = true, 12 }, recorder.NoLevel, 40},
		{"a probe", func(p *rtp.Packet) { p.Payload, p.Padding, p.PaddingSize = nil, true, 200 }, recorder.NoLevel, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := rtp.Packet{
				Header:  rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: 4711, Timestamp: 99, SSRC: 7, Marker: true},
				Payload: make([]byte, 40),
			}
			row.change(&p)
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			h, ok := parseRTP(raw, 3)
			if !ok || h.payloadType != 111 || h.seq != 4711 || h.timestamp != 99 || h.ssrc != 7 {
				t.Fatalf("header %+v, %v", h, ok)
			}
			if h.level != row.level || h.end-h.payload != row.payload {
				t.Errorf("level %d, payload %d; want %d, %d", h.level, h.end-h.payload, row.level, row.payload)
			}
		})
	}
}

func TestParseRTPRefusesWhatIsNone(t *testing.T) {
	rows := map[string][]byte{
		"nothing":                   nil,
		"short":                     {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"another version":           {0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"sources beyond the end":    {0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"extension beyond the end":  {0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 9},
		"padding beyond the header": {0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 99},
	}
	for name, raw := range rows {
		if h, ok := parseRTP(raw, 1); ok {
			t.Errorf("%s: taken as %+v", name, h)
		}
	}
}

// FuzzParseRTP holds the parser against pion's where both take a packet.
func FuzzParseRTP(f *testing.F) {
	plain := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: 7, Timestamp: 8, SSRC: 9}, Payload: []byte{1, 2, 3}}
	for _, edit := range []func(p *rtp.Packet){
		func(*rtp.Packet) {},
		func(p *rtp.Packet) { p.CSRC = []uint32{1, 2} },
		func(p *rtp.Packet) { _ = p.SetExtension(1, []byte{0x85}) },
		func(p *rtp.Packet) {
			p.ExtensionProfile = 0x1000
			p.Extension = true
			_ = p.SetExtension(1, []byte{0x85})
		},
		func(p *rtp.Packet) { p.Padding, p.PaddingSize = true, 4 },
		func(p *rtp.Packet) { p.Payload = nil },
	} {
		p := plain
		p.Header = plain.Header.Clone()
		edit(&p)
		raw, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, uint8(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, ext uint8) {
		h, ok := parseRTP(raw, ext)
		if !ok {
			return
		}
		if h.payload < 12 || h.payload > h.end || h.end > len(raw) {
			t.Fatalf("the payload is at %d to %d of %d", h.payload, h.end, len(raw))
		}
		var p rtp.Packet
		if p.Unmarshal(raw) != nil {
			return
		}
		if p.SequenceNumber != h.seq || p.Timestamp != h.timestamp || p.SSRC != h.ssrc || p.PayloadType != h.payloadType || !bytes.Equal(p.Payload, raw[h.payload:h.end]) {
			t.Fatalf("%+v, but pion reads %v with %v", h, p.Header, p.Payload)
		}
	})
}

func TestTrackTakesOnlyItsPayloadTypes(t *testing.T) {
	track := newTrack(StreamInfo{ID: "s", Tracks: []recorder.Track{{Side: earshot.SideAgent, Codec: earshot.PCMU, Channels: 1}}, Types: [][]uint8{{0}}}, 0, nil)
	for _, pt := range []uint8{0, 13, 101, 0} { // 13 is comfort noise, 101 a telephone event
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: pt}, Payload: []byte{0xff, 0xff}}
		raw, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		track.Receive(raw, time.Unix(1, 0))
	}
	var r record
	n := 0
	for track.ring.peek(&r) {
		n++
		track.ring.drop()
		if r.level != earshot.LevelSilence {
			t.Errorf("the level of µ-law silence is %d", r.level)
		}
	}
	if n != 2 || track.dropped.Load() != 2 {
		t.Errorf("%d packets taken and %d dropped, want 2 and 2", n, track.dropped.Load())
	}
}

// BenchmarkReceiveAndDrain is the way of a packet from the wire to the loop.
func BenchmarkReceiveAndDrain(b *testing.B) {
	track := newTrack(StreamInfo{ID: "s", Tracks: []recorder.Track{{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1}}, LevelExt: 1}, 0, newFanout())
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SSRC: 5}, Payload: make([]byte, 80)}
	if err := p.SetExtension(1, []byte{30}); err != nil {
		b.Fatal(err)
	}
	raw, err := p.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 0)
	var r record
	var seq uint16
	b.ReportAllocs()
	for b.Loop() {
		raw[2], raw[3] = byte(seq>>8), byte(seq)
		seq++
		at = at.Add(20 * time.Millisecond)
		track.Receive(raw, at)
		for track.ring.peek(&r) {
			track.stats.add(&r)
			track.ring.drop()
		}
	}
}

// TestReceiveDoesNotAllocate keeps the way of a packet free of garbage.
func TestReceiveDoesNotAllocate(t *testing.T) {
	track := newTrack(StreamInfo{ID: "s", Tracks: []recorder.Track{{Side: earshot.SideAgent, Codec: earshot.PCMA, Channels: 1}}}, 0, newFanout())
	raw := append([]byte{0x80, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, make([]byte, 160)...)
	at := time.Unix(1_700_000_000, 0)
	var r record
	allocs := testing.AllocsPerRun(1000, func() {
		raw[3]++
		at = at.Add(20 * time.Millisecond)
		track.Receive(raw, at)
		for track.ring.peek(&r) {
			track.stats.add(&r)
			track.ring.drop()
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a packet", allocs)
	}
}
