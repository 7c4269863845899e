package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/audio/wav"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/imports"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// desk is a house with a ledger, seats and a folder of old files.
type desk struct {
	*keeping
	imports *storage.Imports
	folder  string
	fates   map[string]earshot.ImportFile
	mu      sync.Mutex
}

func openDesk(t *testing.T, change ...func(*storage.ImportOptions)) *desk {
	t.Helper()
	d := &desk{keeping: keep(t), folder: t.TempDir(), fates: map[string]earshot.ImportFile{}}
	must(t, d.index.CreateBranch(t.Context(), earshot.Branch{ID: "hall", Name: "营业厅"}))
	for _, s := range []earshot.Seat{
		{ID: "w1", Name: "一号窗口", Branch: "hall", Kind: earshot.Counter, Cut: earshot.CutSession},
		{ID: "old-recorder", Name: "旧录音", Branch: "hall", Kind: earshot.Hotline, Cut: earshot.CutEvent},
	} {
		must(t, d.index.CreateSeat(t.Context(), s))
	}
	d.reopen(t, change...)
	return d
}

// reopen is the desk as it is after a crash.
func (d *desk) reopen(t *testing.T, change ...func(*storage.ImportOptions)) {
	t.Helper()
	o := storage.ImportOptions{
		Archive: d.Archive, Store: d.files, Workers: 2,
		Folder: func(earshot.Import) (storage.ImportFolder, error) { return imports.OpenFolder(d.folder) },
		Fated: func(_ string, f earshot.ImportFile) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.fates[f.Path] = f
		},
	}
	for _, c := range change {
		c(&o)
	}
	d.imports = storage.NewImports(o)
	t.Cleanup(func() { must(t, d.imports.Close()) })
}

// put writes a file into the folder, last modified when the tests' calls begin.
func (d *desk) put(t *testing.T, name string, content []byte) {
	t.Helper()
	at := filepath.Join(d.folder, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(at), 0o700))
	must(t, os.WriteFile(at, content, 0o600))
	must(t, os.Chtimes(at, start, start))
}

// beep is a WAVE file of a second of A-law, different for each n.
func beep(n int) []byte {
	file := wav.AppendHeader(nil, wav.ALaw, 1, 8000)
	sum := sha256.Sum256(fmt.Append(nil, n))
	return append(file, bytes.Repeat(sum[:], 250)...)
}

// bringIn runs a batch of these settings to its end.
func (d *desk) bringIn(t *testing.T, settings earshot.ImportSettings) earshot.Import {
	t.Helper()
	m, err := d.imports.Create(t.Context(), "旧录音 2016", "cli")
	must(t, err)
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	m, err = d.imports.Run(t.Context(), m.ID)
	must(t, err)
	return m
}

func (d *desk) verifyAll(t *testing.T) {
	t.Helper()
	must(t, d.NotariseOnce(t.Context()))
	reader, err := files.OpenReadOnly(d.dir)
	must(t, err)
	defer func() { must(t, reader.Close()) }()
	report, err := storage.Verify(t.Context(), storage.VerifyOptions{Files: reader, Ledger: d.ledger, Index: d.index, Now: func() time.Time { return d.now }})
	must(t, err)
	if !report.Holds() || report.Pending > 0 {
		t.Errorf("%d pending, %+v", report.Pending, report.Findings)
	}
}

const tonePattern = "{date:yyyyMMdd}/{seat}_{agent}_{number}_{start:yyyyMMddHHmmss}_{direction}"

func TestImportBringsFilesIn(t *testing.T) {
	d := openDesk(t)
	for i := range 5 {
		d.put(t, fmt.Sprintf("20160304/W1_100%d_1390000000%d_2016030410150%d_呼入.wav", i, i, i), beep(i))
	}
	d.put(t, "20160304/copy.wav", beep(0))
	d.put(t, "20160304/notes.txt", []byte("not audio at all, whatever the name"))
	d.put(t, ".DS_Store", []byte("x"))
	m := d.bringIn(t, earshot.ImportSettings{Pattern: tonePattern, Seat: "old-recorder"})
	if m.State != earshot.ImportDone || m.Files != 8 || m.Done != 8 || m.Stored+m.Duplicate != 6 || m.Duplicate != 1 || m.Refused != 2 {
		t.Errorf("%+v", m)
	}
	page, err := d.Search(t.Context(), index.CallQuery{})
	must(t, err)
	if len(page.Calls) != 5 {
		t.Fatalf("%d calls", len(page.Calls))
	}
	c := page.Calls[0]
	want := time.Date(2016, 3, 4, 2, 15, 4, 0, time.UTC)
	if !c.StartedAt.Equal(want) || c.Seat != "w1" || c.Branch != "hall" || c.Agent == nil || c.Agent.ID != "1004" || c.Number != "13900000004" ||
		c.Direction != earshot.Inbound || c.DurationMs != 1000 || c.Origin == nil || c.Origin.Batch != m.ID || c.Kind != earshot.Counter {
		t.Errorf("%+v", c)
	}
	if at, ok := earshot.IDTime(c.ID); !ok || !at.Equal(want) {
		t.Errorf("its id is of %v", at)
	}
	stored, err := d.files.ReadWhole(c.Parts[0].File)
	must(t, err)
	sum := sha256.Sum256(stored)
	if !bytes.Equal(stored, beep(4)) || c.Parts[0].SHA256 != hex.EncodeToString(sum[:]) {
		t.Error("the file is not the original")
	}
	d.verifyAll(t)
}

var _ = context.Background
var _ = slices.Sort[[]int]
var _ ledger.Entry
