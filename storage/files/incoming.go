package files

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// incomingFolder is where files lie that are being taken in, below the audio
// folder: so a rename makes them stored ones. What a crash leaves there nobody
// needs, the originals being where they came from.
const incomingFolder = "incoming"

// takeChunk is how much is copied at a time.
const takeChunk = 256 << 10

// Incoming is a copy of a file from elsewhere, which is not stored yet.
type Incoming struct {
	store  *Store
	name   string
	file   *os.File
	sealed Sealed
}

// Take copies a file into the folder, until ctx ends, and sums it meanwhile. The
// copy is not safe before Place has given it a name. It is to be placed or
// discarded.
func (s *Store) Take(ctx context.Context, from io.Reader) (*Incoming, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("take a file in: %w", ErrClosed)
	}
	name := incomingFolder + "/" + rand.Text()
	if err := s.audio.Mkdir(incomingFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("take a file in: %w", &WriteError{err})
	}
	file, err := s.audio.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take a file in: %w", &WriteError{err})
	}
	i := &Incoming{store: s, name: name, file: file}
	sum := sha256.New()
	if i.sealed.Bytes, err = copyUntil(ctx, io.MultiWriter(sum, file), from); err != nil {
		return nil, errors.Join(fmt.Errorf("take a file in: %w", err), i.Discard())
	}
	i.sealed.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return i, nil
}

// copyUntil copies until the end, or that of ctx.
func copyUntil(ctx context.Context, to io.Writer, from io.Reader) (all int64, err error) {
	buffer := make([]byte, takeChunk)
	for {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return all, &WriteError{err}
			}
			all += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// WriteError says that our own disk failed, not the place where a file came from.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap is the disk's own error.
func (e *WriteError) Unwrap() error { return e.Err }

// Sealed is what the file is known by.
func (i *Incoming) Sealed() Sealed { return i.sealed }

// Name is what the copy is called below the audio folder until it is placed.
func (i *Incoming) Name() string { return i.name }

// ReadAt reads the copy, until it is placed.
func (i *Incoming) ReadAt(p []byte, at int64) (int, error) { return i.file.ReadAt(p, at) }

// Place makes the copy the file of that name, and returns when the disk has it,
// together with others that are placed at the same time. Where the same file lies
// there already, as after a crash, it stays; another one is ErrExists, and the copy
// is then still to be discarded.
func (i *Incoming) Place(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	defer i.store.names.Lock(name)()
	switch there, err := i.store.SealedFile(name); {
	case err == nil && there == i.sealed:
		return i.Discard()
	case err == nil:
		return ErrExists.Because(errors.New(name))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := i.store.makeFolder(name); err != nil {
		return fmt.Errorf("place %s: %w", name, err)
	}
	placed := make(chan error, 1)
	n := &naming{file: i.file, from: i.name, to: name, done: func(n *naming) { placed <- n.err }}
	err := ErrClosed
	if i.store.commits.submit(n) {
		err = <-placed
	}
	if n.named {
		i.file = nil
	}
	if err != nil {
		return fmt.Errorf("place %s: %w", name, err)
	}
	return nil
}

// Discard takes the copy away. One that was placed stays.
func (i *Incoming) Discard() error {
	if i.file == nil {
		return nil
	}
	_ = i.file.Close() // nobody needs what is in it; after a failure it may be closed already
	i.file = nil
	if err := i.store.audio.Remove(i.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("discard a file: %w", err)
	}
	return nil
}

// clearIncoming takes away what a crash left of files that were being taken in.
func (s *Store) clearIncoming() error {
	dir, err := s.audio.Open(incomingFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := s.audio.Remove(incomingFolder + "/" + entry.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
