package index

import (
	"testing"

	"earshot"
)

// A search by words goes through many calls in bounded steps; what lies at the
// ends of windows and pages is neither passed over nor found twice.
func TestTextIsFoundAcrossWindows(t *testing.T) {
	const window = 50
	const calls = 12*window + 17
	bothEngines(t, func(t *testing.T, url string) {
		ix := opened(t, url)
		ix.effort = effort{window: window, page: 10 * window, far: 4 * window}
		// Call i is marked where i, counted from the newest, is at the end of a window or beside it.
		_, err := ix.write.NewRaw(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				INSERT INTO calls (id, seat, branch, agent, agent_name, kind, direction, number, number_reversed, account, ticket, business,
				state, started_at, ended_at, duration_ms, channels, rating, node, words) SELECT 'call-' || (100000000 + i), '', '', '', '', '', '', '', '', '', '', '', 'stored', 1000000 - i, 0, 0, 0, 0, '',
				CASE WHEN i % ? IN (0, 1, ?) THEN 'needle' ELSE 'hay' END FROM n`, calls-1, window, window-1).Exec(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for i := range calls {
			if m := i % window; m == 0 || m == 1 || m == window-1 {
				want++
			}
		}
		for _, limit := range []int{1, 2, 3, 50} {
			found := make(map[int64]bool)
			for q := (CallQuery{Words: "NEEDLE", Limit: limit, States: []earshot.CallState{earshot.CallStored}}); ; {
				s, err := ix.search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				ids, next, err := s.lookThrough(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range ids {
					n := int64(0)
					for _, digit := range id[len("call-"):] {
						n = n*10 + int64(digit-'0')
					}
					if found[n] {
						t.Fatalf("%s was found twice", id)
					}
					found[n] = true
				}
				if next == "" {
					break
				}
				if q.Cursor = next; len(ids) == 0 && limit == 1 {
					t.Fatal("a page without calls though windows with calls follow")
				}
			}
			if len(found) != want {
				t.Fatalf("with %d a page: %d found of %d", limit, len(found), want)
			}
		}
	})
}
