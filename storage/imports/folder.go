package imports

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"earshot"
)

// File is something that lies in a folder.
type File struct {
	Path       string // as it is shown and kept: UTF-8, with slashes
	Bytes      int64
	ModifiedAt time.Time
	Recoded    bool   // the name was no UTF-8
	Code       string // why it cannot be taken in; empty where that is to be seen
}

// Why something in a folder is no file that could be taken in; see Say.
const (
	CodeLink       = "link"          // a symbolic link: it may lead anywhere
	CodeNotAFile   = "not_a_file"    // a device, a pipe, a socket
	CodeUnreadable = "unreadable"    // it may not be read, or the disk fails
	CodeLongPath   = "path_too_long" // longer than can be kept
	CodeChanged    = "changed"       // it changed, or went, while it was taken in
)

// longestPath is how long a path may be, in bytes.
const longestPath = 2048

// Folders are the folders and files that are brought in together. They are read,
// never written.
type Folders struct {
	roots []*folderRoot
	raw   map[string]place // of paths that are shown otherwise than they are written
	shown map[string]bool
}

// folderRoot is one of them.
type folderRoot struct {
	root *os.Root
	dir  string // where it is
	name string // in front of the paths of its files; empty: none
	only string // the one file of it that is meant; empty: all
}

// place is where a file lies.
type place struct {
	root *folderRoot
	name string // as the disk has it, below root
}

// OpenFolders opens folders and files as they were named to us: the paths of their
// files begin with the folder's own name, which may tell a day or a seat.
func OpenFolders(names ...string) (*Folders, error) {
	f := newFolders()
	taken := map[string]int{}
	for _, name := range names {
		whole, err := filepath.Abs(name)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		info, err := os.Stat(whole)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, errors.Unwrap(err)), f.Close())
		}
		r := &folderRoot{name: filepath.Base(whole)}
		if !info.IsDir() {
			r.only, r.name, whole = filepath.Base(whole), filepath.Base(filepath.Dir(whole)), filepath.Dir(whole)
		}
		if r.name == string(filepath.Separator) {
			r.name = "root"
		}
		if r.only == "" {
			if taken[r.name]++; taken[r.name] > 1 {
				r.name += "~" + strconv.Itoa(taken[r.name])
			}
		}
		r.dir = whole
		if r.root, err = os.OpenRoot(whole); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, errors.Unwrap(err)), f.Close())
		}
		f.roots = append(f.roots, r)
	}
	return f, nil
}

// OpenFolder opens one folder: the paths of its files are below it.
func OpenFolder(name string) (*Folders, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	f := newFolders()
	f.roots = append(f.roots, &folderRoot{root: root, dir: name})
	return f, nil
}

// PathOf is the path, as it is shown, of what the disk calls name; not ok where it
// lies in none of the folders.
func (f *Folders) PathOf(name string) (shown string, ok bool) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return "", false
	}
	for _, r := range f.roots {
		below, err := filepath.Rel(r.dir, whole)
		if err == nil && filepath.IsLocal(below) && (r.only == "" || r.only == below) {
			shown, _ = DecodeName(path.Join(r.name, filepath.ToSlash(below)))
			return shown, true
		}
	}
	return "", false
}

func newFolders() *Folders { return &Folders{raw: map[string]place{}, shown: map[string]bool{}} }

// Close gives the folders back.
func (f *Folders) Close() error {
	var errs []error
	for _, r := range f.roots {
		errs = append(errs, r.root.Close())
	}
	return errors.Join(errs...)
}

// Walk tells of everything that lies in the folders but folders, each folder in the
// order of its names, until ctx ends or each fails. What cannot be read is told
// with its code.
func (f *Folders) Walk(ctx context.Context, each func(File) error) error {
	clear(f.shown)
	for _, r := range f.roots {
		if r.only != "" {
			if err := f.tell(r, r.only, each); err != nil {
				return err
			}
			continue
		}
		if err := f.walk(ctx, r, ".", each); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folders) walk(ctx context.Context, r *folderRoot, folder string, each func(File) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := readFolder(r.root, folder)
	if err != nil {
		return each(File{Path: f.show(r, folder).Path, Code: CodeUnreadable})
	}
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if entry.IsDir() && !hidden(entry.Name()) {
			err = f.walk(ctx, r, name, each)
		} else {
			err = f.tell(r, name, each)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readFolder(root *os.Root, name string) ([]fs.DirEntry, error) {
	dir, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	entries, err := dir.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, errors.Join(err, dir.Close())
}

// hidden says whether a name is one that systems keep for themselves.
func hidden(name string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	switch strings.ToLower(name) {
	case "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "__macosx", "lost+found":
		return true
	}
	return false
}

// tell tells of what has that name below r.
func (f *Folders) tell(r *folderRoot, name string, each func(File) error) error {
	file := f.show(r, name)
	info, err := r.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // gone since its folder was read
	case err != nil:
		file.Code = CodeUnreadable
	case info.Mode()&fs.ModeSymlink != 0:
		file.Code = CodeLink
	case hidden(path.Base(name)):
		file.Code = earshot.CodeHiddenFile
	case !info.Mode().IsRegular():
		file.Code = CodeNotAFile
	case len(file.Path) > longestPath:
		file.Code = CodeLongPath
	}
	if err == nil {
		file.ModifiedAt = info.ModTime()
		if info.Mode().IsRegular() {
			file.Bytes = info.Size()
		}
	}
	if len(file.Path) > longestPath {
		file.Path = strings.ToValidUTF8(file.Path[:longestPath], "")
	}
	return each(file)
}

// show is a file's path as it is shown, which no other file has.
func (f *Folders) show(r *folderRoot, name string) File {
	written := path.Join(r.name, name)
	shown, recoded := DecodeName(written)
	shown = strings.ReplaceAll(shown, "\x00", "")
	for base, n := shown, 2; f.shown[shown]; n++ { // two names that mean the same
		ext := path.Ext(base)
		shown = strings.TrimSuffix(base, ext) + "~" + strconv.Itoa(n) + ext
	}
	f.shown[shown] = true
	f.raw[shown] = place{r, name}
	return File{Path: shown, Recoded: recoded}
}

// Open opens a file that Walk told of, and says what it is now. Symbolic links are
// not followed.
func (f *Folders) Open(shown string) (*os.File, fs.FileInfo, error) {
	at, ok := f.raw[shown]
	if !ok {
		return nil, nil, &fs.PathError{Op: "open", Path: shown, Err: fs.ErrNotExist}
	}
	before, err := at.root.root.Lstat(at.name)
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, nil, earshot.Fail(earshot.Invalid, CodeNotAFile, "it is no file")
	}
	file, err := at.root.root.Open(at.name)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(before, info) {
		err = earshot.Fail(earshot.Invalid, CodeChanged, "it was changed while it was read")
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}
