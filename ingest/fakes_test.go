package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
	"earshot/ingest/recorder"
)

// news wakes those who wait for something to happen in a fake.
type news struct {
	mu sync.Mutex
	ch chan struct{}
}

func (n *news) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *news) ring() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// until waits for what holds to hold, looking again at each piece of news.
func (n *news) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		next := n.next()
		if holds() {
			return
		}
		select {
		case <-next:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

var errAway = errors.New("away")

// fakeClock is a clock that only tests move.
type fakeClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *fakeClock) add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return c.at
}

// fakeShelf is an index in memory that can be away.
type fakeShelf struct {
	news *news

	mu     sync.Mutex
	away   bool
	refuse string // the id of a call that is never taken
	seats  []earshot.Seat
	agents map[string]earshot.Agent
	calls  map[string]earshot.Call
	saves  int
}

func (s *fakeShelf) change(fn func()) {
	s.mu.Lock()
	fn()
	s.mu.Unlock()
	s.news.ring()
}

func (s *fakeShelf) put(fn func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.news.ring()
	s.saves++
	if s.away {
		return errAway
	}
	fn()
	return nil
}

func (s *fakeShelf) Seats(context.Context) ([]earshot.Seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	seats := slices.Clone(s.seats)
	for i := range seats {
		seats[i].Tokens = slices.Clone(seats[i].Tokens)
	}
	return seats, nil
}

func (s *fakeShelf) SaveTokens(_ context.Context, seat string, tokens []earshot.SeatToken) error {
	return s.put(func() {
		for i := range s.seats {
			if s.seats[i].ID == seat {
				s.seats[i].Tokens = slices.Clone(tokens)
			}
		}
	})
}

func (s *fakeShelf) SaveAgent(_ context.Context, agent earshot.Agent) error {
	return s.put(func() { s.agents[agent.ID] = agent })
}

func (s *fakeShelf) SaveCall(_ context.Context, call earshot.Call) error {
	refused := false
	err := s.put(func() {
		if refused = call.ID == s.refuse; !refused {
			s.calls[call.ID] = call.Clone()
		}
	})
	if refused {
		return errors.New("refused")
	}
	return err
}

func (s *fakeShelf) OpenCalls(context.Context, string) ([]earshot.Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	var open []earshot.Call
	for _, id := range slices.Sorted(maps.Keys(s.calls)) {
		if c := s.calls[id]; c.State == earshot.CallLive || c.Flagged(earshot.FlagInterrupted) {
			open = append(open, c.Clone())
		}
	}
	return open, nil
}

func (s *fakeShelf) call(id string) earshot.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id].Clone()
}

// all are the calls, oldest first.
func (s *fakeShelf) all() []earshot.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := slices.Collect(maps.Values(s.calls))
	slices.SortFunc(calls, func(a, b earshot.Call) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	return calls
}

// fakeBoard is a live state in memory that can be away.
type fakeBoard struct {
	news *news

	mu      sync.Mutex
	away    bool
	seats   map[string]earshot.LiveSeat
	told    []earshot.LiveSeat // every state put, in order
	calls   []earshot.Call     // every call told
	nodes   map[string]earshot.LiveNode
	leases  []string
	beats   int
	levels  [][]earshot.SeatLevels
	follows []chan earshot.Event
	refused int // messages while it was away
}

func (b *fakeBoard) change(fn func()) {
	b.mu.Lock()
	fn()
	b.mu.Unlock()
	b.news.ring()
}

func (b *fakeBoard) put(fn func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.news.ring()
	if b.away {
		b.refused++
		return errAway
	}
	fn()
	return nil
}

func (b *fakeBoard) PutSeat(_ context.Context, seat earshot.LiveSeat) error {
	return b.put(func() {
		b.seats[seat.Seat] = seat
		b.told = append(b.told, seat)
	})
}

func (b *fakeBoard) PutNode(_ context.Context, node earshot.LiveNode, seats []string) error {
	forgotten := 0
	err := b.put(func() {
		b.nodes[node.Name], b.leases, b.beats = node, seats, b.beats+1
		for _, id := range seats {
			if _, ok := b.seats[id]; !ok {
				forgotten++
			}
		}
	})
	if err == nil && forgotten > 0 {
		return fmt.Errorf("%d seats are not known here", forgotten)
	}
	return err
}

func (b *fakeBoard) DropNode(_ context.Context, node string) error {
	return b.put(func() { delete(b.nodes, node); clear(b.seats) })
}

func (b *fakeBoard) Tell(_ context.Context, event earshot.Event) error {
	return b.put(func() { b.calls = append(b.calls, event.Call.Clone()) })
}

func (b *fakeBoard) PutLevels(_ context.Context, _ string, levels []earshot.SeatLevels) error {
	return b.put(func() { b.levels = append(b.levels, slices.Clone(levels)) })
}

func (b *fakeBoard) Follow(ctx context.Context, _ string, fn func(earshot.Event) error) error {
	events := make(chan earshot.Event, 16)
	b.change(func() { b.follows = append(b.follows, events) })
	for {
		select {
		case event := <-events:
			if err := fn(event); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rosterChanged tells every follower that seats were changed.
func (b *fakeBoard) rosterChanged() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range b.follows {
		ch <- earshot.Event{Kind: earshot.EventRoster}
	}
}

func (b *fakeBoard) seat(id string) earshot.LiveSeat {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seats[id]
}

// fakeFiles are files in memory.
type fakeFiles struct {
	mu    sync.Mutex
	full  bool
	whole map[string][]byte
	parts map[string]*fakeFile
}

type fakeFile struct {
	files *fakeFiles
	name  string
	data  []byte
}

func (f *fakeFiles) Create(name string) (recorder.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return nil, errAway
	}
	file := &fakeFile{files: f, name: name}
	f.parts[name] = file
	return file, nil
}

func (f *fakeFiles) WriteWhole(name string, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return errAway
	}
	f.whole[name] = slices.Clone(data)
	return nil
}

// call is what the file of a call says.
func (f *fakeFiles) call(t *testing.T, id string) earshot.Call {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var call earshot.Call
	if err := json.Unmarshal(f.whole[earshot.CallFile(id)], &call); err != nil {
		t.Fatalf("file of call %s: %v", id, err)
	}
	return call
}

func (f *fakeFile) Append(p []byte) error {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	f.data = append(f.data, p...)
	return nil
}

func (f *fakeFile) Patch(off int64, p []byte) error {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	copy(f.data[off:], p)
	return nil
}

func (f *fakeFile) Bytes() ([]byte, error) {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	return slices.Clone(f.data), nil
}

func (f *fakeFile) Seal(done func(recorder.Sealed, error)) {
	go func() {
		f.files.mu.Lock()
		n := len(f.data)
		f.files.mu.Unlock()
		done(recorder.Sealed{SHA256: earshot.HashToken(f.name), Bytes: int64(n)}, nil)
	}()
}

func (f *fakeFile) Discard() error {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	delete(f.files.parts, f.name)
	return nil
}

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
		files: &fakeFiles{whole: map[string][]byte{}, parts: map[string]*fakeFile{}},
	}
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
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
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
	case <-time.After(10 * time.Second):
		d.h.t.Fatal("the stream was not kicked")
		return ""
	}
}
