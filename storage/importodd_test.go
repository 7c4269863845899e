package storage_test

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
)

// restlessFolder is a folder in which something happens to a file just before it is
// opened: after all files were listed.
type restlessFolder struct {
	storage.ImportFolder
	before func(path string) error
}

func (f restlessFolder) Open(path string) (*os.File, fs.FileInfo, error) {
	if err := f.before(path); err != nil {
		return nil, nil, err
	}
	return f.ImportFolder.Open(path)
}

// restlessStore is a store while whose copying something happens to the file.
type restlessStore struct {
	storage.ImportStore
	after func(path string) error
}

func (s restlessStore) Take(ctx context.Context, from io.Reader) (*files.Incoming, error) {
	copied, err := s.ImportStore.Take(ctx, from)
	if file, ok := from.(*os.File); ok && err == nil {
		err = s.after(filepath.Base(file.Name()))
	}
	return copied, err
}

// What happens to a file between its listing and its end is its own fate, and
// nobody else's.
func TestImportOfRestlessFiles(t *testing.T) {
	var d *desk
	at := func(name string) string { return filepath.Join(d.folder, name) }
	replace := func(name string, content []byte) error {
		if err := os.WriteFile(at("new"), content, 0o600); err != nil {
			return err
		}
		if err := os.Chtimes(at("new"), start, start); err != nil {
			return err
		}
		return os.Rename(at("new"), at(name))
	}
	rows := map[string]struct {
		before func(name string) error // opened
		after  func(name string) error // copied
		want   string
	}{
		"calm.wav":     {want: "stored"},
		"gone.wav":     {before: func(name string) error { return os.Remove(at(name)) }, want: "refused changed"},
		"replaced.wav": {before: func(name string) error { return replace(name, slices.Concat(beep(90), beep(91)[58:])) }, want: "stored"},
		"link.wav": {before: func(name string) error {
			if err := os.Remove(at(name)); err != nil {
				return err
			}
			return os.Symlink(at("calm.wav"), at(name))
		}, want: "refused not_a_file"},
		"unreadable.wav": {before: func(name string) error { return &fs.PathError{Op: "open", Path: name, Err: unix.EIO} }, want: "refused unreadable"},
		"forbidden.wav":  {before: func(string) error { return fs.ErrPermission }, want: "refused unreadable"},
		"growing.wav": {after: func(name string) error {
			file, err := os.OpenFile(at(name), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			if _, err := file.WriteString("more"); err != nil {
				return err
			}
			return file.Close()
		}, want: "refused changed"},
		"touched.wav": {after: func(name string) error { return os.Chtimes(at(name), start.Add(1), start.Add(5e9)) }, want: "refused changed"},
	}
	d = openDesk(t, func(o *storage.ImportOptions) {
		folder := o.Folder
		o.Folder = func(m earshot.Import) (storage.ImportFolder, error) {
			f, err := folder(m)
			return restlessFolder{f, func(path string) error {
				if act := rows[path].before; act != nil {
					return act(path)
				}
				return nil
			}}, err
		}
		o.Store = restlessStore{o.Store, func(name string) error {
			if act := rows[name].after; act != nil {
				return act(name)
			}
			return nil
		}}
	})
	n := 0
	for name := range rows {
		n++
		d.put(t, name, beep(n))
	}
	m := d.bringIn(t, earshot.ImportSettings{Seat: "w1"})
	if m.State != earshot.ImportDone || m.Files != len(rows) || m.Stored != 2 || m.Refused != len(rows)-2 {
		t.Errorf("%+v", m)
	}
	for name, row := range rows {
		f := d.fates[name]
		got := string(f.Fate)
		if f.Code != "" {
			got += " " + f.Code
		}
		if got != row.want {
			t.Errorf("%s: %s %s, want %s", name, got, f.Text, row.want)
		}
		if f.Fate == earshot.FateRefused && f.Call != "" {
			t.Errorf("%s: refused, and call %s", name, f.Call)
		}
	}
	c, err := d.Call(t.Context(), d.fates["replaced.wav"].Call)
	must(t, err)
	if f, want := d.fates["replaced.wav"], int64(len(beep(90))+len(beep(91))-58); f.Bytes != want || c.Parts[0].Bytes != want {
		t.Errorf("of a file that was replaced the new one counts: %d and %d bytes, want %d", f.Bytes, c.Parts[0].Bytes, want)
	}
	d.verifyAll(t)
}

// A table that nobody chose is no failure, nor shown as a recording; one that is
// called a table and is audio comes in.
func TestImportTellsTablesFromRecordings(t *testing.T) {
	d := openDesk(t)
	d.put(t, "w1_1001.wav", beep(1))
	d.put(t, "odd.CSV", beep(2))
	d.put(t, "list.csv", []byte("文件名,工号\nw1_1001.wav,1001\n"))
	d.put(t, "notes.txt", []byte("nothing to hear"))
	d.put(t, "Thumbs.db", []byte("x"))
	draft, err := d.imports.Create(t.Context(), "x", "cli")
	must(t, err)
	p, err := d.imports.Preview(t.Context(), draft.ID, earshot.ImportSettings{Seat: "w1"}, nil)
	must(t, err)
	if p.Matched != 2 || p.UnknownStart != 2 || p.Refused != 0 {
		t.Errorf("preview: %+v", p)
	}
	p, err = d.imports.Preview(t.Context(), draft.ID, earshot.ImportSettings{Seat: "w1", RefuseUnknownStart: true}, nil)
	must(t, err)
	if p.UnknownStart != 0 || p.Refused != 2 {
		t.Errorf("preview where an unknown start is refused: %+v", p)
	}
	m := d.bringIn(t, earshot.ImportSettings{Seat: "w1"})
	if f := d.fates["list.csv"]; f.Code != earshot.CodeIsTable || d.fates["odd.CSV"].Fate != earshot.FateStored || d.fates["notes.txt"].Code != "is_text" {
		t.Errorf("%+v", d.fates)
	}
	why, err := d.imports.Reasons(t.Context(), m.ID)
	must(t, err)
	if m.Other != 2 || why.Codes[earshot.CodeIsTable] != 1 || why.Codes["hidden_file"] != 1 || why.Codes["is_text"] != 1 ||
		why.Remarks[earshot.RemarkStartUnknown] != 2 || m.Refused != 3 {
		t.Errorf("%+v of %+v", why, m)
	}
	if _, err := d.imports.Reasons(t.Context(), "none"); earshot.AsError(err).Code != "no_import" {
		t.Errorf("of no import: %v", err)
	}
}
