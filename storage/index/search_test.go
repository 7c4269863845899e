package index_test

import (
	"fmt"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// find gives the names, by the calls' places in calls, of what q finds.
func find(t *testing.T, ix *index.Index, calls []earshot.Call, q index.CallQuery) []int {
	t.Helper()
	places := make(map[string]int)
	for i, c := range calls {
		places[c.ID] = i
	}
	got := []int{}
	for {
		page, err := ix.SearchCalls(t.Context(), q)
		must(t, err)
		for _, c := range page.Calls {
			got = append(got, places[c.ID])
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return got
		}
	}
}

func TestSearchFilters(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for _, b := range []earshot.Branch{{ID: "city", Name: "市"}, {ID: "hall", Name: "厅", Parent: "city"}, {ID: "desk", Name: "台", Parent: "hall"}, {ID: "other", Name: "他"}} {
			must(t, ix.CreateBranch(t.Context(), b))
		}
		calls := []earshot.Call{
			0: call(0, nil),
			1: call(time.Minute, func(c *earshot.Call) {
				c.Seat, c.Branch, c.Kind, c.Direction, c.Number = "seat-2", "desk", earshot.Hotline, earshot.Inbound, "13800001234"
				c.Agent = &earshot.Agent{ID: "A0017", Name: "王小明"}
				c.Marks = []earshot.Mark{
					{ID: "m1", Text: "客户要求退款 50%_off", By: "ins", Shared: true},
					{ID: "m2", Text: "私下 Secret", By: "ins"},
				}
			}),
			2: call(2*time.Minute, func(c *earshot.Call) {
				c.Branch, c.Direction, c.Number = "other", earshot.Outbound, "12345678"
				c.Account, c.Ticket, c.Business, c.Rating = "3301", "T-1", "过户", 5
				c.Tags = []string{"投诉", "VIP"}
				c.Flags = []earshot.Flag{earshot.FlagLoud, earshot.FlagGaps}
			}),
			3: call(3*time.Minute, func(c *earshot.Call) {
				c.State, c.EndedAt = earshot.CallLive, earshot.Time{}
				c.Account, c.Ticket, c.Business, c.Rating = "3302", "T-2", "报修", 1
				c.Tags = []string{"投诉", "' OR 1=1 --"}
			}),
			4: call(4*time.Minute, func(c *earshot.Call) {
				c.State, c.Tags, c.Number = earshot.CallDeleted, []string{"投诉"}, "66001234567"
			}),
		}
		save(t, ix, calls...)
		for _, row := range []struct {
			what string
			q    index.CallQuery
			want []int
		}{
			{"nothing asked", index.CallQuery{}, []int{3, 2, 1, 0}},
			{"from", index.CallQuery{From: start.Add(2 * time.Minute)}, []int{3, 2}},
			{"to", index.CallQuery{To: start.Add(2 * time.Minute)}, []int{1, 0}},
			{"seat", index.CallQuery{Seats: []string{"seat-2"}}, []int{1}},
			{"seats", index.CallQuery{Seats: []string{"seat-2", "seat-1"}}, []int{3, 2, 1, 0}},
			{"agent", index.CallQuery{Agents: []string{"A0017"}}, []int{1}},
			{"branch with those below", index.CallQuery{Branches: []string{"city"}}, []int{3, 1, 0}},
			{"branch at the bottom", index.CallQuery{Branches: []string{"desk"}}, []int{1}},
			{"branches", index.CallQuery{Branches: []string{"desk", "other"}}, []int{2, 1}},
			{"unknown branch", index.CallQuery{Branches: []string{"nowhere"}}, nil},
			{"kind", index.CallQuery{Kinds: []earshot.SeatKind{earshot.Hotline}}, []int{1}},
			{"direction", index.CallQuery{Directions: []earshot.Direction{earshot.Inbound, earshot.Outbound}}, []int{2, 1}},
			{"number exact", index.CallQuery{Number: "13800001234"}, []int{1}},
			{"number anywhere", index.CallQuery{Number: "1234"}, []int{2, 1}},
			{"number at its end", index.CallQuery{Number: "34"}, []int{1}},
			{"a long number at its end", index.CallQuery{Number: "0001234"}, []int{1}},
			{"a long number anywhere, as none ends so", index.CallQuery{Number: "1380000"}, []int{1}},
			{"a long number anywhere, as only that of a call not asked for ends so", index.CallQuery{Number: "1234567"}, []int{2}},
			{"a long number at its end, of deleted calls", index.CallQuery{Number: "1234567", States: []earshot.CallState{earshot.CallDeleted, earshot.CallStored}}, []int{4}},
			{"a long number nobody has", index.CallQuery{Number: "99999999"}, nil},
			{"many seats", index.CallQuery{Seats: append(make([]string, 100), "seat-2")}, []int{1}},
			{"seats and tags", index.CallQuery{Seats: []string{"seat-1", "seat-2"}, Tags: []string{"投诉", "VIP"}}, []int{3, 2}},
			{"kinds and directions", index.CallQuery{Kinds: []earshot.SeatKind{earshot.Hotline, earshot.Counter}, Directions: []earshot.Direction{earshot.Outbound}}, []int{2}},
			{"live or deleted", index.CallQuery{States: []earshot.CallState{earshot.CallLive, earshot.CallDeleted}}, []int{4, 3}},
			{"account and words", index.CallQuery{Account: "3302", Words: "报修"}, []int{3}},
			{"number with a wildcard", index.CallQuery{Number: "1%4"}, nil},
			{"account", index.CallQuery{Account: "3301"}, []int{2}},
			{"account exactly", index.CallQuery{Account: "330"}, nil},
			{"ticket", index.CallQuery{Ticket: "T-2"}, []int{3}},
			{"business", index.CallQuery{Businesses: []string{"过户", "报修"}}, []int{3, 2}},
			{"rating", index.CallQuery{Ratings: []int{5}}, []int{2}},
			{"no rating", index.CallQuery{Ratings: []int{0}}, []int{1, 0}},
			{"flag", index.CallQuery{Flags: []earshot.Flag{earshot.FlagGaps, earshot.FlagLoud}}, []int{2}},
			{"tag", index.CallQuery{Tags: []string{"投诉"}}, []int{3, 2}},
			{"tag and rating", index.CallQuery{Tags: []string{"投诉"}, Ratings: []int{1}}, []int{3}},
			{"tag that injects", index.CallQuery{Tags: []string{"' OR 1=1 --"}}, []int{3}},
			{"state", index.CallQuery{States: []earshot.CallState{earshot.CallLive}}, []int{3}},
			{"deleted", index.CallQuery{States: []earshot.CallState{earshot.CallDeleted}}, []int{4}},
			{"words: two characters", index.CallQuery{Words: "退款"}, []int{1}},
			{"words: agent's name", index.CallQuery{Words: "小明"}, []int{1}},
			{"words: staff number in any case", index.CallQuery{Words: "a0017"}, []int{1}},
			{"words: tag in any case", index.CallQuery{Words: "vip"}, []int{2}},
			{"words: all of several", index.CallQuery{Words: "投诉 t-1"}, []int{2}},
			{"words: wildcards are text", index.CallQuery{Words: "50%_OFF"}, []int{1}},
			{"words: a wildcard alone", index.CallQuery{Words: "5_%"}, nil},
			{"words: the escape is text", index.CallQuery{Words: "!"}, nil},
			{"words: injection", index.CallQuery{Words: `'/**/OR/**/1=1--`}, nil},
			{"words: question marks", index.CallQuery{Words: `?0 ?`}, nil},
			{"words: private marks are not for others", index.CallQuery{Words: "secret", Asker: "admin"}, nil},
			{"words: nor for nobody", index.CallQuery{Words: "secret"}, nil},
			{"words: but for their maker", index.CallQuery{Words: "SECRET", Asker: "ins"}, []int{1}},
			{"words with a filter", index.CallQuery{Words: "投诉", Ratings: []int{5}}, []int{2}},
		} {
			t.Run(row.what, func(t *testing.T) {
				same(t, "found", find(t, ix, calls, row.q), row.want)
				row.q.Limit = 1
				same(t, "found a page each", find(t, ix, calls, row.q), row.want)
			})
		}
	})
}

func TestSearchRefuses(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for cursor, code := range map[string]string{
			"x": "bad_cursor", "!!!": "bad_cursor", "MS4xMjM": "bad_cursor", "Mi4xLmE": "bad_cursor",
			"MS4xLicgT1IgMT0x": "bad_cursor", // 1.1.' OR 1=1
		} {
			_, err := ix.SearchCalls(t.Context(), index.CallQuery{Cursor: cursor})
			wantCode(t, err, code)
			_, err = ix.SearchAudit(t.Context(), index.AuditQuery{Cursor: cursor})
			wantCode(t, err, code)
		}
		for _, q := range []index.CallQuery{{Limit: 201}, {Limit: -1}} {
			_, err := ix.SearchCalls(t.Context(), q)
			wantCode(t, err, "bad_limit")
		}
		for _, q := range []index.CallQuery{{Words: "a b c d e f g h i"}, {Words: "a\x00b"}, {Number: "\xff\xff\xff"}, {Seats: make([]string, 201)}} {
			_, err := ix.SearchCalls(t.Context(), q)
			wantCode(t, err, "bad_query")
		}
	})
}

// Calls that begin, and calls of the same millisecond, neither hide nor repeat
// calls on the pages after.
func TestCursorHoldsWhileCallsCome(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		var calls []earshot.Call
		for i := range 23 {
			calls = append(calls, call(time.Duration(i/5)*time.Second, nil)) // five begin at once
		}
		save(t, ix, calls...)
		seen := make(map[string]bool)
		q := index.CallQuery{Limit: 4}
		for n := 0; ; n++ {
			page, err := ix.SearchCalls(t.Context(), q)
			must(t, err)
			for _, c := range page.Calls {
				if seen[c.ID] {
					t.Fatalf("call %s came twice", c.ID)
				}
				seen[c.ID] = true
			}
			if page.Next == "" {
				break
			}
			q.Cursor = page.Next
			save(t, ix, call(time.Hour+time.Duration(n)*time.Second, nil))
		}
		for _, c := range calls {
			if !seen[c.ID] {
				t.Errorf("call %s was passed over", c.ID)
			}
		}
		same(t, "calls seen", len(seen), len(calls))
	})
}

// Where in numbers a long one is looked for is said on the first page and holds
// for those after it, whatever calls come and go meanwhile.
func TestPagesOfANumberKeepToWhereTheyBegan(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		numbered := func(after time.Duration, number string) earshot.Call {
			return call(after, func(c *earshot.Call) { c.Number = number })
		}
		within := []earshot.Call{numbered(3*time.Minute, "1380000123"), numbered(2*time.Minute, "13800001234")}
		ends := []earshot.Call{numbered(5*time.Minute, "01380000"), numbered(time.Minute, "021380000")}
		save(t, ix, within...)
		first, err := ix.SearchCalls(t.Context(), index.CallQuery{Number: "1380000", Limit: 1})
		must(t, err)
		same(t, "the first page", first.Calls[0].ID, within[0].ID)
		save(t, ix, ends...) // of which one is older than what the page ends with
		same(t, "the pages after", find(t, ix, append(within, ends...), index.CallQuery{Number: "1380000", Limit: 1, Cursor: first.Next}), []int{1, 3})
		same(t, "all pages now", find(t, ix, append(within, ends...), index.CallQuery{Number: "1380000", Limit: 1}), []int{2, 3})

		first, err = ix.SearchCalls(t.Context(), index.CallQuery{Number: "1380000", Limit: 1})
		must(t, err)
		for _, c := range ends {
			c.Number = ""
			save(t, ix, c)
		}
		same(t, "nothing after the page", find(t, ix, within, index.CallQuery{Number: "1380000", Limit: 1, Cursor: first.Next}), []int{})
	})
}

func TestSearchWithoutCalls(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		for _, q := range []index.CallQuery{{}, {Words: "投诉"}, {Number: "1234"}, {Branches: []string{"x"}}} {
			page, err := ix.SearchCalls(t.Context(), q)
			must(t, err)
			same(t, fmt.Sprintf("page of %+v", q), page, index.CallPage{Calls: []earshot.Call{}})
		}
	})
}
