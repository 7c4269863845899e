package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/storage/index"
)

// Policies are all policies of retention, by id.
func (a *Archive) Policies(ctx context.Context) ([]earshot.Policy, error) {
	return a.index.Policies(ctx)
}

// Policy is the policy id, or index.ErrNoPolicy.
func (a *Archive) Policy(ctx context.Context, id string) (earshot.Policy, error) {
	return a.index.Policy(ctx, id)
}

// CreatePolicy adds a policy; index.ErrExists, index.ErrBadBranch.
func (a *Archive) CreatePolicy(ctx context.Context, p earshot.Policy) error {
	return a.index.CreatePolicy(ctx, p)
}

// SavePolicy changes a policy; index.ErrNoPolicy, index.ErrBadBranch.
func (a *Archive) SavePolicy(ctx context.Context, p earshot.Policy) error {
	return a.index.SavePolicy(ctx, p)
}

// DeletePolicy takes a policy away: what only it ordered to go stays.
func (a *Archive) DeletePolicy(ctx context.Context, id string) error {
	return a.index.DeletePolicy(ctx, id)
}

// DueCall is a call that is to go, by whose order and since when.
type DueCall struct {
	Call   earshot.Call
	Policy string
	DueAt  earshot.Time
}

// DuePage is a page of what goes at an instant, those calls first that ended
// first, and what goes then in all.
type DuePage struct {
	Calls []DueCall
	Next  string // the cursor of the page after it; empty on the last

	Count  int   // calls that go
	Bytes  int64 // of their audio
	Held   int   // calls that would go if no hold kept them
	Capped bool  // there are more than were counted
}

// mostCounted bounds how many calls are looked at to count what goes.
const mostCounted = 10_000

// Due is what goes at an instant, as policies and holds are now.
func (a *Archive) Due(ctx context.Context, at time.Time, cursor string, limit int) (DuePage, error) {
	return a.due(ctx, a.index.Due, at, cursor, limit)
}

// DueUnder is Due as it would be if the policies were these: what a change of
// them lets go is seen before it is made. It fails where one of them is wrong.
func (a *Archive) DueUnder(ctx context.Context, policies []earshot.Policy, at time.Time, cursor string, limit int) (DuePage, error) {
	for _, p := range policies {
		if err := p.Validate(); err != nil {
			return DuePage{}, err
		}
	}
	return a.due(ctx, func(ctx context.Context, at time.Time, cursor string, limit int) (index.DuePage, error) {
		return a.index.DueUnder(ctx, policies, at, cursor, limit)
	}, at, cursor, limit)
}

// finder looks up what is due.
type finder func(ctx context.Context, at time.Time, cursor string, limit int) (index.DuePage, error)

func (a *Archive) due(ctx context.Context, find finder, at time.Time, cursor string, limit int) (DuePage, error) {
	at = at.In(a.location)
	page, err := a.duePage(ctx, find, at, cursor, limit)
	if err != nil {
		return page, err
	}
	counted := 0
	for next := ""; ; {
		found, err := find(ctx, at, next, 1000)
		if err != nil {
			return page, err
		}
		for _, c := range found.Calls {
			counted++
			if c.Hold != "" {
				page.Held++
				continue
			}
			page.Count++
			page.Bytes += c.Bytes
		}
		if next = found.Next; next == "" {
			return page, nil
		}
		if counted >= mostCounted {
			page.Capped = true
			return page, nil
		}
	}
}

// duePage reads on until the page has calls, or none are left.
func (a *Archive) duePage(ctx context.Context, find finder, at time.Time, cursor string, limit int) (DuePage, error) {
	var page DuePage
	for {
		found, err := find(ctx, at, cursor, limit)
		if err != nil {
			return page, err
		}
		for _, c := range found.Calls {
			if c.Hold != "" {
				continue
			}
			call, err := a.index.Call(ctx, c.ID)
			if err != nil {
				return page, err
			}
			page.Calls = append(page.Calls, DueCall{call, c.Policy, c.DueAt})
		}
		page.Next, cursor = found.Next, found.Next
		if len(page.Calls) > 0 || cursor == "" {
			return page, nil
		}
	}
}

// Runs are the last runs of retention, newest first.
func (a *Archive) Runs(ctx context.Context, limit int) ([]earshot.RetentionRun, error) {
	return a.index.Runs(ctx, limit)
}

// Retain deletes what is due now, those calls first that ended first, until
// nothing is left or, if enough is not 0, so many bytes of audio are gone. Calls
// that cannot be deleted are counted and left for the next run. What it did is
// kept and answered, also where it fails, or ends with ctx. ErrClockDoubtful.
func (a *Archive) Retain(ctx context.Context, why earshot.RetentionReason, enough int64) (earshot.RetentionRun, error) {
	a.retaining.Lock()
	defer a.retaining.Unlock()
	if a.clockDoubtful() {
		return earshot.RetentionRun{}, ErrClockDoubtful
	}
	now := a.now()
	r := retention{archive: a, enough: enough,
		run: earshot.RetentionRun{ID: earshot.NewID(now), At: earshot.At(now), Reason: why}}
	if err := a.index.SaveRun(ctx, r.run); err != nil {
		return r.run, err
	}
	err := errors.Join(a.finishDeletions(ctx), r.deleteAll(ctx))
	r.run.EndedAt = earshot.At(a.now())
	return r.run, errors.Join(err, a.index.SaveRun(context.WithoutCancel(ctx), r.run))
}

// MakeRoom deletes until so many bytes are free that were not: only what
// retention allows to go anyway, the oldest first. It answers how many went,
// which may be less.
func (a *Archive) MakeRoom(ctx context.Context, bytes int64) (freed int64, err error) {
	if bytes <= 0 {
		return 0, nil
	}
	run, err := a.Retain(ctx, earshot.RetainDiskFull, bytes)
	return run.Bytes, err
}

// retention is one run.
type retention struct {
	archive *Archive
	enough  int64
	run     earshot.RetentionRun
}

const retainAtOnce = 200

func (r *retention) deleteAll(ctx context.Context) error {
	for next := ""; ; {
		page, err := r.archive.index.Due(ctx, r.archive.now().In(r.archive.location), next, retainAtOnce)
		if err != nil {
			return err
		}
		for _, c := range page.Calls {
			if c.Hold != "" {
				continue
			}
			if err := r.delete(ctx, c); err != nil {
				return err
			}
			if r.enough > 0 && r.run.Bytes >= r.enough {
				return nil
			}
		}
		if next = page.Next; next == "" {
			return nil
		}
		if err := r.archive.index.SaveRun(ctx, r.run); err != nil {
			return err
		}
	}
}

// delete deletes one call. It fails where the others would, too.
func (r *retention) delete(ctx context.Context, c index.DueCall) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := r.archive.Delete(ctx, c.ID, earshot.Deletion{By: earshot.ByRetention, Reason: string(r.run.Reason)})
	switch {
	case err == nil:
		r.run.Deleted++
		r.run.Bytes += c.Bytes
		return nil
	case errors.Is(err, index.ErrHeld), errors.Is(err, index.ErrKept), errors.Is(err, earshot.ErrNoCall), errors.Is(err, index.ErrStillLive):
		return nil // something changed since the page was read
	case errors.Is(err, index.ErrAway), ctx.Err() != nil:
		return err
	}
	r.run.Failed++
	r.archive.log.ErrorContext(ctx, "a call could not be deleted; it is tried again", "call", c.ID, "err", err)
	return nil
}

// nightlyLooks is how often Nightly looks at the clock, which may be set.
const nightlyLooks = 20 * time.Second

// Nightly runs retention every day at a time of the site's clocks, until ctx
// ends. A run that was missed because nothing ran then is made up for at once.
// While the clock is known to have jumped nothing is deleted by it.
func (a *Archive) Nightly(ctx context.Context, at earshot.DayTime) {
	look := time.NewTicker(nightlyLooks)
	defer look.Stop()
	n := nights{archive: a, at: at}
	for ctx.Err() == nil {
		if err := n.look(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "retention did not come to its end", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-look.C:
		}
	}
}

// nights knows when retention runs next.
type nights struct {
	archive *Archive
	at      earshot.DayTime
	next    time.Time // zero until the last run is known
}

// look runs retention if it is time.
func (n *nights) look(ctx context.Context) error {
	if n.next.IsZero() {
		if err := n.begin(ctx); err != nil {
			return err
		}
	}
	now := n.archive.now().In(n.archive.location)
	if now.Before(n.next) || n.archive.clockDoubtful() {
		return nil
	}
	n.next = n.at.After(now)
	run, err := n.archive.Retain(ctx, earshot.RetainNightly, 0)
	n.archive.log.InfoContext(ctx, "retention ran", "deleted", run.Deleted, "bytes", run.Bytes, "failed", run.Failed)
	return err
}

// ErrClockDoubtful means that the clock has jumped: by a clock that is years
// ahead every call would be due.
var ErrClockDoubtful = earshot.Fail(earshot.Unavailable, "clock_doubtful", "nothing is deleted while the clock is in doubt")

func (a *Archive) clockDoubtful() bool {
	return slices.ContainsFunc(a.alarms.List(), func(a earshot.Alarm) bool { return a.Code == earshot.AlarmClockStepped })
}

// begin finds when the first run is due: after the last one that was, and where
// there was none from now on.
func (n *nights) begin(ctx context.Context) error {
	last, err := n.archive.index.LastRun(ctx, earshot.RetainNightly)
	if err != nil {
		return fmt.Errorf("look for the last run: %w", err)
	}
	if last.At.IsZero() {
		last.At.Time = n.archive.now()
	}
	n.next = n.at.After(last.At.In(n.archive.location))
	return nil
}
