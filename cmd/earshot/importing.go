package main

import (
	"context"
	"path/filepath"
	"time"

	"earshot"
	"earshot/storage"
)

// uploadsEvery is how often abandoned uploads are looked for.
const uploadsEvery = time.Hour

// openImports starts what brings files of older recorders in, and goes on with
// what ran when the process ended.
func (a *app) openImports(ctx context.Context) (err error) {
	a.uploads, err = storage.OpenUploads(storage.UploadOptions{
		Dir: filepath.Join(a.settings.Data, "uploads"), Room: a.room, Now: a.now, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.atEnd(func(context.Context) error { return a.uploads.Close() })
	a.imports = storage.NewImports(storage.ImportOptions{
		Archive: a.archive, Store: a.files, Room: a.room, Busy: a.diskBusy, Log: a.log,
		Folder: func(m earshot.Import) (storage.ImportFolder, error) { return a.uploads.Open(m.ID) },
		Fated:  a.taken,
		Here:   a.uploads.Here,
	})
	a.atEnd(func(context.Context) error { return a.imports.Close() })
	a.watch(ctx, a.tidyUploads)
	if a.resumeImports(ctx) {
		return nil
	}
	a.late = append(a.late, a.resumeImports)
	return nil
}

// resumeImports lets what ran go on; it is not done while the index is away.
func (a *app) resumeImports(ctx context.Context) (done bool) {
	err := a.imports.Resume(ctx)
	if err == nil {
		return true
	}
	a.log.Warn("imports that ran do not go on yet", "err", err)
	return earshot.AsError(err).Kind != earshot.Unavailable
}

// taken takes a file's upload away once it is a call.
func (a *app) taken(batch string, file earshot.ImportFile) {
	if err := a.uploads.Taken(batch, file); err != nil {
		a.log.Warn("an uploaded file stays that is not needed any more", "import", batch, "err", err)
	}
}

// room is how much the disk has left, and how much of that is for recording.
func (a *app) room() (free, keep uint64, err error) {
	free, total, err := spaceAt(a.settings.Data)()
	return free, a.settings.reserve.bytes(total), err
}

// tidyUploads takes abandoned uploads away until ctx ends.
func (a *app) tidyUploads(ctx context.Context) {
	tidy := func() {
		if err := a.uploads.Tidy(ctx, a.imports); err != nil && ctx.Err() == nil {
			a.log.Warn("abandoned uploads are not all taken away", "err", err)
		}
	}
	tidy()
	every(ctx, uploadsEvery, tidy)
}
