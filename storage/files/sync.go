package files

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Flushes is how often the disk has been told to make something safe, since the
// store was opened.
func (s *Store) Flushes() int64 { return s.flushes.Load() }

// flush counts a sync that is about to be done.
func (s *Store) flush(what, name string) error {
	s.flushes.Add(1)
	if s.fault == nil {
		return nil
	}
	return s.fault(what, name)
}

// syncFile makes a file's bytes safe, and as much about it as is needed to read
// them.
func (s *Store) syncFile(f *os.File, name string) error {
	if err := s.flush("file", name); err != nil {
		return err
	}
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: name, Err: err}
		}
	}
}

// syncDir makes the names in a folder safe.
func (s *Store) syncDir(root *os.Root, name string) error {
	if err := s.flush("folder", name); err != nil {
		return err
	}
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// syncDisk makes everything on the audio folder's file system safe.
func (s *Store) syncDisk() error {
	if err := s.flush("disk", "."); err != nil {
		return err
	}
	if err := unix.Syncfs(int(s.disk.Fd())); err != nil {
		return fmt.Errorf("syncfs: %w", err)
	}
	return nil
}

// fileSystem tells file systems apart.
func fileSystem(f *os.File) (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return 0, fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	return stat.Dev, nil
}

// isForeign says that a sync of the disk does not reach a file: below the audio
// folder another disk is mounted.
func (s *Store) isForeign(f *os.File) bool {
	on, err := fileSystem(f)
	return err != nil || on != s.on
}
