package recorder

import "earshot"

// absent is since when a side has no audio, and why.
type absent struct {
	from   int64
	cause  earshot.Cause
	opened int64 // when its stream came (again); forever: it did not
	left   int64 // when its stream went
}

// leastAbsence is the shortest time without a stream that is a gap, and
// leastStart the shortest between a stream's opening and its first packet.
const (
	leastAbsence = 100 * milli
	leastStart   = second
)

// note enters that sides that were absent are heard again.
func (r *Recording) note() {
	if r.take == nil || !r.take.begun || len(r.absent) == 0 {
		return
	}
	for _, l := range r.take.lanes {
		for _, side := range l.sides {
			r.known[side] = true
			a, ok := r.absent[side]
			if !ok || !l.spoke || l.closed && l.first < a.from { // it spoke before it left
				continue
			}
			// A stream that takes over may begin while the last packet of the one
			// before still lasts.
			r.back(side, max(l.first, a.from), &r.desk.gaps)
		}
	}
}

// back enters the gap of a side that was absent until the place at.
func (r *Recording) back(side earshot.Side, at int64, gaps *gapList) {
	if a, ok := r.absent[side]; ok {
		opened := min(a.opened, at)
		if opened-a.from < leastAbsence && opened < at && a.cause != earshot.CauseRecorderDown {
			opened = a.from
		}
		if at-opened > leastStart {
			r.miss(side, span{a.from, opened}, a.cause, leastAbsence, gaps)
			r.miss(side, span{opened, at}, earshot.CauseStalled, leastStart, gaps)
		} else if opened-a.from >= leastAbsence {
			r.miss(side, span{a.from, at}, a.cause, leastAbsence, gaps)
		} else {
			r.miss(side, span{a.from, at}, a.cause, leastStart, gaps)
		}
	}
	if gaps == &r.desk.gaps {
		delete(r.absent, side)
	}
}

// miss enters a gap of at least so many samples; what of it was a pause is
// entered as one.
func (r *Recording) miss(side earshot.Side, s span, cause earshot.Cause, least int64, gaps *gapList) {
	keep := func(s span) {
		if s.to-s.from >= least {
			gaps.add(side, s, cause)
		}
	}
	s.without(r.pauses, keep, func(s span) { gaps.add(side, s, earshot.CausePaused) })
}

// leave enters that a closed lane's sides are absent from its end on.
func (r *Recording) leave(l *lane, cause earshot.Cause) {
	if !l.started {
		return
	}
	from := l.cursor
	if l.spoke && l.cursor-l.heard <= longestDTX && cause == earshot.CauseDisconnected {
		from = l.heard
	}
	from += l.delays.least() // by the wall's clock, which the next take keeps to
	for _, side := range l.sides {
		if _, ok := r.absent[side]; !ok {
			r.absent[side] = absent{from, cause, forever, r.last}
		}
	}
}

// finishAbsences enters the gaps of sides that are absent to the end. A side
// that was never there has none, unless nobody was; nor has one that leaves as
// the call ends, though it fell silent a moment before.
func (r *Recording) finishAbsences(now int64, gaps *gapList) {
	for _, side := range bothSides {
		leaving := r.known[side] && now-r.absent[side].left < leastAbsence
		if !leaving && (r.known[side] || len(r.known) == 0) {
			r.back(side, now, gaps)
		}
	}
}
