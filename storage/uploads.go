package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot"
)

// Bounds of what is uploaded.
const (
	MostUploadBytes = 10 << 30 // of one file
	MostUploads     = 100_000  // of one import
	mostPartial     = 1000     // begun and not complete, of one import
	uploadsAtOnce   = 4        // requests that write at the same time, of all imports
)

// UploadOptions are what uploads are kept with.
type UploadOptions struct {
	Dir string // one folder an import, named by its id
	// Room is how much the disk has left, and how much of that is not for uploads.
	Room func() (free, keep uint64, err error)
	Now  func() time.Time
	Log  *slog.Logger
}

// Uploads keeps the files that are being brought in, until an import is done with
// them.
//
//	DIR/<import>/files/…          complete files, by the paths they were sent with
//	DIR/<import>/parts/<id>       what has arrived of a file so far
//	DIR/<import>/parts/<id>.json  what it will be
//	DIR/<import>/recoded/<id>     there if the file's name was no UTF-8 where it came from
//
// What has arrived is as long as its file: there is no other record of it that a
// crash could make wrong. Names never lead out of the folder: all access goes
// through os.Root. It starts no goroutine. Its methods may be called from any.
type Uploads struct {
	UploadOptions
	root  *os.Root
	slots chan struct{} // one for each request that writes

	mu      sync.Mutex
	batches map[string]*uploadBatch // by import, as they are asked for
}

// Upload is one file that is being brought in.
type Upload struct {
	ID       string    `json:"id"`
	Path     string    `json:"path"` // with slashes
	Bytes    int64     `json:"bytes"`
	Offset   int64     `json:"offset"` // what has arrived
	Modified time.Time `json:"modified"`
}

// NewUpload is what is said of a file before it comes.
type NewUpload struct {
	Path     string // UTF-8, with slashes
	Bytes    int64
	Modified time.Time // zero: nobody says
	Recoded  bool      // the name was no UTF-8 where the file lies
}

// Done says whether all of it has arrived.
func (u Upload) Done() bool { return u.Offset == u.Bytes }

// UploadTotals is what an import's uploads come to.
type UploadTotals struct {
	Files   int   `json:"files"`   // complete
	Bytes   int64 `json:"bytes"`   // of these
	Partial int   `json:"partial"` // begun
	Missing int64 `json:"missing"` // bytes of these that have not arrived
}

// Failures of uploads that callers tell apart.
var (
	ErrNoUpload      = earshot.Fail(earshot.NotFound, "no_upload", "there is no such upload")
	ErrWrongOffset   = earshot.Fail(earshot.Conflict, "wrong_offset", "the upload goes on elsewhere: ask for its offset")
	ErrUploadSize    = earshot.Fail(earshot.TooLarge, "upload_too_large", "a file may have at most 10 GB")
	ErrUploadOverrun = earshot.Fail(earshot.TooLarge, "upload_overrun", "more arrived than the file was said to have")
	ErrPathTaken     = earshot.Fail(earshot.Conflict, "path_taken", "another file of this path was uploaded already")
	ErrManyUploads   = earshot.Fail(earshot.TooLarge, "many_uploads", "an import takes at most 100,000 files, and 1,000 that are not complete")
	ErrUploadsBusy   = earshot.Fail(earshot.Unavailable, "uploads_busy", "many uploads are under way; try again")
	ErrUploadBroken  = earshot.Fail(earshot.Unavailable, "upload_broken", "the upload was cut off; it goes on where it was")
	ErrOvertaken     = earshot.Fail(earshot.Conflict, "upload_overtaken", "the upload goes on in another request")
)

// OpenUploads opens the folder, making it if need be.
func OpenUploads(o UploadOptions) (*Uploads, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the uploads' folder: %w", err)
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("the uploads' folder: %w", err)
	}
	return &Uploads{UploadOptions: o, root: root, slots: make(chan struct{}, uploadsAtOnce), batches: map[string]*uploadBatch{}}, nil
}

// Close gives the folder back.
func (u *Uploads) Close() error { return u.root.Close() }

// Folder is where an import's complete files lie, by their paths. It may not be
// there; see Open.
func (u *Uploads) Folder(imported string) string {
	return filepath.Join(u.Dir, imported, uploadedFiles)
}

// Taken takes a file away that has become a call, or is one already.
func (u *Uploads) Taken(imported string, file earshot.ImportFile) error {
	if file.Fate != earshot.FateStored && file.Fate != earshot.FateDuplicate {
		return nil
	}
	b, one, err := u.find(imported, uploadID(file.Path))
	if errors.Is(err, ErrNoUpload) {
		return nil
	}
	if err != nil {
		return err
	}
	b.mu.Lock() // nobody writes it: all had arrived before the import began
	defer b.mu.Unlock()
	if err := u.remove(imported, b, one); err != nil && !errors.Is(err, ErrNoUpload) {
		return err
	}
	return nil
}

// Begin makes an upload of a file. An upload of that path and length that is there
// already is answered as it is. ErrImportBegun.
func (u *Uploads) Begin(imported string, file NewUpload) (Upload, error) {
	if err := checkUploadPath(file.Path); err != nil {
		return Upload{}, err
	}
	if file.Bytes < 0 {
		return Upload{}, earshot.Fail(earshot.Invalid, "bad_length", "a file has no negative length")
	}
	if file.Bytes > MostUploadBytes {
		return Upload{}, ErrUploadSize
	}
	b, err := u.batch(imported)
	if err != nil {
		return Upload{}, err
	}
	id := uploadID(file.Path)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return Upload{}, ErrImportBegun
	}
	if known, ok := b.uploads[id]; ok {
		if known.Bytes != file.Bytes {
			return Upload{}, ErrPathTaken
		}
		return known.Upload, nil
	}
	if len(b.uploads) >= MostUploads || b.partial >= mostPartial {
		return Upload{}, ErrManyUploads
	}
	if err := u.hasRoom(uint64(file.Bytes) + u.missing(b)); err != nil {
		return Upload{}, err
	}
	made := &upload{Upload: Upload{ID: id, Path: file.Path, Bytes: file.Bytes, Modified: file.Modified}, turn: make(chan struct{}, 1)}
	if err := u.create(imported, made, file.Recoded); err != nil {
		return Upload{}, fmt.Errorf("begin to upload %s: %w", file.Path, err)
	}
	b.add(made)
	if file.Bytes > 0 {
		return made.Upload, nil
	}
	return made.Upload, u.complete(imported, b, made)
}

// missing is what has not arrived of all uploads under way that are known. The
// caller holds locked's lock.
func (u *Uploads) missing(locked *uploadBatch) uint64 {
	u.mu.Lock()
	others := make([]*uploadBatch, 0, len(u.batches))
	for _, b := range u.batches {
		if b != locked {
			others = append(others, b)
		}
	}
	u.mu.Unlock()
	sum := locked.missing.Load()
	for _, b := range others {
		sum += b.missing.Load()
	}
	return uint64(max(sum, 0))
}

// hasRoom is nil if the disk can take so many bytes more.
func (u *Uploads) hasRoom(bytes uint64) error {
	if u.Room == nil {
		return nil
	}
	free, keep, err := u.Room()
	if err != nil {
		return fmt.Errorf("room for uploads: %w", err)
	}
	if free < keep || free-keep < bytes {
		return ErrImportRoom
	}
	return nil
}

// Upload is one upload as it is now. A request that still writes it, which may be
// one whose network has gone, is ended first.
func (u *Uploads) Upload(ctx context.Context, imported, id string) (Upload, error) {
	b, one, err := u.find(imported, id)
	if err != nil {
		return Upload{}, err
	}
	_, release, err := b.takeOver(ctx, one)
	if err != nil {
		return Upload{}, err
	}
	defer release()
	b.mu.Lock()
	defer b.mu.Unlock()
	return one.Upload, nil
}

// List are an import's uploads, in the order of their paths, at most limit of
// them and only those behind the path after.
func (u *Uploads) List(imported, after string, limit int) ([]Upload, error) {
	b, err := u.batch(imported)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Upload, 0, len(b.uploads))
	for _, one := range b.uploads {
		if one.Path > after {
			all = append(all, one.Upload)
		}
	}
	slices.SortFunc(all, func(x, y Upload) int { return strings.Compare(x.Path, y.Path) })
	return all[:min(limit, len(all))], nil
}

// Totals is what an import's uploads come to.
func (u *Uploads) Totals(imported string) (UploadTotals, error) {
	b, err := u.batch(imported)
	if err != nil {
		return UploadTotals{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.totals(), nil
}

// Wherever has Discard take an upload away wherever it stands.
const Wherever int64 = -1

// Discard takes one upload away that somebody does not want, and answers what it was.
// Where at is not Wherever it does so only while the upload rests at that offset: one
// that somebody is writing, or has completed since, stays, with ErrWrongOffset.
// ErrImportBegun.
func (u *Uploads) Discard(ctx context.Context, imported, id string, at int64) (Upload, error) {
	b, one, err := u.find(imported, id)
	if err != nil {
		return Upload{}, err
	}
	if at != Wherever && !b.rests(one, at) {
		return Upload{}, ErrWrongOffset
	}
	_, release, err := b.takeOver(ctx, one)
	if err != nil {
		return Upload{}, err
	}
	defer release()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.sealed:
		return Upload{}, ErrImportBegun
	case at != Wherever && one.Offset != at:
		return Upload{}, ErrWrongOffset
	}
	return one.Upload, u.remove(imported, b, one)
}

// remove takes an upload away. The caller holds the batch's lock.
func (u *Uploads) remove(imported string, b *uploadBatch, one *upload) error {
	id := one.ID
	if b.uploads[id] != one {
		return ErrNoUpload
	}
	names := []string{uploadRecodedName(imported, id), uploadPart(imported, id), uploadInfoName(imported, id)}
	if one.Done() {
		names = []string{uploadRecodedName(imported, id), uploadedName(imported, one.Path)}
	}
	for _, name := range names {
		if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("take an upload away: %w", err)
		}
	}
	b.drop(one)
	return nil
}

// Forget takes everything away that was uploaded for an import.
func (u *Uploads) Forget(imported string) error {
	if !earshot.ValidCallID(imported) {
		return ErrNoUpload
	}
	u.mu.Lock()
	b := u.batches[imported]
	delete(u.batches, imported)
	u.mu.Unlock()
	if b != nil {
		b.close()
	}
	if err := u.root.RemoveAll(imported); err != nil {
		return fmt.Errorf("take uploads away: %w", err)
	}
	return nil
}

// touched is when something last arrived for an import: its folder of parts
// changes whenever a file begins or is complete, and a part as it grows.
func (u *Uploads) touched(imported string) time.Time {
	var last time.Time
	look := func(name string) {
		if info, err := u.root.Stat(name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	look(imported)
	parts := path.Join(imported, uploadParts)
	look(parts)
	entries, err := fs.ReadDir(u.root.FS(), parts)
	if err != nil {
		return last // there were none
	}
	for _, e := range entries {
		look(path.Join(parts, e.Name()))
	}
	return last
}
