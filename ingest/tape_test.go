package ingest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// tapes are the recordings a floor has made, each with what it was given.
type tapes struct {
	mu  sync.Mutex
	all []*tape
}

// tape is a recording that notes what the floor hands to it, in order.
type tape struct {
	*recorder.Recording
	mu      sync.Mutex
	notes   []string // all but packets and the passing of time
	packets map[earshot.Side][]recorder.Packet
	last    time.Time
	back    bool        // time went back
	broken  atomic.Bool // refuses packets
}

func (ts *tapes) record(files recorder.Files) func(*earshot.Call, recorder.Options) recording {
	return func(call *earshot.Call, opts recorder.Options) recording {
		t := &tape{Recording: recorder.New(call, files, opts), packets: map[earshot.Side][]recorder.Packet{}}
		ts.mu.Lock()
		defer ts.mu.Unlock()
		ts.all = append(ts.all, t)
		return t
	}
}

// tape is the i-th recording.
func (ts *tapes) tape(i int) *tape {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.all[i]
}

func (ts *tapes) count() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.all)
}

// seqs are the sequence numbers of the side's packets.
func (t *tape) seqs(side earshot.Side) []uint16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var seqs []uint16
	for _, p := range t.packets[side] {
		seqs = append(seqs, p.Seq)
	}
	return seqs
}

func (t *tape) said() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string{}, t.notes...)
}

func (t *tape) at(at time.Time, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.back = t.back || at.Before(t.last)
	t.last = at
	if format != "" {
		t.notes = append(t.notes, fmt.Sprintf(format, args...))
	}
}

func (t *tape) Open(at time.Time, tracks []recorder.Track) error {
	sides := ""
	for _, track := range tracks {
		sides += " " + string(track.Side)
	}
	t.at(at, "open%s", sides)
	return t.Recording.Open(at, tracks)
}

func (t *tape) Packet(p recorder.Packet) error {
	t.at(p.Arrival, "")
	if t.broken.Load() {
		return errAway
	}
	t.mu.Lock()
	kept := p
	kept.Payload = nil
	t.packets[p.Side] = append(t.packets[p.Side], kept)
	t.mu.Unlock()
	return t.Recording.Packet(p)
}

func (t *tape) Close(at time.Time, side earshot.Side) {
	t.at(at, "close %s", side)
	t.Recording.Close(at, side)
}

func (t *tape) Overflow(at time.Time, side earshot.Side, lost int) {
	t.at(at, "overflow %s %d", side, lost)
	t.Recording.Overflow(at, side, lost)
}

func (t *tape) SenderReport(side earshot.Side, ssrc uint32, ntp time.Time, timestamp uint32) {
	t.mu.Lock()
	t.notes = append(t.notes, fmt.Sprintf("report %s %d %d", side, ssrc, timestamp))
	t.mu.Unlock()
	t.Recording.SenderReport(side, ssrc, ntp, timestamp)
}

func (t *tape) Pause(at time.Time)  { t.at(at, "pause"); t.Recording.Pause(at) }
func (t *tape) Resume(at time.Time) { t.at(at, "resume"); t.Recording.Resume(at) }

func (t *tape) Advance(at time.Time) error {
	t.at(at, "")
	return t.Recording.Advance(at)
}

func (t *tape) End(at time.Time) error {
	t.at(at, "end")
	return t.Recording.End(at)
}
