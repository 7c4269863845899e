package main

import (
	"context"
	"time"

	"earshot"
)

// steadyClock is the machine's wall clock as it was at the start, going on by
// the monotonic clock: whoever sets the wall clock does not set it. The monotonic
// clock stands still while a machine sleeps, so waking is a step of the wall
// clock too.
type steadyClock struct {
	wall  func() time.Time // with a monotonic reading, as time.Now has
	start time.Time
}

func newSteadyClock(wall func() time.Time) *steadyClock {
	return &steadyClock{wall: wall, start: wall()}
}

// now never goes back and never jumps.
func (c *steadyClock) now() time.Time { return c.at(c.wall()) }

func (c *steadyClock) at(wall time.Time) time.Time {
	return c.start.Round(0).Add(wall.Sub(c.start)) // the difference of monotonic readings
}

// ahead is by how much the wall clock is ahead of now.
func (c *steadyClock) ahead() time.Duration {
	wall := c.wall()
	return wall.Round(0).Sub(c.at(wall))
}

// unsyncedFor is how long the clock may be without a time server: after a start
// it takes a while to find one.
const unsyncedFor = 5 * time.Minute

// syncWatch sees whether a time server sets the clock.
type syncWatch struct {
	synced func() (ok, known bool) // what the kernel says; not known on other systems
	alarms earshot.AlarmSource
	now    func() time.Time
	since  time.Time // when it was first seen not to be
}

func (w *syncWatch) look() {
	ok, known := w.synced()
	if ok || !known {
		w.since = time.Time{}
		w.alarms.Clear(earshot.AlarmClockUnsynced)
		return
	}
	now := w.now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Sub(w.since) >= unsyncedFor {
		w.alarms.Raise(earshot.AlarmClockUnsynced, earshot.Warning, w.since, "the kernel says that no time server sets the clock")
	}
}

// watchClock looks after the clock's synchronisation until the end. Its steps the
// floor sees itself.
func (a *app) watchClock(ctx context.Context) error {
	w := &syncWatch{synced: clockSynced, alarms: a.alarms.From("clock"), now: a.steady.now}
	a.watch(ctx, func(ctx context.Context) { every(ctx, watchEvery, w.look) })
	return nil
}
