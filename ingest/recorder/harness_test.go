package recorder

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

const callID = "019a9000-0000-7000-8000-000000000001"

// shelf is a folder in memory.
type shelf struct {
	mu     sync.Mutex
	files  map[string]*page
	wg     sync.WaitGroup
	refuse func(name string) error
}

// page is a file in memory.
type page struct {
	s       *shelf
	data    []byte
	name    string
	sealed  bool
	appends int
	refuse  error
	most    int // bytes at once; 0: any
}

func newShelf() *shelf { return &shelf{files: map[string]*page{}} }

func (s *shelf) Create(name string) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		if err := s.refuse(name); err != nil {
			return nil, err
		}
	}
	if s.files[name] != nil {
		return nil, fmt.Errorf("%s exists", name)
	}
	s.files[name] = &page{s: s, name: name}
	return s.files[name], nil
}

var errExists = earshot.Fail(earshot.Conflict, "file_exists", "it is there")

func (s *shelf) Resume(name string, state FileState) (File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.files[name]
	switch {
	case p == nil && state.Bytes > 0:
		return nil, fmt.Errorf("%s is not there", name)
	case p == nil:
		p = &page{s: s, name: name}
		s.files[name] = p
	case p.sealed:
		return nil, errExists
	case int64(len(p.data)) < state.Bytes:
		return nil, fmt.Errorf("%s is shorter than %d bytes", name, state.Bytes)
	}
	p.data = p.data[:state.Bytes]
	return p, nil
}

func (s *shelf) SealedFile(name string) (Sealed, error) {
	data, err := s.ReadWhole(name)
	sum := sha256.Sum256(data)
	return Sealed{hex.EncodeToString(sum[:]), int64(len(data))}, err
}

func (s *shelf) ReadWhole(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.files[name]; p != nil && p.sealed {
		return slices.Clone(p.data), nil
	}
	return nil, fmt.Errorf("%s is not there", name)
}

func (p *page) State() FileState { return FileState{Bytes: int64(len(p.data))} }

func (p *page) Append(b []byte) error {
	if p.sealed {
		return errors.New("append to a sealed file")
	}
	if p.refuse != nil {
		return p.refuse
	}
	if p.most > 0 && len(b) > p.most {
		return errors.New("too much at once")
	}
	p.appends++
	p.data = append(p.data, b...)
	return nil
}

func (p *page) Patch(off int64, b []byte) error {
	if off < 0 || off+int64(len(b)) > int64(len(p.data)) {
		return fmt.Errorf("patch %d bytes at %d of %d", len(b), off, len(p.data))
	}
	copy(p.data[off:], b)
	return nil
}

func (p *page) Bytes() ([]byte, error) { return slices.Clone(p.data), nil }

func (p *page) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(p.data).ReadAt(b, off)
}

func (p *page) Seal(done func(Sealed, error)) {
	p.sealed = true
	sum := sha256.Sum256(p.data)
	p.s.wg.Go(func() { done(Sealed{hex.EncodeToString(sum[:]), int64(len(p.data))}, nil) })
}

func (p *page) Discard() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	delete(p.s.files, p.name)
	return nil
}

// event is something that the recording is told.
type event struct {
	at time.Duration
	p  *Packet
	do func(r *Recording, at time.Time)
}

// fixture is the packets of a file in testdata.
func fixture(t testing.TB, name string) [][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".opus")
	if err != nil {
		t.Fatal(err)
	}
	_, packets := readOgg(t, b)
	return packets
}

func readOgg(t testing.TB, file []byte) (*ogg.OpusReader, [][]byte) {
	t.Helper()
	r, err := ogg.NewOpusReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(p.Data))
	}
	if d := r.Damage(); len(d) > 0 {
		t.Fatalf("damage: %v", d)
	}
	return r, packets
}

// sender makes the packets of one track.
type sender struct {
	side  earshot.Side
	ssrc  uint32
	seq   uint16
	ts    uint32
	ticks uint32 // a packet
	every time.Duration
	level uint8
}

func (s sender) events(packets [][]byte, n int, from time.Duration) []event {
	events := make([]event, n)
	for i := range events {
		level := s.level
		if level == 0 {
			level = uint8(20 + i%5)
		}
		at := from + time.Duration(i)*s.every
		events[i] = event{at: at, p: &Packet{
			Side: s.side, SSRC: s.ssrc, Seq: s.seq + uint16(i), Timestamp: s.ts + uint32(i)*s.ticks,
			Level: level, Right: NoLevel, Payload: packets[i%len(packets)],
		}}
	}
	return events
}

func agentSender() sender {
	return sender{side: earshot.SideAgent, ssrc: 0xA, seq: 65500, ts: 0xFFFFF000, ticks: 960, every: 20 * time.Millisecond}
}

func customerSender() sender {
	return sender{side: earshot.SideCustomer, ssrc: 0xC, seq: 7, ts: 90000, ticks: 960, every: 20 * time.Millisecond}
}

var (
	agentTrack    = Track{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1}
	customerTrack = Track{Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1}
	twoTracks     = []Track{agentTrack, customerTrack}
)

// outcome is what a recording came to.
type outcome struct {
	t      testing.TB
	r      *Recording
	call   earshot.Call
	shelf  *shelf
	sealed map[int]earshot.Part
}

// record tells a recording the events in the order of their times, time itself
// ten times a second, and its end.
func record(t testing.TB, tracks []Track, end time.Duration, lists ...[]event) *outcome {
	t.Helper()
	return recordWith(t, tracks, end, Options{}, lists...)
}

func recordWith(t testing.TB, tracks []Track, end time.Duration, opts Options, lists ...[]event) *outcome {
	t.Helper()
	o := begin(t, opts)
	if tracks != nil {
		if err := o.r.Open(start, tracks); err != nil {
			t.Fatal(err)
		}
	}
	o.play(end, lists...)
	o.end(end)
	return o
}

func begin(t testing.TB, opts Options) *outcome {
	o := &outcome{t: t, shelf: newShelf(), sealed: map[int]earshot.Part{}}
	var mu sync.Mutex
	opts.Software = "earshot test"
	opts.SealedPart = func(n int, p earshot.Part, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		o.sealed[n] = p
	}
	call := earshot.Call{ID: callID, Seat: "window-3", StartedAt: earshot.At(start)}
	o.r = New(&call, o.shelf, opts)
	return o
}

func (o *outcome) play(end time.Duration, lists ...[]event) {
	o.t.Helper()
	var events []event
	for _, l := range lists {
		events = append(events, l...)
	}
	for at := 100 * time.Millisecond; at < end; at += 100 * time.Millisecond {
		events = append(events, event{at: at, do: func(r *Recording, at time.Time) {
			if err := r.Advance(at); err != nil {
				o.t.Fatal(err)
			}
		}})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for _, e := range events {
		if e.at > end {
			break
		}
		at := start.Add(e.at)
		if e.do != nil {
			e.do(o.r, at)
			continue
		}
		p := *e.p
		p.Arrival = at
		if err := o.r.Packet(p); err != nil {
			o.t.Fatal(err)
		}
	}
}

func (o *outcome) end(at time.Duration) {
	o.t.Helper()
	if err := o.r.End(start.Add(at)); err != nil {
		o.t.Fatal(err)
	}
	o.shelf.wg.Wait()
	o.call = o.r.Call()
}

// file is part n's bytes.
func (o *outcome) file(n int) []byte {
	o.t.Helper()
	for _, p := range o.call.Parts {
		if p.N == n {
			f := o.shelf.files[p.File]
			if f == nil || !f.sealed {
				o.t.Fatalf("part %d: %s is not there or not sealed", n, p.File)
			}
			return f.data
		}
	}
	o.t.Fatalf("no part %d", n)
	return nil
}

// sides takes a two-track file apart: each side's packets, slot by slot.
func sides(t testing.TB, file []byte) (agent, customer [][]byte) {
	t.Helper()
	_, packets := readOgg(t, file)
	for _, p := range packets {
		a, c, err := opus.SplitSelfDelimited(p)
		if err != nil {
			t.Fatal(err)
		}
		agent, customer = append(agent, a), append(customer, c)
	}
	return agent, customer
}

var fill = []byte{opus.Filler}

// looped is n packets, again and again.
func looped(packets [][]byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = packets[i%len(packets)]
	}
	return out
}

// same fails unless the slots hold exactly what is wanted.
func same(t testing.TB, what string, got, want [][]byte) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("%s: slot %d has %d bytes %.8x, want %d bytes %.8x", what, i, len(got[i]), got[i], len(want[i]), want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d slots, want %d", what, len(got), len(want))
	}
}

func newScanner(file []byte) *ogg.Scanner { return ogg.NewScanner(bytes.NewReader(file)) }
