package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/recorder"
	"earshot/storage/files"
)

// disk is a hall whose files and journal are real.
type diskHall struct {
	*hall
	dir     string
	store   *files.Store
	journal *files.Journal
	alarms  *earshot.Alarms
	back    *Replayed
}

// openDisk opens a floor on the folder, as a node that starts does.
func openDisk(t *testing.T, dir string, at time.Time, change ...func(*Options)) *diskHall {
	t.Helper()
	n := &news{}
	d := &diskHall{dir: dir, alarms: new(earshot.Alarms)}
	var err error
	if d.store, err = files.Open(dir, files.Options{}); err != nil {
		t.Fatal(err)
	}
	if d.journal, err = d.store.OpenJournal(files.JournalOptions{SegmentEvery: time.Hour}); err != nil {
		t.Fatal(err)
	}
	d.hall = &hall{
		t: t, news: n, clock: &fakeClock{at: at}, files: &fakeFiles{news: n, whole: map[string][]byte{}, parts: map[string]*fakeFile{}},
		board: &fakeBoard{news: n, seats: map[string]earshot.LiveSeat{}, nodes: map[string]earshot.LiveNode{}},
	}
	d.shelf = &fakeShelf{news: n, files: d.files, agents: map[string]earshot.Agent{}, calls: map[string]earshot.Call{}, seats: []earshot.Seat{
		{ID: "s1", Branch: "east", Kind: earshot.Counter, Cut: earshot.CutSession},
	}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	d.back, err = Replay(t.Context(), ReplayOptions{
		Node: "n1", Journal: DiskJournal(d.journal), Files: Disk(d.store), Shelf: diskShelf{d.shelf, Disk(d.store)},
		Alarms: d.alarms, Log: log, Now: d.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.open(append([]func(*Options){func(o *Options) {
		o.newRecording, o.Files, o.Shelf = nil, Disk(d.store), diskShelf{d.shelf, Disk(d.store)}
		o.Journal, o.Replayed, o.Alarms = DiskJournal(d.journal), d.back, d.alarms
	}}, change...)...)
	t.Cleanup(func() { d.shut() })
	return d
}

// diskShelf writes the files of calls to the real disk.
type diskShelf struct {
	*fakeShelf
	to Files
}

func (s diskShelf) SaveCall(ctx context.Context, call earshot.Call) error {
	if err := s.fakeShelf.SaveCall(ctx, call); err != nil {
		return err
	}
	return writeCall(s.to, call)
}

// shut closes everything in order, once.
func (d *diskHall) shut() {
	if d.closed {
		return
	}
	d.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), waitFor)
	defer cancel()
	stop := d.ticking()
	err := d.floor.Close(ctx)
	stop()
	if err = errors.Join(err, d.journal.Close(), d.store.Close()); err != nil {
		d.t.Errorf("close: %v", err)
	}
}

// ticking has the floor tick, though no time passes, until it is stopped: files
// are completed behind the journal.
func (d *diskHall) ticking() (stop func()) {
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				d.floor.Tick(d.clock.now())
			}
		}
	})
	return func() { close(ended); wg.Wait() }
}

// crashed is a copy of the folder as a kill would leave it now.
func (d *diskHall) crashed(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	// What is not yet with the kernel is lost; the last tick's is there soon.
	for mark := d.journal.Mark(); !d.journal.Safe(mark); {
		d.journal.Commit()
	}
	err := filepath.WalkDir(d.dir, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it had a temporary name
			return nil
		}
		if err != nil {
			return err
		}
		there := filepath.Join(to, strings.TrimPrefix(name, d.dir))
		if entry.IsDir() {
			return os.MkdirAll(there, 0o700)
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) || entry.Name() == "lock" {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(there, data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestOrderlyCloseLeavesNothingToReplay(t *testing.T) {
	dir := t.TempDir()
	d := openDisk(t, dir, dawn)
	d.device("s1", agentTrack, customerTrack)
	d.run(3 * time.Second)
	d.shut()
	left, err := filepath.Glob(filepath.Join(dir, "journal", "*.journal"))
	if err != nil || len(left) > 0 {
		t.Errorf("segments are left: %v, %v", left, err)
	}
	again := openDisk(t, dir, dawn.Add(time.Minute))
	if calls := again.back.Calls(); len(calls) > 0 {
		t.Errorf("after an orderly end %d calls were replayed", len(calls))
	}
}

func TestCrashedCallGoesOnWithWhatPeopleSaidOfIt(t *testing.T) {
	d := openDisk(t, t.TempDir(), dawn)
	dev := d.device("s1", agentTrack, customerTrack)
	dev.talk(25, 60)
	d.run(5 * time.Second)
	id := d.openCall("s1")
	sent := dev.tracks[0].sent
	again := openDisk(t, d.crashed(t), d.clock.now().Add(20*time.Second))
	back := again.back.Calls()
	if len(back) != 1 || back[0].ID != id || back[0].State != earshot.CallStored || !back[0].Flagged(earshot.FlagInterrupted) {
		t.Fatalf("replayed: %+v", back)
	}
	if want := d.clock.now(); want.Sub(back[0].EndedAt.Time) > 100*time.Millisecond {
		t.Errorf("the call ended at %s, the crash came at %s", back[0].EndedAt, want)
	}
	if ms := back[0].Parts[0].DurationMs; ms < int64(sent-1)*20 {
		t.Errorf("%d ms of audio of %d packets", ms, sent)
	}
	stored := back[0].Clone() // somebody notes something while it lies on the shelf
	stored.Marks = append(stored.Marks, earshot.Mark{ID: "note", Kind: earshot.MarkNote, Text: "听这里"})
	stored.Ticket = "T-1"
	if err := (diskShelf{again.shelf, Disk(again.store)}).SaveCall(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	again.device("s1", agentTrack, customerTrack)
	again.run(3 * time.Second)
	if now := again.openCall("s1"); now != id {
		t.Fatalf("the seat came back, and began call %s", now)
	}
	again.news.until(t, "the call is live again", func() bool { return again.shelf.call(id).State == earshot.CallLive })
	live, _ := again.floor.LiveCall(id)
	if live.Ticket != "T-1" || len(live.Marks) != 1 || live.Marks[0].Text != "听这里" {
		t.Errorf("ticket %q, marks %+v", live.Ticket, live.Marks)
	}
	if gap, ok := gapOf(live, earshot.SideAgent, earshot.CauseRecorderDown); !ok || gap.EndMs-gap.StartMs < 19_000 {
		t.Errorf("gaps %+v do not tell of the outage", live.Gaps)
	}
	levels, err := again.floor.LiveLevels(id)
	if err != nil || len(levels.Agent) < 250 || levels.Agent[20] != 25 || levels.Customer[20] != 60 {
		t.Errorf("the levels of before: %v, %d steps", err, len(levels.Agent))
	}
}

// TestReplayGoesOnWithoutTheIndex has the index away while calls are brought
// back: they have their files, and enter it later.
func TestReplayGoesOnWithoutTheIndex(t *testing.T) {
	d := openDisk(t, t.TempDir(), dawn)
	d.device("s1", agentTrack, customerTrack)
	d.run(2 * time.Second)
	id := d.openCall("s1")
	store, err := files.Open(d.crashed(t), files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // only read
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.shelf.change(func() { d.shelf.away = true })
	back, err := Replay(t.Context(), ReplayOptions{
		Node: "n1", Journal: DiskJournal(journal), Files: Disk(store), Shelf: d.shelf, Log: slog.New(slog.DiscardHandler),
	})
	d.shelf.change(func() { d.shelf.away = false })
	if err != nil || len(back.calls) != 1 || back.calls[0].indexed {
		t.Fatalf("replay: %v, %+v", err, back)
	}
	if call, err := readCall(Disk(store), id); err != nil || call.State != earshot.CallStored {
		t.Errorf("the call's file: %v, %s", err, call.State)
	}
}

// misread is a journal that cannot be read as it is.
type misread struct {
	Journal
	change func(nth int, r *recorder.Record) error // of each record, from the first of the first reading on
	nth    int
}

func (j *misread) Read(each func(recorder.Record) error, damaged func(recorder.Damage) error) error {
	return j.Journal.Read(func(r recorder.Record) error {
		j.nth++
		if err := j.change(j.nth, &r); err != nil {
			return err
		}
		return each(r)
	}, damaged)
}

// fullFiles is a disk that takes no file to its end.
type fullFiles struct{ Files }

func (f fullFiles) Create(name string) (recorder.File, error) {
	file, err := f.Files.Create(name)
	return fullFile{file}, err
}

func (f fullFiles) Resume(name string, state recorder.FileState) (recorder.File, error) {
	file, err := f.Files.Resume(name, state)
	return fullFile{file}, err
}

type fullFile struct{ recorder.File }

func (f fullFile) Seal(done func(recorder.Sealed, error)) {
	go done(recorder.Sealed{}, errors.New("no space left on device"))
}

// TestWhatTheDiskDoesNotTakeIsKept replays on a disk without room: the journal has
// the words that no file has, and stays.
func TestWhatTheDiskDoesNotTakeIsKept(t *testing.T) {
	d := openDisk(t, t.TempDir(), dawn)
	d.device("s1", agentTrack, customerTrack)
	d.run(4 * time.Second)
	id := d.openCall("s1")
	dir := d.crashed(t)
	store, err := files.Open(dir, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // nothing is written at the end
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = journal.Close() }()
	alarms := new(earshot.Alarms)
	back, err := Replay(t.Context(), ReplayOptions{
		Node: "n1", Journal: DiskJournal(journal), Files: fullFiles{Disk(store)},
		Shelf: d.shelf, Alarms: alarms, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil || len(back.Calls()) != 1 || back.Calls()[0].ID != id {
		t.Fatalf("%v, %+v", err, back.Calls())
	}
	if list := alarms.List(); len(list) != 1 || list[0].Code != earshot.AlarmDamage || list[0].Severity != earshot.Critical {
		t.Errorf("alarms %+v", list)
	}
	if kept, err := filepath.Glob(filepath.Join(dir, "journal", "*.damaged")); err != nil || len(kept) == 0 {
		t.Errorf("kept: %v, %v", kept, err)
	}
}

// TestWhatCannotBeReplayedIsKept has a journal of which no calls, or half of one,
// can be made: its segments are there for people when newer ones have replaced
// them, and the node says so.
func TestWhatCannotBeReplayedIsKept(t *testing.T) {
	d := openDisk(t, t.TempDir(), dawn)
	d.device("s1", agentTrack, customerTrack)
	d.run(4 * time.Second)
	id := d.openCall("s1")
	records := 0
	if err := readJournal(t, d.crashed(t), func() { records++ }); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("input/output error")
	rows := []struct {
		name   string
		change func(nth int, r *recorder.Record) error
		fails  bool
		least  int64 // ms of the call; -1 where nothing can be made of it
	}{
		{"it cannot be read at all", func(int, *recorder.Record) error { return broken }, true, -1},
		{"half of it can be read", func(nth int, _ *recorder.Record) error {
			if nth > records+records/2 {
				return broken
			}
			return nil
		}, true, 1500},
		{"its states are of another kind", func(_ int, r *recorder.Record) error {
			if r.Kind == 1 || r.Kind == 2 {
				r.Payload = bytes.Repeat([]byte{0xA5}, len(r.Payload))
			}
			return nil
		}, false, -1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := d.crashed(t)
			before, err := filepath.Glob(filepath.Join(dir, "journal", "*.journal"))
			if err != nil || len(before) == 0 {
				t.Fatalf("segments: %v, %v", before, err)
			}
			store, err := files.Open(dir, files.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = store.Close() }() // nothing is written at the end
			journal, err := store.OpenJournal(files.JournalOptions{})
			if err != nil {
				t.Fatal(err)
			}
			alarms := new(earshot.Alarms)
			back, err := Replay(t.Context(), ReplayOptions{
				Node: "n1", Journal: &misread{Journal: DiskJournal(journal), change: row.change}, Files: Disk(store),
				Shelf: d.shelf, Alarms: alarms, Log: slog.New(slog.DiscardHandler),
			})
			if errors.Is(err, broken) != row.fails {
				t.Errorf("replay: %v", err)
			}
			calls := back.Calls()
			if row.least < 0 && len(calls) > 0 {
				t.Errorf("replayed: %+v", calls)
			}
			if row.least >= 0 && (len(calls) != 1 || calls[0].ID != id || calls[0].DurationMs < row.least ||
				!calls[0].Flagged(earshot.FlagDamaged) || !calls[0].Flagged(earshot.FlagInterrupted)) {
				t.Errorf("replayed: %+v", calls)
			}
			if list := alarms.List(); len(list) != 1 || list[0].Code != earshot.AlarmDamage || list[0].Severity != earshot.Critical {
				t.Errorf("alarms %+v", list)
			}
			journal.Begin() // as a floor does that opens: the old segments go
			journal.Begun()
			if err := journal.Close(); err != nil {
				t.Fatal(err)
			}
			for _, name := range before {
				if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is still there: %v", filepath.Base(name), err)
				}
				if kept, err := os.Stat(name + ".damaged"); err != nil || kept.Size() == 0 {
					t.Errorf("%s was not kept: %v", filepath.Base(name), err)
				}
			}
		})
	}
}

// readJournal reads the journal of a folder.
func readJournal(t *testing.T, dir string, record func()) error {
	t.Helper()
	store, err := files.Open(dir, files.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // only read
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		return err
	}
	return journal.Read(func(files.JournalRecord) error { record(); return nil }, func(files.JournalDamage) error { return nil })
}

// troubled is a journal that is not well.
type troubled struct {
	Journal
	mu  sync.Mutex
	why error
}

func (j *troubled) Healthy() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.why
}

func TestJournalsTroubleIsAnAlarm(t *testing.T) {
	rows := []struct {
		name string
		why  error
		want earshot.AlarmCode
	}{
		{"behind", files.ErrOverflow.Because(errors.New("for a test")), earshot.AlarmDiskSlow},
		{"failed", errors.New("input/output error"), earshot.AlarmDiskFailed},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			j := &troubled{}
			d := openDisk(t, t.TempDir(), dawn, func(o *Options) { j.Journal = o.Journal; o.Journal = j })
			dev := d.device("s1", agentTrack)
			d.run(time.Second)
			set := func(err error) {
				j.mu.Lock()
				j.why = err
				j.mu.Unlock()
				d.run(200 * time.Millisecond)
			}
			set(row.why)
			list := d.alarms.List()
			if len(list) != 1 || list[0].Code != row.want || !strings.Contains(list[0].Detail, "for a test") && row.want == earshot.AlarmDiskSlow {
				t.Errorf("alarms %+v", list)
			}
			d.expect("s1", earshot.SeatOnCall, "")
			set(nil)
			if list := d.alarms.List(); len(list) > 0 {
				t.Errorf("alarms %+v", list)
			}
			id := d.openCall("s1")
			d.run(time.Second)
			dev.end()
			defer d.ticking()()
			d.stored(id)
		})
	}
}

// TestDamageOnTheDisk damages the folder that a crash left, and sees what the
// node says and what survives.
func TestDamageOnTheDisk(t *testing.T) {
	segment := func(t *testing.T, dir string) string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "journal", "*.journal"))
		if err != nil || len(found) == 0 {
			t.Fatalf("segments: %v, %v", found, err)
		}
		slices.Sort(found)
		return found[len(found)-1]
	}
	change := func(name string, do func([]byte) []byte) error {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, do(data), 0o600)
	}
	rows := []struct {
		name    string
		damage  func(data []byte) []byte
		alarm   bool
		damaged bool
		least   int64 // ms of the call that are left
	}{
		{"nothing", func(b []byte) []byte { return b }, false, false, 4900},
		{"the tail is torn", func(b []byte) []byte { return b[:len(b)-7] }, false, false, 4900},
		{"the tail is zero", func(b []byte) []byte { return append(b[:len(b)-2000], make([]byte, 2000)...) }, false, false, 4500},
		{"a bit in the middle", func(b []byte) []byte { b[len(b)/2] ^= 4; return b }, true, true, 4900},
		{"a block in the middle", func(b []byte) []byte { clear(b[len(b)/2 : len(b)/2+4096]); return b }, true, true, 4900},
	}
	d := openDisk(t, t.TempDir(), dawn)
	d.device("s1", agentTrack, customerTrack)
	d.run(5 * time.Second)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := d.crashed(t)
			if err := change(segment(t, dir), row.damage); err != nil {
				t.Fatal(err)
			}
			again := openDisk(t, dir, d.clock.now().Add(time.Second))
			back := again.back.Calls()
			if len(back) != 1 || back[0].DurationMs < row.least || back[0].Flagged(earshot.FlagDamaged) != row.damaged {
				t.Fatalf("replayed: %+v", back)
			}
			for _, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
				gap, ok := gapOf(back[0], side, earshot.CauseDamaged)
				if _, lost := gapOf(back[0], side, earshot.CauseLost); lost || row.name == "a block in the middle" && !ok || gap.EndMs-gap.StartMs > 1500 {
					t.Errorf("%s: gaps %+v", side, back[0].Gaps)
				}
			}
			raised := slices.ContainsFunc(again.alarms.List(), func(a earshot.Alarm) bool { return a.Code == earshot.AlarmDamage })
			if raised != row.alarm {
				t.Errorf("alarms %+v", again.alarms.List())
			}
			aside, _ := filepath.Glob(filepath.Join(dir, "journal", "*.damaged"))
			if (len(aside) > 0) != row.alarm {
				t.Errorf("kept for people: %v", aside)
			}
		})
	}
}
