package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A reader sees what a running server has, as far as it has reached the disk.
func TestReadBesideAServer(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	must(t, s.WriteWhole("2026/11/21/a.json", []byte("{}")))
	part := create(t, s, "2026/11/21/a-1.opus")
	must(t, errors.Join(part.Append([]byte("hel")), part.Flush(), part.Append([]byte("lo"))))
	must(t, os.WriteFile(filepath.Join(dir, "audio", "2026/11/21/a.json.tmp"), []byte("half"), 0o600))

	r, err := OpenReadOnly(dir)
	must(t, err)
	defer func() { must(t, r.Close()) }()
	if r.Dir() != dir {
		t.Errorf("Dir: %s", r.Dir())
	}
	for what, walk := range map[string]func(func(string, int64) error) error{"reader": r.Walk, "store": s.Walk} {
		if diff := cmp.Diff([]string{"2026/11/21/a-1.opus.part 3", "2026/11/21/a.json 2"}, walked(t, walk)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	must(t, seal(part).err)
	if diff := cmp.Diff([]string{"2026/11/21/a-1.opus 5", "2026/11/21/a.json 2"}, walked(t, r.Walk)); diff != "" {
		t.Error(diff)
	}
	f, size, err := r.Open("2026/11/21/a-1.opus")
	must(t, err)
	data, err := io.ReadAll(f)
	must(t, errors.Join(err, f.Close()))
	if string(data) != "hello" || size != 5 {
		t.Errorf("read %q of %d bytes", data, size)
	}
	if got, err := r.SealedFile("2026/11/21/a-1.opus"); err != nil || got != sealedAs(data) {
		t.Errorf("SealedFile: %+v, %v", got, err)
	}
	if got, err := r.ReadWhole("2026/11/21/a.json"); err != nil || string(got) != "{}" {
		t.Errorf("ReadWhole: %q, %v", got, err)
	}
	for _, name := range []string{"../lock", "2026/11/21/none.opus", "/etc/passwd", ""} {
		if f, _, err := r.Open(name); err == nil || f != nil {
			t.Errorf("Open(%q): %v", name, err)
		}
		if _, err := r.ReadWhole(name); err == nil {
			t.Errorf("ReadWhole(%q) took it", name)
		}
	}
}

func walked(t *testing.T, walk func(func(string, int64) error) error) []string {
	t.Helper()
	seen := []string{}
	must(t, walk(func(name string, size int64) error {
		seen = append(seen, fmt.Sprintf("%s %d", name, size))
		return nil
	}))
	return seen
}

func TestWalkEnds(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	for _, name := range []string{"a/1", "a/2", "b/1"} {
		must(t, s.WriteWhole(name, nil))
	}
	enough := errors.New("enough")
	for _, c := range []struct{ give, want error }{{enough, enough}, {fs.SkipAll, nil}} {
		seen := 0
		err := s.Walk(func(string, int64) error { seen++; return c.give })
		if !errors.Is(err, c.want) || seen != 1 {
			t.Errorf("%v: %v after %d files", c.give, err, seen)
		}
	}
	// A file that goes while the walk is in its folder is no failure.
	seen := 0
	must(t, s.Walk(func(name string, _ int64) error {
		if seen++; name == "a/1" {
			return s.Remove("a/2")
		}
		return nil
	}))
	if seen < 2 {
		t.Errorf("saw %d files", seen)
	}
}

func TestOpenReadOnlyWritesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, bad := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := OpenReadOnly(bad); !errors.Is(err, ErrUnreadable) {
			t.Errorf("OpenReadOnly of no data folder: %v", err)
		}
	}
	must(t, os.Mkdir(filepath.Join(dir, "audio"), 0o700))
	r, err := OpenReadOnly(dir)
	must(t, err)
	must(t, r.Close())
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("it left %v, %v", entries, err)
	}
}

func TestSpace(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	free, err := s.Free()
	must(t, err)
	total, err := s.Total()
	must(t, err)
	if free == 0 || total < free {
		t.Errorf("%d of %d bytes are free", free, total)
	}
}
