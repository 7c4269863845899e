package ingest

import (
	"time"

	"earshot"
)

// attention is what the loop listens for at a seat beside recording it: dead
// microphones, sides that bleed into one another, and talks that nobody records.
type attention struct {
	dead  [2]deadWatch // agent, customer
	bleed bleedWatch
}

// listen takes the levels of the tick that ends now, before they are closed.
func (s *seat) listen(now time.Time) {
	levels, both := s.tickLevels(now)
	s.sight(now, levels)
	if !both || s.call == nil || s.call.paused != nil {
		return
	}
	w := &s.watch
	w.dead[0].hear(levels[0], levels[1])
	w.dead[1].hear(levels[1], levels[0])
	w.bleed.hear(levels[0], levels[1])
	if side := s.deadSide(); side != "" {
		s.noted(func(span *earshot.StreamSpan) { span.DeadMic = side })
	} else if w.bleed.found {
		s.noted(func(span *earshot.StreamSpan) { span.Bleed = true })
	}
}

// tickLevels are the levels of both sides in this tick, earshot.LevelGap where a
// side brought nothing; both says whether both did. A sender that is silent may
// send seldom: its last level holds for a while.
func (s *seat) tickLevels(now time.Time) (levels [2]uint8, both bool) {
	both = true
	for i := range s.meters {
		m := &s.meters[i]
		levels[i] = m.tick
		if levels[i] == earshot.LevelGap && now.Sub(m.at) <= levelHold {
			levels[i] = m.shown
		}
		both = both && m.carrying && levels[i] != earshot.LevelGap
	}
	return levels, both
}

// unlisten forgets what was heard: the seat has other microphones now.
func (s *seat) unlisten() { s.watch = attention{} }

// deadSide is the side whose microphone gives nothing while a call is open.
func (s *seat) deadSide() earshot.Side {
	switch {
	case s.call == nil:
		return ""
	case s.watch.dead[0].dead():
		return earshot.SideAgent
	case s.watch.dead[1].dead():
		return earshot.SideCustomer
	}
	return ""
}

// bleeding says whether the sides of an open call carry the same sound.
func (s *seat) bleeding() bool { return s.call != nil && s.watch.bleed.found }
