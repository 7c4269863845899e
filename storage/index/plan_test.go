package index

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"earshot"
)

// Each filter alone must be answered by an index in SQLite: no plan may walk
// the table calls itself, and filters of one value come in order without a sort.
func TestEveryFilterUsesAnIndex(t *testing.T) {
	ix := opened(t, ofSQLite(t))
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for what, row := range map[string]struct {
		q      CallQuery
		index  string
		sorted bool // comes from the index in order
	}{
		"nothing":     {CallQuery{}, "calls_started", true},
		"cursor":      {CallQuery{Cursor: position{1, "x"}.String()}, "calls_started", true},
		"from and to": {CallQuery{From: at, To: at.Add(time.Hour)}, "calls_started", true},
		"seat":        {CallQuery{Seats: []string{"a"}}, "calls_seat", true},
		"seats":       {CallQuery{Seats: []string{"a", "b"}}, "calls_seat", false},
		"agent":       {CallQuery{Agents: []string{"a"}}, "calls_agent", false},
		"agent name":  {CallQuery{Agents: []string{"a"}}, "calls_agent_name", false},
		"branch":      {CallQuery{Branches: []string{"a"}}, "calls_branch", true},
		"kind":        {CallQuery{Kinds: []earshot.SeatKind{earshot.Hotline}}, "calls_kind", false},
		"direction":   {CallQuery{Directions: []earshot.Direction{earshot.Inbound}}, "calls_kind", false},
		"number end":  {CallQuery{Number: "34"}, "calls_started", true},
		"number":      {CallQuery{Number: "13800001234"}, "calls_started", true},
		"account":     {CallQuery{Account: "a"}, "calls_account", true},
		"ticket":      {CallQuery{Ticket: "a"}, "calls_ticket", true},
		"business":    {CallQuery{Businesses: []string{"a"}}, "calls_business", true},
		"rating":      {CallQuery{Ratings: []int{1}}, "calls_rating", true},
		"flag":        {CallQuery{Flags: []earshot.Flag{earshot.FlagLoud}}, "call_flags_value", true},
		"tag":         {CallQuery{Tags: []string{"a"}}, "call_tags_value", true},
		"state":       {CallQuery{States: []earshot.CallState{earshot.CallLive}}, "calls_state", true},
		"words":       {CallQuery{Words: "a"}, "calls_started", true},
		"held":        {CallQuery{HeldAt: at}, "calls_seat", false},
		"not held":    {CallQuery{FreeAt: at}, "holds_call", true},
		"deleted":     {CallQuery{States: []earshot.CallState{earshot.CallDeleted}}, "calls_state", true},
		"batch":       {CallQuery{Batch: "a"}, "calls_batch", true},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := ix.search(t.Context(), row.q)
			if err != nil {
				t.Fatal(err)
			}
			plan := planOf(t, ix, s)
			if !strings.Contains(plan, row.index) {
				t.Errorf("%s is not used:\n%s", row.index, plan)
			}
			if regexp.MustCompile(`SCAN calls( |$)`).MatchString(plan) && !strings.Contains(plan, "SCAN calls USING") {
				t.Errorf("the whole table is walked:\n%s", plan)
			}
			if row.sorted && strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("the calls found are sorted:\n%s", plan)
			}
		})
	}
}

// What no single index answers goes by terms: the word index first, which hands
// calls out in order, and then each call found by its keys.
func TestOtherSearchesGoByTerms(t *testing.T) {
	ix := opened(t, ofSQLite(t))
	yes, no, some, long := true, false, 300, int64(60_000)
	for what, q := range map[string]CallQuery{
		"words": {Words: "水费"}, "a letter": {Words: "a"}, "notes": {Notes: "水"}, "part of a number": {Number: "1234"}, "last digits": {Number: "34"},
		"length": {MinMs: 1}, "played": {Played: &no}, "imported": {Imported: &yes}, "not imported": {Imported: &no},
		"silence": {Talk: TalkBounds{MaxSilence: &some}}, "agent's share": {Talk: TalkBounds{MinAgent: &some}}, "overtalk": {Talk: TalkBounds{MinOvertalk: &some}},
		"interruptions": {Talk: TalkBounds{MinInterruptions: &some}}, "monologue": {Talk: TalkBounds{MinMonologueMs: &long}},
		"no rating": {Ratings: []int{0}}, "many seats": {Seats: make([]string, mostArms+1)},
		"seat and tag": {Seats: []string{"a"}, Tags: []string{"b"}}, "branch and kind": {Branches: []string{"a"}, Kinds: []earshot.SeatKind{earshot.Hotline}},
		"account and words": {Account: "a", Words: "b"}, "seat of deleted calls": {Seats: []string{"a"}, States: []earshot.CallState{earshot.CallDeleted}},
	} {
		t.Run(what, func(t *testing.T) {
			s, err := ix.search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			clauses := s.terms()
			if len(clauses) == 0 {
				t.Fatal("terms have no say")
			}
			plan := plannedAs(t, ix, s.placesQuery(clauses, s.after, 51))
			if !strings.HasPrefix(plan, "SCAN call_words VIRTUAL TABLE") || strings.Contains(plan, "TEMP B-TREE") || strings.Count(plan, "SCAN") > 1 {
				t.Error(plan)
			}
		})
	}
}

func planOf(t *testing.T, ix *Index, s *search) string {
	t.Helper()
	query := ix.read.NewRaw("?", s.statement(s.after, position{}, 0, 51)).String()
	rows, err := ix.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
