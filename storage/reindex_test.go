package storage_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// furnished is a data folder with a call of every kind, and its index.
type furnished struct {
	*keeping
	url      string
	postgres *pgtest.Server
	calls    []string // ids
	holds    []string
	deleted  string
	plain    string // a stored call whose file the tests damage
}

// openAt opens the index anew, as a start of the program does.
func (f *furnished) openAt(t *testing.T) {
	t.Helper()
	ix, err := index.Open(t.Context(), f.url)
	must(t, err)
	f.index = ix
	f.Archive = storage.New(f.files, ix, f.opts)
}

func furnish(t *testing.T, postgres bool) *furnished {
	t.Helper()
	f := &furnished{keeping: keep(t)}
	f.url = "sqlite:" + filepath.Join(f.dir, "index.db")
	if postgres {
		f.postgres = pgtest.Own(t)
		f.url = f.postgres.URL()
		must(t, f.index.Close())
		must(t, os.Remove(filepath.Join(f.dir, "index.db")))
		f.openAt(t)
		t.Cleanup(func() { must(t, f.index.Close()) }) // before the server ends
	}
	ctx := t.Context()
	ix := f.index
	must(t, ix.CreateBranch(ctx, earshot.Branch{ID: "hall", Name: "hall"}))
	seat := earshot.Seat{ID: "seat-1", Name: "1 号窗口", Branch: "hall", Kind: earshot.Hotline, Cut: earshot.CutVoice,
		Tokens: []earshot.SeatToken{{Hash: "hash", MadeAt: start, UsedAt: start.Add(time.Second)}}}
	must(t, ix.CreateSeat(ctx, seat))
	f.copySeats(t, seat)

	rich := f.call(t, 0, "")
	f.addPart(t, &rich, 0, []byte("one"))
	f.addPart(t, &rich, 2000, []byte("two"))
	rich.Agent = &earshot.Agent{ID: "1001", Name: "王芳"}
	rich.Number, rich.Account, rich.Ticket, rich.Business, rich.Rating = "13812345678", "A-1", "T-1", "water", 5
	rich.Gaps = []earshot.Gap{{Side: earshot.SideAgent, StartMs: 1000, EndMs: 2000, Cause: earshot.CauseLost}}
	rich.Marks = []earshot.Mark{
		{ID: "m1", Kind: "note", StartMs: 5, EndMs: 6, By: "lina", Text: "退费", Shared: true},
		{ID: "m2", Kind: "bookmark", StartMs: 7, EndMs: 7, By: "bob", Text: "私下"},
	}
	rich.Tags = []string{"vip", "投诉"}
	rich.Flags = []earshot.Flag{earshot.FlagGaps, earshot.FlagLong}
	must(t, f.SaveCall(ctx, rich))
	must(t, ix.SaveAgent(ctx, *rich.Agent))

	held, released, gone, plain := f.call(t, time.Hour, "held"), f.call(t, 2*time.Hour, "released"), f.call(t, 3*time.Hour, "gone"), f.call(t, 4*time.Hour, "plain")
	live := stored()
	live.ID, live.StartedAt = earshot.NewID(start.Add(5*time.Hour)), earshot.At(start.Add(5*time.Hour))
	live.State, live.EndedAt, live.DurationMs = earshot.CallLive, earshot.Time{}, 0
	live.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(live.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2}}
	must(t, f.SaveCall(ctx, live))
	f.leave(t, earshot.PartFile(live.ID, 1, earshot.Opus)+".part", []byte("OggS not much"))
	must(t, f.NotariseOnce(ctx))

	must(t, ix.CreatePolicy(ctx, earshot.Policy{ID: "month", Name: "一月", DeleteDays: 30}))
	f.now = now.Add(40 * day)
	_, err := f.Delete(ctx, gone.ID, earshot.Deletion{Reason: "nightly"})
	must(t, err)
	must(t, ix.DeletePolicy(ctx, "month"))
	a := f.hold(t, earshot.Hold{Call: held.ID})
	b := f.hold(t, earshot.Hold{Seat: "seat-1", From: earshot.At(start.Add(-time.Minute)), To: earshot.At(start.Add(time.Minute)), Until: earshot.At(f.now.Add(day))})
	c := f.hold(t, earshot.Hold{Call: released.ID})
	_, err = f.Release(ctx, c.ID, "bob", "结案")
	must(t, err)
	must(t, f.NotariseOnce(ctx))
	f.calls = []string{rich.ID, held.ID, released.ID, gone.ID, plain.ID, live.ID}
	f.holds, f.deleted, f.plain = []string{a.ID, b.ID, c.ID}, gone.ID, plain.ID
	return f
}

// copySeats writes the copy of the table of seats as a node does.
func (f *furnished) copySeats(t *testing.T, seats ...earshot.Seat) {
	t.Helper()
	type copied struct {
		earshot.Seat
		Tokens []earshot.SeatToken `json:"tokens"`
	}
	var all []copied
	for _, s := range seats {
		all = append(all, copied{s, s.Tokens})
	}
	text, err := json.Marshal(all)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(f.dir, "seats.json"), text, 0o600))
}

// content is all that the index's API says of calls and of what belongs to them.
func (f *furnished) content(t *testing.T) map[string]any {
	t.Helper()
	ctx, ix := t.Context(), f.index
	all := map[string]any{}
	put := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all[what] = v
	}
	for _, id := range f.calls {
		c, err := ix.Call(ctx, id)
		put("call "+id, c, err)
		entries, err := ix.PartEntries(ctx, id)
		put("entries of "+id, entries, err)
	}
	for _, q := range []index.CallQuery{
		{}, {Words: "退费"}, {Words: "私下", Asker: "bob"}, {Words: "私下", Asker: "lina"}, {Number: "5678"}, {Tags: []string{"投诉"}},
		{Flags: []earshot.Flag{earshot.FlagGaps}}, {States: []earshot.CallState{earshot.CallDeleted}}, {HeldAt: f.now}, {Agents: []string{"1001"}},
	} {
		name, err := json.Marshal(q)
		must(t, err)
		page, err := ix.SearchCalls(ctx, q)
		put("search "+string(name), page, err)
	}
	holds, err := ix.SearchHolds(ctx, index.HoldQuery{})
	put("holds", holds, err)
	burial, done, err := ix.Burial(ctx, f.deleted)
	put("burial", []any{burial, done}, err)
	seats, err := ix.Seats(ctx)
	put("seats", seats, err)
	branches, err := ix.Branches(ctx)
	put("branches", branches, err)
	agents, err := ix.Agents(ctx)
	put("agents", agents, err)
	size, err := ix.LedgerKnown(ctx)
	put("ledger", size, err)
	pending, err := ix.CountPending(ctx)
	put("pending", pending, err)
	open, err := ix.OpenCalls(ctx, "node-a", f.now)
	put("open calls", open, err)
	return all
}

// reindex runs it as the command does, and answers what did not come back.
func (f *furnished) reindex(t *testing.T) storage.Reindexed {
	t.Helper()
	seats, err := os.ReadFile(filepath.Join(f.dir, "seats.json"))
	if !errors.Is(err, os.ErrNotExist) {
		must(t, err)
	}
	done, err := f.Reindex(t.Context(), storage.ReindexOptions{Walk: f.files.Walk, Seats: seats})
	must(t, err)
	return done
}

func engines(t *testing.T, test func(t *testing.T, postgres bool)) {
	t.Run("sqlite", func(t *testing.T) { test(t, false) })
	t.Run("postgres", func(t *testing.T) { test(t, true) })
}

// lose takes all that the index has away.
func (f *furnished) lose(t *testing.T) {
	t.Helper()
	must(t, f.index.Close())
	if f.postgres == nil {
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(f.dir, "index.db"+end)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	} else {
		f.exec(t, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	}
	f.openAt(t)
}

func (f *furnished) exec(t *testing.T, statement string) {
	t.Helper()
	driver, where := "sqlite", filepath.Join(f.dir, "index.db")
	if f.postgres != nil {
		driver, where = "pgx", f.url
	}
	db, err := sql.Open(driver, where)
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
}

// TestReindexBringsEverythingBack loses an index in each way.
func TestReindexBringsEverythingBack(t *testing.T) {
	engines(t, func(t *testing.T, postgres bool) {
		f := furnish(t, postgres)
		want := f.content(t)
		for _, row := range []struct {
			name   string
			damage func(t *testing.T)
		}{
			{"nothing", func(*testing.T) {}},
			{"all of it", f.lose},
			{"a call", func(t *testing.T) { f.exec(t, "DELETE FROM calls WHERE account = 'A-1'") }},
			{"what was said of calls", func(t *testing.T) {
				f.exec(t, "DELETE FROM marks; DELETE FROM gaps; DELETE FROM call_tags; DELETE FROM call_flags; DELETE FROM parts; DELETE FROM agents")
			}},
			{"holds", func(t *testing.T) { f.exec(t, "DELETE FROM holds") }},
			{"a release", func(t *testing.T) {
				f.exec(t, "UPDATE holds SET released_at = 0, released_by = '', release_reason = ''")
			}},
			{"facts that were altered", func(t *testing.T) {
				f.exec(t, "UPDATE calls SET number = '1', words = '', rating = 1 WHERE rating > 0; UPDATE parts SET start_ms = 7; INSERT INTO call_tags (call, value, i, started_at) SELECT id, 'x', 9, 0 FROM calls")
			}},
			{"a tombstone", func(t *testing.T) {
				f.exec(t, "DELETE FROM deletions; DELETE FROM calls WHERE state = 'deleted'")
			}},
		} {
			t.Run(row.name, func(t *testing.T) {
				row.damage(t)
				done := f.reindex(t)
				if len(done.Problems) > 0 || done.Calls != len(f.calls) || done.Live != 1 || done.Deleted != 1 || done.Holds != len(f.holds) {
					t.Errorf("%+v", done)
				}
				same(t, "the index", f.content(t), want)
			})
		}
	})
}

// TestReindexGoesOnAfterDamage: what is wrong with files is named, and the rest
// comes back.
func TestReindexGoesOnAfterDamage(t *testing.T) {
	for _, row := range []struct {
		name   string
		damage func(t *testing.T, f *furnished)
		says   string
		after  func(t *testing.T, f *furnished, c earshot.Call, err error)
	}{
		{"a call's file cut short", func(t *testing.T, f *furnished) {
			f.alter(t, earshot.CallFile(f.plain), func(text []byte) []byte { return text[:len(text)/2] })
		}, "cannot be read", isSetAside},
		{"a call's file zeroed", func(t *testing.T, f *furnished) {
			f.alter(t, earshot.CallFile(f.plain), func(text []byte) []byte { return make([]byte, len(text)) })
		}, "cannot be read", isSetAside},
		{"another call's file in its place", func(t *testing.T, f *furnished) {
			other, err := f.files.ReadWhole(earshot.CallFile(f.calls[0]))
			must(t, err)
			f.alter(t, earshot.CallFile(f.plain), func([]byte) []byte { return other })
		}, "it is about", isSetAside},
		{"no file of its own and no audio", func(t *testing.T, f *furnished) {
			must(t, f.files.Remove(earshot.CallFile(f.plain)))
			must(t, f.files.Remove(earshot.PartFile(f.plain, 1, earshot.Opus)))
		}, "no file is left", func(t *testing.T, _ *furnished, _ earshot.Call, err error) { wantCode(t, err, "no_call") }},
		{"a copy of the seats that is none", func(t *testing.T, f *furnished) {
			must(t, os.WriteFile(filepath.Join(f.dir, "seats.json"), []byte("[{"), 0o600))
		}, "copy of the seats", func(*testing.T, *furnished, earshot.Call, error) {}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := furnish(t, false)
			row.damage(t, f)
			f.lose(t)
			done := f.reindex(t)
			if !slices.ContainsFunc(done.Problems, func(p storage.ReindexProblem) bool { return strings.Contains(p.Text, row.says) }) {
				t.Errorf("it says %+v, not %q", done.Problems, row.says)
			}
			for _, id := range f.calls {
				if id == f.plain {
					continue
				}
				if _, err := f.index.Call(t.Context(), id); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
			c, err := f.index.Call(t.Context(), f.plain)
			row.after(t, f, c, err)
		})
	}
}

func (f *furnished) alter(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	text, err := f.files.ReadWhole(name)
	must(t, err)
	must(t, f.files.WriteWhole(name, change(text)))
}

// isSetAside: the damaged file is kept, and the call is made of its audio.
func isSetAside(t *testing.T, f *furnished, c earshot.Call, err error) {
	t.Helper()
	must(t, err)
	if c.State != earshot.CallStored || !c.Flagged(earshot.FlagInterrupted) {
		t.Errorf("%+v", c)
	}
	_, err = f.files.ReadWhole(earshot.CallFile(f.plain) + ".damaged")
	must(t, err)
	if again := f.reindex(t); len(again.Problems) > 0 {
		t.Errorf("the second time: %+v", again.Problems)
	}
}

// TestReindexMendsFromTheIndex: a call's file is gone, and the index that was kept
// has all that was in it.
func TestReindexMendsFromTheIndex(t *testing.T) {
	f := furnish(t, false)
	want := f.content(t)
	must(t, f.files.Remove(earshot.CallFile(f.calls[0])))
	if done := f.reindex(t); done.Mended != 1 || len(done.Problems) > 0 {
		t.Errorf("%+v", done)
	}
	same(t, "the index", f.content(t), want)
	same(t, "the file", f.onDisk(t, f.calls[0]), want["call "+f.calls[0]].(earshot.Call))
}

// TestReindexFinishesDeletions: the ledger has a deletion that had not reached the
// call's file when the index was lost.
func TestReindexFinishesDeletions(t *testing.T) {
	f := furnish(t, false)
	must(t, f.index.CreatePolicy(t.Context(), earshot.Policy{ID: "month", Name: "一月", DeleteDays: 30}))
	f.OnStep(func(what string) error {
		if what == "deletion recorded" {
			return errors.New("killed")
		}
		return nil
	})
	if _, err := f.Delete(t.Context(), f.plain, earshot.Deletion{Reason: "nightly"}); err == nil {
		t.Fatal("it was not cut off")
	}
	f.lose(t)
	if done := f.reindex(t); done.Deleted != 2 || len(done.Problems) > 0 {
		t.Errorf("%+v", done)
	}
	_, err := f.Call(t.Context(), f.plain)
	wantCode(t, err, "deleted")
	before := len(f.entries(t, "deletion"))
	must(t, f.NotariseOnce(t.Context()))
	if _, _, err := f.files.Open(earshot.PartFile(f.plain, 1, earshot.Opus)); err == nil {
		t.Error("its audio is still there")
	}
	if f.onDisk(t, f.plain).State != earshot.CallDeleted || len(f.entries(t, "deletion")) != before {
		t.Error("the deletion was not finished, or recorded twice")
	}
}

// TestReindexKeepsSeatsAway: a seat that was taken away does not come back with
// its token where the index was kept.
func TestReindexKeepsSeatsAway(t *testing.T) {
	f := furnish(t, false)
	other := earshot.Seat{ID: "seat-2", Name: "2", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutEvent}
	must(t, f.index.CreateSeat(t.Context(), other))
	must(t, f.index.DeleteSeat(t.Context(), "seat-2"))
	f.copySeats(t, other)
	f.reindex(t)
	if _, err := f.index.Seat(t.Context(), "seat-2"); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("got %v", err)
	}
}

// TestReindexEndsWithItsContext: nothing is half done for ever.
func TestReindexEndsWithItsContext(t *testing.T) {
	f := furnish(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Reindex(ctx, storage.ReindexOptions{Walk: f.files.Walk}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if done := f.reindex(t); len(done.Problems) > 0 {
		t.Errorf("%+v", done)
	}
}
