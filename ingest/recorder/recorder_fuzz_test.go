package recorder

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/wav"
)

// FuzzRecording tells a recording anything in any order. Nothing of it is an
// error of the recording's, nothing crashes, little is kept in memory, and what
// is left are whole files that lie within the call's time, and beyond it only by
// what senders' clocks ran ahead: a second a packet is the most that is believed.
func FuzzRecording(f *testing.F) {
	steady := bytes.Repeat([]byte{0, 2, 0, 1, 2, 0}, 60)
	f.Add(steady)
	f.Add(slices.Concat([]byte{15, 0}, steady, []byte{10, 0, 14, 3, 9, 1, 15, 2}, steady))
	f.Add(slices.Concat(steady, []byte{2, 7, 255, 255, 255, 255, 3, 9, 0, 1, 0, 2}, steady, []byte{11, 1, 12, 5, 13, 5}, steady))
	f.Add(slices.Concat([]byte{15, 4}, bytes.Repeat([]byte{0, 2, 1, 2}, 80), []byte{16, 0}, steady))
	f.Add(bytes.Repeat([]byte{4, 3, 5, 2, 1, 9}, 70))
	f.Add(slices.Concat(steady, []byte{16, 0, 17, 0}, steady, []byte{17, 0}, steady))
	f.Fuzz(func(t *testing.T, script []byte) {
		o := begin(t, Options{})
		p := play{t: t, o: o, script: script[:min(len(script), 3000)], at: start, payloads: payloads}
		p.open(0)
		for len(p.script) > 0 && !o.r.ended {
			p.step()
			p.bounded()
		}
		o.end(p.at.Sub(start) + 10*time.Millisecond)
		p.files()
		p.gaps()
	})
}

// payloads are packets of all kinds that a seat may send, and some that none may.
var payloads = [][]byte{
	{0xF8, 1, 2, 3}, {0x78, 9, 8, 7}, {0x08, 1, 2}, {0xF9, 1, 2}, {0xFB, 3, 1, 2, 3},
	{0x18, 5, 5, 5, 5}, {0x0B, 2, 1, 2, 3, 4}, {0xFC, 1, 2}, {0xE0, 1}, {0xFA, 252}, {0xFF}, {}, {0xFB, 0xFF, 0xFF},
	bytes.Repeat([]byte{0xF8}, 1276), bytes.Repeat([]byte{0x55}, 160), bytes.Repeat([]byte{0xD5}, 7),
}

// openings are the tracks that a script may open with.
var openings = [][]Track{
	twoTracks,
	{agentTrack},
	{customerTrack},
	{{Mixed: true, Codec: earshot.Opus, Channels: 1}},
	{{Side: earshot.SideAgent, Codec: earshot.PCMU, Channels: 1}, {Side: earshot.SideCustomer, Codec: earshot.PCMU, Channels: 1}},
	{{Codec: earshot.Opus, Channels: 2}},
	{{Side: earshot.SideAgent, Codec: earshot.PCMA, Channels: 1}, customerTrack},
	{agentTrack, agentTrack}, // refused
}

// play reads a script of operations.
type play struct {
	t        *testing.T
	o        *outcome
	script   []byte
	at       time.Time
	payloads [][]byte
	seq      [2]uint16
	ts       [2]uint32
	sent     int // bytes of payload
	packets  int64
}

func (p *play) byte() byte {
	if len(p.script) == 0 {
		return 0
	}
	b := p.script[0]
	p.script = p.script[1:]
	return b
}

func (p *play) u32() (v uint32) {
	for range 4 {
		v = v<<8 | uint32(p.byte())
	}
	return v
}

func (p *play) step() {
	r := p.o.r
	op := p.byte()
	side := bothSides[op&1]
	switch op {
	case 0, 1: // the next packet; behind the second argument a hole
		p.next(int(op), p.byte())
	case 2, 3: // any packet
		kind := p.byte()
		p.packet(side, uint32(kind&3), uint16(p.u32()), p.u32(), kind>>2)
	case 4, 5: // one of before
		back := p.byte()
		p.packet(side, 1, p.seq[op&1]-uint16(back), p.ts[op&1]-uint32(back)*960, back)
	case 9, 10:
		r.Close(p.at, side)
	case 11:
		r.Overflow(p.at, bothSides[p.byte()&1], int(p.byte())-3)
	case 12, 13:
		r.SenderReport(side, 1, p.at.Add(time.Duration(p.byte())*time.Millisecond), p.ts[op&1]+p.u32())
	case 14:
		if p.byte()&1 == 0 {
			r.Pause(p.at)
		} else {
			r.Resume(p.at)
		}
	case 15:
		p.open(p.byte())
	case 16:
		p.restored()
	case 17:
		_ = r.Call()
		_ = r.Levels()
		r.Harm(p.at.Add(-time.Second), p.at)
	case 18: // a long silence
		p.wait(time.Duration(p.byte()) * time.Second)
	default:
		p.wait(time.Duration(op) * time.Millisecond)
	}
}

// next sends the next packet of a side, 20 ms behind the one before; what is odd
// in kind makes holes, jumps and other payloads.
func (p *play) next(side int, kind byte) {
	p.seq[side] += 1 + uint16(kind>>6)
	p.ts[side] += 960 * (1 + uint32(kind>>6))
	p.packet(bothSides[side], 1, p.seq[side], p.ts[side], kind&0x1f%4)
	if side == 0 {
		p.wait(20 * time.Millisecond)
	}
}

func (p *play) packet(side earshot.Side, ssrc uint32, seq uint16, ts uint32, payload byte) {
	body := p.payloads[int(payload)%len(p.payloads)]
	p.sent += len(body)
	p.packets++
	err := p.o.r.Packet(Packet{Side: side, SSRC: ssrc, Seq: seq, Timestamp: ts, Level: payload * 3, Right: NoLevel, Arrival: p.at, Payload: slices.Clone(body)})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *play) wait(d time.Duration) {
	p.at = p.at.Add(d)
	if err := p.o.r.Advance(p.at); err != nil {
		p.t.Fatal(err)
	}
}

func (p *play) open(which byte) {
	tracks := openings[int(which)%len(openings)]
	if err := p.o.r.Open(p.at, tracks); (err == nil) != validTracks(tracks) {
		p.t.Fatalf("open %+v: %v", tracks, err)
	}
}

// restored takes the recording's state, as a segment of the journal begins with
// it, and makes the recording of it that goes on.
func (p *play) restored() {
	state := p.o.r.AppendState(nil)
	p.o.shelf.wg.Wait()
	twin, err := Restore(state, &again{Files: p.o.shelf.copied(), taken: map[string]bool{}}, Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(twin.Lost) > 0 {
		p.t.Fatalf("parts %v are lost", twin.Lost)
	}
	twin.WaitSealed()
	// Of a file that is complete the replay knows only that it is.
	if again := twin.AppendState(nil); len(p.o.r.desk.done) == 0 && !bytes.Equal(again, p.o.r.AppendState(nil)) {
		p.t.Fatalf("a state of %d bytes comes back with %d, or others", len(state), len(again))
	}
	_ = twin.End(p.at)
	twin.WaitSealed()
}

// bounded fails where more waits in memory than is worth waiting for.
func (p *play) bounded() {
	if p.o.r.take == nil {
		return
	}
	for _, l := range p.o.r.take.lanes {
		if len(l.pending) > mostPending || len(l.held) > mostHeld {
			p.t.Fatalf("%d packets wait, %d are held", len(l.pending), len(l.held))
		}
	}
}

// most is how far parts and gaps may reach, in ms: the call's end, a long packet
// that came with the last breath, and what clocks ran ahead.
func (p *play) most() int64 { return p.o.call.DurationMs + 200 + p.packets*tooEarly/milli }

// files looks whether each part is a whole file within the call's time.
func (p *play) files() {
	total := 0
	for _, part := range p.o.call.Parts {
		data := p.o.file(part.N)
		total += len(data)
		if part.StartMs < 0 || part.DurationMs < 0 || part.StartMs+part.DurationMs > p.most() {
			p.t.Fatalf("part %d: from %d, %d ms long, of %d", part.N, part.StartMs, part.DurationMs, p.most())
		}
		if d := fileMs(p.t, part, data) - part.DurationMs; d > 1 || d < -1 {
			p.t.Fatalf("part %d: its file is %d ms longer than is said", part.N, d)
		}
	}
	// What is written is what came, and so much for each second.
	if most := 4*p.sent + int(p.most()+10_000)*40*(1+len(p.o.call.Parts)); total > most {
		p.t.Fatalf("%d bytes of %d of payload in %d ms", total, p.sent, p.most())
	}
}

func fileMs(t *testing.T, part earshot.Part, data []byte) int64 {
	t.Helper()
	if part.Codec != earshot.Opus {
		r, err := wav.NewReader(bytes.NewReader(data))
		if err != nil || r.DataOffset+r.DataBytes > int64(len(data)) {
			t.Fatalf("part %d: %v", part.N, err)
		}
		return r.Duration().Milliseconds()
	}
	r, _ := readOgg(t, data)
	granule, _, err := ogg.LastGranule(bytes.NewReader(data), int64(len(data)), r.Serial())
	if err != nil {
		t.Fatal(err)
	}
	return granule / 48
}

func (p *play) gaps() {
	before := int64(0)
	for _, g := range p.o.call.Gaps {
		if g.StartMs < before || g.EndMs < g.StartMs || g.EndMs > p.most() || !slices.Contains(causes, g.Cause) || !slices.Contains(bothSides, g.Side) {
			p.t.Fatalf("a gap %+v behind %d in a call of %d ms", g, before, p.o.call.DurationMs)
		}
		before = g.StartMs
	}
}
