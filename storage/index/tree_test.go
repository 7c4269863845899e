package index

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

// Calls are found by branches far above theirs, by one term each; where a branch
// moves, at once with those below it, and by the new ones' terms when these are
// made.
func TestCallsAreFoundByBranchesAbove(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ix := opened(t, url)
		for _, b := range []earshot.Branch{{ID: "city"}, {ID: "north", Parent: "city"}, {ID: "south", Parent: "city"}, {ID: "hall", Parent: "north"}} {
			b.Name = b.ID
			if err := ix.CreateBranch(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		save := func(id, branch string) {
			t.Helper()
			at := earshot.At(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
			c := earshot.Call{ID: "01900000-0000-7000-8000-0000000000" + id, Branch: branch, Kind: earshot.Counter, Business: "过户", StartedAt: at, State: earshot.CallStored}
			if err := ix.SaveCall(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		finds := func(what string, whole bool, want map[string]string) {
			t.Helper()
			for branch, calls := range want {
				for filter, q := range map[string]CallQuery{"business": {Businesses: []string{"过户"}}, "kind": {Kinds: []earshot.SeatKind{earshot.Counter}}} {
					q.Branches = []string{branch}
					s, err := ix.search(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					if s.treeWhole != whole {
						t.Errorf("%s: terms tell the tree: %v", what, s.treeWhole)
					}
					if n := len(s.clauses()[0]); whole && n != 1 {
						t.Errorf("%s: %d terms for a branch", what, n)
					}
					got, err := ids(t, ix, q)
					if diff := cmp.Diff(calls, strings.ReplaceAll(strings.Join(got, " "), "01900000-0000-7000-8000-0000000000", "")); err != nil || diff != "" {
						t.Errorf("%s, below %s by %s: %v %s", what, branch, filter, err, diff)
					}
				}
			}
		}
		save("c1", "hall")
		save("c2", "south")
		finds("as it was made", true, map[string]string{"city": "c2 c1", "north": "c1", "south": "c2", "hall": "c1"})

		if err := ix.SaveBranch(t.Context(), earshot.Branch{ID: "hall", Name: "Hall", Parent: "north"}); err != nil {
			t.Fatal(err)
		}
		finds("with another name", true, map[string]string{"north": "c1"})

		if err := ix.SaveBranch(t.Context(), earshot.Branch{ID: "hall", Name: "Hall", Parent: "south"}); err != nil {
			t.Fatal(err)
		}
		moved := map[string]string{"city": "c3 c2 c1", "north": "", "south": "c3 c2 c1", "hall": "c3 c1"}
		save("c3", "hall")
		finds("just moved", false, moved)
		if err := ix.CompleteTerms(t.Context(), 0, nil); err != nil {
			t.Fatal(err)
		}
		finds("moved and made anew", true, moved)

		// A branch that was deleted leaves its calls, and is made again elsewhere.
		if err := ix.DeleteBranch(t.Context(), "hall"); err != nil {
			t.Fatal(err)
		}
		if err := ix.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "Hall", Parent: "north"}); err != nil {
			t.Fatal(err)
		}
		again := map[string]string{"city": "c3 c2 c1", "north": "c3 c1", "south": "c2"}
		finds("made again", false, again)
		if err := ix.CompleteTerms(t.Context(), 0, nil); err != nil {
			t.Fatal(err)
		}
		finds("made again, and the terms", true, again)
	})
}

// steps hears that the tables are being brought up to date.
type steps struct {
	slog.Handler
	begun func()
}

func (s steps) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "bringing the index's tables up to date") {
		s.begun()
	}
	return nil
}

// What brings the tables up to date may take longer than the engine may take to
// answer.
func TestMigrationsTakeWhatTheyTake(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "index.db")
	ix := opened(t, url)
	for _, undo := range []string{"DROP TABLE former_users", "DELETE FROM goose_db_version WHERE version_id = 16"} { // the newest
		if _, err := ix.write.ExecContext(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
	}
	const patience = 500 * time.Millisecond
	tx, err := ix.write.BeginTx(t.Context(), &sql.TxOptions{}) // keeps others from writing
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	log := slog.New(steps{slog.NewTextHandler(t.Output(), nil), func() {
		time.AfterFunc(2*patience, func() { ended <- tx.Rollback() })
	}})
	old, err := connect(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.start(t.Context(), patience, log); err != nil {
		t.Fatalf("cut short: %v", errors.Join(err, tx.Rollback(), old.Close()))
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := old.read.NewSelect().Model((*formerRow)(nil)).Count(t.Context()); err != nil {
		t.Error(err)
	}
	if err := old.Close(); err != nil {
		t.Error(err)
	}
}
