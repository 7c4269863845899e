package storage

import (
	"context"
	"errors"
	"maps"
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
// what changed, all together. It answers what became of each call that there is,
// in the order of ids, and of the first ones only where it takes long.
func (a *Archive) analyse(ctx context.Context, ids []string) ([]*analysed, error) {
	calls, err := a.index.CallsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	set, began := a.ThresholdsNow(ctx), time.Now()
	var done []*analysed
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
	was     earshot.Call // what was judged
	judged  earshot.Call
	unheard bool // see Archive.isUnheard
	changed bool // it says something else now
	err     error
}

// analyseOne judges a call, which nobody is kept from editing meanwhile: to
// measure one may take minutes.
func (a *Archive) analyseOne(ctx context.Context, c earshot.Call, t earshot.Thresholds) *analysed {
	d := &analysed{was: c, judged: c.Clone()}
	if c.State != earshot.CallStored {
		return d
	}
	for _, p := range c.Parts {
		if p.SHA256 == "" {
			d.err = errUnsealed
			return d
		}
	}
	var found earshot.Levels
	if found, d.err = a.levelsOf(ctx, c); d.err != nil {
		return d
	}
	d.judged.Judge(found, t)
	if d.changed = !sameAnalysis(c, d.judged); d.changed {
		d.unheard = a.isUnheard(d.judged)
	}
	return d
}

// sameAnalysis says whether two states of a call say the same of how it went.
func sameAnalysis(a, b earshot.Call) bool {
	return reflect.DeepEqual(a.Talk, b.Talk) && a.Untold == b.Untold && slices.Equal(a.Flags, b.Flags) && slices.Equal(a.Marks, b.Marks)
}

// sameAudio says whether two states of a call have the same to be judged by.
func sameAudio(a, b earshot.Call) bool {
	same := func(p, q earshot.Part) bool {
		return p.N == q.N && p.File == q.File && p.Track == q.Track && p.StartMs == q.StartMs && p.DurationMs == q.DurationMs && p.SHA256 == q.SHA256
	}
	return a.State == b.State && a.Kind == b.Kind && a.Channels == b.Channels && a.DurationMs == b.DurationMs &&
		slices.EqualFunc(a.Parts, b.Parts, same) && slices.Equal(a.Gaps, b.Gaps)
}

// keepAnalysed has the calls that changed, as they are by now, say so: first their
// files, side by side, then their rows, in one transaction. One that got other
// audio meanwhile, or is no more, is left to whoever did that.
func (a *Archive) keepAnalysed(ctx context.Context, done []*analysed) error {
	changed := make(map[string]*analysed)
	for _, d := range done {
		if d.changed {
			changed[d.was.ID] = d
		}
	}
	ids := slices.Sorted(maps.Keys(changed))
	for _, id := range ids {
		defer a.calls.Lock(id)() // in the order of ids, as whoever saves many does
	}
	return a.index.JudgeCalls(ctx, ids, func(calls []earshot.Call) ([]index.Judged, error) {
		var kept []index.Judged
		for _, c := range calls {
			if d := changed[c.ID]; sameAudio(d.was, c) {
				c.JudgeAs(d.judged)
				kept = append(kept, index.Judged{Call: c, Unheard: d.unheard})
			}
		}
		return kept, a.writeJudged(kept)
	})
}

func (a *Archive) writeJudged(kept []index.Judged) error {
	var writing errgroup.Group // of a batch together: the fewer syncs it takes
	for _, k := range kept {
		writing.Go(func() error { return a.writeFile(k.Call) })
	}
	return writing.Wait()
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
