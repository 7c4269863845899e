package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func openStore(t *testing.T, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s *Store, name string) *Part {
	t.Helper()
	p, err := s.Create(name)
	must(t, err)
	return p
}

type sealResult struct {
	Sealed
	err error
}

func seal(p *Part) sealResult {
	result := make(chan sealResult, 1)
	p.Seal(func(s Sealed, err error) { result <- sealResult{s, err} })
	return <-result
}

func sealedAs(data []byte) Sealed {
	sum := sha256.Sum256(data)
	return Sealed{hex.EncodeToString(sum[:]), int64(len(data))}
}

const name = "2026/11/21/019b-1.opus"

func TestPartBecomesFile(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	for _, c := range []struct {
		name string
		do   func(p *Part) error
		want string
	}{
		{"empty.opus", func(p *Part) error { return nil }, ""},
		{"a/one.opus", func(p *Part) error { return p.Append([]byte("hello")) }, "hello"},
		{"a/flushed.opus", func(p *Part) error {
			return errors.Join(p.Append([]byte("hel")), p.Flush(), p.Append([]byte("lo")))
		}, "hello"},
		{"a/patched-in-memory.wav", func(p *Part) error {
			return errors.Join(p.Append([]byte("hello")), p.Patch(0, []byte("J")), p.Patch(4, []byte("y")))
		}, "Jelly"},
		{"a/patched-on-disk.wav", func(p *Part) error {
			return errors.Join(p.Append([]byte("hello")), p.Flush(), p.Patch(0, []byte("J")), p.Patch(4, []byte("y")))
		}, "Jelly"},
		{"a/patched-across.wav", func(p *Part) error {
			return errors.Join(p.Append([]byte("hel")), p.Flush(), p.Append([]byte("lo")),
				p.Patch(2, []byte("xy")), p.Patch(3, []byte("z")), p.Patch(2, []byte("pq")))
		}, "hepqo"},
		{"a/patched-twice.wav", func(p *Part) error {
			return errors.Join(p.Append([]byte("hello")), p.Flush(), p.Patch(0, []byte("J")), p.Flush(),
				p.Append([]byte("!")), p.Patch(0, []byte("C")))
		}, "Cello!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := create(t, s, c.name)
			must(t, c.do(p))
			got, err := p.Bytes()
			must(t, err)
			if string(got) != c.want {
				t.Errorf("before Seal: %q, want %q", got, c.want)
			}
			readsAt(t, p, c.want)
			if r := seal(p); r.err != nil || r.Sealed != sealedAs([]byte(c.want)) {
				t.Errorf("Seal gave %+v", r)
			}
			readsAt(t, p, c.want)
			on, err := os.ReadFile(filepath.Join(dir, "audio", c.name))
			must(t, err)
			if string(on) != c.want {
				t.Errorf("on disk: %q, want %q", on, c.want)
			}
			if got, err := p.Bytes(); err != nil || string(got) != c.want {
				t.Errorf("after Seal: %q, %v", got, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "audio", c.name+".part")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the .part is still there: %v", err)
			}
		})
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := openStore(t, dir, Options{})
	p := create(t, s, name)
	must(t, seal(p).err)
	must(t, s.WriteWhole("2026/11/21/019b.json", []byte("{}")))
	want := map[string]fs.FileMode{
		"": 0o700, "audio": 0o700, "audio/2026": 0o700, "audio/2026/11": 0o700, "audio/2026/11/21": 0o700,
		"lock": 0o600, "audio/" + name: 0o600, "audio/2026/11/21/019b.json": 0o600,
	}
	for file, mode := range want {
		info, err := os.Stat(filepath.Join(dir, file))
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", file, info.Mode().Perm(), mode)
		}
	}
}

func TestFlusherWritesBehind(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Millisecond})
	created := make(chan string, 1)
	s.step = func(step, name string) {
		if step == "created" {
			created <- name
		}
	}
	p := create(t, s, name)
	must(t, p.Append([]byte("hello")))
	if got := <-created; got != name {
		t.Fatalf("created %s", got)
	}
	must(t, p.Discard())
	if _, err := os.Lstat(filepath.Join(dir, "audio", name+".part")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Discard: %v", err)
	}
	if p, err := s.Create(name); err != nil {
		t.Errorf("a discarded name cannot be used again: %v", err)
	} else {
		must(t, p.Discard())
	}
}

func TestMuchIsWrittenBeforeTheNextFlush(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{FlushEvery: time.Hour})
	created := make(chan string, 1)
	s.step = func(step, _ string) { created <- step }
	p := create(t, s, name)
	must(t, p.Append(make([]byte, flushAt-1)))
	select {
	case <-created:
		t.Fatal("written although little was there")
	default:
	}
	must(t, p.Append([]byte{1}))
	<-created
}

func TestAppendRefusesWhenTheDiskIsBehind(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{FlushEvery: time.Hour, MaxBuffer: 10})
	p := create(t, s, name)
	must(t, p.Append([]byte("12345678")))
	if err := p.Append([]byte("abc")); !errors.Is(err, ErrOverflow) {
		t.Fatalf("got %v, want ErrOverflow", err)
	}
	must(t, p.Append([]byte("9"))) // what was refused left nothing behind
	must(t, p.Flush())
	must(t, p.Append([]byte("ABC")))
	if r := seal(p); r.err != nil || r.Sealed != sealedAs([]byte("123456789ABC")) {
		t.Errorf("Seal gave %+v", r)
	}
}

func TestEndedPartRefuses(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	sealed, discarded := create(t, s, "sealed"), create(t, s, "discarded")
	must(t, seal(sealed).err)
	must(t, discarded.Discard())
	for _, p := range []*Part{sealed, discarded} {
		for what, err := range map[string]error{
			"Append": p.Append([]byte("x")), "Patch": p.Patch(0, nil), "Flush": p.Flush(),
			"Discard": p.Discard(), "Seal": seal(p).err,
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s of a %s part: %v", what, p.Name(), err)
			}
		}
	}
	if _, err := s.ReadWhole("sealed"); err != nil {
		t.Errorf("a late Discard took the sealed file: %v", err)
	}
}

func TestPatchOfWhatIsNotThere(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	p := create(t, s, name)
	must(t, p.Append([]byte("hello")))
	for _, off := range []int64{-1, 5, 100} {
		if err := p.Patch(off, []byte("x")); err == nil {
			t.Errorf("patch at %d was taken", off)
		}
	}
}

func TestNameIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	must(t, s.WriteWhole("final.opus", nil))
	create(t, s, "open.opus")
	must(t, os.WriteFile(filepath.Join(dir, "audio", "left.opus.part"), nil, 0o600))
	for _, name := range []string{"final.opus", "open.opus", "left.opus"} {
		if _, err := s.Create(name); !errors.Is(err, ErrExists) {
			t.Errorf("Create(%s): %v", name, err)
		}
	}
}

// readsAt reads each stretch of a part.
func readsAt(t *testing.T, p *Part, want string) {
	t.Helper()
	for from := range len(want) + 1 {
		for to := from; to <= len(want)+1; to++ {
			got := make([]byte, to-from)
			n, err := p.ReadAt(got, int64(from))
			if end := to > len(want); string(got[:n]) != want[from:min(to, len(want))] || end != errors.Is(err, io.EOF) || !end && err != nil {
				t.Errorf("%d to %d: %q, %v", from, to, got[:n], err)
			}
		}
	}
}

// Many parts grow, are patched, read and sealed at once while the flusher runs.
func TestConcurrentParts(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{FlushEvery: time.Millisecond})
	var parts sync.WaitGroup
	for n := range 40 {
		parts.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(n)))
			p := create(t, s, fmt.Sprintf("%d/%d.wav", n%5, n))
			var want []byte
			var readers sync.WaitGroup
			defer readers.Wait()
			for range 200 {
				piece := bytes.Repeat([]byte{byte(rnd.Uint32())}, 1+rnd.IntN(3000))
				want = append(want, piece...)
				if err := p.Append(piece); err != nil {
					t.Error(err)
				}
				if rnd.IntN(4) == 0 {
					off := rnd.IntN(len(want))
					patch := bytes.Repeat([]byte{byte(rnd.Uint32())}, 1+rnd.IntN(min(40, len(want)-off)))
					copy(want[off:], patch)
					if err := p.Patch(int64(off), patch); err != nil {
						t.Error(err)
					}
				}
				if rnd.IntN(20) == 0 {
					now := append([]byte{}, want...)
					if got, err := p.Bytes(); err != nil || !bytes.Equal(got, now) {
						t.Errorf("part %d: Bytes differ at %d bytes, %v", n, len(now), err)
					}
					off := rnd.IntN(len(now))
					some := make([]byte, rnd.IntN(len(now)-off+1))
					if _, err := p.ReadAt(some, int64(off)); err != nil || !bytes.Equal(some, now[off:off+len(some)]) {
						t.Errorf("part %d: %d bytes at %d of %d differ, %v", n, len(some), off, len(now), err)
					}
				}
				if rnd.IntN(40) == 0 {
					readers.Go(func() {
						if _, err := p.Bytes(); err != nil {
							t.Errorf("part %d: read beside the writer: %v", n, err)
						}
					})
				}
			}
			if r := seal(p); r.err != nil || r.Sealed != sealedAs(want) {
				t.Errorf("part %d: Seal gave %+v", n, r)
			}
			if got, err := s.ReadWhole(p.Name()); err != nil || !bytes.Equal(got, want) {
				t.Errorf("part %d: the file differs, %v", n, err)
			}
		})
	}
	parts.Wait()
	if left, err := s.Unfinished(); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestCloseKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{FlushEvery: time.Hour})
	must(t, err)
	open, sealing := create(t, s, "a/open.opus"), create(t, s, "a/sealing.opus")
	create(t, s, "a/empty.opus")
	must(t, open.Append([]byte("open")))
	must(t, sealing.Append([]byte("sealing")))
	told := false
	sealing.Seal(func(_ Sealed, err error) { told = err == nil })
	must(t, s.Close())
	if !told {
		t.Error("Close did not wait for the seal")
	}
	must(t, s.Close())
	if _, err := s.Create("late"); !errors.Is(err, ErrClosed) {
		t.Errorf("Create after Close: %v", err)
	}
	if err := open.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}
	if r := seal(open); !errors.Is(r.err, ErrClosed) {
		t.Errorf("Seal after Close: %v", r.err)
	}

	s = openStore(t, dir, Options{})
	left, err := s.Unfinished()
	must(t, err)
	if diff := cmp.Diff([]string{"a/open.opus.part"}, left); diff != "" {
		t.Error(diff)
	}
	if got, err := s.ReadWhole("a/open.opus.part"); err != nil || string(got) != "open" {
		t.Errorf("the open part holds %q, %v", got, err)
	}
	if got, err := s.ReadWhole("a/sealing.opus"); err != nil || string(got) != "sealing" {
		t.Errorf("the sealed part holds %q, %v", got, err)
	}
}

func TestHealthySaysWhyAndHeals(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	p := create(t, s, "day/a.opus")
	must(t, p.Append([]byte("kept")))
	// A file where a folder must be: what a flush meets when a disk misbehaves.
	must(t, os.WriteFile(filepath.Join(dir, "audio", "day"), nil, 0o600))
	s.flushAll()
	if err := s.Healthy(); err == nil || !strings.Contains(err.Error(), "day/a.opus.part") {
		t.Errorf("Healthy: %v", err)
	}
	must(t, os.Remove(filepath.Join(dir, "audio", "day")))
	must(t, p.Append([]byte(" all")))
	s.flushAll()
	must(t, s.Healthy())
	if r := seal(p); r.err != nil || r.Sealed != sealedAs([]byte("kept all")) {
		t.Errorf("Seal gave %+v", r)
	}
}
