package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
)

// A pattern that fits none of the files brings none in; one that fits some, and
// settings by which starts are known otherwise, do.
func TestImportRefusesAPatternThatFitsNone(t *testing.T) {
	for name, row := range map[string]struct {
		settings earshot.ImportSettings
		want     string
	}{
		"mistyped":             {earshot.ImportSettings{Pattern: "{seat}-{start:yyyyMMddHHmmss}", Seat: "w1"}, "pattern_fits_none"},
		"emptied":              {earshot.ImportSettings{Seat: "w1"}, ""},
		"fits some":            {earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}", Seat: "w1"}, ""},
		"fits a table alone":   {earshot.ImportSettings{Pattern: "{seat}.csv", Seat: "w1"}, "pattern_fits_none"},
		"a table with starts":  {earshot.ImportSettings{Pattern: "{seat}-{agent}", Seat: "w1", Metadata: "starts.csv"}, ""},
		"a table without them": {earshot.ImportSettings{Pattern: "{seat}-{agent}", Seat: "w1", Metadata: "agents.csv"}, "pattern_fits_none"},
		"a table that is none": {earshot.ImportSettings{Pattern: "{seat}-{agent}", Seat: "w1", Metadata: "gone.csv"}, "no_table"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t)
			d.put(t, "w1_20160304101500.wav", beep(1))
			d.put(t, "odd.wav", beep(2))
			d.put(t, "starts.csv", []byte("文件名,开始时间\nodd.wav,2016-03-04 10:15:00\n"))
			d.put(t, "agents.csv", []byte("文件名,工号\nodd.wav,1001\n"))
			m, err := d.imports.Create(t.Context(), "x", "cli")
			must(t, err)
			_, err = d.imports.Change(t.Context(), m.ID, nil, &row.settings)
			must(t, err)
			_, err = d.imports.Run(t.Context(), m.ID)
			m, reading := d.imports.Import(t.Context(), m.ID)
			must(t, reading)
			if row.want != "" {
				wantCode(t, err, row.want)
				if m.State != earshot.ImportDraft || len(d.fates) != 0 {
					t.Errorf("it began: %+v, %v", m, d.fates)
				}
				return
			}
			must(t, err)
			if m.Stored != 2 {
				t.Errorf("%+v", m)
			}
		})
	}
}

// What is left of a batch may be what the pattern does not fit: it goes on.
func TestImportGoesOnWithWhatThePatternDoesNotFit(t *testing.T) {
	d := openDesk(t)
	d.put(t, "w1_20160304101500.wav", beep(1))
	settings := earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}", Seat: "w1"}
	m := d.bringIn(t, settings)
	must(t, os.Remove(filepath.Join(d.folder, "w1_20160304101500.wav")))
	d.put(t, "odd.wav", beep(2))
	m, err := d.imports.Run(t.Context(), m.ID)
	must(t, err)
	if m.Stored != 2 {
		t.Errorf("%+v", m)
	}
	settings.Pattern = "{seat}-{start:yyyyMMddHHmmss}"
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	_, err = d.imports.Run(t.Context(), m.ID)
	wantCode(t, err, "pattern_fits_none")
	// One that cannot go on at the next start says why.
	_, err = d.index.ChangeImport(t.Context(), m.ID, func(m *earshot.Import) error { m.State = earshot.ImportRunning; return nil })
	must(t, err)
	wantCode(t, d.imports.Resume(t.Context()), "pattern_fits_none")
	m, err = d.imports.Import(t.Context(), m.ID)
	must(t, err)
	if m.State != earshot.ImportStopped || m.Error != "pattern_fits_none" {
		t.Errorf("%+v", m)
	}
}

// A run whose end could not be written down is stopped by people.
func TestStopOfAnImportThatRunsInTheIndexAlone(t *testing.T) {
	d := openDesk(t)
	m, err := d.imports.Create(t.Context(), "x", "lina")
	must(t, err)
	_, err = d.index.ChangeImport(t.Context(), m.ID, func(m *earshot.Import) error { m.State = earshot.ImportRunning; return nil })
	must(t, err)
	m, err = d.imports.Stop(t.Context(), m.ID)
	must(t, err)
	if m.State != earshot.ImportStopped {
		t.Errorf("%+v", m)
	}
	_, err = d.imports.Stop(t.Context(), m.ID)
	wantCode(t, err, "import_idle")
	_, err = d.imports.Stop(t.Context(), "none")
	wantCode(t, err, "no_import")
}

// countingStore tells of each copy.
type countingStore struct {
	storage.ImportStore
	took func()
}

func (s countingStore) Take(ctx context.Context, from io.Reader) (*files.Incoming, error) {
	defer s.took()
	return s.ImportStore.Take(ctx, from)
}

// A run that fails while one worker waits for the hash of a file that another has
// handed on ends.
func TestImportOfTheSameFilesThatFailsEnds(t *testing.T) {
	var copies sync.WaitGroup
	copies.Add(3)
	d := openDesk(t, func(o *storage.ImportOptions) {
		o.Workers = 3
		taken := make(chan struct{}, 3)
		o.Store = countingStore{o.Store, func() {
			select {
			case taken <- struct{}{}:
				copies.Done()
			default:
			}
		}}
	})
	d.put(t, "a.wav", beep(1))
	for i := range 8 {
		d.put(t, fmt.Sprintf("same%d.wav", i), beep(2))
	}
	died := errors.New("killed")
	storage.SetImportStep(d.imports, func(step string) error {
		if step != "noted" {
			return nil
		}
		copies.Wait() // two of the same are at hand: one handed on, one waiting for it
		return died
	})
	m, err := d.imports.Create(t.Context(), "x", "lina")
	must(t, err)
	settings := earshot.ImportSettings{Seat: "w1"}
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	if _, err := d.imports.Run(t.Context(), m.ID); !errors.Is(err, died) {
		t.Error(err)
	}
	storage.SetImportStep(d.imports, func(string) error { return nil })
	m, err = d.imports.Run(t.Context(), m.ID)
	must(t, err)
	if m.Stored != 2 || m.Duplicate != 7 {
		t.Errorf("%+v", m)
	}
}

// failingStore is a disk of our own that takes nothing.
type failingStore struct {
	storage.ImportStore
	why error
}

func (s failingStore) Take(context.Context, io.Reader) (*files.Incoming, error) {
	return nil, fmt.Errorf("take a file in: %w", &files.WriteError{Err: &fs.PathError{Op: "openat", Path: "incoming/x", Err: s.why}})
}

// Where our own disk fails no file is told that it cannot be read.
func TestImportOntoADiskThatFailsStops(t *testing.T) {
	for why, code := range map[unix.Errno]string{unix.EROFS: "internal", unix.EIO: "internal", unix.ENOSPC: "no_room", unix.EDQUOT: "no_room"} {
		d := openDesk(t, func(o *storage.ImportOptions) { o.Store = failingStore{o.Store, why} })
		d.put(t, "a.wav", beep(1))
		m, err := d.imports.Create(t.Context(), "x", "lina")
		must(t, err)
		settings := earshot.ImportSettings{Seat: "w1"}
		_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
		must(t, err)
		m, err = d.imports.Run(t.Context(), m.ID)
		if !errors.Is(err, why) || m.State != earshot.ImportStopped || m.Refused != 0 || m.Error != code {
			t.Errorf("%v: %v: %+v", why, err, m)
		}
	}
}

// Of machines that share an index one whose start comes while another brings files
// in leaves them alone; the one that has the files goes on with them.
func TestImportIsResumedWhereItsFilesAre(t *testing.T) {
	here := false
	d := openDesk(t, func(o *storage.ImportOptions) { o.Here = func(string) bool { return here } })
	d.put(t, "a.wav", beep(1))
	m, err := d.imports.Create(t.Context(), "x", "lina")
	must(t, err)
	began := earshot.At(start)
	_, err = d.index.ChangeImport(t.Context(), m.ID, func(m *earshot.Import) error {
		m.State, m.StartedAt, m.Settings.Seat = earshot.ImportRunning, began, "w1"
		return nil
	})
	must(t, err)
	must(t, d.imports.Resume(t.Context()))
	if m, err = d.imports.Import(t.Context(), m.ID); err != nil || m.State != earshot.ImportRunning || m.Files != 0 {
		t.Errorf("elsewhere: %v, %+v", err, m)
	}
	here = true
	must(t, d.imports.Resume(t.Context()))
	for m.State == earshot.ImportRunning {
		m, err = d.imports.Import(t.Context(), m.ID)
		must(t, err)
		runtime.Gosched()
	}
	if m.Stored != 1 || !m.StartedAt.Equal(began.Time) {
		t.Errorf("where it is: %+v", m)
	}
}

// A name that two seats have is nobody's.
func TestImportOfASeatNameThatTwoHave(t *testing.T) {
	d := openDesk(t)
	must(t, d.index.CreateSeat(t.Context(), earshot.Seat{ID: "w2", Name: "一号窗口", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession}))
	d.put(t, "一号窗口_20160304101500.wav", beep(1))
	d.put(t, "w2_20160304101600.wav", beep(2))
	d.bringIn(t, earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}"})
	if f := d.fates["一号窗口_20160304101500.wav"]; f.Code != "seat_unknown" {
		t.Errorf("%+v", f)
	}
	if f := d.fates["w2_20160304101600.wav"]; f.Fate != earshot.FateStored {
		t.Errorf("%+v", f)
	}
}

// An Opus file that comes again leaves the call as people have made it meanwhile.
func TestImportOfTheSameOpusFileTwice(t *testing.T) {
	d := openDesk(t)
	audiotest.Need(t, "opusenc")
	at := filepath.Join(t.TempDir(), "a.opus")
	audiotest.Run(t, "opusenc", "--quiet", audiotest.Source(t, t.TempDir()), at)
	d.put(t, "w1_20160304101500.opus", audiotest.Read(t, at))
	settings := earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}"}
	d.bringIn(t, settings)
	first := d.fates["w1_20160304101500.opus"]
	m := d.bringIn(t, settings)
	if again := d.fates["w1_20160304101500.opus"]; m.Duplicate != 1 || again.Call != first.Call || first.Call == "" {
		t.Errorf("%+v, then %+v", first, again)
	}
	page, err := d.Search(t.Context(), index.CallQuery{})
	must(t, err)
	if len(page.Calls) != 1 || page.Calls[0].Origin.Batch == m.ID {
		t.Errorf("%d calls: %+v", len(page.Calls), page.Calls)
	}
	d.verifyAll(t)
}
