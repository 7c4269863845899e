package storage

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// Between the last look at what was uploaded and the import's beginning nothing
// comes and nothing goes; where it does not begin, all is as before.
func TestUploadsAreSealedWhileAnImportBegins(t *testing.T) {
	h := openUploads(t)
	none := func(UploadTotals) error { t.Error("it began"); return nil }
	if err := h.Seal(h.imported, none); !errors.Is(err, ErrNoUploads) {
		t.Errorf("without files: %v", err)
	}
	up := h.begin("a.wav", 3)
	if err := h.Seal(h.imported, none); !errors.Is(err, ErrUploading) {
		t.Errorf("before all has arrived: %v", err)
	}
	_, err := h.append(up.ID, 0, strings.NewReader("abc"))
	h.must(err)
	sealed := func() {
		t.Helper()
		if _, err := h.Begin(h.imported, NewUpload{Path: "late.wav", Bytes: 1}); !errors.Is(err, ErrImportBegun) {
			t.Errorf("a file that comes late: %v", err)
		}
		if _, err := h.Discard(t.Context(), h.imported, up.ID, Wherever); !errors.Is(err, ErrImportBegun) {
			t.Errorf("a file is taken away: %v", err)
		}
		if err := h.Seal(h.imported, none); !errors.Is(err, ErrImportBegun) {
			t.Errorf("begun twice: %v", err)
		}
	}
	refused := errors.New("the pattern fits none")
	err = h.Seal(h.imported, func(totals UploadTotals) error {
		if totals.Files != 1 || totals.Bytes != 3 {
			t.Errorf("it begins with %+v", totals)
		}
		sealed()
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("what did not begin: %v", err)
	}
	late := h.begin("late.wav", 1)
	_, err = h.Discard(t.Context(), h.imported, late.ID, Wherever)
	h.must(err)
	h.must(h.Seal(h.imported, func(UploadTotals) error { return nil }))
	sealed()
}

// What was in part when somebody looked is taken away only if it still is, and
// nobody writes it: who looked may have looked long ago, or at another's upload.
func TestUploadsAreDiscardedWhereTheyRest(t *testing.T) {
	h := openUploads(t)
	for name, row := range map[string]struct {
		meanwhile func(id string)
		want      error
	}{
		"at rest": {func(string) {}, nil},
		"goes on": {func(id string) {
			_, err := h.append(id, 2, strings.NewReader("c"))
			h.must(err)
		}, ErrWrongOffset},
		"complete": {func(id string) {
			_, err := h.append(id, 2, strings.NewReader("cd"))
			h.must(err)
		}, ErrWrongOffset},
		"being written": {func(id string) {
			from, to := io.Pipe()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = h.append(id, 2, from) // it ends with the pipe
			}()
			_, err := to.Write([]byte("c"))
			h.must(err)
			t.Cleanup(func() { h.must(to.Close()); <-ended })
		}, ErrWrongOffset},
	} {
		t.Run(name, func(t *testing.T) {
			up := h.begin(name+".wav", 4)
			_, err := h.append(up.ID, 0, strings.NewReader("ab"))
			h.must(err)
			row.meanwhile(up.ID)
			if _, err := h.Discard(t.Context(), h.imported, up.ID, 2); !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
			list, err := h.List(h.imported, "", 10)
			h.must(err)
			there := slices.ContainsFunc(list, func(u Upload) bool { return u.ID == up.ID })
			if there != (row.want != nil) {
				t.Errorf("it is there: %v", there)
			}
		})
	}
}
