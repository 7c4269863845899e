package index

import (
	"slices"
	"strconv"
)

// A ladder divides numbers into classes, so that terms find calls by a range of
// them. Its levels say where classes begin, the first at 0, the finest level first;
// each level's steps are some of the one before. A wide range needs few terms so,
// and a narrow one has few calls that are not within it: at its ends it takes in
// the whole class of the finest level, and what is found is looked at.
type ladder struct {
	kind   byte
	levels [][]int64
}

// The ladders: a call's length and its longest monologue in milliseconds, shares
// per mille, and how often somebody was interrupted.
var (
	lengths = ladder{termLength, [][]int64{
		begins(1000, widths{600, 1}, widths{1200, 10}, widths{3600, 60}, widths{14400, 600}),
		begins(1000, widths{600, 10}, widths{1200, 60}, widths{3600, 300}, widths{14400, 3600}),
		begins(1000, widths{600, 60}, widths{3600, 3000}, widths{14400, 10800}),
	}}
	monologues    = ladder{termMonologue, [][]int64{begins(1000, widths{30, 10}, widths{60, 15}, widths{120, 30}, widths{300, 60}, widths{420, 120}, widths{600, 180}, widths{900, 300}, widths{2700, 900})}}
	silences      = ladder{termSilence, shares}
	agentShares   = ladder{termAgentShare, shares}
	overtalks     = ladder{termOvertalk, shares}
	interruptions = ladder{termInterrupted, [][]int64{{0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50}}}
	shares        = [][]int64{begins(1, widths{mostShare + 1, 10}), begins(1, widths{mostShare + 1, 50})}
)

// widths are classes of a width, up to an end.
type widths struct{ end, width int64 }

// begins are where classes begin, in units.
func begins(unit int64, all ...widths) []int64 {
	var steps []int64
	at := int64(0)
	for _, w := range all {
		for ; at < w.end; at += w.width {
			steps = append(steps, at*unit)
		}
	}
	return steps
}

// classOf is in which of the classes that begin at steps a number is.
func classOf(steps []int64, n int64) int {
	at, found := slices.BinarySearch(steps, n)
	if found {
		return at
	}
	return max(at-1, 0)
}

func (l ladder) term(f fate, level, class int) string {
	return f.term(l.kind, strconv.Itoa(level)+":"+strconv.Itoa(class))
}

// of are the terms of a number, one a level.
func (l ladder) of(f fate, n int64) []string {
	terms := make([]string, len(l.levels))
	for level, steps := range l.levels {
		terms[level] = l.term(f, level, classOf(steps, n))
	}
	return terms
}

// within are the terms of which numbers from least to most have one; a bound
// that is nil is none.
func (l ladder) within(f fate, least, most *int64) []string {
	finest := l.levels[0]
	last := len(finest) - 1
	if most != nil {
		last = classOf(finest, *most)
	}
	var terms []string
	for class := classOf(finest, orZero(least)); class <= last; {
		level, wide, next := l.widest(class, last)
		terms = append(terms, l.term(f, level, wide))
		class = next
	}
	return terms
}

// widest is the widest class that begins where a class of the finest level does
// and ends no later than the last one; next is which of the finest is behind it.
func (l ladder) widest(class, last int) (level, wide, next int) {
	finest := l.levels[0]
	for level = len(l.levels) - 1; level > 0; level-- {
		steps := l.levels[level]
		wide, is := slices.BinarySearch(steps, finest[class])
		if !is {
			continue
		}
		next = len(finest)
		if wide+1 < len(steps) {
			next, _ = slices.BinarySearch(finest, steps[wide+1])
		}
		if next-1 <= last {
			return level, wide, next
		}
	}
	return 0, class, class + 1
}
