package storage

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"earshot/storage/imports"
)

// walked are the files of an import as who brings them in sees them: whether their
// names were recoded.
func (h *uploadsHouse) walked() map[string]bool {
	h.t.Helper()
	folder, err := h.Open(h.imported)
	h.must(err)
	defer func() { h.must(folder.Close()) }()
	all := map[string]bool{}
	h.must(folder.Walk(h.t.Context(), func(f imports.File) error {
		all[f.Path] = f.Recoded
		return nil
	}))
	return all
}

// What a sender said of a name is known when the file is brought in, over restarts.
func TestUploadsOfNamesThatWereRecoded(t *testing.T) {
	h := openUploads(t)
	if got := h.walked(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	send := func(path string, recoded bool) Upload {
		up, err := h.Begin(h.imported, NewUpload{Path: path, Bytes: 1, Recoded: recoded})
		h.must(err)
		if !up.Done() {
			up, err = h.append(up.ID, 0, bytes.NewReader([]byte("x")))
			h.must(err)
		}
		return up
	}
	old := send("营业厅/刘洋.wav", true)
	send("a.wav", false)
	h.reopen()
	if got := h.walked(); !maps.Equal(got, map[string]bool{"营业厅/刘洋.wav": true, "a.wav": false}) {
		t.Errorf("%v", got)
	}
	if again := send("营业厅/刘洋.wav", true); again.ID != old.ID {
		t.Errorf("%+v, then %+v", old, again)
	}
	_, err := h.Discard(t.Context(), h.imported, old.ID, Wherever)
	h.must(err)
	if left, err := os.ReadDir(filepath.Join(h.dir, h.imported, uploadRecoded)); err != nil || len(left) != 0 {
		t.Errorf("notes of what is gone: %v, %v", left, err)
	}
	// What a crash left of one that never came says nothing of another.
	h.must(h.noteRecoded(h.imported, old.ID, true))
	send("营业厅/刘洋.wav", false)
	if got := h.walked(); got["营业厅/刘洋.wav"] {
		t.Errorf("%v", got)
	}
}
