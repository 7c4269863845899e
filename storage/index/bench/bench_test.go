package bench

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Around(m)) }

var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func filled(t *testing.T, url string) *index.Index {
	t.Helper()
	ix, err := index.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	told := 0
	if err := Fill(t.Context(), ix, FillOptions{Calls: 2500, Until: today, Seed: 7}, func(done, total int) { told = done }); err != nil {
		t.Fatal(err)
	}
	if told != 2500 {
		t.Errorf("told of %d calls", told)
	}
	return ix
}

// What is copied into PostgreSQL is what is saved in SQLite, and found alike.
func TestBothEnginesAreFilledAlike(t *testing.T) {
	postgres := filled(t, pgtest.Start(t))
	sqlite := filled(t, "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	yes := true
	silent := 300
	for what, q := range map[string]index.CallQuery{
		"all": {}, "words": {Words: "水"}, "note": {Notes: "漏水", Asker: "inspector"}, "played": {Played: &yes}, "imported": {Imported: &yes},
		"batch": {Batch: "import-1"}, "silent": {Talk: index.TalkBounds{MinSilence: &silent}}, "tag": {Tags: []string{"VIP"}, Ratings: []int{5}},
		"number": {Number: "123", Kinds: []earshot.SeatKind{earshot.Hotline}}, "held": {HeldAt: today}, "halls": {Branches: []string{"halls"}, MinMs: 60_000},
	} {
		t.Run(what, func(t *testing.T) {
			q.Limit = 200
			want, got := pages(t, sqlite, q), pages(t, postgres, q)
			if len(want) == 0 && what != "held" {
				t.Error("nothing is found")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("PostgreSQL differs from SQLite (-sqlite +postgres):\n%s", diff)
			}
		})
	}
	for _, want := range []string{"calls_started", "call_terms_terms"} { // made again when all was there
		plan, err := postgres.ExplainCalls(t.Context(), index.CallQuery{Words: "漏水", From: today.Add(-time.Hour)})
		if err != nil || !strings.Contains(plan, "Index") {
			t.Errorf("%s is not there (%v):\n%s", want, err, plan)
		}
	}
	if err := postgres.SaveCall(t.Context(), earshot.Call{ID: earshot.NewID(today), StartedAt: earshot.At(today), State: earshot.CallStored}); err != nil {
		t.Error(err)
	}
}

func pages(t *testing.T, ix *index.Index, q index.CallQuery) []earshot.Call {
	t.Helper()
	var all []earshot.Call
	for {
		page, err := ix.SearchCalls(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Calls...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return all
		}
	}
}

// Search writes a line for each filter and each pair, and fails where one is
// slower than it may be.
func TestSearchJudges(t *testing.T) {
	ix := filled(t, "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	var out bytes.Buffer
	o := SearchOptions{Each: 1, Seed: 4, Now: today, Within: time.Minute, WordsWithin: time.Minute}
	if err := Search(t.Context(), ix, o, &out); err != nil {
		t.Fatal(err)
	}
	n := len((&searcher{}).filters())
	if lines := strings.Count(out.String(), "\n"); lines < n*(n+1)/2 {
		t.Errorf("%d lines about %d filters", lines, n)
	}
	if !strings.Contains(out.String(), "✓ 全部达标") {
		t.Errorf("no verdict:\n%s", out.String())
	}

	out.Reset()
	o.Within, o.Only = time.Nanosecond, regexp.MustCompile(`^(席位|标签)[^+]*$`)
	err := Search(t.Context(), ix, o, &out)
	if err == nil || !strings.Contains(err.Error(), "席位") || !strings.Contains(err.Error(), "标签") {
		t.Errorf("what is too slow is not said: %v", err)
	}
	for _, want := range []string{"(2×)  ✗", "0/2 ≤", "calls_seat"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said:\n%s", want, out.String())
		}
	}
	o.Within, o.Totals = time.Minute, true
	if err := Search(t.Context(), ix, o, &out); err != nil {
		t.Error(err)
	}
	o.Only = regexp.MustCompile("nothing of the kind")
	if err := Search(t.Context(), ix, o, &out); earshot.AsError(err).Code != "bad_bench" {
		t.Errorf("of no filter: %v", err)
	}
}

// The same seed, number and day make the same calls.
func TestFillIsRepeatable(t *testing.T) {
	o := FillOptions{Calls: 50, Until: today, Over: time.Hour, Seed: 3}
	a, b := newTown(o), newTown(o)
	for i := range o.Calls {
		if diff := cmp.Diff(a.call(i), b.call(i)); diff != "" {
			t.Fatal(diff)
		}
	}
}
