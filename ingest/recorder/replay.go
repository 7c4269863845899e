package recorder

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"earshot"
)

// Source is a journal that a crash left. Payloads are valid during the call.
type Source interface {
	Read(each func(Record) error, damaged func(Damage) error) error
}

// Damage is a stretch of a journal that cannot be read.
type Damage struct {
	File     string
	From, To int64 // bytes
	Tail     bool  // the torn end of what was written last: nothing out of the ordinary
	Why      string
}

// Replayed is a call that a replay brought back.
type Replayed struct {
	Number  uint32       // in the journal
	Call    earshot.Call // as it is to be stored; only its ID where Err says why it could not be replayed
	Ended   bool         // its end is in the journal; else it is flagged as interrupted
	Lost    []int        // parts whose file is not what the journal says: to be mended
	Refused []int        // parts that the disk did not take: the journal alone has all of them
	Last    time.Time    // of its last record
	Err     error
}

// Outcome is what a replay came to.
type Outcome struct {
	Calls   []Replayed // in the order of their numbers
	Next    uint32     // the lowest number that no call in the journal has
	Records int
	Damage  []Damage // torn ends are not among it
}

// Replay brings back the calls of which a journal tells and which are not stored
// yet: with the same records, and their times as the only clock, it makes the
// same files. Calls that had not ended end at their last record. It waits for
// the disk, and for the files to be complete. Where the journal cannot be read to
// its end the calls are answered as far as they could be, flagged as damaged,
// beside the error.
//
// It starts a goroutine for each processor, which all have ended when it returns.
func Replay(source Source, files Files) (Outcome, error) {
	s := survey{done: map[uint32]bool{}, taken: map[string]bool{}}
	if err := source.Read(s.record, s.damage); err != nil {
		return s.out, fmt.Errorf("read the journal: %w", err)
	}
	if s.out.Records == 0 {
		return s.out, nil
	}
	r := &replay{done: s.done, files: &again{Files: files, taken: s.taken}}
	err := r.run(source)
	for _, w := range r.workers {
		for _, p := range w.players {
			s.out.Calls = append(s.out.Calls, p.result())
		}
	}
	if err != nil {
		return s.out, fmt.Errorf("read the journal: %w", err)
	}
	slices.SortFunc(s.out.Calls, func(a, b Replayed) int { return cmp.Compare(a.Number, b.Number) })
	return s.out, nil
}

// survey is the first reading: what must be known before the second.
type survey struct {
	out   Outcome
	done  map[uint32]bool
	taken map[string]bool
}

func (s *survey) record(r Record) error {
	s.out.Records++
	s.out.Next = max(s.out.Next, r.Call+1)
	switch {
	case r.Kind == recordDone:
		s.done[r.Call] = true
	case r.Kind == recordTaken && len(r.Payload) > numberBytes:
		s.taken[string(r.Payload[numberBytes:])] = true
	}
	return nil
}

func (s *survey) damage(d Damage) error {
	if !d.Tail {
		s.out.Damage = append(s.out.Damage, d)
	}
	return nil
}

// replay is the second reading: it hands the records to workers, each call's to
// the same one.
type replay struct {
	done    map[uint32]bool
	files   *again
	workers []*worker
}

// Records go to workers in batches of so many bytes, a few on their way.
const (
	batchBytes = 128 << 10
	batchesAt  = 4
)

// batch is a run of records with memory of its own.
type batch struct {
	memory  []byte
	records []Record
}

type worker struct {
	files   *again
	in      chan batch
	free    chan batch
	next    batch
	players map[uint32]*player
}

func (r *replay) run(source Source) error {
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		w := &worker{files: r.files, in: make(chan batch, batchesAt), free: make(chan batch, batchesAt+1), players: map[uint32]*player{}}
		r.workers = append(r.workers, w)
		all.Go(w.run)
	}
	err := source.Read(func(rec Record) error {
		if !r.done[rec.Call] && rec.Kind != recordDone {
			r.workers[int(rec.Call)%len(r.workers)].give(rec)
		}
		return nil
	}, func(d Damage) error {
		for _, w := range r.workers {
			if !d.Tail {
				w.give(Record{})
			}
		}
		return nil
	})
	for _, w := range r.workers {
		if err != nil { // nobody knows what the rest would have told
			w.give(Record{})
		}
		w.send()
		close(w.in)
	}
	all.Wait()
	return err
}

// give puts a record on its way to the worker.
func (w *worker) give(r Record) {
	b := &w.next
	at := len(b.memory)
	if at+len(r.Payload) > cap(b.memory) && len(b.records) > 0 {
		w.send()
		at = 0
	}
	b.memory = append(b.memory, r.Payload...)
	r.Payload = b.memory[at:len(b.memory):len(b.memory)]
	b.records = append(b.records, r)
}

func (w *worker) send() {
	w.in <- w.next
	select {
	case w.next = <-w.free:
		w.next.memory, w.next.records = w.next.memory[:0], w.next.records[:0]
	default:
		w.next = batch{memory: make([]byte, 0, batchBytes)}
	}
}

// run plays what comes, and ends all calls when nothing more does. Their files
// are completed at the same time.
func (w *worker) run() {
	for b := range w.in {
		for _, r := range b.records {
			w.play(r)
		}
		select {
		case w.free <- b:
		default: // enough are on their way
		}
	}
	for _, p := range w.players {
		p.end()
	}
	for _, p := range w.players {
		if p.rec != nil {
			p.rec.WaitSealed()
		}
	}
}

func (w *worker) play(r Record) {
	if r.Kind == 0 { // damage: it may have cost any call something
		for _, p := range w.players {
			p.waiting = true
		}
		return
	}
	p := w.players[r.Call]
	if p == nil {
		p = &player{files: w.files, n: r.Call}
		w.players[r.Call] = p
	}
	p.play(r)
}

// player is one call while it is replayed.
type player struct {
	files   *again
	n       uint32
	id      string // where it is known although there is no recording
	rec     *Recording
	lost    []int
	next    uint16    // the number that the next record should have
	last    time.Time // of the last record
	waiting bool      // for a record, since some were damaged
	err     error
	damaged bool
	wasOver bool // its end is in the journal
}

// mostSilence is how far from the last record's instant another's can be: a call
// is cut long before. What says otherwise is damaged.
const mostSilence = 6 * time.Hour

var errNoState = errors.New("the state it began with cannot be read")

func (p *player) play(r Record) {
	if len(r.Payload) < numberBytes {
		p.damaged = true
		return
	}
	number, payload := binary.LittleEndian.Uint16(r.Payload), r.Payload[numberBytes:]
	if r.Kind == recordState || r.Kind == recordBorn {
		p.begin(payload)
		if p.next = number; r.Kind == recordBorn {
			p.next++
		}
		return
	}
	at := timeOf(r.Kind, payload)
	if r.Kind == recordName {
		p.id = string(payload)
	}
	if p.rec == nil {
		p.last = latest(p.last, at)
		return
	}
	if !at.IsZero() && (at.Sub(p.last) > mostSilence || p.last.Sub(at) > mostSilence) {
		p.damaged = true
		return
	}
	p.waiting = false
	if number != p.next {
		p.rec.Harm(p.last, latest(p.last, at))
	}
	p.next = number + 1
	if _, err := p.rec.apply(r.Kind, payload); err != nil {
		p.damaged = true
	}
	p.last = latest(p.last, at)
	p.wasOver = p.rec.ended
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// timeOf is the instant of a record, zero if it has none.
func timeOf(kind uint8, payload []byte) time.Time {
	switch kind {
	case recordOpen, recordPacket, recordClose, recordOver, recordPause, recordResume, recordAdvance, recordEnd:
		e := eye{b: payload}
		if at := e.time(); !e.bad {
			return at
		}
	}
	return time.Time{}
}

// begin takes the recording up as the state says.
func (p *player) begin(state []byte) {
	if p.rec != nil { // a later state says nothing new
		return
	}
	restored, err := Restore(state, p.files, Options{})
	if err != nil {
		p.err = err
		return
	}
	p.rec, p.lost = restored.Recording, restored.Lost
	p.last = p.rec.desk.epoch.Add(duration(p.rec.last))
	p.wasOver = p.rec.ended
}

// end ends a call whose end is not in the journal.
func (p *player) end() {
	if p.rec == nil || p.rec.ended {
		return
	}
	r := p.rec
	if p.waiting || p.damaged || len(p.lost) > 0 {
		r.call.SetFlag(earshot.FlagDamaged)
	}
	r.Facts(func(call *earshot.Call) {
		call.SetFlag(earshot.FlagInterrupted)
		if r.paused {
			endPause(call, call.OffsetMs(p.last))
		}
	})
	_ = r.End(p.last) // what a file refused shows in its part
}

// endPause lets the mark of a pause that lasts to the end say so.
func endPause(call *earshot.Call, ms int64) {
	for i := range slices.Backward(call.Marks) {
		if m := &call.Marks[i]; m.Kind == earshot.MarkPause {
			if m.EndMs == m.StartMs {
				m.EndMs = max(m.StartMs, ms)
			}
			return
		}
	}
}

func (p *player) result() Replayed {
	out := Replayed{Number: p.n, Ended: p.wasOver, Lost: p.lost, Last: p.last, Err: p.err}
	if p.rec == nil {
		out.Call.ID = p.id
		if out.Err == nil {
			out.Err = errNoState
		}
		return out
	}
	out.Call = p.rec.Call()
	out.Call.State = earshot.CallStored
	for i := range out.Call.Parts {
		part := &out.Call.Parts[i]
		switch {
		case p.files.differs(part.File): // what the file says counts
			out.Lost = append(out.Lost, part.N)
			part.SHA256 = ""
		case part.SHA256 == "" && !slices.Contains(p.lost, part.N):
			out.Refused = append(out.Refused, part.N)
		}
		if part.SHA256 == "" {
			out.Call.SetFlag(earshot.FlagDamaged)
		}
	}
	return out
}
