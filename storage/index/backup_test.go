package index_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// TestEveryTableComesBack fails when a migration adds a table and nobody says
// what brings it back.
func TestEveryTableComesBack(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		listed, err := ix.ListedTables()
		if err != nil {
			t.Fatal(err)
		}
		there, err := ix.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		delete(there, "goose_db_version") // the migrations' own
		for table := range there {
			if !listed[table] {
				t.Errorf("the table %s is neither in the back-up nor among those that files bring back", table)
			}
		}
		for table := range listed {
			if !there[table] {
				t.Errorf("there is no table %s", table)
			}
		}
	})
}

// furnish puts a row into each table of the back-up.
func furnish(t *testing.T, ix *index.Index) {
	t.Helper()
	ctx, at := t.Context(), earshot.At(start)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(ix.CreateBranch(ctx, earshot.Branch{ID: "z-city", Name: "全市"}))
	check(ix.CreateBranch(ctx, earshot.Branch{ID: "hall", Name: "营业厅", Parent: "z-city"}))
	check(ix.CreateSeat(ctx, earshot.Seat{ID: "seat-1", Name: "1 号窗口", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutVoice,
		Tokens: []earshot.SeatToken{{Hash: "new", MadeAt: start.Add(time.Hour)}, {Hash: "old", MadeAt: start, UsedAt: start}}}))
	check(ix.CreateUser(ctx, earshot.User{ID: "lina", Name: "李娜 \"'", Role: earshot.RoleAdmin, PasswordHash: "$argon2id$lina"}))
	check(ix.CreateUser(ctx, earshot.User{ID: "gone", Name: "gone", Role: earshot.RoleInspector, PasswordHash: "$x", Disabled: true}))
	check(ix.CreateUser(ctx, earshot.User{ID: "former", Name: "former", Role: earshot.RoleInspector, PasswordHash: "$x"}))
	check(ix.DeleteUser(ctx, "former"))
	check(ix.SaveAgent(ctx, earshot.Agent{ID: "1001", Name: "王芳"}))
	check(ix.CreatePolicy(ctx, earshot.Policy{ID: "p1", Name: "一年", Branch: "hall", KeepDays: 30, DeleteDays: 365}))
	check(ix.AddSavedSearch(ctx, earshot.SavedSearch{ID: earshot.NewID(start), Name: "本周投诉", Query: "days=thisWeek&business=投诉", By: "lina", At: at}))
	for i := range 1200 { // more than one transaction's
		check(ix.AddAudit(ctx, earshot.Audit{At: earshot.At(start.Add(time.Duration(i) * time.Second)), Who: "lina", From: "10.0.0.1", Action: earshot.AuditPlay, Call: earshot.NewID(start), FromMs: 1, ToMs: 2, Reason: "a\nb"}))
		if i > 3 && testing.Short() {
			break
		}
	}
	check(ix.Announce(ctx, earshot.Announcement{Seat: "seat-1", At: at, DurationMs: 5000, Ref: "r1", Number: "123", Source: "seat:seat-1"}))
	check(ix.SaveStreams(ctx, []earshot.StreamSpan{{ID: "s1", Since: at, Until: at, Seat: "seat-1", Node: "n", Sides: []earshot.Side{earshot.SideAgent}, Packets: 7, Bleed: true}}))
	check(ix.AddSoundCheck(ctx, earshot.SoundCheck{Seat: "seat-1", At: at, Result: earshot.SoundSwapped, AgentDBov: -20, CustomerDBov: -30}))
	thresholds := earshot.DefaultThresholds()
	thresholds.Hotline.SilenceMs = 45_000
	check(ix.SaveThresholds(ctx, thresholds, "lina", start))
	check(ix.SavePackage(ctx, earshot.Package{ID: earshot.NewID(start), Title: "投诉", At: at, State: earshot.PackageReady}))
	check(ix.AddProblem(ctx, earshot.IntegrityProblem{Code: "altered", Call: "c", File: "f", Text: "t", FoundAt: at}))
	check(ix.SaveRun(ctx, earshot.RetentionRun{ID: earshot.NewID(start), At: at, EndedAt: at, Deleted: 3, Bytes: 9, Reason: earshot.RetainNightly}))
}

// content is all that the index's API says of what a back-up has.
func content(t *testing.T, ix *index.Index) map[string]any {
	t.Helper()
	ctx := t.Context()
	all := map[string]any{}
	put := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all[what] = v
	}
	branches, err := ix.Branches(ctx)
	put("branches", branches, err)
	seats, err := ix.Seats(ctx)
	put("seats", seats, err)
	users, err := ix.Users(ctx)
	put("users", users, err)
	agents, err := ix.Agents(ctx)
	put("agents", agents, err)
	policies, err := ix.Policies(ctx)
	put("policies", policies, err)
	thresholds, err := ix.Thresholds(ctx)
	put("thresholds", thresholds, err)
	searches, err := ix.SavedSearches(ctx, "lina")
	put("saved searches", searches, err)
	var audit []earshot.Audit
	for cursor := ""; ; {
		page, err := ix.SearchAudit(ctx, index.AuditQuery{Cursor: cursor, Limit: 500})
		put("audit", nil, err)
		audit = append(audit, page.Audit...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	put("audit", audit, nil)
	packages, err := ix.Packages(ctx, "", 0)
	put("packages", packages.Packages, err)
	runs, err := ix.Runs(ctx, 100)
	put("runs", runs, err)
	var raw bytes.Buffer // of those that no call of the API lists as they are
	rows, err := ix.Backup(ctx, &raw, "", start)
	put("counts", rows, err)
	put("text", unzipped(t, raw.Bytes()), nil)
	return all
}

func unzipped(t *testing.T, data []byte) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sameContent(t *testing.T, got, want map[string]any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
}

func backedUp(t *testing.T, ix *index.Index) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := ix.Backup(t.Context(), &file, "earshot test", start); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func restored(t *testing.T, ix *index.Index, file []byte, replace bool) map[string]int {
	t.Helper()
	changed, err := ix.Restore(t.Context(), bytes.NewReader(file), replace)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// TestBackupComesBack puts a back-up into an empty index of each kind.
func TestBackupComesBack(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		furnish(t, ix)
		want := content(t, ix)
		for table, n := range want["counts"].(map[string]int) {
			if n == 0 {
				t.Errorf("nothing of %s was backed up", table)
			}
		}
		file := backedUp(t, ix)
		for name, url := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "other.db"), "postgres": pgtest.Start(t)} {
			t.Run("into "+name, func(t *testing.T) {
				other := open(t, url)
				restored(t, other, file, false)
				sameContent(t, content(t, other), want)
				if again := restored(t, other, file, false); len(again) > 0 {
					for table, n := range again {
						if n > 0 {
							t.Errorf("the second time %d rows of %s were put back", n, table)
						}
					}
				}
				restored(t, other, file, true)
				sameContent(t, content(t, other), want)
			})
		}
	})
}

// TestRestoreKeepsWhatIsNewer puts a back-up back into an index that went on.
func TestRestoreKeepsWhatIsNewer(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		furnish(t, ix)
		file, before := backedUp(t, ix), content(t, ix)
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(ix.SaveUser(ctx, earshot.User{ID: "lina", Name: "李娜", Role: earshot.RoleAdmin, PasswordHash: "$argon2id$newer"}))
		must(ix.SaveTokens(ctx, "seat-1", []earshot.SeatToken{{Hash: "newest", MadeAt: start.Add(2 * time.Hour), UsedAt: start.Add(3 * time.Hour)}}))
		must(ix.SaveBranch(ctx, earshot.Branch{ID: "hall", Name: "新名", Parent: "z-city"}))
		must(ix.DeletePolicy(ctx, "p1"))
		changed := restored(t, ix, file, false)
		if changed["policies"] != 1 || changed["users"] != 0 || changed["seat_tokens"] != 0 || changed["audit"] != 0 || changed["branches"] != 0 {
			t.Errorf("changed: %v", changed)
		}
		user, err := ix.User(ctx, "lina")
		must(err)
		seat, err := ix.Seat(ctx, "seat-1")
		must(err)
		branch, err := ix.Branch(ctx, "hall")
		must(err)
		if user.PasswordHash != "$argon2id$newer" || len(seat.Tokens) != 1 || seat.Tokens[0].Hash != "newest" || branch.Name != "新名" {
			t.Errorf("overwritten: %+v %+v %+v", user, seat, branch)
		}
		restored(t, ix, file, true)
		sameContent(t, content(t, ix), before)
	})
}

// TestRestoreNamesBranches puts a back-up back after the index was made again
// from files, which know of branches' ids alone.
func TestRestoreNamesBranches(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		furnish(t, ix)
		file, want := backedUp(t, ix), content(t, ix)["branches"]
		other := open(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
		if _, _, err := other.RestoreSeats(t.Context(), []earshot.Branch{{ID: "hall", Name: "hall"}}, nil); err != nil {
			t.Fatal(err)
		}
		restored(t, other, file, false)
		if diff := cmp.Diff(want, content(t, other)["branches"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRestoreRefusesCircles: the tree was turned round since the back-up, and
// what was above is known by its id alone.
func TestRestoreRefusesCircles(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		furnish(t, ix)
		file := backedUp(t, ix)
		other := open(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
		turned := []earshot.Branch{{ID: "hall", Name: "hall"}, {ID: "z-city", Name: "全市", Parent: "hall"}}
		if _, _, err := other.RestoreSeats(t.Context(), turned, nil); err != nil {
			t.Fatal(err)
		}
		want := content(t, other)
		_, err := other.Restore(t.Context(), bytes.NewReader(file), false)
		if err == nil || earshot.AsError(err).Code != "branch_circle" {
			t.Errorf("got %v", err)
		}
		sameContent(t, content(t, other), want)
	})
}

// TestDamagedBackups: nothing of a file that is not whole is put back.
func TestDamagedBackups(t *testing.T) {
	ix := open(t, "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	furnish(t, ix)
	file := backedUp(t, ix)
	text := unzipped(t, file)
	for _, row := range []struct {
		name string
		file []byte
		code string
	}{
		{"empty", nil, "bad_backup"},
		{"no gzip", []byte(text), "bad_backup"},
		{"cut in the middle", file[:len(file)/2], "bad_backup"},
		{"cut by a byte", file[:len(file)-1], "bad_backup"},
		{"the last line missing", zipped(t, text[:strings.LastIndex(strings.TrimSpace(text), "\n")+1]), "bad_backup"},
		{"a row missing", zipped(t, text[:strings.Index(text, "\n")+1]+text[strings.Index(text, `{"table":"users"`):]), "bad_backup"},
		{"a row altered", zipped(t, strings.Replace(text, "admin", "agent", 1)), "bad_backup"},
		{"something behind it", zipped(t, text+"{}\n"), "bad_backup"},
		{"two in one", append(bytes.Clone(file), file...), "bad_backup"},
		{"another file", zipped(t, "{\"format\":\"zip\"}\n"), "bad_backup"},
		{"a newer format", zipped(t, strings.Replace(text, `"version":1`, `"version":2`, 1)), "backup_newer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			other := open(t, "sqlite:"+filepath.Join(t.TempDir(), "other.db"))
			empty := content(t, other)
			_, err := other.Restore(t.Context(), bytes.NewReader(row.file), false)
			if err == nil || earshot.AsError(err).Code != row.code {
				t.Errorf("got %v, want %s", err, row.code)
			}
			sameContent(t, content(t, other), empty)
		})
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, err := zip.Write([]byte(text))
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBackupSeesOneState backs up while somebody writes.
func TestBackupSeesOneState(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		begun := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				at := start.Add(time.Duration(i) * time.Millisecond)
				if err := ix.AddAudit(context.Background(), earshot.Audit{At: earshot.At(at), Who: "w", Action: earshot.AuditPlay}); err != nil {
					ended <- err
					return
				}
				if i == 20 {
					close(begun)
				}
				if ctx.Err() != nil {
					ended <- nil
					return
				}
			}
		}()
		<-begun
		for range 5 {
			file := backedUp(t, ix)
			if _, err := index.CheckBackup(bytes.NewReader(file)); err != nil {
				t.Error(err)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
