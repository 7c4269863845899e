package storage_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/ledger"
)

// attacked is a house with three calls, a hold and a deletion, all in the ledger,
// and what a witness kept of it.
type attacked struct {
	*keeping
	calls      []earshot.Call
	checkpoint []byte
}

func attack(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{keeping: keep(t)}
	for i, audio := range []string{"the first conversation", "the second conversation", "the third"} {
		a.calls = append(a.calls, a.call(t, time.Duration(i)*time.Hour, audio))
	}
	gone := a.call(t, 3*time.Hour, "to be deleted")
	must(t, a.NotariseOnce(t.Context()))
	a.hold(t, earshot.Hold{Call: a.calls[0].ID})
	must(t, a.index.CreatePolicy(t.Context(), earshot.Policy{ID: "p", Name: "p", Business: "none", DeleteDays: 1}))
	must(t, a.deleteNow(t, gone.ID))
	must(t, a.NotariseOnce(t.Context()))
	head, err := a.ledger.Sign(t.Context())
	must(t, err)
	a.checkpoint = head.Note
	a.now = a.now.Add(3 * time.Hour) // whatever is still to be recorded is late
	return a
}

// deleteNow lets retention take one call.
func (a *attacked) deleteNow(t *testing.T, id string) error {
	t.Helper()
	_, err := a.PatchCall(t.Context(), id, earshot.CallPatch{Business: new("none")})
	must(t, err)
	before := a.now
	a.now = a.now.AddDate(0, 0, 3)
	_, err = a.Retain(t.Context(), earshot.RetainNightly, 0)
	a.now = before
	return err
}

// verify opens everything as the command does, beside the writer.
func (a *attacked) verify(t *testing.T, checkpoint []byte, calls ...string) storage.Verification {
	t.Helper()
	reader, err := files.OpenReadOnly(a.dir)
	must(t, err)
	log, err := ledger.Open(a.dir, ledger.Options{ReadOnly: true})
	must(t, err)
	report, err := storage.Verify(t.Context(), storage.VerifyOptions{
		Files: reader, Ledger: log, Index: a.index, Checkpoint: checkpoint, Calls: calls, Now: func() time.Time { return a.now },
	})
	must(t, err)
	must(t, log.Close())
	must(t, reader.Close())
	return report
}

func (a *attacked) path(name string) string {
	return filepath.Join(a.dir, "audio", filepath.FromSlash(name))
}

// sql is what somebody does who has the database.
func (a *attacked) sql(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(a.dir, "index.db"))
	must(t, err)
	defer func() { must(t, db.Close()) }()
	for _, s := range append([]string{"PRAGMA busy_timeout = 5000"}, statements...) {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func (a *attacked) rewrite(t *testing.T, name, old, with string) {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not have %q", name, old)
	}
	must(t, os.WriteFile(name, []byte(strings.Replace(string(text), old, with, 1)), 0o600))
}

// withoutParts takes the parts out of a call's file.
func (a *attacked) withoutParts(t *testing.T, id string) {
	t.Helper()
	name := a.path(earshot.CallFile(id))
	text, err := os.ReadFile(name)
	must(t, err)
	var call map[string]any
	must(t, json.Unmarshal(text, &call))
	call["parts"] = []any{}
	text, err = json.Marshal(call)
	must(t, err)
	must(t, os.WriteFile(name, text, 0o600))
}

func codes(r storage.Verification) []storage.FindingCode {
	var all []storage.FindingCode
	for _, f := range r.Findings {
		all = append(all, f.Code)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestVerifyHolds(t *testing.T) {
	a := attack(t)
	r := a.verify(t, a.checkpoint)
	if !r.Holds() || r.Calls != 4 || r.Files != 3 || r.Entries == 0 {
		t.Errorf("%+v", r)
	}
	one := a.verify(t, nil, a.calls[1].ID)
	if !one.Holds() || one.Calls != 1 || one.Files != 1 {
		t.Errorf("%+v", one)
	}
}

// TestTampering: what somebody does who holds files, database, or both, and what
// a verification says.
func TestTampering(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(t *testing.T, a *attacked)
		want []storage.FindingCode
		call int // that the findings name; -1: none
	}{
		{"files: a byte of audio", func(t *testing.T, a *attacked) {
			a.rewrite(t, a.path(a.calls[1].Parts[0].File), "second", "sekond")
		}, []storage.FindingCode{storage.FindingAltered}, 1},
		{"files: audio swapped for another call's", func(t *testing.T, a *attacked) {
			audio, err := os.ReadFile(a.path(a.calls[0].Parts[0].File))
			must(t, err)
			must(t, os.WriteFile(a.path(a.calls[1].Parts[0].File), audio, 0o600))
		}, []storage.FindingCode{storage.FindingSwapped}, 1},
		{"files: audio removed", func(t *testing.T, a *attacked) {
			must(t, os.Remove(a.path(a.calls[2].Parts[0].File)))
		}, []storage.FindingCode{storage.FindingMissing}, 2},
		{"files: audio added", func(t *testing.T, a *attacked) {
			must(t, os.WriteFile(a.path(earshot.PartFile(a.calls[2].ID, 9, earshot.Opus)), []byte("false"), 0o600))
		}, []storage.FindingCode{storage.FindingUnknownFile}, 2},
		{"files: a call's file changed", func(t *testing.T, a *attacked) {
			a.rewrite(t, a.path(earshot.CallFile(a.calls[0].ID)), `"seat": "seat-1"`, `"seat": "seat-9"`)
		}, []storage.FindingCode{storage.FindingRowChanged}, 0},
		{"files: a call's file removed", func(t *testing.T, a *attacked) {
			must(t, os.Remove(a.path(earshot.CallFile(a.calls[0].ID))))
		}, []storage.FindingCode{storage.FindingNoCallFile}, 0},
		{"files: a call's file damaged", func(t *testing.T, a *attacked) {
			must(t, os.WriteFile(a.path(earshot.CallFile(a.calls[0].ID)), []byte("{"), 0o600))
		}, []storage.FindingCode{storage.FindingBadCallFile}, 0},
		{"database: a number changed", func(t *testing.T, a *attacked) {
			a.sql(t, "UPDATE calls SET number = '12345' WHERE id = '"+a.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingRowChanged}, 1},
		{"database: a call removed", func(t *testing.T, a *attacked) {
			a.sql(t, "DELETE FROM parts WHERE call = '"+a.calls[1].ID+"'", "DELETE FROM calls WHERE id = '"+a.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingRowMissing}, 1},
		{"database: a call said to be deleted", func(t *testing.T, a *attacked) {
			a.sql(t, "UPDATE calls SET state = 'deleted' WHERE id = '"+a.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingDeleted}, 1},
		{"database: a hold removed", func(t *testing.T, a *attacked) {
			a.sql(t, "DELETE FROM holds")
		}, []storage.FindingCode{storage.FindingHold}, 0},
		{"database: a hold released", func(t *testing.T, a *attacked) {
			a.sql(t, "UPDATE holds SET released_at = 1, released_by = 'x'")
		}, []storage.FindingCode{storage.FindingHold}, 0},
		{"files and database: a call removed everywhere", func(t *testing.T, a *attacked) {
			id := a.calls[1].ID
			a.sql(t, "DELETE FROM parts WHERE call = '"+id+"'", "DELETE FROM calls WHERE id = '"+id+"'")
			must(t, os.Remove(a.path(earshot.CallFile(id))))
			must(t, os.Remove(a.path(a.calls[1].Parts[0].File)))
		}, []storage.FindingCode{storage.FindingMissing, storage.FindingRowMissing}, 1},
		{"files and database: a call removed, its audio left", func(t *testing.T, a *attacked) {
			id := a.calls[1].ID
			a.sql(t, "DELETE FROM parts WHERE call = '"+id+"'", "DELETE FROM calls WHERE id = '"+id+"'")
			must(t, os.Remove(a.path(earshot.CallFile(id))))
		}, []storage.FindingCode{storage.FindingRowMissing}, 1},
		{"files and database: a part that neither knows any more", func(t *testing.T, a *attacked) {
			id := a.calls[1].ID
			a.sql(t, "DELETE FROM parts WHERE call = '"+id+"'")
			a.withoutParts(t, id)
		}, []storage.FindingCode{storage.FindingFactsChanged}, 1},
		{"files: a call planted that ends in years to come", func(t *testing.T, a *attacked) {
			false := a.calls[1].Clone()
			false.ID, false.Parts = earshot.NewID(a.now.Add(-time.Hour)), []earshot.Part{}
			false.EndedAt = earshot.At(a.now.AddDate(50, 0, 0))
			a.calls = append(a.calls, false)
			text, err := json.Marshal(false)
			must(t, err)
			must(t, os.WriteFile(a.path(earshot.CallFile(false.ID)), text, 0o600))
		}, []storage.FindingCode{storage.FindingRowMissing}, 3},
		{"database: a hold's reason changed", func(t *testing.T, a *attacked) {
			a.sql(t, "UPDATE holds SET reason = 'another'")
		}, []storage.FindingCode{storage.FindingHold}, 0},
		{"files and database: a call moved to another seat", func(t *testing.T, a *attacked) {
			id := a.calls[1].ID
			a.sql(t, "UPDATE calls SET seat = 'seat-9' WHERE id = '"+id+"'")
			a.rewrite(t, a.path(earshot.CallFile(id)), `"seat": "seat-1"`, `"seat": "seat-9"`)
		}, []storage.FindingCode{storage.FindingFactsChanged}, 1},
		{"files and database: audio exchanged, with its hash", func(t *testing.T, a *attacked) {
			id, sum := a.calls[1].ID, strings.Repeat("ab", 32)
			a.sql(t, "UPDATE parts SET sha256 = '"+sum+"' WHERE call = '"+id+"'")
			a.rewrite(t, a.path(earshot.CallFile(id)), a.calls[1].Parts[0].SHA256, sum)
			must(t, os.WriteFile(a.path(a.calls[1].Parts[0].File), []byte("a new conversation"), 0o600))
		}, []storage.FindingCode{storage.FindingAltered, storage.FindingFactsChanged}, 1},
		{"ledger: a record changed", func(t *testing.T, a *attacked) {
			a.rewrite(t, filepath.Join(a.dir, "ledger", "entries"), "seat-1", "seat-2")
		}, []storage.FindingCode{storage.FindingCheckpoint, storage.FindingLedger, storage.FindingUnrecorded}, -1},
		{"ledger: cut", func(t *testing.T, a *attacked) {
			name := filepath.Join(a.dir, "ledger", "entries")
			text, err := os.ReadFile(name)
			must(t, err)
			lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
			must(t, os.WriteFile(name, []byte(strings.Join(lines[:len(lines)-1], "")), 0o600))
		}, []storage.FindingCode{storage.FindingCheckpoint, storage.FindingDeleted, storage.FindingLedger, storage.FindingMissing}, -1},
		{"ledger: all of it removed", func(t *testing.T, a *attacked) {
			for _, name := range []string{"entries", "hashes", "offsets", "heads"} {
				must(t, os.Truncate(filepath.Join(a.dir, "ledger", name), 0))
			}
		}, []storage.FindingCode{storage.FindingCheckpoint, storage.FindingDeleted, storage.FindingHold, storage.FindingLedger, storage.FindingUnrecorded}, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := attack(t)
			row.do(t, a)
			r := a.verify(t, a.checkpoint)
			if got := codes(r); !slices.Equal(got, row.want) {
				t.Fatalf("found %v, want %v\n%+v", got, row.want, r.Findings)
			}
			for _, f := range r.Findings {
				if f.Text == "" || row.call >= 0 && f.Call != a.calls[row.call].ID {
					t.Errorf("%+v does not name its call", f)
				}
			}
		})
	}
}

// TestWhatOnlyAWitnessKnows: who holds key and disk can make a ledger that fits
// by itself. Only what a witness kept tells.
func TestWhatOnlyAWitnessKnows(t *testing.T) {
	a := attack(t)
	// The attacker begins anew with the same key, and leaves a call out.
	key := filepath.Join(t.TempDir(), "keys")
	must(t, os.CopyFS(key, os.DirFS(filepath.Join(a.dir, "ledger", "keys"))))
	b := attack(t)
	if r := b.verify(t, nil); !r.Holds() {
		t.Fatalf("%+v", r.Findings)
	}
	r := b.verify(t, a.checkpoint)
	if got := codes(r); !slices.Equal(got, []storage.FindingCode{storage.FindingCheckpoint}) {
		t.Errorf("found %v", r.Findings)
	}
}

// TestVerifyWhileDeleting: what retention takes after the ledger was read is no
// loss, and nobody's tombstone is an excuse for long.
func TestVerifyWhileDeleting(t *testing.T) {
	a := attack(t)
	log, err := ledger.Open(a.dir, ledger.Options{ReadOnly: true}) // as it was before
	must(t, err)
	defer func() { must(t, log.Close()) }()
	must(t, a.deleteNow(t, a.calls[2].ID))
	a.now = a.now.AddDate(0, 0, 3).Add(time.Minute)
	verify := func() storage.Verification {
		reader, err := files.OpenReadOnly(a.dir)
		must(t, err)
		defer func() { must(t, reader.Close()) }()
		report, err := storage.Verify(t.Context(), storage.VerifyOptions{Files: reader, Ledger: log, Index: a.index, Now: func() time.Time { return a.now }})
		must(t, err)
		return report
	}
	if r := verify(); !r.Holds() {
		t.Errorf("%+v", r.Findings)
	}
	a.now = a.now.Add(time.Hour)
	if got := codes(verify()); !slices.Equal(got, []storage.FindingCode{storage.FindingDeleted, storage.FindingMissing}) {
		t.Errorf("found %v", got)
	}
}

func TestVerifyWhileRecording(t *testing.T) {
	a := attack(t)
	fresh := a.call(t, 4*time.Hour, "just ended")
	live := stored()
	live.ID, live.State, live.EndedAt = earshot.NewID(a.now), earshot.CallLive, earshot.Time{}
	must(t, a.SaveCall(t.Context(), live))
	must(t, os.WriteFile(a.path(earshot.PartFile(live.ID, 1, earshot.Opus)), []byte("half"), 0o600))
	a.now = fresh.EndedAt.Add(time.Second)
	if r := a.verify(t, a.checkpoint); !r.Holds() || r.Pending != 1 {
		t.Errorf("%+v", r)
	}
}
