package ingest

import (
	"fmt"
	"io"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// The floor's clock (Options.Now) only ever goes on; the machine's wall clock
// may be set. Options.Ahead says by how much the wall clock is ahead. Everything
// is decided by the floor's clock. Where a time is shown, it is the wall's; and a
// call keeps the wall clock it began by until its end: its timeline has no jump,
// and a mark says where the clock was stepped. The next call goes by the new one.
const (
	stepLeast = 500 * time.Millisecond // what is less is no step
	stepShown = 10 * time.Minute       // the alarm lasts so long
)

// wall is the instant t of the floor's clock by the wall clock.
func (f *Floor) wall(t time.Time) time.Time { return t.Add(f.ahead()) }

// shown is wall as it leaves the system.
func (f *Floor) shown(t time.Time) earshot.Time { return earshot.At(f.wall(t)) }

func (f *Floor) ahead() time.Duration {
	if f.opts.Ahead == nil {
		return 0
	}
	return f.opts.Ahead()
}

// wallNow is now by the wall clock.
func (o Options) wallNow() time.Time {
	if o.Ahead == nil {
		return o.Now()
	}
	return o.Now().Add(o.Ahead())
}

// watchClock sees once a tick whether the wall clock was stepped, and notes it on
// every open call.
func (f *Floor) watchClock(now time.Time) {
	ahead := f.ahead()
	by := ahead - f.wasAhead
	f.wasAhead = ahead
	clock := f.opts.Alarms.From("clock")
	if by.Abs() < stepLeast {
		if !f.stepped.IsZero() && now.Sub(f.stepped) >= stepShown {
			f.stepped = time.Time{}
			clock.Clear(earshot.AlarmClockStepped)
		}
		return
	}
	text := fmt.Sprintf("%+.3f s", by.Seconds())
	f.stepped = now
	clock.Clear(earshot.AlarmClockStepped) // another one begins
	clock.Raise(earshot.AlarmClockStepped, earshot.Warning, f.wall(now), text)
	f.log.Error("the wall clock was stepped", "by", text, "calls", len(f.calls))
	for _, c := range f.calls {
		if !c.ended {
			c.clockStepped(now, text)
		}
	}
}

// clockStepped marks the step on the call's timeline.
func (c *openCall) clockStepped(now time.Time, by string) {
	offset := now.Sub(c.startedAt).Milliseconds()
	mark := earshot.Mark{
		ID: earshot.NewID(c.seat.floor.wall(now)), Kind: earshot.MarkClock, StartMs: offset, EndMs: offset, By: c.seat.floor.opts.Node, Text: by, Shared: true,
	}
	c.rec.Facts(func(call *earshot.Call) { call.Marks = append(call.Marks, mark) })
	c.keep()
}

// byWall is the recording of a call that began by a wall clock so far ahead.
func byWall(rec recording, ahead time.Duration) recording {
	if ahead == 0 {
		return rec
	}
	moved := shifted{rec, ahead}
	if j, ok := rec.(journaled); ok {
		return shiftedJournaled{moved, j}
	}
	return moved
}

// shifted is a recording that is told every time by another clock.
type shifted struct {
	recording
	by time.Duration
}

type shiftedJournaled struct {
	shifted
	journaled
}

func (s shifted) Open(at time.Time, tracks []recorder.Track) error {
	return s.recording.Open(at.Add(s.by), tracks)
}

func (s shifted) Packet(p recorder.Packet) error {
	p.Arrival = p.Arrival.Add(s.by)
	return s.recording.Packet(p)
}

func (s shifted) Close(at time.Time, side earshot.Side) { s.recording.Close(at.Add(s.by), side) }

func (s shifted) Overflow(at time.Time, side earshot.Side, lost int) {
	s.recording.Overflow(at.Add(s.by), side, lost)
}

func (s shifted) Pause(at time.Time)         { s.recording.Pause(at.Add(s.by)) }
func (s shifted) Resume(at time.Time)        { s.recording.Resume(at.Add(s.by)) }
func (s shifted) Advance(at time.Time) error { return s.recording.Advance(at.Add(s.by)) }
func (s shifted) End(at time.Time) error     { return s.recording.End(at.Add(s.by)) }

func (s shifted) Snapshot(at time.Time, n int) (audio *io.SectionReader, mediaType string, err error) {
	return s.recording.Snapshot(at.Add(s.by), n)
}
