package index

import (
	"math"
	"slices"
	"strconv"
)

// A ladder divides numbers into classes, so that terms find calls by a range of
// them. steps are where classes begin, the first at 0; some are large classes of
// which each has several of the others, so that wide ranges need few terms. At
// its ends a range takes in the whole class: what is found is looked at.
type ladder struct {
	kind  byte
	steps []int64
	large []int64 // some of steps; none where classes are few
}

// The ladders: a call's length and its longest monologue in milliseconds, shares
// per mille, and how often somebody was interrupted.
var (
	lengths        = ladder{kind: termLength, steps: secondsSteps(), large: seconds(0, 10, 60, 120, 300, 600, 1200, 1800, 3600, 7200)}
	monologues     = ladder{kind: termMonologue, steps: seconds(0, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800)}
	silences       = ladder{kind: termSilence, steps: shareSteps()}
	agentShares    = ladder{kind: termAgentShare, steps: shareSteps()}
	overtalks      = ladder{kind: termOvertalk, steps: shareSteps()}
	interruptions  = ladder{kind: termInterrupted, steps: []int64{0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50}}
	ladderOfLevels = map[bool]string{false: "", true: "+"} // tells large classes from the others
)

// secondsSteps are the steps of lengths: finer where calls are short.
func secondsSteps() []int64 {
	var steps []int64
	at := int64(0)
	for _, until := range []struct{ end, step int64 }{{10, 1}, {60, 5}, {300, 10}, {1200, 30}, {3600, 120}, {14400, 600}} {
		for ; at < until.end; at += until.step {
			steps = append(steps, at*1000)
		}
	}
	return steps
}

func seconds(values ...int64) []int64 {
	for i := range values {
		values[i] *= 1000
	}
	return values
}

func shareSteps() []int64 {
	var steps []int64
	for at := int64(0); at <= mostShare; at += 50 {
		steps = append(steps, at)
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

func (l ladder) term(f fate, large bool, class int) string {
	return f.term(l.kind, ladderOfLevels[large]+strconv.Itoa(class))
}

// of are the terms of a number.
func (l ladder) of(f fate, n int64) []string {
	terms := []string{l.term(f, false, classOf(l.steps, n))}
	if len(l.large) > 0 {
		terms = append(terms, l.term(f, true, classOf(l.large, n)))
	}
	return terms
}

// within are the terms of which numbers from least to most have one; a bound
// that is nil is none.
func (l ladder) within(f fate, least, most *int64) []string {
	last := len(l.steps) - 1
	if most != nil {
		last = classOf(l.steps, *most)
	}
	var terms []string
	for class := classOf(l.steps, orZero(least)); class <= last; class++ {
		begin := l.steps[class]
		large, is := slices.BinarySearch(l.large, begin)
		if !is {
			terms = append(terms, l.term(f, false, class))
			continue
		}
		end := int64(math.MaxInt64) // where the next large class begins
		if large+1 < len(l.large) {
			end = l.large[large+1]
		}
		next := class + 1 // behind the large class
		for next < len(l.steps) && l.steps[next] < end {
			next++
		}
		if next-1 > last {
			terms = append(terms, l.term(f, false, class))
			continue
		}
		terms = append(terms, l.term(f, true, large))
		class = next - 1
	}
	return terms
}
