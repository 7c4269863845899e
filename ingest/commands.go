package ingest

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"earshot"
)

const (
	storedWithin = 2 * time.Second         // EndCall waits so long for a call's files to be complete
	liveAudioAge = 1500 * time.Millisecond // what is younger may still be asked for again
)

// onSeat has the loop do something with a seat. Whatever its streams have
// brought so far is taken in first, so that a command cuts where it was given.
func onSeat[T any](ctx context.Context, f *Floor, seat string, do func(now time.Time, s *seat) (T, error)) (T, error) {
	var none T
	if _, ok := f.roster.find(ctx, seat); !ok {
		return none, earshot.ErrNoSeat
	}
	return ask(ctx, f, func(now time.Time) (T, error) {
		s, err := f.seat(seat)
		if err != nil {
			return none, err
		}
		s.drain(now)
		return do(now, s)
	})
}

// onCall has the loop do something with a call that is not stored yet; open
// demands that it has not ended.
func onCall[T any](ctx context.Context, f *Floor, call string, open bool, do func(now time.Time, c *openCall) (T, error)) (T, error) {
	return ask(ctx, f, func(now time.Time) (T, error) {
		var none T
		c := f.calls[call]
		if c == nil {
			return none, earshot.ErrNotLive
		}
		if c.seat.call == c {
			c.seat.drain(now)
		}
		if open && c.ended {
			return none, earshot.ErrNotLive
		}
		return do(now, c)
	})
}

// StartCall opens a call at the seat, ending an open one first; for what is missing
// of that it waits a moment, as EndCall does. An offline seat is accepted: its audio
// is a gap until it comes.
func (f *Floor) StartCall(ctx context.Context, id string, facts earshot.CallPatch, by string) (earshot.Call, error) {
	if err := facts.Validate(); err != nil {
		return earshot.Call{}, err
	}
	f.awaitMissing(ctx, f.missingAt(ctx, id))
	return onSeat(ctx, f, id, func(now time.Time, s *seat) (earshot.Call, error) {
		if err := f.mayStart(); err != nil {
			f.announce(now, id, earshot.NewID(now), facts, by)
			return earshot.Call{}, err
		}
		if s.call != nil {
			s.endCall(now)
		}
		c := s.startCall(now, facts.Apply)
		f.announce(now, id, c.id, facts, by)
		f.log.Info("a call was started", "call", c.id, "seat", id, "by", by)
		return c.snapshot(), nil
	})
}

// UpdateCall changes facts of a call that is not stored yet. Of one that is, but
// may yet go on, they are noted: whoever changes the stored one does no more.
func (f *Floor) UpdateCall(ctx context.Context, call string, facts earshot.CallPatch) (earshot.Call, error) {
	if err := facts.Validate(); err != nil {
		return earshot.Call{}, err
	}
	updated, err := onCall(ctx, f, call, false, func(_ time.Time, c *openCall) (earshot.Call, error) {
		c.rec.Facts(facts.Apply)
		c.seat.touch()
		c.keep()
		return c.snapshot(), nil
	})
	if !errors.Is(err, earshot.ErrNotLive) {
		return updated, err
	}
	return ask(ctx, f, func(time.Time) (earshot.Call, error) {
		f.noteInterrupted(call, facts.Apply)
		return earshot.Call{}, earshot.ErrNotLive
	})
}

// EndCall ends an open call, where packets of it are missing a moment later, that
// they may still come, and waits a moment for its files to be complete and the index
// to have it. If the files are not by then, the call it answers is
// still "live", with its end.
func (f *Floor) EndCall(ctx context.Context, call string) (earshot.Call, error) {
	f.awaitMissing(ctx, f.missingOf(ctx, call))
	told := make(chan earshot.Call, 2)
	ended, err := onCall(ctx, f, call, true, func(now time.Time, c *openCall) (earshot.Call, error) {
		s := c.seat
		for _, st := range s.streams {
			st.spent = true
		}
		c.waiters = append(c.waiters, told)
		s.endCall(now)
		return c.snapshot(), nil
	})
	if err != nil {
		return earshot.Call{}, err
	}
	timer := time.NewTimer(storedWithin)
	defer timer.Stop()
	for range cap(told) { // stored, and found by whoever searches
		select {
		case ended = <-told:
			continue
		case <-timer.C:
		case <-ctx.Done():
		case <-f.stopped:
		}
		break
	}
	return ended, nil
}

// PauseCall stops recording until ResumeCall; a mark says when, why and by
// whom. Pausing a paused call changes nothing.
func (f *Floor) PauseCall(ctx context.Context, call, reason, by string) (earshot.Call, error) {
	return onCall(ctx, f, call, true, func(now time.Time, c *openCall) (earshot.Call, error) {
		if c.paused == nil {
			c.pause(now, reason, by)
			c.keep()
		}
		return c.snapshot(), nil
	})
}

// ResumeCall goes on recording a paused call.
func (f *Floor) ResumeCall(ctx context.Context, call, by string) (earshot.Call, error) {
	return onCall(ctx, f, call, true, func(now time.Time, c *openCall) (earshot.Call, error) {
		if c.paused != nil {
			c.resume(now)
			c.keep()
			f.log.Info("recording goes on", "call", call, "by", by)
		}
		return c.snapshot(), nil
	})
}

// AddMark puts a mark on a call that is not stored yet. A mark without an id
// gets one.
func (f *Floor) AddMark(ctx context.Context, call string, mark earshot.Mark) (earshot.Mark, error) {
	return onCall(ctx, f, call, false, func(now time.Time, c *openCall) (earshot.Mark, error) {
		if mark.ID == "" {
			mark.ID = earshot.NewID(now)
		}
		mark.StartMs = max(mark.StartMs, 0)
		mark.EndMs = max(mark.EndMs, mark.StartMs)
		c.rec.Facts(func(call *earshot.Call) { call.Marks = append(call.Marks, mark) })
		c.keep()
		return mark, nil
	})
}

// ChangeMark puts mark in the place of the one with its id on a call that is not
// stored yet; one that is not there is no error.
func (f *Floor) ChangeMark(ctx context.Context, call string, mark earshot.Mark) error {
	_, err := onCall(ctx, f, call, false, func(_ time.Time, c *openCall) (struct{}, error) {
		c.rec.Facts(func(call *earshot.Call) {
			for i := range call.Marks {
				if call.Marks[i].ID == mark.ID {
					call.Marks[i] = mark
				}
			}
		})
		c.keep()
		return struct{}{}, nil
	})
	return err
}

// RemoveMark takes a mark off a call that is not stored yet; one that is not
// there is no error.
func (f *Floor) RemoveMark(ctx context.Context, call, mark string) error {
	_, err := onCall(ctx, f, call, false, func(_ time.Time, c *openCall) (struct{}, error) {
		c.rec.Facts(func(call *earshot.Call) {
			call.Marks = slices.DeleteFunc(call.Marks, func(m earshot.Mark) bool { return m.ID == mark })
		})
		c.keep()
		return struct{}{}, nil
	})
	return err
}

// SetAgent says who sits at the seat, and with that in its open call; the empty
// agent is nobody.
func (f *Floor) SetAgent(ctx context.Context, id string, agent earshot.Agent) error {
	if err := agent.Validate(); err != nil {
		return err
	}
	_, err := onSeat(ctx, f, id, func(_ time.Time, s *seat) (struct{}, error) {
		s.agent = nil
		if agent != (earshot.Agent{}) {
			s.agent = &agent
			f.keeper.keepAgent(agent)
		}
		if s.call != nil {
			s.call.rec.Facts(earshot.CallPatch{Agent: &agent}.Apply)
			s.call.keep()
		}
		s.touch()
		return struct{}{}, nil
	})
	return err
}

// LiveCall is a call as it stands, with the parts, gaps and marks so far, from
// its start until it is kept in the index.
func (f *Floor) LiveCall(call string) (earshot.Call, bool) {
	c, err := onCall(context.Background(), f, call, false, func(_ time.Time, c *openCall) (earshot.Call, error) {
		return c.snapshot(), nil
	})
	return c, err == nil
}

// LiveAudio is a complete file of all of part n that is older than 1.5 s; n 0
// means the only part, and answers earshot.ErrManyParts if there are more. It is
// read from the disk as it is asked for, and stays as it is while the part grows.
func (f *Floor) LiveAudio(ctx context.Context, call string, n int) (audio io.ReadSeeker, mediaType string, err error) {
	type file struct {
		audio     io.ReadSeeker
		mediaType string
	}
	got, err := onCall(ctx, f, call, false, func(now time.Time, c *openCall) (file, error) {
		audio, mediaType, err := c.rec.Snapshot(now.Add(-liveAudioAge), n)
		return file{audio, mediaType}, err
	})
	if err != nil {
		return nil, "", err
	}
	return got.audio, got.mediaType, nil
}

// LiveLevels are the levels so far, over the call's timeline.
func (f *Floor) LiveLevels(call string) (earshot.Levels, error) {
	return onCall(context.Background(), f, call, false, func(_ time.Time, c *openCall) (earshot.Levels, error) {
		return c.rec.Levels(), nil
	})
}

// Seat is a seat's live state.
func (f *Floor) Seat(id string) (earshot.LiveSeat, error) {
	return onSeat(context.Background(), f, id, func(now time.Time, s *seat) (earshot.LiveSeat, error) {
		return s.live(now), nil
	})
}

// WatchSeat calls fn with the seat's state at once and whenever it changes, and
// with its levels ten times a second while it has a stream. It returns when ctx
// ends, with its error, or when the floor closes; fn is not called afterwards,
// and must not block.
func (f *Floor) WatchSeat(ctx context.Context, id string, fn func(earshot.LiveSeat, earshot.SeatLevels)) error {
	w := &watcher{fn: fn}
	_, err := onSeat(ctx, f, id, func(now time.Time, s *seat) (struct{}, error) {
		w.state = s.live(now)
		s.watchers = append(s.watchers, w)
		fn(w.state, s.seatLevels())
		return struct{}{}, nil
	})
	if err == nil {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-f.quit:
			err = ErrClosing
		}
	}
	// The floor may have taken the watcher in even if ctx ended before it said so.
	_, _ = ask(context.Background(), f, func(time.Time) (struct{}, error) {
		if s := f.seats[id]; s != nil {
			s.watchers = slices.DeleteFunc(s.watchers, func(other *watcher) bool { return other == w })
		}
		return struct{}{}, nil
	})
	return err
}
