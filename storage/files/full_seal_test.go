package files

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSealWaitsForRoom has a disk be full when recordings end: nothing of them is
// given up while there is a journal, and they are complete once there is room.
func TestSealWaitsForRoom(t *testing.T) {
	for _, row := range []struct {
		name  string
		patch bool // the sum is made anew
	}{{name: "plain"}, {name: "patched", patch: true}} {
		t.Run(row.name, func(t *testing.T) {
			dir, ok := smallDisk(t, 256<<10)
			if !ok {
				return
			}
			s := openStore(t, dir, Options{FlushEvery: time.Hour})
			j, err := s.OpenJournal(JournalOptions{})
			must(t, err)
			j.Begin()
			j.Begun()
			j.Commit()
			p := create(t, s, "a/call.opus")
			want := bytes.Repeat([]byte{1}, 20<<10)
			must(t, p.Append(want))
			if row.patch {
				must(t, p.Patch(0, []byte{2}))
				want[0] = 2
			}
			ballast := filepath.Join(dir, "ballast")
			must(t, fill(ballast))
			sealed := make(chan sealResult, 1)
			p.Seal(func(got Sealed, err error) { sealed <- sealResult{got, err} })
			select {
			case r := <-sealed:
				t.Fatalf("Seal gave up: %v", r.err)
			case <-time.After(2 * retryPause):
			}
			must(t, os.Remove(ballast))
			if r := <-sealed; r.err != nil || r.Sealed != sealedAs(want) {
				t.Errorf("once there is room: %+v", r)
			}
			j.Begin() // whole again
			j.Begun()
		})
	}
}

// TestCloseDoesNotWaitForRoom ends a store whose disk stays full.
func TestCloseDoesNotWaitForRoom(t *testing.T) {
	dir, ok := smallDisk(t, 256<<10)
	if !ok {
		return
	}
	s, err := Open(dir, Options{FlushEvery: time.Hour})
	must(t, err)
	j, err := s.OpenJournal(JournalOptions{})
	must(t, err)
	j.Begin()
	j.Begun()
	p := create(t, s, "a/call.opus")
	must(t, p.Append(make([]byte, 20<<10)))
	must(t, fill(filepath.Join(dir, "ballast")))
	sealed := make(chan error, 1)
	p.Seal(func(_ Sealed, err error) { sealed <- err })
	_ = s.Close() // what the journal could not take is its error
	if err := <-sealed; err == nil {
		t.Error("a file that found no room is complete")
	}
}

// fill writes until there is no room.
func fill(name string) error {
	f, err := os.Create(name)
	for err == nil {
		_, err = f.Write(make([]byte, unix.Getpagesize()))
	}
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return f.Close()
}
