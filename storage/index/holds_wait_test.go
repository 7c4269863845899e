package index

import (
	"errors"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// A deletion that comes while a hold is being kept waits for it, and then
// refuses; a hold that comes while a deletion is decided likewise.
func TestHoldAndDeletionWaitForOneAnother(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ix := opened(t, url)
		ended := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
		now := ended.Add(100 * 24 * time.Hour)
		if err := ix.CreatePolicy(t.Context(), earshot.Policy{ID: "day", Name: "day", DeleteDays: 1}); err != nil {
			t.Fatal(err)
		}
		for _, first := range []string{"hold", "deletion"} {
			c := storedAt(ended)
			if err := ix.SaveCall(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			h := earshot.Hold{ID: earshot.NewID(now), Call: c.ID, Reason: "r", By: "eve", At: earshot.At(now)}
			do := map[string]func(tx bun.Tx) error{
				"hold": func(tx bun.Tx) error { return addHold(t.Context(), tx, h) },
				"deletion": func(tx bun.Tx) error {
					_, err := deleteCall(t.Context(), tx, c.ID, earshot.Deletion{}, now)
					return err
				},
			}
			second, want := "deletion", ErrHeld
			if first == "deletion" {
				second, want = "hold", earshot.ErrDeleted
			}
			answered := make(chan error, 1)
			err := ix.inTx(t.Context(), synced, func(tx bun.Tx) error {
				if err := do[first](tx); err != nil {
					return err
				}
				go func() { answered <- ix.inTx(t.Context(), synced, do[second]) }()
				select {
				case err := <-answered:
					t.Errorf("the %s did not wait for the %s: %v", second, first, err)
					answered <- err
				case <-time.After(200 * time.Millisecond): // it waits
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", first, err)
			}
			if err := <-answered; !errors.Is(err, want) {
				t.Errorf("the %s after the %s: %v", second, first, err)
			}
		}
	})
}
