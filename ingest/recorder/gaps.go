package recorder

import (
	"cmp"
	"slices"

	"earshot"
)

// span is a stretch of time in samples, to excluded.
type span struct{ from, to int64 }

// without calls keep for what is left of s outside the cuts, and cut for what
// lies in them. The cuts are in order and apart.
func (s span) without(cuts []span, keep, cut func(span)) {
	for _, c := range cuts {
		if c.to <= s.from {
			continue
		}
		if c.from >= s.to {
			break
		}
		if c.from > s.from {
			keep(span{s.from, c.from})
			s.from = c.from
		}
		end := min(c.to, s.to)
		cut(span{s.from, end})
		s.from = end
	}
	if s.from < s.to {
		keep(s)
	}
}

// gapList gathers the gaps of a call.
type gapList struct {
	gaps []earshot.Gap
	last map[gapKey]int // where the newest gap of a side and cause lies

	apart int64 // gaps of one side and cause, so many ms or less apart, are one; 0: where they touch
}

// What a call says of its gaps is bounded. One more than mostGaps, and those of a
// side and cause that are leastApart ms or less from one another become one. A
// call in which these are more than manyMore times as many joins what is twice as
// far apart, and so on.
const (
	mostGaps   = 4000
	manyMore   = 5
	leastApart = 1000
)

type gapKey struct {
	side  earshot.Side
	cause earshot.Cause
}

// add notes a gap, joining it to the newest of the same side and cause where
// the two touch.
func (g *gapList) add(side earshot.Side, s span, cause earshot.Cause) {
	gap := earshot.Gap{Side: side, StartMs: max(0, floorTo(s.from, milli)/milli), EndMs: -floorTo(-s.to, milli) / milli, Cause: cause}
	if gap.EndMs <= gap.StartMs {
		return
	}
	key := gapKey{side, cause}
	if i, ok := g.last[key]; ok {
		if before := &g.gaps[i]; gap.StartMs <= before.EndMs+g.apart && gap.EndMs >= before.StartMs-g.apart {
			before.StartMs, before.EndMs = min(before.StartMs, gap.StartMs), max(before.EndMs, gap.EndMs)
			return
		}
	}
	if g.last == nil {
		g.last = map[gapKey]int{}
	}
	g.last[key] = len(g.gaps)
	g.gaps = append(g.gaps, gap)
	for len(g.gaps) > g.most() {
		g.apart = max(leastApart, 2*g.apart)
		g.compact()
	}
}

func (g *gapList) most() int {
	if g.apart == 0 {
		return mostGaps
	}
	return manyMore * mostGaps
}

// compact joins the gaps that lie no further apart than g.apart.
func (g *gapList) compact() {
	old := g.gaps
	c := gapList{apart: g.apart, last: map[gapKey]int{}}
	for _, gap := range old {
		key := gapKey{gap.Side, gap.Cause}
		if i, ok := c.last[key]; ok {
			if before := &c.gaps[i]; gap.StartMs <= before.EndMs+c.apart && gap.EndMs >= before.StartMs-c.apart {
				before.StartMs, before.EndMs = min(before.StartMs, gap.StartMs), max(before.EndMs, gap.EndMs)
				continue
			}
		}
		c.last[key] = len(c.gaps)
		c.gaps = append(c.gaps, gap)
	}
	*g = c
}

// clone shares nothing with g.
func (g *gapList) clone() gapList {
	c := gapList{gaps: slices.Clone(g.gaps), apart: g.apart, last: make(map[gapKey]int, len(g.last))}
	for k, v := range g.last {
		c.last[k] = v
	}
	return c
}

// sorted is the gaps in the order of their starts.
func (g *gapList) sorted() []earshot.Gap {
	out := append([]earshot.Gap{}, g.gaps...)
	slices.SortStableFunc(out, func(a, b earshot.Gap) int {
		return cmp.Or(cmp.Compare(a.StartMs, b.StartMs), cmp.Compare(a.Side, b.Side))
	})
	return out
}
