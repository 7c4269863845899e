package files

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"earshot"
)

// ErrUnreadable says that a folder holds no recordings that could be read.
var ErrUnreadable = earshot.Fail(earshot.NotFound, "folder_unreadable", "the data folder cannot be read")

// Reader reads a data folder without taking it: beside a running server, and on
// media that cannot be written.
type Reader struct {
	dir   string
	audio *os.Root
}

// OpenReadOnly opens the data folder dir for reading. It takes no lock and writes
// nothing. It fails with ErrUnreadable where there are no recordings.
func OpenReadOnly(dir string) (*Reader, error) {
	r := &Reader{dir: dir}
	root, err := os.OpenRoot(dir)
	if err == nil {
		r.audio, err = root.OpenRoot("audio")
		err = errors.Join(err, root.Close())
	}
	if err != nil {
		e := earshot.Fail(ErrUnreadable.Kind, ErrUnreadable.Code, "%s is no data folder that could be read", dir)
		return nil, e.Because(err)
	}
	return r, nil
}

// Dir is the data folder, as it was given to OpenReadOnly.
func (r *Reader) Dir() string { return r.dir }

// Open opens a file for reading, with its size in bytes. It fails with
// fs.ErrNotExist where there is none.
func (r *Reader) Open(name string) (io.ReadSeekCloser, int64, error) { return openIn(r.audio, name) }

// ReadWhole is all of a file.
func (r *Reader) ReadWhole(name string) ([]byte, error) { return readIn(r.audio, name) }

// Walk calls fn for every file, as Store.Walk does.
func (r *Reader) Walk(fn func(name string, size int64) error) error { return walkIn(r.audio, fn) }

// SealedFile is what a complete file is known by; it reads all of it.
func (r *Reader) SealedFile(name string) (Sealed, error) { return sumIn(r.audio, name) }

// Close gives the folder back.
func (r *Reader) Close() error { return r.audio.Close() }

// Open opens a file for reading, with its size in bytes. It fails with
// fs.ErrNotExist where there is none. A file being written can be read under
// its .part name.
func (s *Store) Open(name string) (io.ReadSeekCloser, int64, error) { return openIn(s.audio, name) }

// ReadWhole is all of a file.
func (s *Store) ReadWhole(name string) ([]byte, error) { return readIn(s.audio, name) }

// Walk calls fn for every file below the audio folder, in the order of their
// names, with its size in bytes; files being written are among them under their
// .part names, files being replaced are not. A file that comes or goes meanwhile
// is there or not. Walk ends with the error of fn, if any; fs.SkipAll ends it
// without one.
func (s *Store) Walk(fn func(name string, size int64) error) error { return walkIn(s.audio, fn) }

// SealedFile is what a complete file is known by; it reads all of it.
func (s *Store) SealedFile(name string) (Sealed, error) { return sumIn(s.audio, name) }

func openIn(root *os.Root, name string) (io.ReadSeekCloser, int64, error) {
	if !validName(name) {
		return nil, 0, ErrName.Because(errors.New(name))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: not a file: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func readIn(root *os.Root, name string) ([]byte, error) {
	if !validName(name) {
		return nil, ErrName.Because(errors.New(name))
	}
	return root.ReadFile(name)
}

func walkIn(root *os.Root, fn func(name string, size int64) error) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && name != "." {
			return nil // gone since its folder was read
		}
		if err != nil {
			return fmt.Errorf("look into %s: %w", name, err)
		}
		if !entry.Type().IsRegular() || strings.HasSuffix(name, tempSuffix) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look at %s: %w", name, err)
		}
		return fn(name, info.Size())
	})
}

func sumIn(root *os.Root, name string) (sealed Sealed, err error) {
	if err := checkName(name); err != nil {
		return Sealed{}, err
	}
	f, _, err := openIn(root, name)
	if err != nil {
		return Sealed{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return Sealed{}, fmt.Errorf("read %s: %w", name, err)
	}
	return Sealed{hex.EncodeToString(sum.Sum(nil)), n}, nil
}
