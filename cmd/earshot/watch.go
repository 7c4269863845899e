package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"earshot"
	"earshot/ingest"
	"earshot/monitor"
	"earshot/storage/index"
)

// watchEvery is how often disk and clock are looked at: what is the matter is to
// be on the wall within three seconds.
const watchEvery = time.Second

// tendIndex opens the index, which may be away: nobody can sign in then, but
// everything is recorded.
func (a *app) tendIndex(ctx context.Context) (err error) {
	a.indexThere = make(chan struct{}, 1)
	a.index, err = index.Tend(ctx, indexURL(a.settings.Index, a.settings.Data), index.TendOptions{
		Now: a.now, Log: a.log, Alarms: a.alarms,
		Opened: func(context.Context) {
			select {
			case a.indexThere <- struct{}{}:
			default: // nobody waits for it
			}
		},
	})
	if err != nil {
		return fmt.Errorf("--index: %w", err)
	}
	a.atEnd(func(context.Context) error { return a.index.Close() })
	return nil
}

// firstAdministrator comes when nothing else can fail: a password made for a start
// that then fails would be shown to nobody, and never again. Where the index is
// away it is made once that is there, and its password shown then.
func (a *app) firstAdministrator(ctx context.Context) (err error) {
	a.password, err = monitor.Bootstrap(ctx, a.index, a.settings.AdminPassword)
	if err == nil {
		return nil
	}
	if earshot.AsError(err).Kind != earshot.Unavailable {
		return fmt.Errorf("first administrator: %w", err)
	}
	a.indexAway = true
	a.passwords = make(chan string, 1)
	a.late = append(a.late, a.lateAdministrator)
	return nil
}

// lateAdministrator makes the first administrator once the index is there.
func (a *app) lateAdministrator(ctx context.Context) (done bool) {
	password, err := monitor.Bootstrap(ctx, a.index, a.settings.AdminPassword)
	switch {
	case err == nil:
		if password != "" {
			a.passwords <- password
		}
		return true
	case earshot.AsError(err).Kind != earshot.Unavailable:
		a.failed <- fmt.Errorf("first administrator: %w", err)
		return true
	}
	return false
}

// lateJob is something that the start could not do without the index. It is
// asked again each time that the index comes, until it is done.
type lateJob func(ctx context.Context) (done bool)

// doLate does the late jobs, if there are any, beside everything else.
func (a *app) doLate(ctx context.Context) error {
	jobs := a.late
	if len(jobs) == 0 {
		return nil
	}
	a.watch(ctx, func(ctx context.Context) {
		for len(jobs) > 0 {
			select {
			case <-a.indexThere:
			case <-ctx.Done():
				return
			}
			jobs = slices.DeleteFunc(jobs, func(job lateJob) bool { return job(ctx) })
		}
	})
	return nil
}

// watchDisk looks after the disk until the end. It is there before anything is
// recorded, since the floor asks it.
func (a *app) watchDisk(ctx context.Context) error {
	a.disk = newDiskWatch(diskWatch{
		space: spaceAt(a.settings.Data), healthy: a.files.Healthy, room: a.archive,
		reserve: a.settings.reserve, alarms: a.alarms.From("disk"), log: a.log, now: a.now,
	})
	a.disk.look()
	a.watch(ctx, a.disk.run)
	return nil
}

// watch runs fn until the end, which waits for it.
func (a *app) watch(ctx context.Context, fn func(context.Context)) {
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn(watching)
	}()
	a.atEnd(func(context.Context) error {
		end()
		<-done
		return nil
	})
}

// admit refuses new calls while there is no room for them.
func (a *app) admit() error {
	if a.disk.full.Load() {
		return ingest.ErrDiskFull
	}
	return nil
}

// every calls fn each time that d has passed, until ctx ends.
func every(ctx context.Context, d time.Duration, fn func()) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fn()
		case <-ctx.Done():
			return
		}
	}
}

// ended says whether err is only that ctx is over.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err()))
}
