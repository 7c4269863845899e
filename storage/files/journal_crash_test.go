package files

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The kinds of records of a very small recorder.
const (
	tapeState uint8 = iota // of an open part, as JSON
	tapeOpen               // a part with a name
	tapeLine               // appended to the part
	tapeSeal               // the part is complete
)

type tapePart struct {
	Name  string
	State PartState
}

// taper records calls of a few lines each into a journal and into parts.
type taper struct {
	store   *Store
	journal *Journal
	wrote   chan struct{} // the journal's writer did something
	power   bool          // only what is synced counts, which is every second commit
	parts   map[uint32]*Part
	lines   map[uint32]int
	sealed  chan uint32
	next    uint32
}

// tapeUntilKilled records until it dies at FILES_TEST_STEP, when that has come
// FILES_TEST_NTH times, or somebody kills it. After each commit that reached the
// disk it prints how many lines of each call it has.
func tapeUntilKilled(dir string) error {
	s, err := Open(dir, Options{FlushEvery: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	wrote := make(chan struct{}, 1)
	die := dieAt()
	power := os.Getenv("FILES_TEST_POWER") != ""
	if power {
		cut := newPowerCut(dir)
		s.sync, die = cut.sync, cut.before(die)
	}
	s.step = func(step, name string) {
		die(step, name)
		if step == "records written" || step == "states synced" {
			wake(wrote)
		}
	}
	j, err := s.OpenJournal(JournalOptions{})
	if err != nil {
		return err
	}
	t := &taper{
		store: s, journal: j, wrote: wrote, power: power,
		parts: map[uint32]*Part{}, lines: map[uint32]int{}, sealed: make(chan uint32, 1000), next: 1,
	}
	for n := 0; ; n++ {
		if err := t.tick(n); err != nil {
			return err
		}
	}
}

// dieAt is a hook that kills this process when FILES_TEST_STEP has come
// FILES_TEST_NTH times.
func dieAt() func(step, name string) {
	nth, err := strconv.Atoi(os.Getenv("FILES_TEST_NTH"))
	if err != nil {
		panic(err)
	}
	var left atomic.Int64
	left.Store(int64(nth))
	return func(step, _ string) {
		if step == os.Getenv("FILES_TEST_STEP") && left.Add(-1) == 0 {
			err := unix.Kill(os.Getpid(), unix.SIGKILL)
			panic(fmt.Sprint("still alive: ", err))
		}
	}
}

func (t *taper) tick(n int) error {
	if n%5 == 0 { // behind a commit with a sync and behind one without
		t.begin()
	}
	if n%3 == 0 {
		if err := t.open(); err != nil {
			return err
		}
	}
	for call, part := range t.parts {
		if t.lines[call] < 0 {
			continue // being sealed
		}
		text := tapeText(call, t.lines[call])
		t.journal.Append(tapeLine, call, text)
		t.lines[call]++
		if err := part.Append(text); err != nil {
			return err
		}
		if t.lines[call] == 10 {
			t.lines[call] = -1
			t.journal.Append(tapeSeal, call)
			part.Seal(func(_ Sealed, err error) {
				if err == nil { // else it stays open: a test that expects its end fails
					t.sealed <- call
				}
			})
		}
	}
	for len(t.sealed) > 0 {
		call := <-t.sealed
		delete(t.parts, call)
		fmt.Println("sealed", call)
	}
	t.journal.Commit()
	t.await()
	for call := range t.parts {
		if t.lines[call] > 0 && (!t.power || n%2 == 1) {
			fmt.Println("has", call, t.lines[call])
		}
	}
	fmt.Println("tick", n)
	return nil
}

func (t *taper) begin() {
	t.journal.Begin()
	for call, part := range t.parts {
		state, err := json.Marshal(tapePart{part.Name(), part.State()})
		if err != nil {
			panic(err)
		}
		t.journal.Append(tapeState, call, state)
	}
	t.journal.Begun()
}

func (t *taper) open() error {
	call := t.next
	t.next++
	name := tapeName(call)
	t.journal.Append(tapeOpen, call, []byte(name))
	part, err := t.store.Create(name)
	t.parts[call] = part
	return err
}

// await returns when all that was committed has been written.
func (t *taper) await() {
	for {
		t.journal.mu.Lock()
		idle := t.journal.queued+t.journal.states == 0
		t.journal.mu.Unlock()
		if idle {
			return
		}
		<-t.wrote
	}
}

func tapeName(call uint32) string        { return fmt.Sprintf("day%d/%d.opus", call%2, call) }
func tapeText(call uint32, n int) []byte { return fmt.Appendf(nil, "line %d of %d\n", n, call) }

// replay brings the parts of a journal to where the crash was.
func replay(t *testing.T, s *Store, j *Journal) map[uint32]*Part {
	t.Helper()
	parts := map[uint32]*Part{}
	resume := func(call uint32, name string, st PartState) error {
		p, err := s.Resume(name, st)
		parts[call] = p
		if errors.Is(err, ErrExists) {
			return nil // it was complete
		}
		return err
	}
	must(t, j.Read(func(r JournalRecord) error {
		p, known := parts[r.Call]
		switch {
		case r.Kind == tapeState:
			var state tapePart
			if err := json.Unmarshal(r.Payload, &state); err != nil {
				return err
			}
			return resume(r.Call, state.Name, state.State)
		case r.Kind == tapeOpen:
			return resume(r.Call, string(r.Payload), PartState{})
		case !known:
			return fmt.Errorf("a record of call %d, which was never begun", r.Call)
		case p == nil:
			return nil
		case r.Kind == tapeSeal:
			return seal(p).err
		}
		return p.Append(r.Payload)
	}, func(d JournalDamage) error {
		if d.Tail {
			return nil
		}
		return fmt.Errorf("a kill damaged the journal: %+v", d)
	}))
	return parts
}

// checkTape replays what a killed taper left, twice, and compares it with what
// the taper said.
func checkTape(t *testing.T, dir string, said []string) {
	t.Helper()
	for range 2 { // the second time after a crash in the first
		s, err := Open(dir, Options{})
		must(t, err)
		j, err := s.OpenJournal(JournalOptions{})
		must(t, err)
		parts := replay(t, s, j)
		for _, line := range said {
			var call uint32
			lines := 10
			if n, _ := fmt.Sscanf(line, "has %d %d", &call, &lines); n != 2 {
				if n, _ := fmt.Sscanf(line, "sealed %d", &call); n != 1 {
					continue
				}
				if _, err := s.SealedFile(tapeName(call)); err != nil {
					t.Errorf("it said %q: %v", line, err)
				}
			}
			checkLines(t, s, parts[call], call, lines)
		}
		must(t, s.Close())
	}
}

// checkLines says whether a call has so many lines at least, and nothing else.
func checkLines(t *testing.T, s *Store, p *Part, call uint32, atLeast int) {
	t.Helper()
	var data []byte
	var err error
	if p != nil {
		data, err = p.Bytes()
	} else {
		data, err = s.ReadWhole(tapeName(call))
	}
	must(t, err)
	var want []byte
	n := 0
	for ; len(want) < len(data); n++ {
		want = append(want, tapeText(call, n)...)
	}
	if string(data) != string(want) || n < atLeast {
		t.Errorf("call %d has %q, and should have %d lines", call, data, atLeast)
	}
}

func TestJournalKilledAtSteps(t *testing.T) {
	for _, step := range []string{
		"segment created", "records written", "states synced", "created", "files safe", "segment dropped",
		"written", "synced", "renamed", "folder synced",
	} {
		for _, nth := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%s %d", step, nth), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				out, err := play(t, "tape", dir, "FILES_TEST_STEP="+step, fmt.Sprintf("FILES_TEST_NTH=%d", nth)).CombinedOutput()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the other process was not killed: %v %s", err, out)
				}
				checkTape(t, dir, strings.Split(string(out), "\n"))
			})
		}
	}
}

func TestJournalKilledAnywhere(t *testing.T) {
	for round := range 8 {
		t.Run(strconv.Itoa(round), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := play(t, "tape", dir, "FILES_TEST_NTH=-1")
			out, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			said := []string{}
			killAt := fmt.Sprintf("tick %d", 5+rand.IntN(40))
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				said = append(said, lines.Text())
				if lines.Text() == killAt {
					must(t, cmd.Process.Kill())
				}
			}
			if err := cmd.Wait(); err == nil || len(said) == 0 {
				t.Fatalf("the other process ended by itself: %v %q", err, said)
			}
			checkTape(t, dir, said)
		})
	}
}
