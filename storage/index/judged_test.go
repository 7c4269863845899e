package index

import (
	"testing"
	"time"

	"earshot"
)

// TestWhoJudgesIsAskedAgain: calls that are edited while somebody thinks about how
// they went are thought about as they are then. SQLite's writer is waited for only
// by who is asked in vain again and again.
func TestWhoJudgesIsAskedAgain(t *testing.T) {
	for _, row := range []struct {
		what         string
		edits, asked int
	}{
		{"nobody edits", 0, 1},
		{"somebody edits once", 1, 2},
		{"again and again", amidTries, amidTries + 1},
	} {
		t.Run(row.what, func(t *testing.T) {
			url := ofSQLite(t)
			ix, other := opened(t, url), opened(t, url)
			c := storedAt(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
			fine(t, ix.SaveCall(t.Context(), c))
			asked := 0
			err := ix.JudgeCalls(t.Context(), []string{c.ID, earshot.NewID(time.Unix(0, 0))}, func(calls []earshot.Call) ([]Judged, error) {
				if asked++; len(calls) != 1 || calls[0].Rating != asked-1 {
					t.Errorf("asked for the %d. time about %+v", asked, calls)
				}
				if asked <= row.edits {
					_, err := other.EditCall(t.Context(), c.ID, func(c *earshot.Call) error { c.Rating = asked; return nil })
					fine(t, err)
				}
				judged := calls[0]
				judged.Talk = &earshot.Talk{Interruptions: asked}
				return []Judged{{Call: judged}}, nil
			})
			fine(t, err)
			got, err := other.Call(t.Context(), c.ID)
			fine(t, err)
			if asked != row.asked || got.Rating != row.edits || got.Talk == nil || got.Talk.Interruptions != asked {
				t.Errorf("asked %d times, kept %+v", asked, got)
			}
		})
	}
}
