package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// WriteWhole puts a file in place of the one of that name, if any, so that a
// reader, or a crash, finds the old one or the new one and nothing between. It
// returns when the disk has it. Writers of one name take turns; those of several
// that write at the same time share their syncs.
func (s *Store) WriteWhole(name string, data []byte) error {
	if err := checkName(name); err != nil {
		return err
	}
	defer s.names.Lock(name)()
	if err := s.writeWhole(name, data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (s *Store) writeWhole(name string, data []byte) error {
	if err := s.makeFolder(name); err != nil {
		return err
	}
	temp := name + tempSuffix
	file, err := s.writeTemp(temp, data)
	if err == nil {
		written := make(chan error, 1)
		n := &naming{file: file, from: temp, to: name, done: func(n *naming) { written <- n.err }}
		err = ErrClosed
		if s.commits.submit(n) {
			err = <-written
		}
		if n.named {
			return err
		}
		_ = file.Close() // it may be closed already
	}
	// Nobody will ever ask for half of it; the reason is in err already.
	_ = s.audio.Remove(temp)
	return err
}

func (s *Store) writeTemp(name string, data []byte) (*os.File, error) {
	f, err := s.audio.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	s.step("created", name)
	if _, err := f.Write(data); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Remove takes a file away, for good when it returns. It fails with
// fs.ErrNotExist where there is none.
func (s *Store) Remove(name string) error {
	if !validName(name) {
		return ErrName.Because(errors.New(name))
	}
	if err := s.audio.Remove(name); err != nil {
		return err
	}
	return s.syncFolder(name)
}

// makeFolder makes the folders above name and notes that the lowest may hold
// unfinished files. A new folder is synced into the one above it.
func (s *Store) makeFolder(name string) error {
	folder := path.Dir(name)
	if err := s.open.note(folder); err != nil {
		return err
	}
	if folder == "." {
		return nil
	}
	if _, err := s.audio.Stat(folder); err == nil {
		return nil
	}
	at := ""
	for _, element := range strings.Split(folder, "/") {
		at = path.Join(at, element)
		err := s.audio.Mkdir(at, 0o700)
		if err == nil {
			err = s.syncFolder(at)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// syncFolder syncs the folder that name lies in.
func (s *Store) syncFolder(name string) error { return s.syncDir(s.audio, path.Dir(name)) }

// validName says whether name can lie below the audio folder.
func validName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "\\\x00")
}

// checkName is for final names: the suffixes of unfinished files are ours.
func checkName(name string) error {
	if !validName(name) || strings.HasSuffix(name, partSuffix) || strings.HasSuffix(name, tempSuffix) {
		return ErrName.Because(errors.New(name))
	}
	return nil
}
