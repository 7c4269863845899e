package storage

import "earshot"

// Failures of an import that begins too early, and of uploads that come too late.
var (
	ErrImportBegun = earshot.Fail(earshot.Conflict, "import_begun", "the import has begun: files are only added before that")
	ErrUploading   = earshot.Fail(earshot.Conflict, "import_incomplete", "some files have not arrived whole: upload the rest of them, or take them away")
	ErrNoUploads   = earshot.Fail(earshot.Conflict, "import_empty", "upload files first")
)

// Seal lets an import begin with the files that are there: from before begin on no
// file is added, or taken away by people, unless begin fails, whose error is
// answered. ErrUploading, ErrNoUploads, ErrImportBegun.
func (u *Uploads) Seal(imported string, begin func(UploadTotals) error) error {
	b, err := u.batch(imported)
	if err != nil {
		return err
	}
	totals, err := b.seal()
	if err != nil {
		return err
	}
	err = begin(totals)
	if err != nil {
		b.mu.Lock()
		b.sealed = false
		b.mu.Unlock()
	}
	return err
}

func (b *uploadBatch) seal() (UploadTotals, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.sealed:
		return UploadTotals{}, ErrImportBegun
	case b.partial > 0:
		return UploadTotals{}, ErrUploading
	case len(b.uploads) == 0:
		return UploadTotals{}, ErrNoUploads
	}
	b.sealed = true
	return b.totals(), nil
}

// totals are the sums. The caller holds the lock.
func (b *uploadBatch) totals() UploadTotals {
	totals := UploadTotals{Partial: b.partial, Missing: b.missing.Load()}
	for _, one := range b.uploads {
		if one.Done() {
			totals.Files++
			totals.Bytes += one.Bytes
		}
	}
	return totals
}
