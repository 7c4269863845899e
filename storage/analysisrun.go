package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"earshot"
	"earshot/storage/index"
)

// Analysis judges calls anew when somebody asks for it, from the newest to the
// oldest, and by itself those that were stored without their levels. It keeps
// where it is: a run that was cut off goes on where it was.
//
// It works with one call after the other, rests as long as it works, and stops
// while the disk is behind: recording comes first.
type Analysis struct {
	AnalysisOptions
	wake  chan struct{} // somebody started a run
	later retries       // of calls that failed; Run's goroutine has it

	counting     sync.Mutex
	counted      map[string]int64 // see index.CountJudged
	countedUntil time.Time        // when counted has to be read again
}

// AnalysisOptions are what an Analysis is made of. Rest, Busy, Alone and Told may
// be left out.
type AnalysisOptions struct {
	Archive *Archive
	Rest    float64                  // how long it rests for each second of work; 0: it does not
	Busy    func() bool              // the disk is wanted by others: wait
	Alone   bool                     // nobody else can be at work on this archive
	Told    func(index.AnalysisNote) // is told how far a run of its own has come
	Now     func() time.Time
	Log     *slog.Logger
}

// The pace of an Analysis.
const (
	analysisLooks = 10 * time.Second
	analysisWaits = time.Second
	analysisStale = 2 * time.Minute // a run that was not seen for so long is nobody's
	analysisBatch = 20              // calls at a time, beside recording: others wait for the index meanwhile
	restlessBatch = 500             // without rest
	analysisSelf  = 48 * time.Hour  // so far back calls are analysed that never were
	mostFailures  = 100             // are named
)

// Failures of runs.
var (
	ErrAnalysisRunning = earshot.Fail(earshot.Conflict, "analysis_running", "an analysis is under way")
	ErrAnalysisIdle    = earshot.Fail(earshot.Conflict, "analysis_idle", "no analysis is under way")
	errNotOurs         = errors.New("the run was stopped, or another goes on with it")
)

// NewAnalysis starts nothing; Run and Finish do the work.
func NewAnalysis(o AnalysisOptions) *Analysis {
	if o.Busy == nil {
		o.Busy = func() bool { return false }
	}
	if o.Told == nil {
		o.Told = func(index.AnalysisNote) {}
	}
	return &Analysis{AnalysisOptions: o, wake: make(chan struct{}, 1)}
}

// AnalysisRange says which calls a run looks at.
type AnalysisRange struct {
	From, To time.Time // that began at From or later, and before To; zero: no bound
	All      bool      // also those that were judged by the present thresholds
	By       string    // who asks
}

// Start notes that a run is under way, and Run takes it up; ErrAnalysisRunning
// while there is one. A run over the same calls that was stopped, or that nobody is
// at work on any more, goes on where it was.
func (an *Analysis) Start(ctx context.Context, r AnalysisRange) (index.AnalysisNote, error) {
	if !r.To.IsZero() && !r.From.Before(r.To) {
		return index.AnalysisNote{}, earshot.Fail(earshot.Invalid, "bad_range", "from is before to")
	}
	judged := an.judged(ctx)
	total, err := an.Archive.index.CountToAnalyse(ctx, an.query(r.From, r.To, r.All, judged))
	if err != nil {
		return index.AnalysisNote{}, err
	}
	note, err := an.Archive.index.ChangeAnalysis(ctx, func(n *index.AnalysisNote) error {
		if n.State == index.AnalysisRunning && !an.stale(*n) {
			return ErrAnalysisRunning
		}
		now := earshot.At(an.Now())
		goesOn := n.State != index.AnalysisIdle && r.All && n.All && n.From.Equal(r.From) && n.To.Equal(r.To) && slices.Equal(n.Judged, judged)
		if !goesOn {
			*n = index.AnalysisNote{StartedAt: now, By: r.By, From: earshot.At(r.From), To: earshot.At(r.To), All: r.All,
				Judged: judged, Total: total, Failures: []index.AnalysisFailure{}}
		}
		n.State, n.EndedAt, n.BeatAt, n.Run = index.AnalysisRunning, earshot.Time{}, now, untaken
		return nil
	})
	if err == nil {
		select {
		case an.wake <- struct{}{}:
		default: // it has been called
		}
	}
	return note, err
}

// Stop ends the run under way, on whatever node; ErrAnalysisIdle.
func (an *Analysis) Stop(ctx context.Context) error {
	_, err := an.Archive.index.ChangeAnalysis(ctx, func(n *index.AnalysisNote) error {
		if n.State != index.AnalysisRunning {
			return ErrAnalysisIdle
		}
		n.State, n.EndedAt = index.AnalysisStopped, earshot.At(an.Now())
		return nil
	})
	return err
}

// State is how far the run under way, or the last one, has come.
func (an *Analysis) State(ctx context.Context) (index.AnalysisNote, error) {
	return an.Archive.index.Analysis(ctx)
}

// Judged counts the stored calls: those judged by the present thresholds, by
// older ones, and never.
type Judged struct {
	Now   int64 `json:"now"`
	Older int64 `json:"older"`
	Never int64 `json:"never"`
}

// Judged counts how the archive was judged.
func (an *Analysis) Judged(ctx context.Context) (j Judged, err error) {
	counts, err := an.counts(ctx)
	present := an.judged(ctx)
	for judged, n := range counts {
		switch {
		case judged == "":
			j.Never += n
		case slices.Contains(present, judged):
			j.Now += n
		default:
			j.Older += n
		}
	}
	return j, err
}

// A large archive takes seconds to count, and who watches a run asks again and
// again: a count that took longer than slowCount is given out for so many times
// as long as it took.
const (
	slowCount  = 100 * time.Millisecond
	countLasts = 20
)

// counts are the calls by how they were judged, or were a moment ago.
func (an *Analysis) counts(ctx context.Context) (map[string]int64, error) {
	an.counting.Lock()
	defer an.counting.Unlock()
	began := time.Now()
	if began.Before(an.countedUntil) {
		return an.counted, nil
	}
	counts, err := an.Archive.index.CountJudged(ctx)
	if took := time.Since(began); err == nil && took > slowCount {
		an.counted, an.countedUntil = counts, time.Now().Add(countLasts*took)
	}
	return counts, err
}

// judged are the fingerprints of the present thresholds.
func (an *Analysis) judged(ctx context.Context) []string {
	t := an.Archive.ThresholdsNow(ctx)
	return []string{t.Counter.Fingerprint(earshot.Counter), t.Hotline.Fingerprint(earshot.Hotline)}
}

func (an *Analysis) query(from, to time.Time, all bool, judged []string) index.AnalysisQuery {
	q := index.AnalysisQuery{From: from, To: to, Limit: restlessBatch}
	if an.Rest > 0 {
		q.Limit = analysisBatch
	}
	if !all {
		q.Judged = judged
	}
	return q
}

// untaken is the Run of a run that nobody is at work on yet, or any more.
const untaken = ""

// stale says whether whoever was at work on a run is no more.
func (an *Analysis) stale(n index.AnalysisNote) bool {
	return an.Alone || an.Now().Sub(n.BeatAt.Time) > analysisStale
}

// Run works until ctx ends: runs that were started, and new calls that were never
// analysed.
func (an *Analysis) Run(ctx context.Context) {
	look := time.NewTicker(analysisLooks)
	defer look.Stop()
	said := ""
	for ctx.Err() == nil {
		trouble := ""
		if err := an.look(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errNotOurs) {
			trouble = err.Error()
		}
		if trouble != "" && trouble != said { // said once, however long it lasts
			an.Log.ErrorContext(ctx, "the analysis of the archive was cut off and goes on later", "err", trouble)
		}
		said = trouble
		select {
		case <-ctx.Done():
		case <-an.wake:
		case <-look.C:
		}
	}
}

func (an *Analysis) look(ctx context.Context) error {
	if err := an.lately(ctx); err != nil {
		return err
	}
	note, err := an.State(ctx)
	if err != nil || note.State != index.AnalysisRunning || note.Run != untaken && !an.stale(note) {
		return err
	}
	if note, err = an.goOn(ctx, note); ctx.Err() == nil {
		return err
	}
	// Whoever comes next need not wait until the run is stale.
	_, err = an.note(context.WithoutCancel(ctx), note, func(n *index.AnalysisNote) { n.Run = untaken })
	return err
}

// lately analyses the new calls that never were.
func (an *Analysis) lately(ctx context.Context) error {
	q := index.AnalysisQuery{From: an.Now().Add(-analysisSelf), Never: true, Limit: analysisBatch}
	an.later.begin()
	for {
		found, err := an.Archive.index.CallsToAnalyse(ctx, q)
		if err != nil || len(found) == 0 {
			return err
		}
		q.Before = found[len(found)-1]
		ids := an.later.due(found, an.Now())
		for len(ids) > 0 {
			sum, err := an.batch(ctx, ids)
			if err != nil {
				return err
			}
			an.failedLately(ctx, sum.failures)
			ids = ids[slices.Index(ids, sum.cursor)+1:]
		}
	}
}

// failedLately has calls that could not be analysed wait, and says of each once why.
func (an *Analysis) failedLately(ctx context.Context, failures []index.AnalysisFailure) {
	for _, f := range failures {
		if an.later.failed(f.Call, an.Now()) {
			an.Log.WarnContext(ctx, "a call could not be analysed; it is tried again", "call", f.Call, "err", f.Text)
		}
	}
}

// Finish does the run that was started to its end, or until ctx ends; it goes on
// when it is started again.
func (an *Analysis) Finish(ctx context.Context, note index.AnalysisNote) (index.AnalysisNote, error) {
	_, err := an.goOn(ctx, note)
	if ctx.Err() != nil { // by whoever called
		err = an.Stop(context.WithoutCancel(ctx))
	}
	if errors.Is(err, ErrAnalysisIdle) { // it had just ended
		err = nil
	}
	after, stateErr := an.State(context.WithoutCancel(ctx))
	return after, errors.Join(err, stateErr)
}

// goOn works on a run until it is over, was stopped, or is another's. It answers
// the note it kept last.
func (an *Analysis) goOn(ctx context.Context, note index.AnalysisNote) (index.AnalysisNote, error) {
	kept, err := an.note(ctx, note, func(n *index.AnalysisNote) { n.Run = earshot.NewID(an.Now()) }) // ours from now on
	for err == nil {
		note = kept
		an.Told(note)
		if note.State != index.AnalysisRunning {
			return note, nil
		}
		kept, err = an.step(ctx, note)
	}
	return note, err
}

// step is the next batch of a run, or its end.
func (an *Analysis) step(ctx context.Context, note index.AnalysisNote) (index.AnalysisNote, error) {
	q := an.query(note.From.Time, note.To.Time, note.All, an.judged(ctx))
	q.Before = note.Cursor
	ids, err := an.Archive.index.CallsToAnalyse(ctx, q)
	if err != nil {
		return note, err
	}
	if len(ids) == 0 {
		return an.note(ctx, note, func(n *index.AnalysisNote) { n.State, n.EndedAt = index.AnalysisIdle, earshot.At(an.Now()) })
	}
	sum, err := an.batch(ctx, ids)
	if err != nil {
		return note, err
	}
	return an.note(ctx, note, sum.add)
}

// note keeps how far the run has come; errNotOurs.
func (an *Analysis) note(ctx context.Context, ours index.AnalysisNote, change func(*index.AnalysisNote)) (index.AnalysisNote, error) {
	return an.Archive.index.ChangeAnalysis(ctx, func(n *index.AnalysisNote) error {
		if n.State != index.AnalysisRunning || n.Run != ours.Run {
			return errNotOurs
		}
		n.BeatAt = earshot.At(an.Now())
		change(n)
		return nil
	})
}

// tally is what became of some calls.
type tally struct {
	done, changed, untold, failed int64
	failures                      []index.AnalysisFailure
	cursor                        string // the oldest of them
}

func (t tally) add(n *index.AnalysisNote) {
	n.Cursor = t.cursor
	n.Done += t.done
	n.Changed += t.changed
	n.Untold += t.untold
	n.Failed += t.failed
	n.Failures = append(n.Failures, t.failures...)
	n.Failures = n.Failures[:min(len(n.Failures), mostFailures)]
}

// batch analyses some calls, the first ones where it takes long, and rests.
func (an *Analysis) batch(ctx context.Context, ids []string) (tally, error) {
	for an.Busy() {
		if err := pause(ctx, analysisWaits); err != nil {
			return tally{}, err
		}
	}
	began := time.Now()
	sum := tally{cursor: ids[len(ids)-1]}
	done, err := an.Archive.analyse(ctx, ids)
	if err != nil && ctx.Err() == nil && !errors.Is(err, index.ErrAway) {
		done, err = an.oneByOne(ctx, ids)
	}
	if err != nil {
		return tally{}, err
	}
	for _, d := range done {
		sum.count(d)
		sum.cursor = d.was.ID
	}
	return sum, pause(ctx, time.Duration(float64(time.Since(began))*an.Rest))
}

// oneByOne finds out which call of a batch is the one that cannot be kept.
func (an *Analysis) oneByOne(ctx context.Context, ids []string) ([]*analysed, error) {
	var all []*analysed
	for _, id := range ids {
		done, err := an.Archive.analyse(ctx, []string{id})
		if ctx.Err() != nil || errors.Is(err, index.ErrAway) {
			return nil, err
		}
		if err != nil {
			done = []*analysed{{was: earshot.Call{ID: id}, err: err}}
		}
		all = append(all, done...)
	}
	return all, nil
}

func (t *tally) count(d *analysed) {
	t.done++
	switch {
	case errors.Is(d.err, errUnsealed): // whoever stores it judges it
	case d.err != nil:
		t.failed++
		t.failures = append(t.failures, index.AnalysisFailure{Call: d.was.ID, Text: fmt.Sprint(d.err)})
	case d.judged.Untold != "":
		t.untold++
	case d.changed:
		t.changed++
	}
}

// pause waits, or fails when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
