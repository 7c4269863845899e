package index

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
	"earshot/storage/index/pgtest"
)

// Whatever becomes of a bulk, all indexes and references are there afterwards.
func TestBulkMakesIndexesAgain(t *testing.T) {
	ix := opened(t, pgtest.Start(t))
	schema := func() (all []string) {
		err := ix.read.NewRaw(`SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
			UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
			ORDER BY 1`).Scan(t.Context(), &all)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	want := schema()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	call := earshot.Call{ID: earshot.NewID(at), StartedAt: earshot.At(at), State: earshot.CallStored, Tags: []string{"a"}}
	broken := errors.New("broken")
	for _, row := range []struct {
		what  string
		fn    func(load func([]earshot.Call, []Played) error) error
		fails bool
	}{
		{"a load", func(load func([]earshot.Call, []Played) error) error { return load([]earshot.Call{call}, nil) }, false},
		{"a call that is there already", func(load func([]earshot.Call, []Played) error) error { return load([]earshot.Call{call}, nil) }, true},
		{"a failure of who loads", func(func([]earshot.Call, []Played) error) error { return broken }, true},
	} {
		if err := ix.Bulk(t.Context(), row.fn); (err != nil) != row.fails {
			t.Errorf("%s: %v", row.what, err)
		}
		if diff := cmp.Diff(want, schema()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", row.what, diff)
		}
	}
	if got, err := ids(t, ix, CallQuery{Tags: []string{"a"}}); err != nil || len(got) != 1 {
		t.Errorf("found %v (%v)", got, err)
	}
}
