package files

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openJournal(t *testing.T, s *Store, opts JournalOptions) *Journal {
	t.Helper()
	j, err := s.OpenJournal(opts)
	must(t, err)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Errorf("Close of the journal: %v", err)
		}
	})
	return j
}

// failing is a disk that fails a sync where fail gives an error.
func failing(fail func(what, name string) error) func(what, name string, do func() error) error {
	return func(what, name string, do func() error) error {
		if err := fail(what, name); err != nil {
			return err
		}
		return do()
	}
}

// watch tells the store's steps of one kind on a channel.
func watch(s *Store, step string) <-chan string {
	told := make(chan string, 100)
	var before sync.Mutex
	next := s.step
	s.step = func(what, name string) {
		before.Lock()
		defer before.Unlock()
		next(what, name)
		if what == step {
			told <- name
		}
	}
	return told
}

// journalTold is all that Read gives, a line each.
func journalTold(t *testing.T, j *Journal) []string {
	t.Helper()
	told := []string{}
	must(t, j.Read(func(r JournalRecord) error {
		told = append(told, fmt.Sprintf("%d/%d %s", r.Kind, r.Call, r.Payload))
		return nil
	}, func(d JournalDamage) error {
		line := fmt.Sprintf("damage %s", d.File)
		if d.Tail {
			line = "tail " + d.File
		}
		told = append(told, line)
		return nil
	}))
	return told
}

// reread opens a folder as after a crash and gives what its journal tells.
func reread(t *testing.T, dir string) []string {
	t.Helper()
	s, err := Open(dir, Options{})
	must(t, err)
	j, err := s.OpenJournal(JournalOptions{})
	must(t, err)
	told := journalTold(t, j)
	must(t, errors.Join(j.Close(), s.Close()))
	return told
}

func segmentsIn(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	must(t, err)
	found := []string{}
	for _, name := range names {
		found = append(found, filepath.Base(name))
	}
	return found
}

func TestJournalRemembers(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	dropped := watch(s, "segment dropped")
	j := openJournal(t, s, JournalOptions{})
	if !j.Due() {
		t.Error("a journal without a segment asks for none")
	}
	j.Begin()
	j.Append(1, 7, []byte("state "), []byte("of 7"))
	j.Begun()
	if j.Due() {
		t.Error("a fresh segment is to be followed at once")
	}
	j.Append(2, 7, []byte("packet"))
	j.Append(3, 8)
	j.Commit()
	must(t, j.Healthy())
	must(t, j.Close())
	want := []string{"1/7 state of 7", "2/7 packet", "3/8 "}
	if diff := cmp.Diff(want, rereadOpen(t, s)); diff != "" {
		t.Fatal(diff)
	}

	// Those who come after the crash go on in a segment of their own.
	j = openJournal(t, s, JournalOptions{})
	j.Append(9, 9, []byte("lost: before Begin"))
	j.Begin()
	j.Append(1, 8, []byte("state of 8"))
	j.Begun()
	j.Append(2, 8, []byte("more"))
	if got := <-dropped; got != "00000001.journal" {
		t.Errorf("dropped %s", got)
	}
	must(t, j.Close())
	if diff := cmp.Diff([]string{"1/8 state of 8", "2/8 more"}, rereadOpen(t, s)); diff != "" {
		t.Error(diff)
	}

	// With no call open nothing is kept.
	j = openJournal(t, s, JournalOptions{})
	j.Begin()
	j.Begun()
	must(t, j.Close())
	if got := segmentsIn(t, dir); len(got) != 0 {
		t.Errorf("a clean end leaves %v", got)
	}
}

// rereadOpen reads the journal of a store that is open.
func rereadOpen(t *testing.T, s *Store) []string {
	t.Helper()
	j, err := s.OpenJournal(JournalOptions{})
	must(t, err)
	told := journalTold(t, j)
	must(t, j.Close())
	return told
}
