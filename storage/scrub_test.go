package storage_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
)

// scrubbed is an attacked house with a scrub.
type scrubbed struct {
	*attacked
	problems *storage.Problems
	scrub    *storage.Scrub
	options  storage.ScrubOptions
}

func scrub(t *testing.T, change func(*storage.ScrubOptions)) *scrubbed {
	t.Helper()
	s := &scrubbed{attacked: attack(t)}
	clock := func() time.Time { return s.now }
	s.problems = storage.NewProblems(storage.ProblemOptions{Index: s.index, Files: s.files, Dir: s.dir, Alarms: &s.alarms, Now: clock})
	s.options = storage.ScrubOptions{
		Files: s.files, Ledger: s.ledger, Index: s.index, Problems: s.problems, At: earshot.DayTime{Hour: 4}, Location: time.UTC,
		Share: 0.05, Now: clock, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&s.options)
	}
	s.scrub = storage.NewScrub(s.options)
	return s
}

// run runs a whole check to its end.
func (s *scrubbed) run(t *testing.T) earshot.ScrubState {
	t.Helper()
	must(t, s.scrub.Start(t.Context()))
	return s.finish(t)
}

// finish runs what is under way to its end.
func (s *scrubbed) finish(t *testing.T) earshot.ScrubState {
	t.Helper()
	must(t, s.scrub.LookOnce(t.Context(), s.now))
	state, err := s.scrub.State(t.Context())
	must(t, err)
	if state.State != "idle" {
		t.Fatalf("still %+v", state)
	}
	return state
}

func (s *scrubbed) open(t *testing.T) []earshot.IntegrityProblem {
	t.Helper()
	open, _, _, err := s.problems.List(t.Context(), 100)
	must(t, err)
	return open
}

func codesOf(problems []earshot.IntegrityProblem) []storage.FindingCode {
	var all []storage.FindingCode
	for _, p := range problems {
		all = append(all, storage.FindingCode(p.Code))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *scrubbed) alarmed() string {
	for _, a := range s.alarms.List() {
		if a.Code == earshot.AlarmDamage {
			return a.Detail
		}
	}
	return ""
}

func TestScrubHolds(t *testing.T) {
	s := scrub(t, nil)
	before, err := s.scrub.State(t.Context())
	must(t, err)
	if before.State != "idle" || !before.At.IsZero() {
		t.Errorf("before the first: %+v", before)
	}
	state := s.run(t)
	if state.Checked != 3 || state.Bytes == 0 || state.Bytes != state.Total || !state.At.Equal(s.now) || state.Share != 0.05 {
		t.Errorf("%+v", state)
	}
	same(t, "problems", s.open(t), []earshot.IntegrityProblem{})
	if s.alarmed() != "" {
		t.Errorf("alarm %q", s.alarmed())
	}
}

func TestScrubFinds(t *testing.T) {
	other := func(n int) func(*scrubbed) string { return func(s *scrubbed) string { return s.calls[n].ID } }
	none := func(*scrubbed) string { return "" }
	for _, row := range []struct {
		name string
		do   func(t *testing.T, s *scrubbed)
		want []storage.FindingCode
		call func(*scrubbed) string
	}{
		{"a byte of audio", func(t *testing.T, s *scrubbed) {
			s.rewrite(t, s.path(s.calls[1].Parts[0].File), "second", "sekond")
		}, []storage.FindingCode{storage.FindingAltered}, other(1)},
		{"audio swapped for another call's", func(t *testing.T, s *scrubbed) {
			audio, err := os.ReadFile(s.path(s.calls[0].Parts[0].File))
			must(t, err)
			must(t, os.WriteFile(s.path(s.calls[1].Parts[0].File), audio, 0o600))
		}, []storage.FindingCode{storage.FindingSwapped}, other(1)},
		{"audio removed", func(t *testing.T, s *scrubbed) {
			must(t, os.Remove(s.path(s.calls[2].Parts[0].File)))
		}, []storage.FindingCode{storage.FindingMissing}, other(2)},
		{"audio added", func(t *testing.T, s *scrubbed) {
			must(t, os.WriteFile(s.path(earshot.PartFile(s.calls[2].ID, 9, earshot.Opus)), []byte("false"), 0o600))
		}, []storage.FindingCode{storage.FindingUnknownFile}, other(2)},
		{"a call's file changed", func(t *testing.T, s *scrubbed) {
			s.rewrite(t, s.path(earshot.CallFile(s.calls[0].ID)), `"seat": "seat-1"`, `"seat": "seat-9"`)
		}, []storage.FindingCode{storage.FindingRowChanged}, other(0)},
		{"a call's file removed", func(t *testing.T, s *scrubbed) {
			must(t, os.Remove(s.path(earshot.CallFile(s.calls[0].ID))))
		}, []storage.FindingCode{storage.FindingNoCallFile}, other(0)},
		{"a row changed", func(t *testing.T, s *scrubbed) {
			s.sql(t, "UPDATE calls SET number = '12345' WHERE id = '"+s.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingRowChanged}, other(1)},
		{"a call's rows removed", func(t *testing.T, s *scrubbed) {
			s.sql(t, "DELETE FROM parts WHERE call = '"+s.calls[1].ID+"'", "DELETE FROM calls WHERE id = '"+s.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingRowMissing}, other(1)},
		{"a call removed everywhere", func(t *testing.T, s *scrubbed) {
			id := s.calls[1].ID
			s.sql(t, "DELETE FROM parts WHERE call = '"+id+"'", "DELETE FROM calls WHERE id = '"+id+"'")
			must(t, os.Remove(s.path(earshot.CallFile(id))))
			must(t, os.Remove(s.path(s.calls[1].Parts[0].File)))
		}, []storage.FindingCode{storage.FindingMissing}, other(1)},
		{"a call said to be deleted", func(t *testing.T, s *scrubbed) {
			s.sql(t, "UPDATE calls SET state = 'deleted' WHERE id = '"+s.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingDeleted}, other(1)},
		{"a hold removed", func(t *testing.T, s *scrubbed) {
			s.sql(t, "DELETE FROM holds")
		}, []storage.FindingCode{storage.FindingHold}, other(0)},
		{"audio exchanged, with its hash", func(t *testing.T, s *scrubbed) {
			id, sum := s.calls[1].ID, strings.Repeat("ab", 32)
			s.sql(t, "UPDATE parts SET sha256 = '"+sum+"' WHERE call = '"+id+"'")
			s.rewrite(t, s.path(earshot.CallFile(id)), s.calls[1].Parts[0].SHA256, sum)
			must(t, os.WriteFile(s.path(s.calls[1].Parts[0].File), []byte("a new conversation"), 0o600))
		}, []storage.FindingCode{storage.FindingAltered, storage.FindingFactsChanged}, other(1)},
		{"a part said to be another's record", func(t *testing.T, s *scrubbed) {
			s.sql(t, "UPDATE parts SET entry = 0 WHERE call = '"+s.calls[1].ID+"'")
		}, []storage.FindingCode{storage.FindingFactsChanged, storage.FindingUnrecorded}, other(1)},
		{"a record of the ledger changed", func(t *testing.T, s *scrubbed) {
			s.rewrite(t, filepath.Join(s.dir, "ledger", "heads"), "earshot/", "earsh0t/")
		}, []storage.FindingCode{storage.FindingLedger}, none},
		{"a file was set aside", func(t *testing.T, s *scrubbed) {
			must(t, os.WriteFile(s.path(s.calls[1].Parts[0].File+".damaged"), []byte("x"), 0o600))
		}, []storage.FindingCode{storage.FindingSetAside}, other(1)},
		{"a segment of the journal was set aside", func(t *testing.T, s *scrubbed) {
			must(t, os.MkdirAll(filepath.Join(s.dir, "journal"), 0o700))
			must(t, os.WriteFile(filepath.Join(s.dir, "journal", "7.journal.damaged"), []byte("x"), 0o600))
		}, []storage.FindingCode{storage.FindingSetAside}, none},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := scrub(t, nil)
			row.do(t, s)
			s.run(t)
			found := s.open(t)
			if got := codesOf(found); !slices.Equal(got, row.want) {
				t.Fatalf("found %v, want %v\n%+v", got, row.want, found)
			}
			for _, p := range found {
				if p.Text == "" || p.Call != row.call(s) {
					t.Errorf("%+v does not name its call", p)
				}
			}
			if !strings.Contains(s.alarmed(), " open; the newest: "+found[0].Code) {
				t.Errorf("the alarm says %q", s.alarmed())
			}
			n := len(found)
			s.run(t)
			if again := s.open(t); len(again) != n {
				t.Errorf("found twice: %+v", again)
			}
		})
	}
}

// A record that is changed under the running server's eyes.
func TestScrubFindsChangedRecord(t *testing.T) {
	s := scrub(t, nil)
	s.rewrite(t, filepath.Join(s.dir, "ledger", "entries"), "seat-1", "seat-2")
	s.run(t)
	if got := codesOf(s.open(t)); !slices.Contains(got, storage.FindingLedger) {
		t.Errorf("found %v", got)
	}
}

// What is new in the ledger is looked at every night; the first records again only
// when the run is whole, and by the tree's hash.
func TestScrubRemembersTheLedger(t *testing.T) {
	s := scrub(t, nil)
	s.run(t)
	note, err := s.index.Scrub(t.Context())
	must(t, err)
	if note.Ledger != s.ledger.Size() || note.Root == "" || note.WholeAt.IsZero() {
		t.Fatalf("%+v", note)
	}
	note.Root = strings.Repeat("ab", 32) // of a ledger that was written anew since
	must(t, s.index.SaveScrub(t.Context(), note))
	s.run(t)
	found := s.open(t)
	if len(found) != 1 || found[0].Code != string(storage.FindingLedger) || !strings.Contains(found[0].Text, "last check") {
		t.Errorf("%+v", found)
	}
}

func TestProblemResolvedAndFoundAgain(t *testing.T) {
	s := scrub(t, nil)
	s.rewrite(t, s.path(s.calls[1].Parts[0].File), "second", "sekond")
	s.run(t)
	first := s.open(t)[0]
	s.alarms.From("notary").Raise(earshot.AlarmDamage, earshot.Critical, s.now, "met by the notary")
	_, err := s.problems.Resolve(t.Context(), first.ID, "eve", "  ")
	wantCode(t, err, "bad_reason")
	_, err = s.problems.Resolve(t.Context(), first.ID, "eve", "从备份恢复")
	must(t, err)
	if s.alarmed() != "" {
		t.Errorf("all is resolved, the alarm says %q", s.alarmed())
	}
	s.now = s.now.Add(time.Minute)
	s.run(t)
	again := s.open(t)
	if len(again) != 1 || again[0].ID == first.ID || s.alarmed() == "" {
		t.Errorf("found again: %+v, alarm %q", again, s.alarmed())
	}
	// It is really mended now.
	s.rewrite(t, s.path(s.calls[1].Parts[0].File), "sekond", "second")
	s.now = s.now.Add(time.Minute)
	_, err = s.problems.Resolve(t.Context(), again[0].ID, "eve", "mended")
	must(t, err)
	s.run(t)
	same(t, "after it was mended", s.open(t), []earshot.IntegrityProblem{})
	_, _, resolved, err := s.problems.List(t.Context(), 10)
	must(t, err)
	if len(resolved) != 2 || resolved[0].ID != again[0].ID {
		t.Errorf("resolved: %+v", resolved)
	}
}

// A file that was set aside lies there until it is taken away: resolved, it is no
// new problem every week.
func TestSetAsideIsFoundOnce(t *testing.T) {
	s := scrub(t, nil)
	name := s.calls[1].Parts[0].File + ".damaged"
	must(t, os.WriteFile(s.path(name), []byte("x"), 0o600))
	s.run(t)
	_, err := s.problems.Resolve(t.Context(), s.open(t)[0].ID, "eve", "nothing to be saved")
	must(t, err)
	s.run(t)
	same(t, "open", s.open(t), []earshot.IntegrityProblem{})
	damaged, err := s.problems.Damaged(t.Context())
	must(t, err)
	if len(damaged) != 1 || damaged[0].File != name {
		t.Errorf("damaged: %+v", damaged)
	}
	must(t, os.Remove(s.path(name)))
	damaged, err = s.problems.Damaged(t.Context())
	must(t, err)
	same(t, "damaged", damaged, []earshot.DamagedFile{})
}

// cutFiles end a run after some files.
type cutFiles struct {
	storage.ReadFiles
	left atomic.Int64
	read []string
	cut  context.CancelFunc
}

func (f *cutFiles) Open(name string) (file io.ReadSeekCloser, size int64, err error) {
	if strings.HasSuffix(name, ".opus") {
		if f.left.Add(-1) < 0 {
			f.cut()
			return nil, 0, context.Canceled
		}
	}
	file, size, err = f.ReadFiles.Open(name)
	if err == nil && strings.HasSuffix(name, ".opus") {
		f.read = append(f.read, name)
	}
	return file, size, err
}

func TestScrubGoesOnAfterARestart(t *testing.T) {
	s := scrub(t, nil)
	s.rewrite(t, s.path(s.calls[2].Parts[0].File), "third", "thyrd")
	ctx, cut := context.WithCancel(t.Context())
	read := &cutFiles{ReadFiles: s.files, cut: cut}
	read.left.Store(2)
	s.options.Files = read
	s.scrub = storage.NewScrub(s.options)
	must(t, s.scrub.Start(t.Context()))
	if err := s.scrub.LookOnce(ctx, s.now); err == nil {
		t.Fatal("it was not cut off")
	}
	same(t, "what was cut off is no problem", s.open(t), []earshot.IntegrityProblem{})
	_, err := s.index.Scrub(t.Context())
	must(t, err)

	s.scrub = storage.NewScrub(s.options) // the server starts again
	state, err := s.scrub.State(t.Context())
	must(t, err)
	if state.State != "running" {
		t.Fatalf("%+v", state)
	}
	wantCode(t, s.scrub.Start(t.Context()), "running")
	read.read = nil
	read.left.Store(100)
	state = s.finish(t)
	if state.Checked != 3 {
		t.Errorf("%+v", state)
	}
	if !slices.Equal(read.read, []string{s.calls[2].Parts[0].File}) {
		t.Errorf("read again: %v", read.read)
	}
	if got := codesOf(s.open(t)); !slices.Equal(got, []storage.FindingCode{storage.FindingAltered}) {
		t.Errorf("found %v", got)
	}
}

// Night after night it reads its share, in turn, and everything before it reads
// anything again.
func TestScrubReadsAShareANight(t *testing.T) {
	s := scrub(t, func(o *storage.ScrubOptions) { o.Least, o.Share = 1, 0.01 })
	read := &cutFiles{ReadFiles: s.files, cut: func() {}}
	read.left.Store(1000)
	s.options.Files = read
	s.scrub = storage.NewScrub(s.options)
	since := s.now
	must(t, s.scrub.LookOnce(t.Context(), since))
	same(t, "before it is time", len(read.read), 0)
	for night := range 7 {
		s.now = s.now.Add(24 * time.Hour)
		must(t, s.scrub.LookOnce(t.Context(), since))
		same(t, "read in the night", len(read.read), night+1)
		must(t, s.scrub.LookOnce(t.Context(), since)) // once a night
	}
	for i, name := range read.read {
		same(t, "the night's file", name, s.calls[i%3].Parts[0].File)
	}
	same(t, "problems", s.open(t), []earshot.IntegrityProblem{})
}

// What is live, deleted or being stored is no problem.
func TestScrubLeavesAlone(t *testing.T) {
	s := scrub(t, nil)
	fresh := s.call(t, 4*time.Hour, "just ended")
	live := stored()
	live.ID, live.State, live.EndedAt = earshot.NewID(s.now), earshot.CallLive, earshot.Time{}
	must(t, s.SaveCall(t.Context(), live))
	must(t, os.WriteFile(s.path(earshot.PartFile(live.ID, 1, earshot.Opus)), []byte("half"), 0o600))
	s.now = fresh.EndedAt.Add(time.Second)
	s.run(t)
	same(t, "problems", s.open(t), []earshot.IntegrityProblem{})
}

func TestScrubWithoutLedger(t *testing.T) {
	s := scrub(t, func(o *storage.ScrubOptions) { o.Ledger = nil })
	s.rewrite(t, s.path(s.calls[1].Parts[0].File), "second", "sekond")
	s.run(t)
	want := []storage.FindingCode{storage.FindingAltered, storage.FindingLedger}
	if got := codesOf(s.open(t)); !slices.Equal(got, want) {
		t.Errorf("found %v", got)
	}
}

// Recording comes first: while the disk is wanted nothing is read.
func TestScrubWaitsForTheDisk(t *testing.T) {
	var asked atomic.Int64
	ctx, cut := context.WithCancel(t.Context())
	s := scrub(t, func(o *storage.ScrubOptions) {
		o.Busy = func() bool { asked.Add(1); cut(); return true }
	})
	must(t, s.scrub.Start(t.Context()))
	if err := s.scrub.LookOnce(ctx, s.now); !errors.Is(err, context.Canceled) || asked.Load() == 0 {
		t.Errorf("%v after %d times", err, asked.Load())
	}
	state, err := s.scrub.State(t.Context())
	must(t, err)
	if state.Checked != 0 || state.State != "running" {
		t.Errorf("%+v", state)
	}
}

func TestScrubRuns(t *testing.T) {
	s := scrub(t, nil)
	s.rewrite(t, s.path(s.calls[1].Parts[0].File), "second", "sekond")
	raised := make(chan struct{}, 1)
	defer s.alarms.OnChange(func() {
		select {
		case raised <- struct{}{}:
		default:
		}
	})()
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.scrub.Run(ctx) }()
	must(t, s.scrub.Start(t.Context()))
	<-raised
	end()
	<-ended
	same(t, "found", len(s.open(t)), 1)
}

// What recovery and the notary find is kept, too.
func TestFoundHookKeepsProblems(t *testing.T) {
	s := scrub(t, nil)
	s.opts.Found = s.problems.Found
	s.restart()
	c := s.call(t, 5*time.Hour, "altered before it was recorded")
	s.rewrite(t, s.path(c.Parts[0].File), "before", "bef0re")
	must(t, s.NotariseOnce(t.Context()))
	found := s.open(t)
	if len(found) != 1 || found[0].Call != c.ID || found[0].Code != string(storage.FindingAltered) {
		t.Fatalf("%+v", found)
	}
}
