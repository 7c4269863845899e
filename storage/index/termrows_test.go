package index

import (
	"strconv"
	"testing"

	"github.com/uptrace/bun"
)

// A call that is new may want the place of one that is put anew with it and stays
// where it was: both are kept, each at its own.
func TestPlacesOfCallsPutTogetherDiffer(t *testing.T) {
	ix := opened(t, ofSQLite(t))
	const at = 1_000_000
	stays := callRows{call: callRow{ID: "stays", StartedAt: at}}
	comes := callRows{call: callRow{StartedAt: at}}
	for i := 0; placeOf(comes.call.ID, at) != placeOf("stays", at); i++ {
		comes.call.ID = "comes-" + strconv.Itoa(i)
	}
	put := func(rows ...callRows) {
		t.Helper()
		if err := ix.change(t.Context(), lazy, "put terms", func(tx bun.Tx) error { return putTerms(t.Context(), tx, rows) }); err != nil {
			t.Fatal(err)
		}
	}
	put(stays)
	stays.call.Words = "something new"
	put(stays, comes)
	var places []int64
	if err := ix.read.NewSelect().Model((*termRow)(nil)).Column("place").Scan(t.Context(), &places); err != nil {
		t.Fatal(err)
	}
	if len(places) != 2 || places[0] == places[1] || places[0]>>placeBits != at || places[1]>>placeBits != at {
		t.Errorf("places %v", places)
	}
}
