package index_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Around(m)) }

// engines runs test on each engine with an empty index.
func engines(t *testing.T, test func(t *testing.T, ix *index.Index)) {
	urls := map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "index.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) { test(t, open(t, url(t))) })
	}
}

func open(t *testing.T, url string) *index.Index {
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
	return ix
}

// start is when the tests' calls begin.
var start = time.Date(2026, 11, 21, 1, 2, 3, 456e6, time.UTC)

// call is a stored call that begins some time after start, changed by edit.
func call(after time.Duration, edit func(*earshot.Call)) earshot.Call {
	at := start.Add(after)
	c := earshot.Call{
		ID: earshot.NewID(at), Seat: "seat-1", Branch: "hall", Kind: earshot.Counter, Direction: earshot.NoDirection,
		State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)), DurationMs: 60000,
		Channels: 2, Node: "node-a",
		Parts: []earshot.Part{}, Gaps: []earshot.Gap{}, Marks: []earshot.Mark{}, Tags: []string{}, Flags: []earshot.Flag{},
	}
	if edit != nil {
		edit(&c)
	}
	return c
}

func save(t *testing.T, ix *index.Index, calls ...earshot.Call) {
	t.Helper()
	for _, c := range calls {
		must(t, ix.SaveCall(t.Context(), c))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if err == nil || earshot.AsError(err).Code != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func read(t *testing.T, ix *index.Index, id string) earshot.Call {
	t.Helper()
	c, err := ix.Call(context.Background(), id)
	must(t, err)
	return c
}
