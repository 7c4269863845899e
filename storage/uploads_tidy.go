package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"earshot"
	"earshot/storage/index"
)

// UploadsStay is how long uploads stay that nobody goes on with.
const UploadsStay = 7 * 24 * time.Hour

// ImportRecords are the imports that uploads are for; *Imports has them.
type ImportRecords interface {
	Imports(ctx context.Context, cursor string, limit int) (index.ImportPage, error)
	Import(ctx context.Context, id string) (earshot.Import, error)
	Delete(ctx context.Context, id string) error
}

// Tidy takes away what was uploaded for imports that are gone, or that nobody has
// gone on with for UploadsStay; of a draft its record, too.
func (u *Uploads) Tidy(ctx context.Context, records ImportRecords) error {
	return errors.Join(u.tidyFolders(ctx, records), u.tidyDrafts(ctx, records))
}

func (u *Uploads) tidyFolders(ctx context.Context, records ImportRecords) error {
	entries, err := fs.ReadDir(u.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("the uploads' folder: %w", err)
	}
	var failures []error
	for _, e := range entries {
		if !e.IsDir() || !earshot.ValidCallID(e.Name()) {
			continue
		}
		m, err := records.Import(ctx, e.Name())
		switch {
		case errors.Is(err, index.ErrNoImport):
			failures = append(failures, u.Forget(e.Name()))
		case err != nil:
			return errors.Join(append(failures, err)...)
		case m.State != earshot.ImportDraft && m.State != earshot.ImportRunning && u.isOld(m):
			u.Log.InfoContext(ctx, "what was left of an import's uploads was taken away", "import", m.ID, "name", m.Name)
			failures = append(failures, u.Forget(m.ID))
		}
	}
	return errors.Join(failures...)
}

func (u *Uploads) tidyDrafts(ctx context.Context, records ImportRecords) error {
	var old []earshot.Import
	for cursor := ""; ; {
		page, err := records.Imports(ctx, cursor, 200)
		if err != nil {
			return err
		}
		for _, m := range page.Imports {
			if m.State == earshot.ImportDraft && u.isOld(m) {
				old = append(old, m)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var failures []error
	for _, m := range old {
		u.Log.InfoContext(ctx, "an abandoned import was taken away", "import", m.ID, "name", m.Name, "by", m.By)
		err := records.Delete(ctx, m.ID)
		if err == nil {
			err = u.Forget(m.ID)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// isOld says that nobody has done anything about an import for long.
func (u *Uploads) isOld(m earshot.Import) bool {
	last := u.touched(m.ID)
	for _, at := range []earshot.Time{m.At, m.StartedAt, m.EndedAt} {
		if at.After(last) {
			last = at.Time
		}
	}
	return u.Now().Sub(last) > UploadsStay
}
