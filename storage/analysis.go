package storage

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage/index"
)

// ThresholdsNow are the thresholds that count; while the index is away those it
// had last.
func (a *Archive) ThresholdsNow(ctx context.Context) earshot.ThresholdsByKind {
	set, err := a.index.Thresholds(ctx)
	if err == nil {
		a.thresholds.Store(&set.ThresholdsByKind)
		return set.ThresholdsByKind
	}
	if last := a.thresholds.Load(); last != nil {
		return *last
	}
	return earshot.DefaultThresholds()
}

// judge says of a call that is to be stored how it went, if the levels of all its
// parts are there: decoding would keep whoever stores it waiting. Calls without
// are left to Analysis. One that goes on is judged at its end.
func (a *Archive) judge(c *earshot.Call, t earshot.ThresholdsByKind) {
	switch c.State {
	case earshot.CallLive:
		c.Unjudge()
	case earshot.CallStored:
		if levels, all := a.keptLevels(*c); all {
			c.Judge(levels, t.Of(c.Kind))
		}
	}
}

// keptLevels are the levels of a call from its levels files, and whether there is
// one of each part.
func (a *Archive) keptLevels(c earshot.Call) (earshot.Levels, bool) {
	line := newTimeline(c.DurationMs)
	for _, p := range c.Parts {
		if p.Track == earshot.TrackHelper {
			continue
		}
		if p.SHA256 == "" {
			return earshot.Levels{}, false
		}
		file, err := a.files.ReadWhole(earshot.LevelsFile(c.ID, p.N))
		if err != nil {
			return earshot.Levels{}, false
		}
		agent, customer, err := levels.Parse(file)
		if err != nil {
			return earshot.Levels{}, false
		}
		line.lay(p.StartMs, agent, customer)
	}
	return earshot.Levels{StepMs: earshot.LevelStepMs, Agent: line.agent, Customer: line.customer}, true
}

// errUnsealed means that a call's parts are not complete yet.
var errUnsealed = errors.New("its parts are not complete yet")

// analysisTurn is how long a batch may take: then its first calls are kept.
const analysisTurn = 20 * time.Second

// analyse judges stored calls anew, measuring levels that are missing, and keeps
// those that changed, all together. It answers what became of each, in the order
// of ids, and of the first ones only where it takes long. One that was deleted
// or goes on meanwhile is left alone.
func (a *Archive) analyse(ctx context.Context, ids []string) ([]analysed, error) {
	for _, id := range slices.Sorted(slices.Values(ids)) {
		defer a.calls.Lock(id)() // in the order of ids, as whoever saves many does
	}
	calls, err := a.index.CallsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	set, began := a.ThresholdsNow(ctx), time.Now()
	var done []analysed
	for _, c := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(done) > 0 && time.Since(began) > analysisTurn {
			break
		}
		done = append(done, a.analyseOne(ctx, c, set.Of(c.Kind)))
	}
	return done, a.keepAnalysed(ctx, done)
}

// analysed is what became of a call.
type analysed struct {
	call    earshot.Call
	changed bool
	untold  string // nothing can be told; by which thresholds that was found
	err     error
}

func (a *Archive) analyseOne(ctx context.Context, c earshot.Call, t earshot.Thresholds) analysed {
	if c.State != earshot.CallStored {
		return analysed{call: c}
	}
	for _, p := range c.Parts {
		if p.SHA256 == "" {
			return analysed{call: c, err: errUnsealed}
		}
	}
	found, err := a.levelsOf(ctx, c)
	if err != nil {
		return analysed{call: c, err: err}
	}
	judged := c.Clone()
	judged.Judge(found, t)
	if judged.Talk == nil {
		return analysed{call: judged, changed: !sameAnalysis(c, judged), untold: t.Fingerprint(c.Kind)}
	}
	return analysed{call: judged, changed: !sameAnalysis(c, judged)}
}

// sameAnalysis says whether two states of a call say the same of how it went.
func sameAnalysis(a, b earshot.Call) bool {
	return reflect.DeepEqual(a.Talk, b.Talk) && slices.Equal(a.Flags, b.Flags) && slices.Equal(a.Marks, b.Marks)
}

// keepAnalysed writes the files of the calls that changed, side by side, and puts
// them into the index in one transaction.
func (a *Archive) keepAnalysed(ctx context.Context, done []analysed) error {
	var rows []index.Restored
	var untold []analysed
	for i := range done {
		d := &done[i]
		if d.err == nil && d.changed {
			d.call.Holds = a.HoldsOn(ctx, d.call)
			rows = append(rows, index.Restored{Call: d.call, Unheard: a.isUnheard(d.call)})
		}
		if d.err == nil && d.untold != "" {
			untold = append(untold, *d)
		}
	}
	var writing errgroup.Group
	writing.SetLimit(saveAtOnce)
	for _, r := range rows {
		writing.Go(func() error { return a.writeFile(r.Call) })
	}
	if err := writing.Wait(); err != nil {
		return err
	}
	if err := a.index.RestoreCalls(ctx, rows); err != nil {
		return err
	}
	for _, d := range untold {
		if err := a.index.NoteUntold(ctx, d.call.ID, d.untold); err != nil {
			return err
		}
	}
	return nil
}

// Thresholds are those that count now, and who set them.
func (an *Analysis) Thresholds(ctx context.Context) (index.SetThresholds, error) {
	return an.Archive.index.Thresholds(ctx)
}

// SetThresholds has calls that end from now on judged by t; `bad_thresholds`.
// Those that were judged before stay as they are until a run judges them anew.
func (an *Analysis) SetThresholds(ctx context.Context, t earshot.ThresholdsByKind, by string) (index.SetThresholds, error) {
	if err := an.Archive.index.SaveThresholds(ctx, t, by, an.Now()); err != nil {
		return index.SetThresholds{}, err
	}
	return an.Thresholds(ctx)
}
