package index

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"earshot"
)

// Ten thousand calls that start at one millisecond, as old recordings do of which
// only the day is known, are found page by page, each once and in order, by terms
// and without them; and no page goes through all of them.
func TestManyCallsOfOneMillisecond(t *testing.T) {
	const calls = 10_000
	midnight := time.Date(2019, 5, 1, 0, 0, 0, 0, time.UTC)
	bothEngines(t, func(t *testing.T, url string) {
		ix := opened(t, url)
		many, few := "often", "seldom"
		want := map[string][]string{}
		err := ix.Bulk(t.Context(), func(load func([]earshot.Call, []Played) error) error {
			var all []earshot.Call
			for i := range calls + 400 {
				at := midnight
				switch { // some before and behind, and as many as fill pages at times of their own
				case i >= calls+300:
					at = midnight.Add(-time.Duration(i) * time.Millisecond)
				case i >= calls:
					at = midnight.Add(time.Duration(i) * time.Millisecond)
				}
				c := earshot.Call{ID: earshot.NewID(at), Seat: "s", StartedAt: earshot.At(at), State: earshot.CallStored, Tags: []string{many}}
				if i%211 == 0 {
					c.Tags = append(c.Tags, few)
				}
				all = append(all, c)
			}
			slices.SortFunc(all, func(a, b earshot.Call) int {
				if n := b.StartedAt.Compare(a.StartedAt.Time); n != 0 {
					return n
				}
				return strings.Compare(b.ID, a.ID)
			})
			for _, c := range all {
				for _, tag := range c.Tags {
					want[tag] = append(want[tag], c.ID)
				}
			}
			for some := range slices.Chunk(all, 500) {
				if err := load(some, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ix.effort.near, ix.effort.nearFar = 500, 500
		for what, q := range map[string]CallQuery{
			"many by terms": {Words: many}, "few by terms": {Words: few, Limit: 7},
			"many by an index": {Tags: []string{many}}, "few by an index": {Tags: []string{few}, Limit: 7},
		} {
			t.Run(what, func(t *testing.T) {
				got, err := ids(t, ix, q)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[q.Words+strings.Join(q.Tags, "")], got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
		if ix.postgres { // which tells how many rows it looked at
			t.Run("a page looks at few", func(t *testing.T) { looksAtFew(t, ix, CallQuery{Words: few, Limit: 7}, 2*ix.effort.near) })
		}
	})
}

// looksAtFew follows a search page by page, and sees that no step of a statement
// goes through more rows than that.
func looksAtFew(t *testing.T, ix *Index, q CallQuery, most int) {
	asked, usual := &statements{}, ix.read
	ix.read = ix.read.WithQueryHook(asked)
	defer func() { ix.read = usual }()
	if _, err := ids(t, ix, q); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`actual rows=(\d+)|Rows Removed by Filter: (\d+)`)
	for _, statement := range slices.Clone(asked.found) {
		var plan []string
		if err := ix.read.NewRaw("EXPLAIN (ANALYZE, TIMING OFF) "+strings.ReplaceAll(statement, "?", "??")).Scan(t.Context(), &plan); err != nil {
			t.Fatal(err)
		}
		for _, m := range rows.FindAllStringSubmatch(strings.Join(plan, "\n"), -1) {
			if n, err := strconv.Atoi(m[1] + m[2]); err != nil || n > most {
				t.Errorf("%d rows, more than %d (%v):\n%s", n, most, err, strings.Join(plan, "\n"))
			}
		}
	}
	if len(asked.found) == 0 {
		t.Error("nothing was asked")
	}
}

// statements are what an index was asked of calls' places in their order.
type statements struct{ found []string }

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *statements) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	if strings.Contains(e.Query, "started_at") && strings.HasPrefix(e.Query, "SELECT calls.id") || strings.HasPrefix(e.Query, "WITH") {
		s.found = append(s.found, e.Query)
	}
}
