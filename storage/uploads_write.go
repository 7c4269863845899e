package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// How uploads are written. The disk is kept up with as they arrive: bytes that
// pile up in memory would have to go at once when somebody else, like the
// journal of the recordings, wants the disk.
const (
	uploadBuffer  = 256 << 10
	uploadStretch = 4 << 20 // at most so much is not with the disk
	slotWithin    = 10 * time.Second
)

// Append writes what r has behind the offset, which must be where the upload
// stands, and answers the upload as it is then, also with an error: what has
// arrived stays. An earlier request for the same upload is overtaken; interrupt
// makes a read of r that waits return when this one is.
func (u *Uploads) Append(ctx context.Context, imported, id string, offset int64, r io.Reader, interrupt func()) (Upload, error) {
	b, one, err := u.find(imported, id)
	if err != nil {
		return Upload{}, err
	}
	ctx, release, err := b.takeOver(ctx, one)
	if err != nil {
		return Upload{}, err
	}
	defer release()
	free, err := u.slot(ctx)
	if err != nil {
		return Upload{}, err
	}
	defer free()
	defer context.AfterFunc(ctx, interrupt)()
	b.mu.Lock()
	begun := one.Upload
	gone := b.closed || b.uploads[id] != one
	b.mu.Unlock()
	switch {
	case gone:
		return Upload{}, ErrNoUpload
	case offset != begun.Offset:
		return begun, ErrWrongOffset
	case begun.Done():
		return begun, overrun(r)
	}
	return u.append(ctx, imported, b, one, r)
}

// slot waits for one of the few that write at the same time.
func (u *Uploads) slot(ctx context.Context) (free func(), err error) {
	patience := time.NewTimer(slotWithin)
	defer patience.Stop()
	select {
	case u.slots <- struct{}{}:
		return func() { <-u.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-patience.C:
		return nil, ErrUploadsBusy
	}
}

func (u *Uploads) append(ctx context.Context, imported string, b *uploadBatch, one *upload, r io.Reader) (Upload, error) {
	part, err := u.root.OpenFile(uploadPart(imported, one.ID), os.O_WRONLY, 0o600)
	if err != nil {
		return one.Upload, fmt.Errorf("upload %s: %w", one.Path, err)
	}
	w := &uploadWriter{file: part, at: one.Offset, kept: one.Offset, hasRoom: u.hasRoom}
	err = w.take(ctx, r, one.Bytes)
	if w.at == one.Bytes {
		err = errors.Join(err, w.sync())
	}
	err = errors.Join(err, part.Close())
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return one.Upload, ErrNoUpload
	}
	b.arrived(one, w.at)
	if err == nil && one.Done() {
		err = u.complete(imported, b, one)
	}
	return one.Upload, err
}

// uploadWriter writes to the end of a part.
type uploadWriter struct {
	file    *os.File
	at      int64 // where it stands
	kept    int64 // up to where the disk was told to write
	hasRoom func(bytes uint64) error
}

// take writes what r has, up to the byte end. More than that is an error.
func (w *uploadWriter) take(ctx context.Context, r io.Reader, end int64) error {
	buffer := make([]byte, uploadBuffer)
	for w.at < end {
		n, err := r.Read(buffer[:min(int64(len(buffer)), end-w.at)])
		if n > 0 {
			if err := w.write(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrUploadBroken.Because(err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return overrun(r)
}

// overrun is an error if r has more.
func overrun(r io.Reader) error {
	if n, _ := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return ErrUploadOverrun
	}
	return nil
}

func (w *uploadWriter) write(p []byte) error {
	n, err := w.file.WriteAt(p, w.at)
	w.at += int64(n)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return ErrImportRoom.Because(err)
	}
	if err != nil {
		return err
	}
	if w.at-w.kept < uploadStretch {
		return nil
	}
	if err := w.keepUp(); err != nil {
		return err
	}
	return w.hasRoom(0)
}

// keepUp has the disk write what it has not, and the memory freed of it.
func (w *uploadWriter) keepUp() error {
	fd, from, length := int(w.file.Fd()), w.kept, w.at-w.kept
	w.kept = w.at
	err := unix.SyncFileRange(fd, from, length, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		err = w.sync() // not every file system can do it by halves
	}
	// Only advice: a file system may not take it.
	_ = unix.Fadvise(fd, from, length, unix.FADV_DONTNEED)
	return err
}

func (w *uploadWriter) sync() error {
	for {
		if err := unix.Fdatasync(int(w.file.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// create puts a new upload's notes, description and empty part into its folder.
func (u *Uploads) create(imported string, one *upload, recoded bool) error {
	if err := u.noteRecoded(imported, one.ID, recoded); err != nil {
		return err
	}
	if err := u.root.MkdirAll(path.Join(imported, uploadParts), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(uploadInfo{one.Path, one.Bytes, one.Modified})
	if err != nil {
		return err
	}
	return errors.Join(
		u.root.WriteFile(uploadInfoName(imported, one.ID), text, 0o600),
		u.root.WriteFile(uploadPart(imported, one.ID), nil, 0o600))
}

// complete gives a file that has arrived, and is with the disk, its name. The
// caller holds the batch's lock. Where a crash undoes it, the part is complete
// and gets its name at the next start.
func (u *Uploads) complete(imported string, b *uploadBatch, one *upload) error {
	err := u.name(imported, one)
	if err == nil {
		return nil
	}
	// Whatever stands in its way, like a file where its folder should be, does so
	// for good.
	b.drop(one)
	if removing := u.removePart(imported, one.ID); removing != nil {
		err = errors.Join(err, removing)
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EISDIR) {
		return ErrPathTaken.Because(err)
	}
	return fmt.Errorf("keep %s: %w", one.Path, err)
}

func (u *Uploads) name(imported string, one *upload) error {
	part, name := uploadPart(imported, one.ID), uploadedName(imported, one.Path)
	if !one.Modified.IsZero() {
		if err := u.root.Chtimes(part, time.Time{}, one.Modified); err != nil {
			return err
		}
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	if err := u.root.Rename(part, name); err != nil {
		return err
	}
	return u.root.Remove(uploadInfoName(imported, one.ID))
}
