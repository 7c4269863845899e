package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

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
	deadline := time.After(waitFor)
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
	news  *news
	files *fakeFiles

	mu     sync.Mutex
	away   bool
	refuse string // the id of a call that is never taken
	seats  []earshot.Seat
	agents map[string]earshot.Agent
	calls  map[string]earshot.Call
	saves  int
	told   whatWasTold
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
	var failed error
	err := s.put(func() {
		if call.ID == s.refuse {
			failed = errors.New("refused")
			return
		}
		failed = writeCallFile(s.files, call) // first, so that who sees the call finds its file
		s.calls[call.ID] = call.Clone()
	})
	return errors.Join(err, failed)
}

func writeCallFile(files *fakeFiles, call earshot.Call) error {
	text, err := json.Marshal(call)
	if err != nil {
		return err
	}
	return files.WriteWhole(earshot.CallFile(call.ID), text)
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
	news *news

	mu    sync.Mutex
	full  bool
	slow  chan struct{} // reading waits for it, if there is one
	whole map[string][]byte
	parts map[string]*fakeFile
}

type fakeFile struct {
	files  *fakeFiles
	name   string
	data   []byte
	sealed bool
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

func (f *fakeFiles) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
}

func (f *fakeFiles) WriteWhole(name string, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.news.ring()
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

var errExists = earshot.Fail(earshot.Conflict, "file_exists", "it is there")

func (f *fakeFiles) Resume(name string, state recorder.FileState) (recorder.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := f.parts[name]
	switch {
	case file == nil && state.Bytes > 0:
		return nil, errAway
	case file == nil:
		file = &fakeFile{files: f, name: name}
		f.parts[name] = file
	case file.sealed:
		return nil, errExists
	case int64(len(file.data)) < state.Bytes:
		return nil, errAway
	}
	file.data = file.data[:state.Bytes]
	return file, nil
}

func (f *fakeFiles) SealedFile(name string) (recorder.Sealed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if file := f.parts[name]; file != nil && file.sealed {
		return recorder.Sealed{SHA256: earshot.HashToken(name), Bytes: int64(len(file.data))}, nil
	}
	return recorder.Sealed{}, errAway
}

func (f *fakeFiles) ReadWhole(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if data, ok := f.whole[name]; ok {
		return slices.Clone(data), nil
	}
	if file := f.parts[name]; file != nil && file.sealed {
		return slices.Clone(file.data), nil
	}
	return nil, errAway
}

func (f *fakeFile) State() recorder.FileState {
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	return recorder.FileState{Bytes: int64(len(f.data))}
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
	if f.files.slow != nil {
		<-f.files.slow
	}
	f.files.mu.Lock()
	defer f.files.mu.Unlock()
	return slices.Clone(f.data), nil
}

func (f *fakeFile) ReadAt(b []byte, off int64) (int, error) {
	all, err := f.Bytes()
	if err != nil {
		return 0, err
	}
	return bytes.NewReader(all).ReadAt(b, off)
}

func (f *fakeFile) Seal(done func(recorder.Sealed, error)) {
	go func() {
		f.files.mu.Lock()
		n := len(f.data)
		f.sealed = true
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
