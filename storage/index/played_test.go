package index

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"earshot"
	"earshot/storage/index/pgtest"
)

// Of two who play a call at once the first remains the one who first did: the
// other has looked before the first has ended, waits for it, and changes nothing.
func TestTwoWhoPlayACallAtOnce(t *testing.T) {
	ix := opened(t, pgtest.Start(t))
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	c := earshot.Call{ID: earshot.NewID(at), Seat: "s", StartedAt: earshot.At(at), State: earshot.CallStored}
	if err := ix.SaveCall(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	play := func(at int64) error {
		return ix.change(t.Context(), synced, "play", func(tx bun.Tx) error { return notePlayed(t.Context(), tx, c.ID, at) })
	}
	err := ix.change(t.Context(), synced, "play", func(tx bun.Tx) error {
		if err := notePlayed(t.Context(), tx, c.ID, 1000); err != nil {
			return err
		}
		go func() { second <- play(2000) }()
		return untilWaited(t.Context(), ix)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	var row termRow
	if err := ix.read.NewSelect().Model(&row).Scan(t.Context()); err != nil || row.PlayedAt != 1000 {
		t.Errorf("first played at %d (%v)", row.PlayedAt, err)
	}
	yes := true
	if page, err := ix.SearchCalls(t.Context(), CallQuery{Played: &yes}); err != nil || len(page.Calls) != 1 {
		t.Errorf("found %v, %v", page.Calls, err)
	}
}

// untilWaited returns once somebody waits for a lock in PostgreSQL.
func untilWaited(ctx context.Context, ix *Index) error {
	for {
		waiting := 0
		err := ix.read.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(ctx, &waiting)
		if err != nil || waiting > 0 {
			return err
		}
	}
}
