package ingest

import (
	"slices"
	"time"

	"earshot"
)

// How often a seat whose links alone changed is told anew: the bars once they
// have been others for a while, the figures now and then. With hundreds of seats
// every event costs each viewer.
const (
	barsEvery    = int(time.Second / tickEvery) // ticks between two looks
	barsFor      = 3                            // looks
	figuresEvery = int(30 * time.Second / tickEvery)
)

// tick looks after every seat once, for the instant now.
func (f *Floor) tick(now time.Time) {
	f.ticks++
	f.admit()
	f.watchClock(now)
	f.levels = f.levels[:0]
	connected := make([]string, 0, 16)
	calls := 0
	for _, s := range f.seats {
		s.tick(now)
		if s.call != nil {
			calls++
		}
		if s.known {
			connected = append(connected, s.info.ID)
		}
	}
	f.publisher.tellNode(earshot.LiveNode{
		Name: f.opts.Node, Since: earshot.At(f.boot), Seats: len(f.levels), Calls: calls, Version: f.opts.Version, Alarms: f.opts.Alarms.List(),
	}, connected, now)
	f.commit(now)
	f.publisher.tellLevels(f.levels)
	f.tellTouched(now)
	for _, s := range f.seats {
		s.tellLevels()
	}
}

// tellTouched tells the states of the seats that changed.
func (f *Floor) tellTouched(now time.Time) {
	for _, s := range f.touched {
		s.assess(now)
		s.tell(now)
		s.dirty = false
	}
	f.touched = f.touched[:0]
}

// assess finds the seat's state and what wants a look, and says whether either
// is another than before.
func (s *seat) assess(now time.Time) (changed bool) {
	state, attention := s.stateNow(now), s.attentionNow(now)
	if state != s.state {
		s.since = now
	}
	changed = state != s.state || attention != s.attention
	s.state, s.attention = state, attention
	return changed
}

func (s *seat) stateNow(now time.Time) earshot.SeatState {
	switch {
	case s.call == nil && s.present():
		return earshot.SeatIdle
	case s.call == nil:
		return earshot.SeatOffline
	case !s.sounding(now), s.call.failing(now):
		return earshot.SeatFaulty
	case s.call.paused != nil:
		return earshot.SeatPaused
	}
	return earshot.SeatOnCall
}

// sounding says whether any stream brings packets.
func (s *seat) sounding(now time.Time) bool {
	return slices.ContainsFunc(s.streams, func(st *Stream) bool {
		return st.up && st.silentFor(now) < stalledAfter
	})
}

// attentionNow is the gravest thing about the seat that wants a look.
func (s *seat) attentionNow(now time.Time) earshot.Attention {
	s.takeovers = slices.DeleteFunc(s.takeovers, func(at time.Time) bool { return now.Sub(at) >= takeoverSpan })
	switch {
	case s.call != nil && !s.connected(now):
		return earshot.AttentionDisconnected
	case s.stalled(now):
		return earshot.AttentionStalled
	case s.unheard():
		return earshot.AttentionRefused
	case len(s.takeovers) >= takeoverMany:
		return earshot.AttentionTakeover
	case !s.overflow.IsZero() && now.Sub(s.overflow) < overflowSpan:
		return earshot.AttentionOverflow
	case s.poorLink(now):
		return earshot.AttentionPoorLink
	case s.deadSide() != "":
		return earshot.AttentionDeadMic
	case s.bleeding():
		return earshot.AttentionBleed
	case s.silentSide(now):
		return earshot.AttentionSilent
	}
	return ""
}

// connected says whether a stream is there whose connection stands.
func (s *seat) connected(now time.Time) bool {
	return slices.ContainsFunc(s.streams, func(st *Stream) bool {
		return st.up && (st.connected.Load() || st.silentFor(now) < stalledAfter)
	})
}

// stalled says whether a track that should bring packets does not.
func (s *seat) stalled(now time.Time) bool {
	for _, st := range s.streams {
		if !st.up {
			continue
		}
		for _, t := range st.tracks {
			last := t.last
			if last.Before(st.cameUp) {
				last = st.cameUp
			}
			if now.Sub(last) >= stalledAfter {
				return true
			}
		}
	}
	return false
}

func (s *seat) poorLink(now time.Time) bool {
	for _, st := range s.streams {
		if st.up && st.link(now).quality() == 1 {
			return true
		}
	}
	return false
}

// silentSide says whether one of the two sides of an open call has had nothing
// to be heard for long.
func (s *seat) silentSide(now time.Time) bool {
	if s.call == nil || s.call.paused != nil || !s.meters[0].carrying || !s.meters[1].carrying {
		return false
	}
	for i := range s.meters {
		if now.Sub(s.meters[i].sound) >= silentAfter {
			return true
		}
	}
	return false
}

// streamsNow are the seat's streams as the wall shows them.
func (s *seat) streamsNow(now time.Time) []earshot.Stream {
	streams := []earshot.Stream{}
	for _, st := range s.streams {
		if st.up {
			streams = append(streams, st.state(now))
		}
	}
	return streams
}

// linksMoved says whether what was told of the links is to be told anew. Seats
// take turns in being looked at.
func (s *seat) linksMoved(now time.Time) bool {
	turn := s.floor.ticks + s.turn
	if turn%barsEvery != 0 {
		return false
	}
	streams := s.streamsNow(now)
	if len(streams) != len(s.told) {
		return true
	}
	figures := turn%figuresEvery == 0
	bars := false
	for i, st := range streams {
		was := s.told[i]
		if st.Connected != was.Connected || figures && (st.LossPct != was.LossPct || st.JitterMs != was.JitterMs || st.RTTMs != was.RTTMs) {
			return true
		}
		bars = bars || st.Quality != was.Quality
	}
	if !bars {
		s.barsMoved = 0
		return false
	}
	s.barsMoved++
	return s.barsMoved >= barsFor
}

// live is the seat's live state.
func (s *seat) live(now time.Time) earshot.LiveSeat {
	out := earshot.LiveSeat{
		Seat: s.info.ID, Node: s.floor.opts.Node, State: s.state, Since: s.floor.shown(s.since),
		Streams: s.streamsNow(now), Listeners: append([]string{}, s.listeners...), Attention: s.attention,
	}
	if s.agent != nil {
		agent := *s.agent
		out.Agent = &agent
	}
	if s.call != nil {
		out.Call = s.call.live()
	}
	return out
}

// tell gives the seat's state to the board and to those who watch it.
func (s *seat) tell(now time.Time) {
	live := s.live(now)
	s.told, s.barsMoved = live.Streams, 0
	s.known = s.state != earshot.SeatOffline
	s.floor.publisher.tellSeat(live)
	for _, w := range s.watchers {
		w.state = live
		w.fn(live, s.seatLevels())
	}
}

// watcher is somebody who wants to know all about one seat.
type watcher struct {
	state earshot.LiveSeat
	fn    func(earshot.LiveSeat, earshot.SeatLevels)
}

// tellLevels gives the seat's levels to those who watch it.
func (s *seat) tellLevels() {
	if !s.present() {
		return
	}
	for _, w := range s.watchers {
		w.fn(w.state, s.seatLevels())
	}
}
