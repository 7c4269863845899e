package index

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index/pgtest"
)

func TestSlicesHaveNamesInOrder(t *testing.T) {
	var names []string
	for _, at := range []int64{0, 1<<29 - 1, 1 << 29, 1_700_000_000_000, 1_900_000_000_000, 4_102_444_800_000, maxStart, maxStart + 1} {
		names = append(names, sliceOf(firstPlace(at)))
	}
	if names[0] != names[1] || names[1] == names[2] || !slices.IsSorted(names) {
		t.Errorf("slices are named %q", names)
	}
	for _, name := range names {
		if len(name) != 4 {
			t.Errorf("%q is not as long as others", name)
		}
	}
}

// A search in PostgreSQL asks the word index of as many slices as fill its page,
// of none that have no calls, and of none out of bounds.
func TestSearchAsksOnlyTheSlicesItNeeds(t *testing.T) {
	ix := opened(t, pgtest.Start(t))
	const slicesFilled, inEach = 12, 150
	start := time.UnixMilli(3000 << 29) // a slice begins
	year := 60 * (1 << 29) * time.Millisecond
	at := func(slice int) time.Time {
		if slice < slicesFilled/2 { // far before the others
			return start.Add(time.Duration(slice)*(1<<29)*time.Millisecond - year)
		}
		return start.Add(time.Duration(slice) * (1 << 29) * time.Millisecond)
	}
	err := ix.Bulk(t.Context(), func(load func([]earshot.Call, []Played) error) error {
		var calls []earshot.Call
		for i := range slicesFilled * inEach {
			begun := at(i / inEach).Add(time.Duration(i%inEach) * time.Hour / 2)
			c := earshot.Call{ID: earshot.NewID(begun), Seat: "s", StartedAt: earshot.At(begun), State: earshot.CallStored, Tags: []string{"often"}}
			c.Account = fmt.Sprint(i) // so that calls are as large as real ones
			c.Business = strings.Repeat("水", 20) + c.Account
			if i%(2*inEach) == 0 {
				c.Tags = append(c.Tags, "seldom")
			}
			calls = append(calls, c)
		}
		return load(calls, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile(`CTE Scan on slices .*\(actual rows=(\d+)`)
	for what, row := range map[string]struct {
		q     CallQuery
		asked int // one more where the end is reached
		found int
	}{
		"in the newest":       {CallQuery{Words: "often"}, 1, 51},
		"nearly nowhere":      {CallQuery{Words: "seldom"}, slicesFilled + 1, slicesFilled / 2},
		"nowhere":             {CallQuery{Words: "never"}, slicesFilled + 1, 0},
		"before the newest":   {CallQuery{Words: "often", To: at(3).Add(time.Hour)}, 2, 51},
		"within a slice":      {CallQuery{Words: "seldom", From: at(8), To: at(8).Add(time.Hour)}, 2, 1},
		"where there is none": {CallQuery{Words: "often", From: at(5).Add(90 * 24 * time.Hour), To: at(6)}, 1, 0},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := ix.search(t.Context(), row.q)
			if err != nil {
				t.Fatal(err)
			}
			query := s.placesQuery(s.terms(), s.after, 51)
			var plan []string
			if err := ix.read.NewRaw("EXPLAIN (ANALYZE, TIMING OFF) ?", query).Scan(t.Context(), &plan); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(plan, "\n")
			m := asked.FindStringSubmatch(text)
			if m == nil || !strings.Contains(text, "Bitmap Index Scan on call_terms_terms") {
				t.Fatal(text)
			}
			if n, err := strconv.Atoi(m[1]); err != nil || n != row.asked {
				t.Errorf("%d slices were asked, not %d (%v):\n%s", n, row.asked, err, text)
			}
			var hits []hit
			if err := ix.read.NewRaw("?", query).Scan(t.Context(), &hits); err != nil {
				t.Fatal(err)
			}
			if len(hits) != row.found {
				t.Errorf("%d are found, not %d", len(hits), row.found)
			}
			if !slices.IsSortedFunc(hits, func(a, b hit) int { return int(b.StartedAt - a.StartedAt) }) {
				t.Errorf("not in order: %v", hits)
			}
		})
	}
}
