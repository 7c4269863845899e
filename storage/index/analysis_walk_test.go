package index

import (
	"strings"
	"testing"
	"time"
)

// Calls to analyse are found a few at a time: none of these walks may go through
// all calls that were never analysed, or sort all of a range.
func TestAnalysisWalksOnlyWhatItLooksFor(t *testing.T) {
	ix := opened(t, ofSQLite(t))
	from := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	before := "019ab000-0000-7000-8000-000000000000"
	for name, c := range map[string]struct {
		q    AnalysisQuery
		want string
	}{
		"never, lately": {AnalysisQuery{From: from, Never: true}, "talk_judged=? AND id>?"},
		"never, on":     {AnalysisQuery{From: from, Never: true, Before: before}, "talk_judged=? AND id>? AND id<?"},
		"older, range":  {AnalysisQuery{From: from, Judged: []string{"a", "b"}, Before: before}, "id>? AND id<?"},
		"all, range":    {AnalysisQuery{From: from, To: from.Add(time.Hour), Before: before}, "id>? AND id<?"},
	} {
		plan := plannedAs(t, ix, c.q.of(ix.read.NewSelect()).Column("id").OrderExpr("id DESC").Limit(20))
		if !strings.Contains(plan, c.want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
