package storage

import (
	"errors"
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
		if _, err := h.Discard(t.Context(), h.imported, up.ID); !errors.Is(err, ErrImportBegun) {
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
	_, err = h.Discard(t.Context(), h.imported, late.ID)
	h.must(err)
	h.must(h.Seal(h.imported, func(UploadTotals) error { return nil }))
	sealed()
}
