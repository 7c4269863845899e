package index_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

func batch(at time.Time, name string) earshot.Import {
	return earshot.Import{ID: earshot.NewID(at), Name: name, By: "lina", At: earshot.At(at), State: earshot.ImportDraft,
		Settings: earshot.ImportSettings{Pattern: "{seat}_{agent}", Seat: "w1", Swap: true}}
}

func waitingFile(path string, bytes int64) earshot.ImportFile {
	return earshot.ImportFile{Path: path, Bytes: bytes, Fate: earshot.FateWaiting, Remarks: []string{}, ModifiedAt: earshot.AtMs(1457057700123)}
}

func TestImports(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		begin := time.UnixMilli(1457057700123)
		var all []earshot.Import
		for i := range 5 {
			m := batch(begin.Add(time.Duration(i)*time.Second), fmt.Sprintf("批次%d\x00", i))
			must(t, ix.CreateImport(ctx, m))
			m.Name = fmt.Sprintf("批次%d\uFFFD", i)
			all = append([]earshot.Import{m}, all...)
		}
		wantCode(t, ix.CreateImport(ctx, all[0]), "exists")
		var got []earshot.Import
		for cursor := ""; ; {
			page, err := ix.Imports(ctx, cursor, 2)
			must(t, err)
			got = append(got, page.Imports...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		for i := range all { // JSON writes a NUL as \u0000, which PostgreSQL keeps as it is in a text
			got[i].Name = strings.ReplaceAll(got[i].Name, "\x00", "\uFFFD")
		}
		same(t, "imports", got, all)
		_, err := ix.Import(ctx, "none")
		wantCode(t, err, "no_import")

		m, err := ix.ChangeImport(ctx, all[1].ID, func(m *earshot.Import) error {
			m.State, m.Name, m.StartedAt, m.Error = earshot.ImportRunning, "x", earshot.AtMs(5), "no_room"
			m.Stored = 7 // counts are not people's to say
			return nil
		})
		must(t, err)
		one, err := ix.Import(ctx, m.ID)
		must(t, err)
		if one.State != earshot.ImportRunning || one.Name != "x" || one.StartedAt != earshot.AtMs(5) || one.Error != "no_room" || one.Stored != 0 {
			t.Errorf("%+v", one)
		}
		running, err := ix.ImportsIn(ctx, earshot.ImportRunning)
		must(t, err)
		if len(running) != 1 || running[0].ID != m.ID {
			t.Errorf("%+v", running)
		}
		no := errors.New("no")
		if _, err := ix.ChangeImport(ctx, m.ID, func(*earshot.Import) error { return no }); !errors.Is(err, no) {
			t.Error(err)
		}
		if err := ix.DeleteImport(ctx, m.ID, func(earshot.Import) error { return no }); !errors.Is(err, no) {
			t.Error(err)
		}
		must(t, ix.AddImportFiles(ctx, m.ID, []earshot.ImportFile{waitingFile("a", 1)}, nil))
		must(t, ix.DeleteImport(ctx, m.ID, func(earshot.Import) error { return nil }))
		wantCode(t, ix.AddImportFiles(ctx, m.ID, nil, nil), "no_import")
		named, err := ix.ImportNamed(ctx, "lina", "批次9")
		wantCode(t, err, "no_import")
		_ = named
	})
}

func TestImportFiles(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		m := batch(time.UnixMilli(1457057700123), "old")
		must(t, ix.CreateImport(ctx, m))
		var files []earshot.ImportFile
		for i := range 1200 { // more than one statement
			files = append(files, waitingFile(fmt.Sprintf("f%04d.mp3", i), 10))
		}
		files = append(files, waitingFile("中文.mp3", 5), waitingFile("A.mp3", 5), waitingFile("a.mp3", 5), waitingFile("a.mp3", 6))
		must(t, ix.AddImportFiles(ctx, m.ID, files, nil))
		wantCounts := func(want string) {
			t.Helper()
			one, err := ix.Import(ctx, m.ID)
			must(t, err)
			if got := fmt.Sprint(one.Files, one.Bytes, one.Done, one.Stored, one.Duplicate, one.Refused, one.Remarked, one.AudioMs); got != want {
				t.Errorf("counts %s, want %s", got, want)
			}
		}
		wantCounts("1203 12016 0 0 0 0 0 0")

		stored, twice, refused := files[0], files[1], files[2]
		stored.Fate, stored.Call, stored.DurationMs, stored.SHA256, stored.Remarks = earshot.FateStored, "c1", 1000, "aa", []string{"torn", "no_row"}
		twice.Fate, twice.Call = earshot.FateDuplicate, "c1"
		refused.Fate, refused.Code, refused.Text = earshot.FateRefused, "not_audio", "no"
		must(t, ix.SettleImportFiles(ctx, m.ID, []earshot.ImportFile{stored, twice, refused}))
		wantCounts("1203 12016 3 1 1 1 1 1000")
		must(t, ix.SettleImportFiles(ctx, m.ID, []earshot.ImportFile{stored})) // again: as after a crash
		wantCounts("1203 12016 3 1 1 1 1 1000")

		coming := files[3]
		coming.Call = "c4"
		must(t, ix.SettleImportFiles(ctx, m.ID, []earshot.ImportFile{coming}))
		for call, want := range map[string]bool{"c4": true, "c1": false, "": false, "c9": false} {
			if is, err := ix.ComingImport(ctx, call); err != nil || is != want {
				t.Errorf("%s is coming: %v %v", call, is, err)
			}
		}

		// The same folder again: what has a fate keeps it, but what was refused, or
		// is another file now.
		changed := stored
		changed.Bytes = 11
		must(t, ix.AddImportFiles(ctx, m.ID, []earshot.ImportFile{twice, refused, coming}, nil))
		wantCounts("1203 12016 2 1 1 0 1 1000")
		if is, err := ix.ComingImport(ctx, "c4"); err != nil || !is {
			t.Errorf("what was begun is forgotten: %v", err)
		}
		changed.Fate = earshot.FateWaiting
		must(t, ix.AddImportFiles(ctx, m.ID, []earshot.ImportFile{changed}, nil))
		wantCounts("1203 12017 1 0 1 0 0 0")
		must(t, ix.SettleImportFiles(ctx, m.ID, []earshot.ImportFile{stored, refused}))

		list := func(q index.ImportFileQuery) (all []earshot.ImportFile) {
			t.Helper()
			q.Batch = m.ID
			for {
				page, err := ix.ImportFiles(ctx, q)
				must(t, err)
				all = append(all, page.Files...)
				if q.Cursor = page.Next; q.Cursor == "" {
					return all
				}
			}
		}
		everything := list(index.ImportFileQuery{Limit: 500})
		if len(everything) != 1203 || !slices.IsSortedFunc(everything, func(a, b earshot.ImportFile) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("%d files, sorted by bytes or not", len(everything))
		}
		same(t, "a stored file", list(index.ImportFileQuery{Fate: earshot.FateStored}), []earshot.ImportFile{stored})
		same(t, "with a remark", list(index.ImportFileQuery{Remark: "no_row"}), []earshot.ImportFile{stored})
		same(t, "with part of a remark", list(index.ImportFileQuery{Remark: "row"}), []earshot.ImportFile(nil))
		same(t, "with any remark", list(index.ImportFileQuery{Remark: "%"}), []earshot.ImportFile(nil))
		why, err := ix.ImportReasons(ctx, m.ID)
		must(t, err)
		same(t, "reasons", why, earshot.ImportReasons{Codes: map[string]int{"not_audio": 1}, Remarks: map[string]int{"torn": 1, "no_row": 1}})
		for _, cursor := range []string{"!", "AA", strings.Repeat("x", 9)} {
			_, err := ix.ImportFiles(ctx, index.ImportFileQuery{Batch: m.ID, Cursor: cursor})
			if cursor == "!" || cursor == "AA" {
				wantCode(t, err, "bad_cursor")
			}
		}
	})
}

// Many who settle files of one batch at a time lose no count.
func TestImportCountsHoldUnderManyHands(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		m := batch(time.UnixMilli(1457057700123), "old")
		must(t, ix.CreateImport(ctx, m))
		var hands sync.WaitGroup
		for i := range 8 {
			hands.Go(func() {
				for n := range 5 {
					f := waitingFile(fmt.Sprintf("%d-%d", i, n), 1)
					if err := ix.AddImportFiles(ctx, m.ID, []earshot.ImportFile{f}, nil); err != nil {
						t.Error(err)
					}
					f.Fate, f.DurationMs = earshot.FateStored, 10
					if err := ix.SettleImportFiles(ctx, m.ID, []earshot.ImportFile{f}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		hands.Wait()
		one, err := ix.Import(ctx, m.ID)
		must(t, err)
		if one.Files != 40 || one.Stored != 40 || one.AudioMs != 400 {
			t.Errorf("%+v", one)
		}
	})
}

// Every file is found by its hash, as old recorders' and our own are, and none by
// one that only begins the same.
func TestCallWithFile(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		at := time.UnixMilli(1457057700123)
		a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
		c := earshot.Call{ID: earshot.NewID(at), Seat: "w1", Branch: "hall", Kind: earshot.Counter, State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at),
			Parts: []earshot.Part{{N: 1, File: "a.mp3", Codec: earshot.MP3, SHA256: a}, {N: 2, File: "b.opus", Codec: earshot.Opus, SHA256: b}, {N: 3, File: "c.opus", Codec: earshot.Opus}}}
		must(t, ix.SaveCall(ctx, c))
		for sum, want := range map[string]bool{a: true, b: true, b[:63] + "c": false, strings.Repeat("c", 64): false, "": false} {
			call, state, ok, err := ix.CallWithFile(ctx, sum)
			must(t, err)
			if ok != want || ok && (call != c.ID || state != earshot.CallStored) {
				t.Errorf("%q: %s %s %v", sum, call, state, ok)
			}
		}
	})
}
