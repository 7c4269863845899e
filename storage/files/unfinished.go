package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"sync"
)

const foldersName = "unfinished"

// folders knows which folders may hold unfinished files, so that after a crash
// a few are searched and not years of recordings. The list is on the disk
// before the first unfinished file of a folder is.
type folders struct {
	dir  *os.Root
	sync func(root *os.Root, name string) error // of a folder
	mu   sync.Mutex
	set  map[string]bool
}

// loadFolders reads the list; where there is none every folder below audio is on
// it.
func loadFolders(dir, audio *os.Root, sync func(*os.Root, string) error) (*folders, error) {
	f := &folders{dir: dir, sync: sync, set: make(map[string]bool)}
	list, err := dir.ReadFile(foldersName)
	if err == nil {
		for _, line := range strings.Split(string(list), "\n") {
			if fs.ValidPath(line) {
				f.set[line] = true
			}
		}
		return f, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	err = fs.WalkDir(audio.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			f.set[name] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, f.save()
}

// note puts folder on the list.
func (f *folders) note(folder string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set[folder] {
		return nil
	}
	f.set[folder] = true
	if err := f.save(); err != nil {
		delete(f.set, folder)
		return err
	}
	return nil
}

// drop takes those of the folders off the list that inUse does not name.
func (f *folders) drop(these []string, inUse func() map[string]bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	// Asked under the lock: whoever begins a file there notes the folder after
	// having made itself known.
	used := inUse()
	before := len(f.set)
	for _, folder := range these {
		if !used[folder] {
			delete(f.set, folder)
		}
	}
	if len(f.set) == before {
		return nil
	}
	return f.save()
}

func (f *folders) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for folder := range f.set {
		all = append(all, folder)
	}
	sort.Strings(all)
	return all
}

// save puts the list on the disk in one piece. The caller holds mu.
func (f *folders) save() error {
	var text bytes.Buffer
	for folder := range f.set {
		fmt.Fprintln(&text, folder)
	}
	temp := foldersName + tempSuffix
	file, err := f.dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := f.dir.Rename(temp, foldersName); err != nil {
		return err
	}
	return f.sync(f.dir, ".")
}

// Unfinished are the names, with .part, of files that somebody began and did
// not seal; those being written now are not among them. It also clears away
// what crashes left of replaced files.
func (s *Store) Unfinished() ([]string, error) {
	found := []string{}
	var clean []string
	for _, folder := range s.open.list() {
		names, err := s.unfinishedIn(folder)
		if err != nil {
			return nil, fmt.Errorf("look for unfinished files in %s: %w", folder, err)
		}
		if len(names) == 0 {
			clean = append(clean, folder)
		}
		found = append(found, names...)
	}
	return found, s.open.drop(clean, s.writingIn)
}

func (s *Store) unfinishedIn(folder string) ([]string, error) {
	dir, err := s.audio.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := dir.ReadDir(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if final, ok := strings.CutSuffix(name, tempSuffix); ok {
			if err := s.clearTemp(final); err != nil {
				return nil, err
			}
		}
		if final, ok := strings.CutSuffix(name, partSuffix); ok && !s.isOpen(final) {
			// It may have been sealed since the folder was read.
			if _, err := s.audio.Lstat(name); err == nil {
				found = append(found, name)
			}
		}
	}
	sort.Strings(found)
	return found, nil
}

// clearTemp takes away what a crash left of a replaced file. Under the name's
// lock: one that a writer is at work on is gone, renamed, when the lock is had.
func (s *Store) clearTemp(name string) error {
	defer s.names.Lock(name)()
	if err := s.audio.Remove(name + tempSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Store) isOpen(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parts[name] != nil
}

// writingIn are the folders of parts that are open.
func (s *Store) writingIn() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := make(map[string]bool)
	for name := range s.parts {
		in[path.Dir(name)] = true
	}
	return in
}
