package storage

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// Scrub checks a share of the archive every night, as Verify would: audio against
// the ledger, call files against the index, the ledger's new records against
// index and tree. It goes on each night where it stopped, and after a restart in
// the middle. Once a week, and when a person starts it, it looks at the whole
// ledger and at the names of all files, too.
//
// It reads slowly, and not at all while the disk is behind. What it finds it
// keeps in Problems.
type Scrub struct {
	ScrubOptions
	pace *rate.Limiter
	wake chan struct{} // somebody started a run

	mu   sync.Mutex // one beginner at a time; also holds note
	note index.ScrubNote
}

// ScrubOptions are what a Scrub is made of. Least, Busy and Ledger may be left out.
type ScrubOptions struct {
	Files    ReadFiles
	Ledger   *ledger.Ledger // nil: there is none that can be used
	Index    *index.Index
	Problems *Problems
	At       earshot.DayTime // when it runs
	Location *time.Location  // what a day is
	Share    float64         // of the archive's bytes for a night, 0 to 1
	Rate     int64           // bytes a second; 0: as fast as it goes
	Least    int64           // bytes for a night; a small archive is read whole. 1 GiB
	Busy     func() bool     // the disk is wanted by others: wait
	Now      func() time.Time
	Log      *slog.Logger
}

// The scrub's pace.
const (
	scrubLooks  = 30 * time.Second
	scrubLeast  = 1 << 30
	scrubPass   = 90 * 24 * time.Hour // within which all is read once
	scrubWhole  = 7 * 24 * time.Hour
	scrubChunk  = 1 << 20 // bytes read at once
	scrubWaits  = time.Second
	scrubKeeps  = 32 << 20 // bytes after which its place is kept
	scrubAtOnce = 100      // calls asked of the index at once
)

// ErrScrubRunning means that a check is under way.
var ErrScrubRunning = earshot.Fail(earshot.Conflict, "running", "a check is under way")

// NewScrub starts nothing; Run does the work.
func NewScrub(o ScrubOptions) *Scrub {
	if o.Least == 0 {
		o.Least = scrubLeast
	}
	if o.Busy == nil {
		o.Busy = func() bool { return false }
	}
	pace := rate.NewLimiter(rate.Inf, scrubChunk)
	if o.Rate > 0 {
		pace.SetLimit(rate.Limit(o.Rate))
	}
	return &Scrub{ScrubOptions: o, pace: pace, wake: make(chan struct{}, 1)}
}

// Run checks every night, and when Start asks for it, until ctx ends.
func (s *Scrub) Run(ctx context.Context) {
	look := time.NewTicker(scrubLooks)
	defer look.Stop()
	began, said := s.Now(), ""
	for ctx.Err() == nil {
		trouble := ""
		if err := s.look(ctx, began); err != nil && ctx.Err() == nil {
			trouble = err.Error()
		}
		if trouble != "" && trouble != said { // said once, however long it lasts
			s.Log.ErrorContext(ctx, "the check of the archive was cut off and goes on later", "err", trouble)
		}
		said = trouble
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-look.C:
		}
	}
}

// look does what there is to do now: the rest of a run, or a run if it is time.
func (s *Scrub) look(ctx context.Context, since time.Time) error {
	if err := s.Problems.KeepJournals(ctx); err != nil {
		return err
	}
	if err := s.Problems.Tell(ctx); err != nil {
		return err
	}
	note, err := s.Index.Scrub(ctx)
	if err != nil {
		return err
	}
	if !note.Running {
		if s.Now().Before(s.next(note, since)) {
			return nil
		}
		if note, err = s.begin(ctx, s.Now().Sub(note.WholeAt.Time) >= scrubWhole); err != nil {
			return err
		}
	}
	s.publish(note)
	return s.goOn(ctx, note)
}

// next is when a run begins by itself: one that was missed begins at once.
func (s *Scrub) next(note index.ScrubNote, since time.Time) time.Time {
	if !note.StartedAt.IsZero() {
		since = note.StartedAt.Time
	}
	return s.At.After(since.In(s.Location))
}

// Start begins a whole run now; ErrScrubRunning.
func (s *Scrub) Start(ctx context.Context) error {
	if _, err := s.begin(ctx, true); err != nil {
		return err
	}
	select {
	case s.wake <- struct{}{}:
	default: // it has been called
	}
	return nil
}

// begin notes that a run is under way; Run takes it up.
func (s *Scrub) begin(ctx context.Context, whole bool) (index.ScrubNote, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note, err := s.Index.Scrub(ctx)
	if err != nil {
		return note, err
	}
	if note.Running {
		return note, ErrScrubRunning
	}
	stored, err := s.Index.StoredBytes(ctx)
	if err != nil {
		return note, err
	}
	now := s.Now()
	if note.PassAt.IsZero() {
		note.PassAt = earshot.At(now)
	}
	note.Running, note.Step, note.Whole, note.StartedAt = true, stepLedger, whole, earshot.At(now)
	note.Checked, note.Bytes, note.From, note.Wrapped = 0, 0, note.Cursor, false
	note.Total = max(int64(s.Share*float64(stored)), s.Least, due(note, stored, now))
	note.All = note.Total >= stored
	note.Total = min(note.Total, stored)
	s.note = note
	return note, s.Index.SaveScrub(ctx, note)
}

// due is how much a night must read so that the pass is over in time.
func due(note index.ScrubNote, stored int64, now time.Time) int64 {
	left := scrubPass - now.Sub(note.PassAt.Time)
	nights := max(1, int64(left/(24*time.Hour)))
	return max(0, stored-note.PassBytes+nights-1) / nights
}

// State says how it stands.
func (s *Scrub) State(ctx context.Context) (earshot.ScrubState, error) {
	s.mu.Lock()
	note := s.note
	s.mu.Unlock()
	if !note.Running {
		var err error
		if note, err = s.Index.Scrub(ctx); err != nil {
			return earshot.ScrubState{}, err
		}
	}
	state := earshot.ScrubState{State: "idle", At: note.StartedAt, Checked: note.Checked, Bytes: note.Bytes, Total: note.Total,
		Share: s.Share, Next: earshot.At(s.At.After(s.Now().In(s.Location)))}
	if note.Running {
		state.State = "running"
	}
	return state, nil
}

func (s *Scrub) publish(note index.ScrubNote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = note
}

// save keeps the place of the run under way.
func (s *Scrub) save(ctx context.Context, note index.ScrubNote) error {
	s.publish(note)
	return s.Index.SaveScrub(ctx, note)
}
