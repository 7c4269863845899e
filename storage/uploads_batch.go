package storage

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"earshot"
)

// Folders of an import.
const (
	uploadedFiles = "files"
	uploadParts   = "parts"
	infoSuffix    = ".json"
)

// uploadBatch is what is known of one import's uploads.
type uploadBatch struct {
	missing atomic.Int64 // bytes of partial ones that have not arrived

	mu      sync.Mutex
	uploads map[string]*upload // by id
	partial int
	sealed  bool // the import begins, or has begun: see Seal
	closed  bool // everything was taken away
}

// upload is an upload and who writes it.
type upload struct {
	Upload               // guarded by its batch
	turn   chan struct{} // has a token while a request has it
	last   *uploadTurn   // of the newest request, which has the turn or waits for it; guarded, too
}

// uploadTurn is one request's.
type uploadTurn struct{ stop context.CancelCauseFunc }

// uploadInfo is what is kept of an upload until it is complete.
type uploadInfo struct {
	Path     string    `json:"path"`
	Bytes    int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
}

func uploadedName(imported, name string) string { return path.Join(imported, uploadedFiles, name) }
func uploadPart(imported, id string) string     { return path.Join(imported, uploadParts, id) }
func uploadInfoName(imported, id string) string { return uploadPart(imported, id) + infoSuffix }

// uploadID is the same for the same path: so nobody needs to remember which
// upload a file had.
func uploadID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:20]))
}

// Bounds of paths; the longest name is what Linux takes.
const (
	longestUploadPath = 1024
	longestUploadName = 255
)

// checkUploadPath refuses what could not lie in a folder under that name, or
// would be read differently by somebody.
func checkUploadPath(name string) error {
	bad := func(why string) error {
		return earshot.Fail(earshot.Invalid, "bad_upload_path", "a file's path %s", why)
	}
	switch {
	case !utf8.ValidString(name):
		return bad("is UTF-8")
	case name == ".", !fs.ValidPath(name), strings.Contains(name, `\`):
		return bad("is relative, with slashes, and without . and ..")
	case strings.ContainsFunc(name, unicode.IsControl):
		return bad("has no control characters")
	case len(name) > longestUploadPath:
		return bad("has at most 1,024 bytes")
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > longestUploadName {
			return bad("has names of at most 255 bytes")
		}
	}
	return nil
}

// batch is what is known of an import's uploads, read from its folder the first
// time.
func (u *Uploads) batch(imported string) (*uploadBatch, error) {
	if !earshot.ValidCallID(imported) {
		return nil, ErrNoUpload
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if b, ok := u.batches[imported]; ok {
		return b, nil
	}
	b := &uploadBatch{uploads: map[string]*upload{}}
	if err := errors.Join(u.loadFiles(imported, b), u.loadParts(imported, b)); err != nil {
		return nil, fmt.Errorf("the uploads of import %s: %w", imported, err)
	}
	u.batches[imported] = b
	return b, nil
}

func (u *Uploads) find(imported, id string) (*uploadBatch, *upload, error) {
	b, err := u.batch(imported)
	if err != nil {
		return nil, nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.uploads[id]
	if !ok {
		return nil, nil, ErrNoUpload
	}
	return b, one, nil
}

func (u *Uploads) loadFiles(imported string, b *uploadBatch) error {
	folder := path.Join(imported, uploadedFiles)
	err := fs.WalkDir(u.root.FS(), folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, folder+"/")
		b.add(&upload{
			Upload: Upload{ID: uploadID(name), Path: name, Bytes: info.Size(), Offset: info.Size(), Modified: info.ModTime()},
			turn:   make(chan struct{}, 1),
		})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// loadParts takes up what was begun. A crash can leave a description without a
// part, and a part without a description, which nobody can go on with.
func (u *Uploads) loadParts(imported string, b *uploadBatch) error {
	entries, err := fs.ReadDir(u.root.FS(), path.Join(imported, uploadParts))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), infoSuffix)
		if id == e.Name() {
			continue
		}
		one, loadErr := u.loadPart(imported, id)
		if loadErr != nil {
			err = errors.Join(err, u.removePart(imported, id))
			continue
		}
		b.add(one)
		if one.Done() { // the crash came before it got its name
			err = errors.Join(err, u.complete(imported, b, one))
		}
	}
	for _, e := range entries {
		if id := e.Name(); !strings.HasSuffix(id, infoSuffix) && b.uploads[id] == nil {
			err = errors.Join(err, u.removePart(imported, id))
		}
	}
	return err
}

func (u *Uploads) loadPart(imported, id string) (*upload, error) {
	text, err := u.root.ReadFile(uploadInfoName(imported, id))
	if err != nil {
		return nil, err
	}
	var info uploadInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, err
	}
	stat, err := u.root.Stat(uploadPart(imported, id))
	if err != nil {
		return nil, err
	}
	if uploadID(info.Path) != id || checkUploadPath(info.Path) != nil || stat.Size() > info.Bytes {
		return nil, errors.New("it is not what it says")
	}
	return &upload{
		Upload: Upload{ID: id, Path: info.Path, Bytes: info.Bytes, Offset: stat.Size(), Modified: info.Modified},
		turn:   make(chan struct{}, 1),
	}, nil
}

func (u *Uploads) removePart(imported, id string) error {
	var all []error
	for _, name := range []string{uploadPart(imported, id), uploadInfoName(imported, id)} {
		if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// add, drop and arrived keep the sums. The caller holds the lock.
func (b *uploadBatch) add(one *upload) {
	b.uploads[one.ID] = one
	if !one.Done() {
		b.partial++
		b.missing.Add(one.Bytes - one.Offset)
	}
}

func (b *uploadBatch) drop(one *upload) {
	delete(b.uploads, one.ID)
	if !one.Done() {
		b.partial--
		b.missing.Add(one.Offset - one.Bytes)
	}
}

func (b *uploadBatch) arrived(one *upload, offset int64) {
	was := one.Done()
	b.missing.Add(one.Offset - offset)
	one.Offset = offset
	if !was && one.Done() {
		b.partial--
	}
}

// overtakeWithin is how long a request that is told to stop may take: what it has
// in its hands is written first.
const overtakeWithin = 10 * time.Second

// takeOver waits for the upload's turn. Of several requests the newest has it: those
// before it, whether they write or wait, end. So does the context that is answered,
// when a newer one comes.
func (b *uploadBatch) takeOver(ctx context.Context, one *upload) (mine context.Context, release func(), err error) {
	mine, stop := context.WithCancelCause(ctx)
	turn := &uploadTurn{stop}
	b.mu.Lock()
	before := one.last
	one.last = turn
	b.mu.Unlock()
	if before != nil {
		before.stop(ErrOvertaken)
	}
	leave := func() {
		stop(nil)
		b.mu.Lock()
		defer b.mu.Unlock()
		if one.last == turn {
			one.last = nil
		}
	}
	patience := time.NewTimer(overtakeWithin)
	defer patience.Stop()
	select {
	case one.turn <- struct{}{}:
		return mine, func() { leave(); <-one.turn }, nil
	case <-mine.Done():
		err = context.Cause(mine)
	case <-patience.C:
		err = ErrUploadsBusy
	}
	leave()
	return nil, nil, err
}

// rests says whether an upload stands at that offset, and nobody writes it.
func (b *uploadBatch) rests(one *upload, at int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return one.last == nil && one.Offset == at
}

// close ends who writes.
func (b *uploadBatch) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, one := range b.uploads {
		if one.last != nil {
			one.last.stop(ErrNoUpload)
		}
	}
}
