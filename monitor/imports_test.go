package monitor

import (
	"path/filepath"
	"sync/atomic"

	"earshot"
	"earshot/storage"
)

// room is what a disk has left, as a test says it.
type room struct{ free atomic.Uint64 }

// openImports opens what brings files in; everything ends with the test.
func (h *house) openImports() {
	h.t.Helper()
	h.room.free.Store(1 << 40)
	free := func() (uint64, uint64, error) { return h.room.free.Load(), 1 << 30, nil }
	var err error
	h.uploads, err = storage.OpenUploads(storage.UploadOptions{Dir: filepath.Join(h.dir, "uploads"), Room: free, Now: h.clock.Now})
	must(h.t, err)
	h.t.Cleanup(func() { must(h.t, h.uploads.Close()) })
	h.imports = storage.NewImports(storage.ImportOptions{
		Archive: h.archive, Store: h.files, Room: free, Workers: 1,
		Folder: func(m earshot.Import) (storage.ImportFolder, error) { return h.uploads.Open(m.ID) },
		Fated:  func(id string, file earshot.ImportFile) { must(h.t, h.uploads.Taken(id, file)) },
	})
	h.t.Cleanup(func() { must(h.t, h.imports.Close()) })
}
