package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// troubledJournal is a journal with a clock of its own, whose Close may say what
// went wrong.
func troubledJournal(t *testing.T, s *Store, opts JournalOptions) (*Journal, *clock) {
	t.Helper()
	j, err := s.OpenJournal(opts)
	must(t, err)
	c := &clock{now: time.Now()}
	j.mu.Lock()
	j.now = c.Now
	j.mu.Unlock()
	return j, c
}

func begin(j *Journal, state string) {
	j.Begin()
	j.Append(1, 1, []byte(state))
	j.Begun()
}

func TestDue(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	j, clock := troubledJournal(t, s, JournalOptions{SegmentEvery: time.Minute})
	for _, c := range []struct {
		what string
		do   func()
		want bool
	}{
		{"nothing was begun", func() {}, true},
		{"states are being appended", j.Begin, false},
		{"it was begun", j.Begun, false},
		{"it is not old", func() { clock.pass(time.Minute - 1) }, false},
		{"it is old", func() { clock.pass(1) }, true},
		{"another was begun", func() { begin(j, "") }, false},
		{"a record was too large", func() { j.Append(1, 1, make([]byte, maxPayload+1)) }, false},
		{"and some time went by", func() { clock.pass(retryPause) }, true},
		{"another was begun after that", func() { begin(j, "") }, false},
		{"it is closed", func() { must(t, j.Close()); clock.pass(time.Hour) }, false},
	} {
		if c.do(); j.Due() != c.want {
			t.Errorf("%s: Due says %v", c.what, j.Due())
		}
	}
}

func TestJournalOnAFullDisk(t *testing.T) {
	dir, ok := smallDisk(t, 512<<10)
	if !ok {
		return
	}
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	gaveUp, whole, wrote := watch(s, "segment given up"), watch(s, "states synced"), watch(s, "records written")
	j, clock := troubledJournal(t, s, JournalOptions{})
	begin(j, "first state")
	<-whole
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 300<<10), 0o600))

	appended := 0
	for full := false; !full; appended++ {
		j.Append(2, 1, []byte("before"), make([]byte, 8<<10))
		j.Commit()
		select {
		case <-wrote:
		case <-gaveUp:
			full = true
		}
	}
	if err := j.Healthy(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Healthy on a full disk: %v", err)
	}
	j.Append(2, 1, []byte("lost"))
	j.Commit()
	clock.pass(retryPause)
	if !j.Due() {
		t.Error("a fresh segment is not asked for")
	}
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk has room: %v", err)
	}
	begin(j, "second state") // there is still no room
	if got := <-gaveUp; got != "00000002.journal" {
		t.Errorf("gave up %s", got)
	}
	if err := j.Healthy(); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Healthy on a full disk: %v", err)
	}

	// A crash here finds all that was written, and no damage.
	told := reread(t, copyFolder(t, dir))
	if len(told) != appended || told[0] != "1/1 first state" {
		t.Errorf("a crash on the full disk leaves %d records of %d, %.40q first", len(told), appended, told)
	}

	must(t, os.Remove(ballast))
	clock.pass(retryPause)
	dropped := watch(s, "segment dropped")
	begin(j, "third state")
	<-whole
	must(t, j.Healthy())
	<-dropped
	j.Append(2, 1, []byte("after"))
	must(t, j.Close())
	if diff := cmp.Diff([]string{"1/1 third state", "2/1 after"}, rereadOpen(t, s)); diff != "" {
		t.Error(diff)
	}
}

func copyFolder(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// The journal's folder is mounted read-only and then writable again.
func TestJournalOnAReadOnlyDisk(t *testing.T) {
	small, ok := smallDisk(t, 1<<20)
	if !ok {
		return
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "journal"), 0o700))
	at := filepath.Join(dir, "journal")
	must(t, unix.Mount(small, at, "", unix.MS_BIND, ""))
	t.Cleanup(func() { must(t, unix.Unmount(at, 0)) })
	s := openStore(t, dir, Options{})
	gaveUp, whole := watch(s, "segment given up"), watch(s, "states synced")
	j, clock := troubledJournal(t, s, JournalOptions{})
	must(t, unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	begin(j, "state")
	<-gaveUp
	if err := j.Healthy(); !errors.Is(err, unix.EROFS) {
		t.Errorf("Healthy on a read-only disk: %v", err)
	}
	must(t, unix.Mount("", at, "", unix.MS_BIND|unix.MS_REMOUNT, ""))
	clock.pass(retryPause)
	if !j.Due() {
		t.Error("a fresh segment is not asked for")
	}
	begin(j, "state")
	<-whole
	must(t, j.Healthy())
	must(t, j.Close())
}

// A sync that fails is believed: what it should have made safe counts as lost.
func TestJournalWhoseSyncFails(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{})
	gaveUp, whole := watch(s, "segment given up"), watch(s, "states synced")
	var fails sync.Map
	s.sync = failing(func(what, name string) error {
		if _, fail := fails.Load(name); fail && what == "file" {
			return errDiskAway
		}
		return nil
	})
	j, clock := troubledJournal(t, s, JournalOptions{SyncEvery: 1})
	begin(j, "first")
	<-whole
	fails.Store("00000001.journal", true)
	j.Append(2, 1, []byte("unsafe"))
	j.Commit()
	<-gaveUp
	if err := j.Healthy(); !errors.Is(err, errDiskAway) {
		t.Errorf("Healthy: %v", err)
	}
	for range 3 {
		j.Append(2, 1, []byte("lost"))
	}
	clock.pass(retryPause)
	dropped := watch(s, "segment dropped")
	block := make(chan struct{})
	s.sync = failing(func(what, _ string) error {
		if what == "disk" {
			<-block
		}
		return nil
	})
	begin(j, "second")
	<-whole
	must(t, j.Healthy())
	// Before the first segment goes a crash finds both, and is told of the hole.
	want := []string{"1/1 first", "2/1 unsafe", "damage 00000002.journal"}
	if diff := cmp.Diff(want, reread(t, copyFolder(t, dir))); diff != "" {
		t.Error(diff)
	}
	close(block)
	<-dropped
	must(t, j.Close())
}

// What waits for the disk is bounded. The rest is lost from the journal, and
// that is known.
func TestJournalOverflows(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	whole := watch(s, "states synced")
	block := make(chan struct{})
	blocked := make(chan string, 1)
	s.sync = failing(func(what, name string) error {
		if what == "file" && strings.HasSuffix(name, segmentSuffix) {
			select {
			case blocked <- name:
				<-block
			default:
			}
		}
		return nil
	})
	j, clock := troubledJournal(t, s, JournalOptions{MaxBuffer: 10_000})
	begin(j, "state")
	<-blocked // the disk hangs
	for range 100 {
		j.Append(2, 1, make([]byte, 200))
		j.Commit()
	}
	if err := j.Healthy(); !errors.Is(err, ErrOverflow) {
		t.Errorf("Healthy after an overflow: %v", err)
	}
	j.mu.Lock()
	if j.queued > 10_000 || j.lost < 50 {
		t.Errorf("%d bytes wait, %d records were lost", j.queued, j.lost)
	}
	j.mu.Unlock()
	close(block)
	<-whole
	if err := j.Healthy(); !errors.Is(err, ErrOverflow) {
		t.Errorf("Healthy before a fresh segment: %v", err)
	}
	clock.pass(retryPause)
	if !j.Due() {
		t.Error("a fresh segment is not asked for")
	}
	begin(j, "state")
	<-whole
	must(t, j.Healthy())
	must(t, j.Close())
}

// States are taken however large they are, but those of two segments do not
// pile up.
func TestLargeStates(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	whole := watch(s, "states synced")
	block, blocked := make(chan struct{}), make(chan struct{}, 100)
	j, clock := troubledJournal(t, s, JournalOptions{MaxBuffer: 10_000})
	s.sync = failing(func(what, name string) error { blocked <- struct{}{}; <-block; return nil })
	large := func() {
		j.Begin()
		for call := range uint32(10) {
			j.Append(1, call, make([]byte, 5000))
		}
		j.Begun()
	}
	large()
	<-blocked
	j.Append(2, 1, []byte("packet"))
	j.Commit()
	must(t, j.Healthy())
	large()
	if err := j.Healthy(); !errors.Is(err, ErrOverflow) {
		t.Errorf("two segments' states wait: %v", err)
	}
	close(block)
	<-whole
	clock.pass(retryPause)
	large()
	<-whole
	must(t, j.Healthy())
	must(t, j.Close())
}

// A disk that hangs shows before anything is lost.
func TestJournalThatWaits(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	whole, wrote := watch(s, "states synced"), watch(s, "records written")
	block, blocked := make(chan struct{}), make(chan struct{})
	j, clock := troubledJournal(t, s, JournalOptions{SyncEvery: 1})
	begin(j, "state")
	<-whole
	s.sync = failing(func(what, _ string) error { blocked <- struct{}{}; <-block; return nil })
	j.Append(2, 1, []byte("packet"))
	j.Commit()
	<-blocked
	clock.pass(behindAfter + 1)
	if err := j.Healthy(); !errors.Is(err, ErrOverflow) {
		t.Errorf("Healthy while the disk hangs: %v", err)
	}
	s.sync = nil
	close(block)
	<-wrote
	must(t, j.Healthy())
	must(t, j.Close())
}

// Old segments stay while files cannot be made safe.
func TestSegmentsStayWhileFilesAreNotSafe(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Options{FlushEvery: time.Hour})
	whole := watch(s, "states synced")
	j, _ := troubledJournal(t, s, JournalOptions{})
	begin(j, "first")
	<-whole
	p := create(t, s, "day/a.opus")
	must(t, p.Append([]byte("hello")))
	must(t, os.WriteFile(filepath.Join(dir, "audio", "day"), nil, 0o600))
	begin(j, "second")
	<-whole
	if err := j.Close(); err == nil || !strings.Contains(err.Error(), "day/a.opus") {
		t.Errorf("Close: %v", err)
	}
	if diff := cmp.Diff([]string{"00000001.journal", "00000002.journal"}, segmentsIn(t, dir)); diff != "" {
		t.Error(diff)
	}
	must(t, os.Remove(filepath.Join(dir, "audio", "day")))
}

func TestOneJournalAtATime(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	j := openJournal(t, s, JournalOptions{})
	if _, err := s.OpenJournal(JournalOptions{}); !errors.Is(err, ErrJournalOpen) {
		t.Errorf("a second journal: %v", err)
	}
	must(t, j.Close())
	j = openJournal(t, s, JournalOptions{})
	begin(j, "state")
	must(t, s.Close()) // closes the journal first
	j.Append(1, 1)
	j.Begin()
	j.Commit()
	if _, err := s.OpenJournal(JournalOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a journal of a closed store: %v", err)
	}
}
