package ingest

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/ingest/recorder"
)

// hall is a floor with everything around it in memory, and time in hand.
type hall struct {
	t       *testing.T
	news    *news
	clock   *fakeClock
	shelf   *fakeShelf
	board   *fakeBoard
	files   *fakeFiles
	floor   *Floor
	tapes   *tapes
	devices []*device
	closed  bool
}

var dawn = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// newHall opens a floor with seats s1 (session), e1 (event) and v1 (voice).
func newHall(t *testing.T, change ...func(*Options)) *hall {
	t.Helper()
	n := &news{}
	h := &hall{
		t: t, news: n, clock: &fakeClock{at: dawn},
		shelf: &fakeShelf{news: n, agents: map[string]earshot.Agent{}, calls: map[string]earshot.Call{}, seats: []earshot.Seat{
			{ID: "s1", Name: "一号窗口", Branch: "east", Kind: earshot.Counter, Cut: earshot.CutSession},
			{ID: "e1", Name: "二号窗口", Branch: "east", Kind: earshot.Counter, Cut: earshot.CutEvent},
			{ID: "v1", Name: "热线一", Branch: "line", Kind: earshot.Hotline, Cut: earshot.CutVoice},
		}},
		board: &fakeBoard{news: n, seats: map[string]earshot.LiveSeat{}, nodes: map[string]earshot.LiveNode{}},
		files: &fakeFiles{news: n, whole: map[string][]byte{}, parts: map[string]*fakeFile{}},
	}
	h.shelf.files = h.files
	h.open(change...)
	return h
}

// open starts a floor; after close it is the same node's next life.
func (h *hall) open(change ...func(*Options)) {
	h.t.Helper()
	h.tapes = &tapes{}
	opts := Options{
		Node: "n1", Version: "test", Now: h.clock.now, Shelf: h.shelf, Board: h.board, Files: h.files,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), manual: true, newRecording: h.tapes.record(h.files),
	}
	for _, c := range change {
		c(&opts)
	}
	floor, err := New(h.t.Context(), opts)
	if err != nil {
		h.t.Fatal(err)
	}
	h.floor, h.closed, h.devices = floor, false, nil
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), waitFor)
		defer cancel()
		if err := floor.Close(ctx); err != nil && !h.closed {
			h.t.Errorf("close: %v", err)
		}
	})
}

func (h *hall) close() {
	h.t.Helper()
	h.closed = true
	if err := h.floor.Close(h.t.Context()); err != nil {
		h.t.Fatalf("close: %v", err)
	}
}

// run lets time pass: each device that talks sends a packet each 20 ms, the
// floor ticks each 100.
func (h *hall) run(d time.Duration) {
	h.t.Helper()
	for step := 20 * time.Millisecond; d > 0; d -= step {
		at := h.clock.add(step)
		for _, dev := range h.devices {
			dev.send(at)
		}
		if at.UnixMilli()%100 == 0 {
			h.floor.Tick(at)
		}
	}
}

// device is what publishes at a seat.
type device struct {
	h      *hall
	stream *Stream
	tracks []*deviceTrack
	mute   bool // sends nothing
	ended  bool
	kicked chan string
}

type deviceTrack struct {
	seq   uint16
	ts    uint32
	level uint8
	sent  int
}

var (
	agentTrack    = recorder.Track{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1}
	customerTrack = recorder.Track{Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1}
	mixedTrack    = recorder.Track{Side: earshot.SideAgent, Mixed: true, Codec: earshot.Opus, Channels: 1}
)

var streamCount int

// device attaches a stream with the tracks; it sends from then on.
func (h *hall) device(seat string, tracks ...recorder.Track) *device {
	h.t.Helper()
	streamCount++
	d := &device{h: h, kicked: make(chan string, 1)}
	stream, err := h.floor.Attach(h.t.Context(), StreamInfo{
		ID: seat + "-" + string(rune('a'+streamCount%26)), Seat: seat, Tracks: tracks, LevelExt: 1,
	}, func(reason string) { d.kicked <- reason })
	if err != nil {
		h.t.Fatal(err)
	}
	d.stream = stream
	for i := range tracks {
		d.tracks = append(d.tracks, &deviceTrack{seq: uint16(1000 * (i + 1)), ts: uint32(77 * i), level: 30})
	}
	h.devices = append(h.devices, d)
	return d
}

// talk sets the levels of the device's tracks.
func (d *device) talk(levels ...uint8) {
	for i, l := range levels {
		d.tracks[i].level = l
	}
}

func (d *device) send(at time.Time) {
	if d.mute || d.ended {
		return
	}
	for i, t := range d.tracks {
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: 111, SequenceNumber: t.seq, Timestamp: t.ts, SSRC: uint32(i + 1),
		}, Payload: []byte{0xf8, byte(t.seq), byte(t.seq >> 8)}}
		if err := p.SetExtension(1, []byte{t.level}); err != nil {
			d.h.t.Fatal(err)
		}
		raw, err := p.Marshal()
		if err != nil {
			d.h.t.Fatal(err)
		}
		d.stream.Track(i).Receive(raw, at)
		t.seq++
		t.ts += 960
		t.sent++
	}
}

// end is a WHIP DELETE, broken the network.
func (d *device) end()    { d.stream.End(); d.ended = true }
func (d *device) broken() { d.stream.Break(); d.ended = true }

func (d *device) wasKicked() string {
	select {
	case why := <-d.kicked:
		d.ended = true
		return why
	case <-time.After(waitFor):
		d.h.t.Fatal("the stream was not kicked")
		return ""
	}
}
