package recorder

import (
	"testing"

	"earshot"
)

func TestGapsAreBounded(t *testing.T) {
	rows := []struct {
		name        string
		every       int64 // samples between the beginnings of two gaps
		n           int
		most, least int
	}{
		{"few stay as they are", second, 3000, 3000, 3000},
		{"many near ones are joined", second / 2, 50_000, mostGaps, 1},
		{"many far ones stay", 2 * second, 7200, 7200, 7200},
		{"no more than a call can say", 2 * second, 100_000, manyMore * mostGaps, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var g gapList
			for i := range row.n {
				at := int64(i) * row.every
				g.add(earshot.SideAgent, span{at, at + slot}, earshot.CauseLost)
			}
			if n := len(g.gaps); n > row.most || n < row.least {
				t.Errorf("%d gaps of %d", n, row.n)
			}
			last := g.gaps[len(g.gaps)-1]
			if want := (int64(row.n-1)*row.every + slot) / milli; g.gaps[0].StartMs != 0 || last.EndMs != want {
				t.Errorf("from %d to %d ms, want %d", g.gaps[0].StartMs, last.EndMs, want)
			}
		})
	}
}
