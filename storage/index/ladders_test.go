package index

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Every number within a range has one of the range's terms, and hardly any
// beyond: only those that share a class with one of its ends.
func TestLaddersFindRanges(t *testing.T) {
	for name, l := range map[string]ladder{"lengths": lengths, "monologues": monologues, "shares": silences, "interruptions": interruptions} {
		t.Run(name, func(t *testing.T) {
			steps := l.levels[0]
			for level, wide := range l.levels {
				if !slices.IsSorted(wide) || wide[0] != 0 {
					t.Fatalf("steps %v", wide)
				}
				for _, step := range wide {
					if !slices.Contains(l.levels[max(level-1, 0)], step) {
						t.Fatalf("%d is no step below level %d", step, level)
					}
				}
			}
			r := rand.New(rand.NewPCG(1, 2))
			top := steps[len(steps)-1] * 3 / 2
			number := func() int64 {
				if r.IntN(2) == 0 {
					return max(some(r, steps)+r.Int64N(3)-1, 0)
				}
				return r.Int64N(top)
			}
			for range 20_000 {
				least, most := number(), number()
				if most < least {
					least, most = most, least
				}
				upper := &most
				if r.IntN(4) == 0 {
					upper = nil
				}
				terms := l.within(kept, &least, upper)
				if len(terms) > 45 {
					t.Fatalf("%d terms for %d to %d", len(terms), least, most)
				}
				n := number()
				has := slices.ContainsFunc(l.of(kept, n), func(term string) bool { return slices.Contains(terms, term) })
				in := n >= least && (upper == nil || n <= most)
				near := classOf(steps, n) == classOf(steps, least) || upper != nil && classOf(steps, n) == classOf(steps, most)
				if in && !has || has && !in && !near {
					t.Fatalf("%d for %d to %d (%v): found %v", n, least, most, upper == nil, has)
				}
			}
		})
	}
}
