package ingest

import (
	"errors"
	"time"

	"earshot"
	"earshot/ingest/recorder"
	"earshot/storage/files"
)

// Journal is where the loop notes what it tells recordings, so that a crash
// loses nothing. Nothing but Read waits for the disk.
type Journal interface {
	recorder.Journal
	recorder.Source
	// SetAside keeps damaged segments for people to look at.
	SetAside() error
	// SetAsideAll keeps all segments so.
	SetAsideAll() error
	// Begin begins a segment: the states of all open recordings follow, then Begun.
	Begin()
	Begun()
	// Commit hands over what was appended since the last one.
	Commit()
	// Mark is how much was appended so far; Safe says that nothing of it waits for
	// the disk any more.
	Mark() uint64
	Safe(mark uint64) bool
	// Due says that a new segment is to be begun.
	Due() bool
	// Healthy is why the journal is behind, nil if it is not.
	Healthy() error
}

// journaled is a recording that is in the journal.
type journaled interface {
	WriteState()
	WriteName()
	Done()
}

// newRecording makes the recording of a call: one with a journal before it,
// where there is one.
func (f *Floor) newRecording(call *earshot.Call, opts recorder.Options) recording {
	if f.opts.newRecording != nil {
		return f.opts.newRecording(call, opts)
	}
	if f.opts.Journal == nil {
		return recorder.New(call, f.opts.Files, opts)
	}
	n := f.nextNumber
	f.nextNumber++
	return recorder.NewJournaled(call, behindJournal{f.opts.Files, f}, opts, f.opts.Journal, n)
}

// openJournal begins the journal's first segment. What the last life left in it
// is stored, and need not be brought back again.
func (f *Floor) openJournal() {
	if f.opts.Journal == nil {
		return
	}
	f.beginSegment()
	if r := f.opts.Replayed; r != nil {
		for _, n := range r.numbers {
			recorder.WriteDone(f.opts.Journal, n)
		}
	}
	f.opts.Journal.Commit()
}

// beginSegment begins a segment with the states of all calls that are not kept.
func (f *Floor) beginSegment() {
	j := f.opts.Journal
	open := make([]journaled, 0, len(f.calls))
	for _, c := range f.calls {
		if rec, ok := c.rec.(journaled); ok && !c.safe() {
			open = append(open, rec)
		}
	}
	j.Begin()
	for _, rec := range open {
		rec.WriteState()
	}
	j.Begun()
	for _, rec := range open {
		rec.WriteName()
	}
}

// commit hands what the loop noted to the journal's writer, and looks how it
// fares. Recording goes on whatever is the matter with it.
func (f *Floor) commit(now time.Time) {
	j := f.opts.Journal
	if j == nil {
		return
	}
	if j.Due() {
		f.beginSegment()
	}
	j.Commit()
	f.sealSafe()
	err := j.Healthy()
	switch {
	case err == nil:
		f.alarms.Clear(earshot.AlarmDiskSlow)
		f.alarms.Clear(earshot.AlarmDiskFailed)
	case errors.Is(err, files.ErrOverflow):
		f.alarms.Raise(earshot.AlarmDiskSlow, earshot.Warning, now, err.Error())
	default:
		f.alarms.Raise(earshot.AlarmDiskFailed, earshot.Critical, now, err.Error())
	}
}

// closeJournal leaves a segment without any call, or with those that could not
// be kept: the next start has nothing else to bring back. The loop has ended.
func (f *Floor) closeJournal() {
	if f.opts.Journal == nil {
		return
	}
	f.beginSegment()
	f.opts.Journal.Commit()
	f.alarms.Clear(earshot.AlarmDiskSlow)
	f.alarms.Clear(earshot.AlarmDiskFailed)
}
