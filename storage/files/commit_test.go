package files

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sealAll seals parts at the same time and gives what became of each.
func sealAll(parts []*Part) []sealResult {
	results := make([]sealResult, len(parts))
	var sealing sync.WaitGroup
	for i, p := range parts {
		sealing.Add(1)
		p.Seal(func(s Sealed, err error) {
			defer sealing.Done()
			results[i] = sealResult{s, err}
		})
	}
	sealing.Wait()
	return results
}

func manyParts(t testing.TB, s *Store, n int) []*Part {
	t.Helper()
	var parts []*Part
	for i := range n {
		p, err := s.Create(fmt.Sprintf("2026/11/%02d/%d.opus", 20+i%3, i))
		if err == nil {
			err = p.Append(fmt.Appendf(nil, "part %d", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	return parts
}

// However many are sealed together, the disk is flushed a few times.
func TestSealedTogether(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{FlushEvery: time.Hour})
	parts := manyParts(t, s, 500)
	s.flushAll()
	before, began := s.Flushes(), time.Now()
	for i, r := range sealAll(parts) {
		if want := sealedAs(fmt.Appendf(nil, "part %d", i)); r.err != nil || r.Sealed != want {
			t.Fatalf("part %d: %+v, want %+v", i, r, want)
		}
	}
	took, flushes := time.Since(began), s.Flushes()-before
	// One may go ahead of the others; the rest share one sync of the disk and one
	// of each of three folders.
	if flushes > 10 {
		t.Errorf("500 parts took %d flushes", flushes)
	}
	before = s.Flushes()
	var writing sync.WaitGroup
	for i := range 500 {
		writing.Go(func() {
			if err := s.WriteWhole(fmt.Sprintf("2026/11/21/%d.json", i), []byte("{}")); err != nil {
				t.Error(err)
			}
		})
	}
	writing.Wait()
	if flushes := s.Flushes() - before; flushes > 200 {
		t.Errorf("500 call files took %d flushes", flushes)
	}
	t.Logf("500 parts: %v and %d flushes; 500 call files: %v and %d flushes",
		took, flushes, time.Since(began)-took, s.Flushes()-before)
}

// One that cannot be sealed holds up no other.
func TestOneOfAGroupFails(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	parts := manyParts(t, s, 9)
	s.flushAll()
	// A folder where the final name should be, and a file that is gone.
	must(t, os.MkdirAll(filepath.Join(dir, "audio", parts[3].Name(), "x"), 0o700))
	must(t, os.Remove(filepath.Join(dir, "audio", parts[5].Name()+".part")))
	for i, r := range sealAll(parts) {
		if failed := i == 3 || i == 5; failed != (r.err != nil) {
			t.Errorf("part %d: %+v", i, r)
		}
	}
	if left, err := s.Unfinished(); err != nil || len(left) != 1 || left[0] != parts[3].Name()+".part" {
		t.Errorf("unfinished: %v, %v", left, err)
	}
}

// Where a sync of the disk fails, each file says by itself whether it is safe.
func TestSyncOfAGroupFails(t *testing.T) {
	for _, c := range []struct {
		what, name string
		failed     func(name string) bool
	}{
		{"disk", ".", func(string) bool { return false }},
		{"file", "2026/11/20/3.opus", func(name string) bool { return name == "2026/11/20/3.opus" }},
		{"folder", "2026/11/21", func(name string) bool { return strings.HasPrefix(name, "2026/11/21/") }},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := openStore(t, t.TempDir(), Options{FlushEvery: time.Hour})
			parts := manyParts(t, s, 9)
			s.flushAll()
			s.sync = failing(func(what, name string) error {
				// With the file the disk fails too: it cannot say whose bytes it lost.
				if what == "disk" || what == c.what && name == c.name {
					return errDiskAway
				}
				return nil
			})
			for i, r := range sealAll(parts) {
				if c.failed(parts[i].Name()) != errors.Is(r.err, errDiskAway) {
					t.Errorf("%s: %+v", parts[i].Name(), r)
				}
			}
			left, err := s.Unfinished()
			if want := 0; err != nil || c.what == "file" && len(left) != 1 || c.what != "file" && len(left) != want {
				t.Errorf("unfinished: %v, %v", left, err)
			}
		})
	}
}

// What is written after its sum was begun is in the sum, and a patched file is
// read again, beside others that wait for nothing.
func TestPatchedAmongOthers(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{FlushEvery: time.Hour})
	parts := manyParts(t, s, 20)
	for i, p := range parts {
		if i%2 == 0 {
			must(t, errors.Join(p.Flush(), p.Patch(0, []byte("P"))))
		}
	}
	for i, r := range sealAll(parts) {
		text := fmt.Sprintf("part %d", i)
		if i%2 == 0 {
			text = fmt.Sprintf("Part %d", i)
		}
		if r.err != nil || r.Sealed != sealedAs([]byte(text)) {
			t.Errorf("part %d: %+v", i, r)
		}
	}
}

// A file on another disk below the audio folder is synced by itself.
func TestPartsOnAnotherDisk(t *testing.T) {
	small, ok := smallDisk(t, 1<<20)
	if !ok {
		return
	}
	dir := t.TempDir()
	other := filepath.Join(dir, "audio", "2026", "11", "21")
	must(t, os.MkdirAll(other, 0o700))
	must(t, unix.Mount(small, other, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(other, 0)) })
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	parts := manyParts(t, s, 12)
	var mu sync.Mutex
	synced := map[string]int{}
	s.sync = failing(func(what, name string) error {
		mu.Lock()
		defer mu.Unlock()
		if what == "file" {
			synced[name]++
		}
		return nil
	})
	must(t, s.makeSafe())
	for i, p := range parts {
		want := 0
		if i%3 == 1 {
			want = 1
		}
		mu.Lock()
		if synced[p.Name()] != want {
			t.Errorf("%s was synced %d times, want %d", p.Name(), synced[p.Name()], want)
		}
		mu.Unlock()
	}
	for _, r := range sealAll(parts) {
		must(t, r.err)
	}
	mu.Lock()
	defer mu.Unlock()
	if synced[parts[1].Name()] != 2 {
		t.Error("a sealed file on another disk was not synced")
	}
}

// A call that ends is one of many: 500 calls at work flush the disk for all
// together.
func TestFlushesWith500Parts(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	wrote, whole, dropped := watch(s, "records written"), watch(s, "states synced"), watch(s, "segment dropped")
	j := openJournal(t, s, JournalOptions{})
	parts := manyParts(t, s, 500)
	states := func() {
		j.Begin()
		for i, p := range parts {
			j.Append(1, uint32(i), p.State().Sum)
		}
		j.Begun()
	}
	states()
	<-whole
	s.flushAll()
	const seconds = 10
	before := s.Flushes()
	for range 10 * seconds {
		for i, p := range parts {
			piece := make([]byte, 600)
			j.Append(2, uint32(i), piece)
			must(t, p.Append(piece))
		}
		j.Commit()
		<-wrote // so that no commits share a sync because the disk is slow
	}
	if n := s.Flushes() - before; n > 5*seconds || n < 1 {
		t.Errorf("%d flushes in %d s of journal", n, seconds)
	}
	before = s.Flushes()
	states()
	<-whole
	<-dropped
	must(t, j.Close())
	if n := s.Flushes() - before; n > 6 {
		t.Errorf("a new segment takes %d flushes", n)
	}
	for _, p := range parts {
		must(t, p.Discard())
	}
}

// Groups are killed between the steps of their members.
func TestGroupKilledBetweenSteps(t *testing.T) {
	for _, c := range []struct {
		step   string
		nth    int
		finals int // at least so many have their final names, each whole
	}{
		{"written", 1, 0}, {"written", 10, 0}, {"synced", 1, 0}, {"synced", 20, 0},
		{"renamed", 1, 1}, {"renamed", 10, 10}, {"renamed", 20, 20}, {"folder synced", 1, 1}, {"folder synced", 20, 20},
	} {
		t.Run(fmt.Sprintf("%s %d", c.step, c.nth), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out, err := play(t, "group", dir, "FILES_TEST_STEP="+c.step, fmt.Sprintf("FILES_TEST_NTH=%d", c.nth)).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the other process was not killed: %v %s", err, out)
			}
			s := openStore(t, dir, Options{})
			unfinished, err := s.Unfinished()
			must(t, err)
			finals := 0
			must(t, s.Walk(func(name string, size int64) error {
				data, err := s.ReadWhole(name)
				if name != "first.opus" && !strings.HasSuffix(name, ".part") {
					finals++
					if !strings.HasPrefix(string(data), "part ") || !strings.HasSuffix(string(data), " end") {
						t.Errorf("%s has a final name and holds %q", name, data)
					}
				}
				return err
			}))
			if finals < c.finals || finals+len(unfinished) != 20 {
				t.Errorf("%d finished, %d unfinished", finals, len(unfinished))
			}
			for said := bufio.NewScanner(strings.NewReader(string(out))); said.Scan(); {
				if _, err := s.SealedFile(said.Text()); err != nil {
					t.Errorf("said to be sealed: %v", err)
				}
			}
		})
	}
}

// dieInAGroup seals twenty parts at once and is killed at a step.
func dieInAGroup(dir string) error {
	s, err := Open(dir, Options{FlushEvery: time.Hour})
	if err != nil {
		return err
	}
	die, under := dieAt(), make(chan struct{})
	s.step = func(step, name string) {
		switch {
		case name != "first.opus":
			die(step, name)
		case step == "written": // its round waits until all others are in the next
			close(under)
			for s.commits.count() < 20 {
				runtime.Gosched()
			}
		}
	}
	first, err := s.Create("first.opus")
	if err != nil {
		return err
	}
	var parts []*Part
	for i := range 20 {
		p, err := s.Create(fmt.Sprintf("day%d/%d.opus", i%2, i))
		if err == nil {
			err = errors.Join(p.Append(fmt.Appendf(nil, "part %d", i)), p.Flush(), p.Append([]byte(" end")))
		}
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	for i, p := range append([]*Part{first}, parts...) {
		if i == 1 {
			<-under
		}
		p.Seal(func(_ Sealed, err error) {
			if err == nil {
				fmt.Println(p.Name())
			}
		})
	}
	return s.Close()
}

func (c *committer) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}
