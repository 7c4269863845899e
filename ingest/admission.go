package ingest

import (
	"time"

	"earshot"
)

// A floor may be told to begin no new calls, because there is nowhere to put
// them. Calls that are open go on, over a cut after four hours and over a lost
// connection too: what is half kept is worth more than two halves.

// admit asks whether new calls may begin, once a tick.
func (f *Floor) admit() {
	if f.opts.Admit == nil {
		return
	}
	refusal := f.opts.Admit()
	if (refusal == nil) != (f.refusal == nil) {
		if refusal != nil {
			f.log.Error("new calls are refused", "err", refusal)
		} else {
			f.log.Info("new calls are taken again")
		}
	}
	f.refusal = refusal
}

// turnAway notes that audio came that would have begun a call.
func (s *seat) turnAway() {
	if !s.turnedAway {
		s.turnedAway = true
		s.floor.log.Warn("a call was not begun: new calls are refused", "seat", s.info.ID)
	}
}

// startBySession begins the call of a session, or notes that it is owed.
func (s *seat) startBySession(at time.Time) {
	if s.floor.refusal != nil {
		s.turnAway()
		return
	}
	s.turnedAway = false
	s.startCall(at, nil)
}

// makeGood begins the call that a stream's session was refused, now that calls
// are taken again.
func (s *seat) makeGood(at time.Time, st *Stream) {
	if s.turnedAway && s.floor.refusal == nil && s.cutter.first() && !st.spent {
		s.startBySession(at)
		s.touch()
	}
}

// mayStart is why a command may not begin a call, nil if it may.
func (f *Floor) mayStart() error {
	f.admit()
	return f.refusal
}

// unheard says whether the seat's audio is not recorded because new calls are
// refused: that wants a look.
func (s *seat) unheard() bool {
	return s.floor.refusal != nil && s.call == nil && s.present()
}

// ErrDiskFull refuses new calls.
var ErrDiskFull = earshot.Fail(earshot.NoRoom, "disk_full", "the disk is full: no new calls are recorded until there is room again")
