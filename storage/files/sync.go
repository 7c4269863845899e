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

// flush does a sync and counts it.
func (s *Store) flush(what, name string, do func() error) error {
	s.flushes.Add(1)
	if s.sync != nil {
		return s.sync(what, name, do)
	}
	return do()
}

// syncFile makes a file's bytes safe, and as much about it as is needed to read
// them.
func (s *Store) syncFile(f *os.File, name string) error {
	return s.flush("file", name, func() error {
		for {
			err := unix.Fdatasync(int(f.Fd()))
			if err == nil {
				return nil
			}
			if !errors.Is(err, unix.EINTR) {
				return &os.PathError{Op: "fdatasync", Path: name, Err: err}
			}
		}
	})
}

// syncDir makes the names in a folder safe.
func (s *Store) syncDir(root *os.Root, name string) error {
	return s.flush("folder", name, func() error {
		dir, err := root.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(dir.Sync(), dir.Close())
	})
}

// syncDisk makes everything on the audio folder's file system safe.
func (s *Store) syncDisk() error {
	return s.flush("disk", ".", func() error {
		if err := unix.Syncfs(int(s.disk.Fd())); err != nil {
			return fmt.Errorf("syncfs: %w", err)
		}
		return nil
	})
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
