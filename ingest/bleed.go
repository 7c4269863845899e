package ingest

import (
	"math"

	"earshot"
)

// Whether both sides carry the same sound: a microphone that hears the other
// side too follows the other's level, so many dB below it. Two people who talk,
// even at once, do not follow one another.
const (
	bleedWindow = 600 // ticks in which somebody spoke: a minute
	bleedEnough = 150 // ticks in which one side was the louder one and spoke, to say anything
	bleedLag    = 3   // ticks that one side may be behind the other, either way
	bleedBelow  = 24  // dB that the copy is below the voice, at most
	bleedLikely = 0.8 // correlation from which on it is a copy
	bleedSpread = 5   // dB by which the distance may vary (standard deviation)
	bleedHeals  = 200 // the newest ticks, which say whether it is over
	bleedMinor  = 60  // as bleedEnough, among those
	bleedGone   = 0.6 // correlation below which it is over
	speechLevel = 45  // −dBov: what is louder is speech, as for earshot.DefaultVoiceCut
	pauseTicks  = 10  // so long after speech ticks still count: the pauses belong to it
)

// bleedWatch correlates the levels of a seat's two sides over the last minute of
// speech. The zero value has heard nothing.
type bleedWatch struct {
	sides [2][]uint8 // the last bleedWindow ticks, oldest first
	quiet int        // ticks since somebody spoke
	heard int        // ticks since it was last judged
	found bool
}

// hear takes the levels of a tick; both must be known.
func (w *bleedWatch) hear(agent, customer uint8) {
	if min(agent, customer) < speechLevel {
		w.quiet = 0
	} else if w.quiet++; w.quiet > pauseTicks {
		return
	}
	for i, level := range [2]uint8{agent, customer} {
		if len(w.sides[i]) == bleedWindow {
			copy(w.sides[i], w.sides[i][1:])
			w.sides[i] = w.sides[i][:bleedWindow-1]
		}
		w.sides[i] = append(w.sides[i], level)
	}
	if w.heard++; w.heard >= barsEvery {
		w.heard = 0
		w.judge()
	}
}

// judge says whether it bleeds, by all that is remembered; once it does, by the
// newest of it.
func (w *bleedWatch) judge() {
	a, c := w.sides[0], w.sides[1]
	if !w.found {
		w.found = bleeds(a, c, bleedEnough, bleedLikely)
		return
	}
	if len(a) < bleedHeals {
		return
	}
	a, c = a[len(a)-bleedHeals:], c[len(c)-bleedHeals:]
	if judgeable(a, c, bleedMinor) && !bleeds(a, c, bleedMinor, bleedGone) {
		*w = bleedWatch{}
	}
}

// judgeable says whether either side spoke enough.
func judgeable(a, c []uint8, enough int) bool {
	return copyOf(a, c, 0).n >= enough || copyOf(c, a, 0).n >= enough
}

// bleeds says whether either side carries a copy of the other.
func bleeds(a, c []uint8, enough int, likely float64) bool {
	for lag := -bleedLag; lag <= bleedLag; lag++ {
		if copyOf(a, c, lag).is(enough, likely) || copyOf(c, a, lag).is(enough, likely) {
			return true
		}
	}
	return false
}

// likeness is how one side follows the other where that speaks and is louder.
type likeness struct {
	n           int
	correlation float64
	below       float64 // dB
	spread      float64 // dB
}

func (l likeness) is(enough int, likely float64) bool {
	return l.n >= enough && l.correlation >= likely && l.below <= bleedBelow && l.spread <= bleedSpread
}

// copyOf compares other, lag ticks later, with voice, where voice speaks and is
// no quieter than other.
func copyOf(voice, other []uint8, lag int) likeness {
	var n, sx, sy, sxx, syy, sxy float64
	for i, v := range voice {
		j := i + lag
		if v >= speechLevel || j < 0 || j >= len(other) || other[j] < v || other[j] >= earshot.LevelSilence {
			continue
		}
		x, y := float64(v), float64(other[j])
		n++
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	if n == 0 {
		return likeness{}
	}
	varX, varY, cov := sxx/n-sx/n*sx/n, syy/n-sy/n*sy/n, sxy/n-sx/n*sy/n
	out := likeness{n: int(n), below: sy/n - sx/n, spread: math.Sqrt(max(0, varX+varY-2*cov))}
	if varX > 0 && varY > 0 {
		out.correlation = cov / math.Sqrt(varX*varY)
	}
	return out
}
