package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"earshot"
	"earshot/storage/index"
)

// uploadsHouse is a folder of uploads that a test opens, closes and damages.
type uploadsHouse struct {
	*Uploads
	t        *testing.T
	dir      string
	imported string
	free     uint64
}

func openUploads(t *testing.T) *uploadsHouse {
	t.Helper()
	h := &uploadsHouse{t: t, dir: t.TempDir(), imported: earshot.NewID(time.Now()), free: 1 << 40}
	h.reopen()
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func (h *uploadsHouse) reopen() {
	h.t.Helper()
	if h.Uploads != nil {
		h.must(h.Close())
	}
	var err error
	h.Uploads, err = OpenUploads(UploadOptions{Dir: h.dir, Room: func() (uint64, uint64, error) { return h.free, 1 << 30, nil }, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	h.must(err)
}

func (h *uploadsHouse) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *uploadsHouse) begin(path string, length int) Upload {
	h.t.Helper()
	up, err := h.Begin(h.imported, NewUpload{Path: path, Bytes: int64(length)})
	h.must(err)
	return up
}

func (h *uploadsHouse) append(id string, offset int64, r io.Reader) (Upload, error) {
	return h.Append(h.t.Context(), h.imported, id, offset, r, func() {})
}

func (h *uploadsHouse) read(path string) []byte {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.Folder(h.imported), filepath.FromSlash(path)))
	h.must(err)
	return data
}

func noise(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

func TestAnUploadArrivesInPiecesOverRestarts(t *testing.T) {
	h := openUploads(t)
	data, modified := noise(9<<20), time.Date(2016, 3, 4, 5, 6, 7, 0, time.UTC)
	up, err := h.Begin(h.imported, NewUpload{Path: "2016/营业厅/一.wav", Bytes: int64(len(data)), Modified: modified})
	h.must(err)
	for at := 0; at < len(data); {
		piece := data[at:min(len(data), at+5<<20+17)]
		up, err = h.append(up.ID, int64(at), bytes.NewReader(piece))
		h.must(err)
		at += len(piece)
		h.reopen()
		if again, err := h.Upload(t.Context(), h.imported, up.ID); err != nil || again.Offset != int64(at) {
			t.Fatalf("after a restart: %+v, %v, want offset %d", again, err, at)
		}
	}
	if !up.Done() || !bytes.Equal(h.read("2016/营业厅/一.wav"), data) {
		t.Fatalf("what arrived is not what was sent: %+v", up)
	}
	info, err := os.Stat(filepath.Join(h.Folder(h.imported), "2016/营业厅/一.wav"))
	h.must(err)
	if !info.ModTime().Equal(modified) {
		t.Errorf("its own time became %v", info.ModTime())
	}
	totals, err := h.Totals(h.imported)
	if want := (UploadTotals{Files: 1, Bytes: int64(len(data))}); err != nil || totals != want {
		t.Errorf("totals %+v, %v, want %+v", totals, err, want)
	}
}

// What arrived before the network went stays, and the rest follows.
func TestACutUploadGoesOnWhereItWas(t *testing.T) {
	h := openUploads(t)
	data := noise(1 << 20)
	up := h.begin("a.mp3", len(data))
	cut := io.MultiReader(bytes.NewReader(data[:700_000]), iotest.ErrReader(errors.New("reset by peer")))
	got, err := h.append(up.ID, 0, cut)
	if !errors.Is(err, ErrUploadBroken) || got.Offset != 700_000 {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = h.append(up.ID, 0, bytes.NewReader(data))
	if !errors.Is(err, ErrWrongOffset) {
		t.Fatalf("from the beginning: %v", err)
	}
	if _, err = h.append(up.ID, 700_000, bytes.NewReader(data[700_000:])); err != nil || !bytes.Equal(h.read("a.mp3"), data) {
		t.Fatalf("the rest: %v", err)
	}
}

// A request whose network has gone still waits for more; the next one takes over.
func TestANewerRequestTakesOver(t *testing.T) {
	h := openUploads(t)
	data := noise(1000)
	up := h.begin("a.wav", len(data))
	hanging, feed := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := h.Append(context.Background(), h.imported, up.ID, 0, hanging, func() { hanging.CloseWithError(errors.New("interrupted")) })
		ended <- err
	}()
	_, err := feed.Write(data[:300])
	h.must(err)
	now, err := h.Upload(t.Context(), h.imported, up.ID)
	h.must(err)
	if now.Offset != 300 {
		t.Fatalf("it stands at %d", now.Offset)
	}
	if err := <-ended; !errors.Is(err, ErrOvertaken) {
		t.Errorf("the older request ended with %v", err)
	}
	_, err = h.append(up.ID, 300, bytes.NewReader(data[300:]))
	h.must(err)
	if !bytes.Equal(h.read("a.wav"), data) {
		t.Error("what arrived is not what was sent")
	}
}

// One that waits for others to write is overtaken as well.
func TestANewerRequestDoesNotWaitForOneThatWaits(t *testing.T) {
	h := openUploads(t)
	hang := func(path string) (id string, ended chan error) {
		up := h.begin(path, 10)
		hanging, _ := io.Pipe()
		ended = make(chan error, 1)
		go func() {
			_, err := h.Append(context.Background(), h.imported, up.ID, 0, hanging, func() { hanging.CloseWithError(errors.New("interrupted")) })
			ended <- err
		}()
		return up.ID, ended
	}
	writing := map[string]chan error{}
	for i := range uploadsAtOnce {
		id, ended := hang(string(rune('a' + i)))
		writing[id] = ended
	}
	for len(h.slots) < uploadsAtOnce {
		runtime.Gosched()
	}
	last, ended := hang("last")
	b, one, err := h.find(h.imported, last)
	h.must(err)
	for waits := false; !waits; runtime.Gosched() {
		b.mu.Lock()
		waits = one.last != nil
		b.mu.Unlock()
	}
	if now, err := h.Upload(t.Context(), h.imported, last); err != nil || now.Offset != 0 {
		t.Errorf("it stands at %d, %v", now.Offset, err)
	}
	if err := <-ended; !errors.Is(err, ErrOvertaken) {
		t.Errorf("the older request ended with %v", err)
	}
	for id, ended := range writing {
		_, err := h.Upload(t.Context(), h.imported, id)
		h.must(err)
		if err := <-ended; !errors.Is(err, ErrOvertaken) {
			t.Errorf("one that wrote ended with %v", err)
		}
	}
}

func TestUploadsThatAreRefused(t *testing.T) {
	long := strings.Repeat("长", 86) // 258 bytes
	for name, path := range map[string]string{
		"up": "../a.wav", "up inside": "a/../../b.wav", "absolute": "/etc/passwd", "empty": "", "dot": ".", "dots": "a/./b.wav",
		"empty element": "a//b.wav", "backslashes": `..\..\a.wav`, "a drive": `C:\a.wav`, "nul": "a\x00b.wav", "newline": "a\nb.wav",
		"no UTF-8": "a\xff.wav", "a long name": long + ".wav", "a long path": strings.Repeat("a/", 600) + "b.wav", "slash at the end": "a/",
	} {
		h := openUploads(t)
		if _, err := h.Begin(h.imported, NewUpload{Path: path, Bytes: 10}); earshot.AsError(err).Code != "bad_upload_path" {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := openUploads(t)
	if _, err := h.Begin(h.imported, NewUpload{Path: "a.wav", Bytes: MostUploadBytes + 1}); !errors.Is(err, ErrUploadSize) {
		t.Errorf("too large: %v", err)
	}
	if _, err := h.Begin(h.imported, NewUpload{Path: "a.wav", Bytes: -1}); earshot.AsError(err).Code != "bad_length" {
		t.Errorf("negative: %v", err)
	}
	for _, imported := range []string{"..", "", "x", "../" + h.imported} {
		if _, err := h.Begin(imported, NewUpload{Path: "a.wav", Bytes: 1}); !errors.Is(err, ErrNoUpload) {
			t.Errorf("import %q: %v", imported, err)
		}
	}
	left, err := fs.ReadDir(os.DirFS(h.dir), ".")
	if err != nil || len(left) != 0 {
		t.Errorf("something was left behind: %v, %v", left, err)
	}
}

func TestThePathsOfUploads(t *testing.T) {
	h := openUploads(t)
	first := h.begin("rec/a.wav", 3)
	if again := h.begin("rec/a.wav", 3); again.ID != first.ID || again.Offset != 0 {
		t.Errorf("the same file again is %+v", again)
	}
	if _, err := h.Begin(h.imported, NewUpload{Path: "rec/a.wav", Bytes: 4}); !errors.Is(err, ErrPathTaken) {
		t.Errorf("another file of that path: %v", err)
	}
	_, err := h.append(first.ID, 0, strings.NewReader("abc"))
	h.must(err)
	if again := h.begin("rec/a.wav", 3); !again.Done() {
		t.Errorf("complete, and begun again: %+v", again)
	}
	// A file where a folder should be.
	inside := h.begin("rec/a.wav/b.wav", 1)
	if _, err := h.append(inside.ID, 0, strings.NewReader("x")); !errors.Is(err, ErrPathTaken) {
		t.Errorf("below a file: %v", err)
	}
	// It is gone, and does not stand in the way.
	if _, err := h.Upload(t.Context(), h.imported, inside.ID); !errors.Is(err, ErrNoUpload) {
		t.Errorf("it is still there: %v", err)
	}
	if empty := h.begin("empty.wav", 0); !empty.Done() || len(h.read("empty.wav")) != 0 {
		t.Errorf("an empty file: %+v", empty)
	}
	_, err = h.Discard(t.Context(), h.imported, first.ID, Wherever)
	h.must(err)
	if replaced := h.begin("rec/a.wav", 4); replaced.Done() {
		t.Errorf("after it was taken away: %+v", replaced)
	}
}

func TestMoreThanWasSaid(t *testing.T) {
	h := openUploads(t)
	up := h.begin("a.wav", 5)
	got, err := h.append(up.ID, 0, strings.NewReader("123456"))
	if !errors.Is(err, ErrUploadOverrun) {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err = h.append(up.ID, got.Offset, strings.NewReader("")); err != nil || !got.Done() {
		t.Fatalf("what it was said to have is there: %+v, %v", got, err)
	}
	if _, err := h.append(up.ID, 5, strings.NewReader("x")); !errors.Is(err, ErrUploadOverrun) {
		t.Errorf("behind its end: %v", err)
	}
}

func TestUploadsLeaveRoomForRecording(t *testing.T) {
	h := openUploads(t)
	h.free = 1<<30 + 100
	h.begin("a.wav", 60)
	if _, err := h.Begin(h.imported, NewUpload{Path: "b.wav", Bytes: 41}); !errors.Is(err, ErrImportRoom) {
		t.Errorf("with what a.wav still needs there is no room: %v", err)
	}
	h.begin("c.wav", 40)

	h.free = 1 << 40
	data := noise(12 << 20)
	big := h.begin("d.wav", len(data))
	h.free = 1 << 29 // somebody else took it
	got, err := h.append(big.ID, 0, bytes.NewReader(data))
	if !errors.Is(err, ErrImportRoom) || got.Offset == 0 || got.Done() {
		t.Fatalf("%+v, %v", got, err)
	}
	h.free = 1 << 40
	if got, err = h.append(big.ID, got.Offset, bytes.NewReader(data[got.Offset:])); err != nil || !bytes.Equal(h.read("d.wav"), data) {
		t.Errorf("once there is room again: %+v, %v", got, err)
	}
}

// What a crash leaves behind, one a row, and what is there afterwards.
func TestUploadsAfterACrash(t *testing.T) {
	data := noise(1000)
	part := func(h *uploadsHouse, name string) string {
		return filepath.Join(h.dir, h.imported, "parts", uploadID(name))
	}
	for name, row := range map[string]struct {
		damage func(h *uploadsHouse)
		offset int64 // −1: it is gone
	}{
		"nothing":                {func(*uploadsHouse) {}, 400},
		"no part":                {func(h *uploadsHouse) { h.must(os.Remove(part(h, "a.wav"))) }, -1},
		"no description":         {func(h *uploadsHouse) { h.must(os.Remove(part(h, "a.wav") + ".json")) }, -1},
		"half a description":     {func(h *uploadsHouse) { h.must(os.Truncate(part(h, "a.wav")+".json", 9)) }, -1},
		"a shorter part":         {func(h *uploadsHouse) { h.must(os.Truncate(part(h, "a.wav"), 123)) }, 123},
		"longer than it will be": {func(h *uploadsHouse) { h.must(os.Truncate(part(h, "a.wav"), 1001)) }, -1},
		"complete, without its name": {func(h *uploadsHouse) {
			h.must(os.WriteFile(part(h, "a.wav"), data, 0o600))
		}, 1000},
		"somebody else's description": {func(h *uploadsHouse) {
			h.must(os.WriteFile(part(h, "a.wav")+".json", []byte(`{"path":"../../b.wav","bytes":1000}`), 0o600))
		}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			h := openUploads(t)
			up := h.begin("a.wav", len(data))
			_, err := h.append(up.ID, 0, bytes.NewReader(data[:400]))
			h.must(err)
			row.damage(h)
			h.reopen()
			got, err := h.Upload(t.Context(), h.imported, up.ID)
			if row.offset < 0 {
				if !errors.Is(err, ErrNoUpload) {
					t.Fatalf("%+v, %v, want it gone", got, err)
				}
				parts, err := os.ReadDir(filepath.Join(h.dir, h.imported, "parts"))
				if err != nil || len(parts) != 0 {
					t.Fatalf("left behind: %v, %v", parts, err)
				}
				got = h.begin("a.wav", len(data)) // and it can begin again
			} else if err != nil || got.Offset != row.offset {
				t.Fatalf("%+v, %v, want offset %d", got, err, row.offset)
			}
			if !got.Done() {
				_, err = h.append(got.ID, got.Offset, bytes.NewReader(append(bytes.Clone(data[:0]), data[got.Offset:]...)))
				h.must(err)
			}
			if name != "a shorter part" && !bytes.Equal(h.read("a.wav"), data) {
				t.Error("what is there in the end is not what was sent")
			}
		})
	}
}

// records are imports in memory.
type records map[string]earshot.Import

func (r records) Imports(context.Context, string, int) (index.ImportPage, error) {
	return index.ImportPage{Imports: slices.Collect(maps.Values(r))}, nil
}

func (r records) Import(_ context.Context, id string) (earshot.Import, error) {
	if m, ok := r[id]; ok {
		return m, nil
	}
	return earshot.Import{}, index.ErrNoImport
}

func (r records) Delete(_ context.Context, id string) error {
	delete(r, id)
	return nil
}

// Whose uploads stay, one a row.
func TestUploadsThatNobodyGoesOnWith(t *testing.T) {
	long, lately := -UploadsStay-time.Hour, -UploadsStay+time.Hour
	for name, row := range map[string]struct {
		state         earshot.ImportState // empty: there is no such import
		at, end, seen time.Duration       // from now; end 0: none; seen: when something last arrived
		record, files bool                // that stay
	}{
		"a draft at work":                      {earshot.ImportDraft, long, 0, lately, true, true},
		"a draft made lately":                  {earshot.ImportDraft, lately, 0, long, true, true},
		"an abandoned draft":                   {earshot.ImportDraft, long, 0, long, false, false},
		"what runs":                            {earshot.ImportRunning, long, 0, long, true, true},
		"stopped lately":                       {earshot.ImportStopped, long, lately, long, true, true},
		"stopped long ago":                     {earshot.ImportStopped, long, long, long, true, false},
		"done long ago, with what was refused": {earshot.ImportDone, long, long, long, true, false},
		"of an import that was taken away":     {"", long, 0, lately, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := openUploads(t)
			_, err := h.Begin(h.imported, NewUpload{Path: "b.wav", Bytes: 0})
			h.must(err)
			h.begin("a.wav", 10)
			at := func(d time.Duration) earshot.Time {
				if d == 0 {
					return earshot.Time{}
				}
				return earshot.At(time.Now().Add(d))
			}
			h.must(filepath.WalkDir(filepath.Join(h.dir, h.imported), func(name string, _ fs.DirEntry, err error) error {
				return errors.Join(err, os.Chtimes(name, time.Time{}, at(row.seen).Time))
			}))
			all := records{}
			if row.state != "" {
				all[h.imported] = earshot.Import{ID: h.imported, State: row.state, At: at(row.at), EndedAt: at(row.end)}
			}
			h.must(h.Tidy(t.Context(), all))
			if _, there := all[h.imported]; there != row.record {
				t.Errorf("the record is there: %v", there)
			}
			_, err = os.Stat(filepath.Join(h.Folder(h.imported), "b.wav"))
			if there := err == nil; there != row.files {
				t.Errorf("what was uploaded is there: %v", there)
			}
			totals, err := h.Totals(h.imported)
			if h.must(err); (totals.Files == 1) != row.files {
				t.Errorf("totals are %+v", totals)
			}
		})
	}
}

// Many files at a time, each from its own request.
func TestManyUploadsAtOnce(t *testing.T) {
	h := openUploads(t)
	var all sync.WaitGroup
	for i := range 40 {
		name := "f/" + strings.Repeat("x", i+1) + ".wav"
		data := noise(10_000 + i)
		all.Go(func() {
			up, err := h.Begin(h.imported, NewUpload{Path: name, Bytes: int64(len(data))})
			if err == nil {
				_, err = h.Append(context.Background(), h.imported, up.ID, 0, bytes.NewReader(data), func() {})
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	all.Wait()
	listed, err := h.List(h.imported, "", 30)
	h.must(err)
	rest, err := h.List(h.imported, listed[len(listed)-1].Path, 30)
	h.must(err)
	if len(listed) != 30 || len(rest) != 10 {
		t.Errorf("listed %d and %d", len(listed), len(rest))
	}
}
