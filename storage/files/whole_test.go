package files

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestNamesDoNotEscape(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	data := filepath.Join(dir, "data")
	s := openStore(t, data, Options{FlushEvery: time.Hour})
	must(t, os.Symlink(dir, filepath.Join(data, "audio", "out")))
	must(t, os.Symlink(secret, filepath.Join(data, "audio", "link")))
	for _, name := range []string{
		"", ".", "..", "/etc/passwd", "../secret", "../../secret", "a/../../../secret", "a/./b", "a//b", "a/",
		`..\..\secret`, "a\x00b", secret, "out/secret", "out/new", "link",
	} {
		t.Run(name, func(t *testing.T) {
			if f, _, err := s.Open(name); err == nil {
				t.Error("Open took it")
				must(t, f.Close())
			}
			if _, err := s.ReadWhole(name); err == nil {
				t.Error("ReadWhole took it")
			}
			if p, err := s.Create(name); err == nil {
				must(t, p.Append([]byte("broken")))
				if r := seal(p); r.err == nil {
					t.Error("Create and Seal took it")
				}
			}
			if name == "link" {
				return // replacing or removing the link itself touches nothing outside
			}
			if s.WriteWhole(name, []byte("broken")) == nil {
				t.Error("WriteWhole took it")
			}
			if s.Remove(name) == nil {
				t.Error("Remove took it")
			}
		})
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file outside is now %q, %v", got, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made outside")
	}
}

func TestSuffixesAreOurs(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	for _, name := range []string{"a.opus.part", "a.json.tmp"} {
		if _, err := s.Create(name); !errors.Is(err, ErrName) {
			t.Errorf("Create(%s): %v", name, err)
		}
		if err := s.WriteWhole(name, nil); !errors.Is(err, ErrName) {
			t.Errorf("WriteWhole(%s): %v", name, err)
		}
	}
}

func TestWhole(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	if _, err := s.ReadWhole("a/b.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadWhole of nothing: %v", err)
	}
	if _, _, err := s.Open("a/b.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of nothing: %v", err)
	}
	if err := s.Remove("a/b.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
	for _, text := range []string{"a longer first one", "second", ""} {
		must(t, s.WriteWhole("a/b.json", []byte(text)))
		f, size, err := s.Open("a/b.json")
		must(t, err)
		got, err := io.ReadAll(f)
		must(t, errors.Join(err, f.Close()))
		if string(got) != text || size != int64(len(text)) {
			t.Errorf("read %q of %d bytes, want %q", got, size, text)
		}
	}
	if _, _, err := s.Open("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a folder: %v", err)
	}
	must(t, s.Remove("a/b.json"))
	if _, err := s.ReadWhole("a/b.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: %v", err)
	}
}

func TestWritersOfOneNameTakeTurns(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			for range 10 {
				// Of different lengths, so that a mixture shows.
				if err := s.WriteWhole("call.json", bytes.Repeat([]byte{byte('a' + i)}, 1000+i*5000)); err != nil {
					t.Error(err)
				}
				got, err := s.ReadWhole("call.json")
				if err != nil || len(got) == 0 || len(got) != 1000+int(got[0]-'a')*5000 || bytes.Count(got, got[:1]) != len(got) {
					t.Errorf("read a mixture of %d bytes, %v", len(got), err)
				}
			}
		})
	}
	writers.Wait()
	if len(s.names.held) != 0 {
		t.Errorf("%d names are still locked", len(s.names.held))
	}
}
