package main

import (
	"testing"
	"time"

	"earshot"
)

// The steady clock goes on evenly whatever is done to the wall clock; how far
// apart they are says what was done.
func TestSteadyClock(t *testing.T) {
	real := time.Now()
	c := newSteadyClock(func() time.Time { return real })
	began := c.now()
	if c.ahead() != 0 || !began.Equal(real) {
		t.Errorf("at first %s ahead, %s", c.ahead(), began)
	}
	real = real.Add(time.Minute) // both readings go on
	if got := c.now().Sub(began); got != time.Minute || c.ahead() != 0 {
		t.Errorf("after a minute %s, %s ahead", got, c.ahead())
	}
	before := c.now()
	for range 1000 {
		real = time.Now()
		if now := c.now(); now.Before(before) && real.After(began.Add(time.Minute)) {
			t.Fatal("it goes back")
		}
	}
	// A time server slews the wall clock by little, the monotonic one not at once.
	if ahead := c.ahead(); ahead.Abs() > time.Millisecond {
		t.Errorf("nobody set the clock, and it is %s ahead", ahead)
	}
}

func TestSyncWatch(t *testing.T) {
	var alarms earshot.Alarms
	now := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	ok, known := false, true
	w := &syncWatch{synced: func() (bool, bool) { return ok, known }, alarms: alarms.From("clock"), now: func() time.Time { return now }}
	for _, step := range []struct {
		what      string
		ok, known bool
		after     time.Duration
		raised    bool
	}{
		{"just started", false, true, 0, false},
		{"not for long", false, true, 4 * time.Minute, false},
		{"for long", false, true, time.Minute, true},
		{"a server was found", true, true, time.Second, false},
		{"lost again", false, true, time.Second, false},
		{"and for long", false, true, 5 * time.Minute, true},
		{"the kernel does not say", false, false, time.Second, false},
	} {
		now = now.Add(step.after)
		ok, known = step.ok, step.known
		w.look()
		if raised := len(alarms.List()) > 0; raised != step.raised {
			t.Errorf("%s: %+v", step.what, alarms.List())
		}
	}
}
