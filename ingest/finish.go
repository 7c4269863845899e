package ingest

import (
	"context"
	"time"

	"earshot"
)

// rosterChanged has the loop take over what is new about its seats. Streams of
// a seat that is no more are cut off and its call ends.
func (f *Floor) rosterChanged(ctx context.Context, seats map[string]earshot.Seat) {
	f.post(func(now time.Time) {
		for id, s := range f.seats {
			info, ok := seats[id]
			if !ok {
				s.vanish(now)
				continue
			}
			s.info, s.cutter.cut = info, info.Cut
		}
	})
	f.takeUp(ctx)
}

// vanish ends everything at a seat that was deleted.
func (s *seat) vanish(now time.Time) {
	s.drain(now)
	if s.call != nil {
		s.endCall(now)
	}
	for len(s.streams) > 0 {
		st := s.streams[0]
		s.remove(now, st)
		s.floor.kicks.put(kick{st, KickSeatGone})
	}
	s.state, s.attention = earshot.SeatOffline, ""
	s.tell(now)
	delete(s.floor.seats, s.info.ID)
}

// finishAll ends every call because the node ends: marked as interrupted, so
// that seats can go on with them when it is back.
func (f *Floor) finishAll(now time.Time) {
	f.finishing = true
	for _, s := range f.seats {
		s.drain(now)
		if s.call != nil {
			s.call.interrupted = true
			s.endCall(now)
		}
		for len(s.streams) > 0 {
			s.remove(now, s.streams[0])
		}
	}
}

// sealed says whether every call has ended and is complete.
func (f *Floor) sealed() bool {
	for _, c := range f.calls {
		if !c.stored || c.rereading != nil {
			return false
		}
	}
	return true
}
