package ingest

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
)

// recoverAtOnce is how many unfinished calls are made whole at the same time.
const recoverAtOnce = 4

// takeUp stores what this node left live when it died, and remembers which
// interrupted calls a seat that comes back goes on with. If the shelf is away
// it is done when the seats are next read. It belongs to New, and then to the
// goroutine that reads the roster.
func (f *Floor) takeUp(ctx context.Context) {
	if f.tookUp.Load() {
		return
	}
	calls, err := f.opts.Shelf.OpenCalls(ctx, f.opts.Node)
	if err != nil {
		f.log.Error("the calls of the last run cannot be read yet", "err", err)
		return
	}
	f.tookUp.Store(true)
	var recovering errgroup.Group // the disk, not the processor, is waited for
	recovering.SetLimit(recoverAtOnce)
	for _, call := range calls {
		if !call.StartedAt.Before(f.boot) || f.hasAtHand(call.ID) { // of this life
			continue
		}
		recovering.Go(func() error {
			call := call.Clone()
			if call.State == earshot.CallLive {
				call = f.storeUnfinished(call)
			}
			f.post(func(now time.Time) { f.rememberInterrupted(call, now) })
			return nil
		})
	}
	_ = recovering.Wait() // always nil: what fails is marked and logged
}

// hasAtHand says whether this life has had the call already: it was brought back
// from the journal, and may have been gone on with while the index was away, or
// the wall clock was put back since it began. Its files are not to be mended.
func (f *Floor) hasAtHand(call string) bool {
	if _, known := f.adopted.Load(call); known {
		return true
	}
	return f.opts.Replayed != nil && slices.ContainsFunc(f.opts.Replayed.calls, func(c replayedCall) bool { return c.call.ID == call })
}

// storeUnfinished makes a stored call of one that was live when the node died.
func (f *Floor) storeUnfinished(call earshot.Call) earshot.Call {
	if f.opts.Recover != nil {
		recovered, err := f.opts.Recover(call.Clone())
		if err != nil {
			f.log.Error("an unfinished call could not be made whole", "call", call.ID, "seat", call.Seat, "err", err)
			call.SetFlag(earshot.FlagDamaged)
		} else {
			call = recovered
		}
	}
	if call.EndedAt.IsZero() {
		call.EndedAt = lastKnown(call)
	}
	call.DurationMs = call.OffsetMs(call.EndedAt.Time)
	call.State = earshot.CallStored
	call.SetFlag(earshot.FlagInterrupted)
	f.keeper.keepCall(call, nil, nil)
	f.publisher.tellCall(f.wall(f.opts.Now()), call)
	f.log.Warn("a call was interrupted when this node ended", "call", call.ID, "seat", call.Seat)
	return call
}

// lastKnown is the last instant that the call itself speaks of.
func lastKnown(call earshot.Call) earshot.Time {
	last := int64(0)
	for _, p := range call.Parts {
		last = max(last, p.StartMs+p.DurationMs)
	}
	for _, g := range call.Gaps {
		last = max(last, g.EndMs)
	}
	for _, m := range call.Marks {
		last = max(last, m.EndMs)
	}
	return earshot.At(call.StartedAt.Add(time.Duration(last) * time.Millisecond))
}

// rememberInterrupted lets the call's seat go on with it, if it ended so lately.
func (f *Floor) rememberInterrupted(call earshot.Call, now time.Time) {
	until := call.EndedAt.Add(f.opts.ReconnectWithin - f.ahead())
	if most := now.Add(f.opts.ReconnectWithin); until.After(most) { // the wall clock was put back meanwhile
		until = most
	}
	if !call.Flagged(earshot.FlagInterrupted) || now.After(until) {
		return
	}
	s, err := f.seat(call.Seat)
	if err != nil {
		return // the seat is no more, and then nobody comes back
	}
	if s.reopen == nil || s.reopen.call.EndedAt.Before(call.EndedAt.Time) {
		s.reopen = &reopening{call: call, was: call.Clone(), until: until}
	}
	if call.Agent != nil && s.agent == nil {
		agent := *call.Agent
		s.agent = &agent
	}
}

// noteInterrupted changes what a call goes on with, if its seat comes back.
func (f *Floor) noteInterrupted(call string, change func(*earshot.Call)) {
	for _, s := range f.seats {
		if s.reopen != nil && s.reopen.call.ID == call {
			change(&s.reopen.call)
		}
	}
}

// takeBack makes the interrupted call live again. The recording tells of what
// lies between as a gap; what was paused stays so.
func (s *seat) takeBack(at time.Time) {
	call, was := s.reopen.call.Clone(), s.reopen.was
	pause := openPause(call)
	call.EndedAt, call.DurationMs, call.State = earshot.Time{}, 0, earshot.CallLive
	call.Unjudge()
	call.Flags = slices.DeleteFunc(call.Flags, func(flag earshot.Flag) bool {
		return flag != earshot.FlagInterrupted && flag != earshot.FlagDamaged // the rest is judged anew at its end
	})
	c := s.adopt(&call, at)
	if pause != nil {
		c.paused = pause
		c.rec.Pause(at)
	}
	s.floor.log.Info("an interrupted call goes on", "call", c.id, "seat", s.info.ID)
	s.floor.publisher.tellCall(s.floor.wall(at), c.snapshot())
	c.reread(was)
}

// openPause is the mark of a pause that lasted when the call was interrupted,
// nil if none did.
func openPause(call earshot.Call) *earshot.Mark {
	for _, m := range call.Marks {
		if m.Kind == earshot.MarkPause && (m.EndMs == m.StartMs || m.EndMs >= call.DurationMs) {
			return &m
		}
	}
	return nil
}

// reopenTick forgets an interrupted call whose seat did not come back in time.
func (s *seat) reopenTick(now time.Time) {
	if s.reopen != nil && now.After(s.reopen.until) {
		s.reopen = nil
	}
}
