package ingest

import "earshot"

// Whether a microphone is dead: it gives nothing, or a hiss that never changes,
// while the other side speaks. A room's noise varies; a device that gates its
// noise gives digital silence until somebody speaks, which is known once
// somebody has.
const (
	deadSpeech = 250 // ticks of the other side's speech in which nothing came: 25 s
	deadVaries = 2   // dB: a floor that varies more is a room
	deadDrops  = 10  // dB: a floor that fell so far below what it was is no longer that room's
)

// deadWatch follows one side. The zero value has heard nothing.
type deadWatch struct {
	heard  bool  // a stretch has begun in which nothing changes
	lo, hi uint8 // −dBov, its loudest and quietest
	spoke  int   // ticks of it in which the other side spoke

	alive bool  // something was to be heard of this side
	floor uint8 // −dBov: the quietest out of which something was to be heard; 0 until then
}

// hear takes the levels of a tick, the side's and the other's.
func (w *deadWatch) hear(level, other uint8) {
	switch {
	case !w.heard:
		w.heard = true
		w.restart(level)
	case level < silentLevel, level+deadVaries < w.hi: // something is to be heard
		w.alive = true
		if w.lo >= silentLevel {
			w.floor = max(w.floor, w.hi)
		}
		w.restart(level)
	case level > w.lo+deadVaries: // it fell silent, or was cut off
		w.restart(level)
	default:
		w.lo, w.hi = min(w.lo, level), max(w.hi, level)
		if other < speechLevel {
			w.spoke++
		}
	}
}

func (w *deadWatch) restart(level uint8) { w.lo, w.hi, w.spoke = level, level, 0 }

// dead says whether the microphone gives nothing.
func (w *deadWatch) dead() bool {
	if w.spoke < deadSpeech || w.lo < silentLevel {
		return false
	}
	return !w.alive || w.floor > 0 && w.floor < earshot.LevelSilence && w.lo >= w.floor+deadDrops
}
