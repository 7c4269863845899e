package index

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"earshot"
	"earshot/storage/index/pgtest"
)

// What the tests that look inside an index share; those that see what others see
// have theirs in index_test.go.

// bothEngines runs test with the address of an empty index of each engine.
func bothEngines(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, ofSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t)) })
}

func ofSQLite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "index.db") }

// opened is the index at url until the test ends.
func opened(t *testing.T, url string) *Index {
	t.Helper()
	ix, err := Open(t.Context(), url)
	fine(t, err)
	t.Cleanup(func() {
		if err := ix.Close(); err != nil {
			t.Error(err)
		}
	})
	return ix
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// plannedAs is how SQLite goes about q.
func plannedAs(t *testing.T, ix *Index, q *bun.SelectQuery) string {
	t.Helper()
	lines, err := ix.explain(t.Context(), q)
	fine(t, err)
	return strings.Join(lines, "\n")
}

// storedAt is a stored call without more than it needs, of no length.
func storedAt(at time.Time) earshot.Call {
	return earshot.Call{ID: earshot.NewID(at), Seat: "s", Branch: "b", Kind: earshot.Counter, State: earshot.CallStored,
		StartedAt: earshot.At(at), EndedAt: earshot.At(at)}
}
