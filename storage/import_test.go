package storage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/wav"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/imports"
	"earshot/storage/index"
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
	return deskOver(t, keep(t), change...)
}

func deskOver(t *testing.T, k *keeping, change ...func(*storage.ImportOptions)) *desk {
	t.Helper()
	d := &desk{keeping: k, folder: t.TempDir(), fates: map[string]earshot.ImportFile{}}
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

// What is odd about a file is its fate, with the reason; the others come in.
func TestImportOfOddFiles(t *testing.T) {
	d := openDesk(t)
	mp3 := func(args string) []byte {
		return audiotest.Read(t, audiotest.Form{Program: "lame", Args: args, Ending: ".mp3"}.Make(t, audiotest.Source(t, t.TempDir()), t.TempDir()))
	}
	audiotest.Need(t, "lame")
	whole := mp3("--resample 8 -b 16 -m m")
	wide := mp3("-b 64")
	rows := map[string]struct {
		content []byte
		want    string // fate, then code or remarks
	}{
		"plain.mp3":                    {whole, "stored"},
		"wide.mp3":                     {wide, "stored"},
		"torn.mp3":                     {mp3("--resample 8 -b 8 -m m")[:3001], "stored torn"},
		"inside.mp3":                   {slices.Concat(wide[:20000], bytes.Repeat([]byte{0}, 3000), wide[20000:]), "stored garbage_inside"},
		"head.mp3":                     {slices.Concat(bytes.Repeat([]byte("x"), 500), whole), "stored garbage_head"},
		"misnamed.mp3":                 {beep(1), "stored name_misleads"},
		"misnamed.wav":                 {slices.Concat(whole, whole[:len(whole)/2]), "stored name_misleads"},
		"empty.mp3":                    {nil, "refused empty_file"},
		"noise.mp3":                    {[]byte("this is a text and nothing else"), "refused is_text"},
		"headless.wav":                 {beep(2)[:40], "refused damaged_wav"},
		"again/plain.mp3":              {whole, "duplicate"},
		"no seat/w9_x.wav":             {beep(3), "refused seat_unknown"},
		"future/w1_20991231235959.wav": {beep(4), "refused start_in_future"},
	}
	for name, row := range rows {
		if name != "again/plain.mp3" {
			d.put(t, name, row.content)
		}
	}
	d.put(t, "zz/plain.mp3", whole) // behind the other in the order of names
	settings := earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}", Seat: "w1", RefuseUnknownSeat: true}
	m := d.bringIn(t, settings)
	if m.State != earshot.ImportDone {
		t.Fatalf("%+v", m)
	}
	for name, row := range rows {
		if name == "again/plain.mp3" {
			name = "zz/plain.mp3"
			if d.fates[name].Fate == earshot.FateStored { // it was quicker
				name = "plain.mp3"
			}
		} else if name == "plain.mp3" || name == "no seat/w9_x.wav" {
			continue
		}
		f := d.fates[name]
		got := string(f.Fate)
		fate, more, _ := strings.Cut(row.want, " ")
		if f.Code != "" {
			got += " " + f.Code
		} else if more != "" && slices.Contains(f.Remarks, more) {
			got += " " + more
		}
		if got != row.want {
			t.Errorf("%s: %s %v, want %s", name, got, f.Remarks, row.want)
		}
		if fate != "stored" {
			continue
		}
		c, err := d.Call(t.Context(), f.Call)
		must(t, err)
		stored, err := d.files.ReadWhole(c.Parts[0].File)
		must(t, err)
		if !bytes.Equal(stored, row.content) {
			t.Errorf("%s: the stored file is another", name)
		}
		if c.Flagged(earshot.FlagInterrupted) != (more == "torn") || c.Flagged(earshot.FlagDamaged) != (more == "garbage_inside") {
			t.Errorf("%s: flags %v", name, c.Flags)
		}
		if c.Talk == nil {
			t.Errorf("%s: it was not judged", name)
		}
	}
	d.verifyAll(t)
}

// The table counts more than the pattern, and tells what is missing.
func TestImportByTable(t *testing.T) {
	d := openDesk(t)
	d.put(t, "a_1001.wav", beep(1))
	d.put(t, "b_1001.wav", beep(2))
	d.put(t, "list.csv", []byte("文件名,工号,姓名,开始时间,座席\na_1001.wav,2002,王芳,2016-03-04 10:15:00,一号窗口\ngone.wav,1,,,\n"))
	settings := earshot.ImportSettings{Pattern: "{*}_{agent}", Seat: "old-recorder", Metadata: "list.csv"}
	draft, err := d.imports.Create(t.Context(), "x", "cli")
	must(t, err)
	p, err := d.imports.Preview(t.Context(), draft.ID, settings, nil)
	must(t, err)
	if p.Table == nil || p.Table.Rows != 2 || p.Table.Absent != 1 || p.Table.Missing != 1 || p.Matched != 2 || len(p.Rows) != 2 ||
		p.Rows[0].From["agent"] != earshot.FromTable || p.Rows[1].From["agent"] != earshot.FromPattern || p.Rows[1].From["startedAt"] != earshot.FromFile {
		t.Errorf("%+v %+v", p, p.Table)
	}
	d.bringIn(t, settings)
	a, b := d.fates["a_1001.wav"], d.fates["b_1001.wav"]
	c, err := d.Call(t.Context(), a.Call)
	must(t, err)
	if c.Seat != "w1" || c.Agent.ID != "2002" || c.Agent.Name != "王芳" || !c.StartedAt.Equal(time.Date(2016, 3, 4, 2, 15, 0, 0, time.UTC)) || len(a.Remarks) != 0 {
		t.Errorf("%+v %v", c, a.Remarks)
	}
	if !slices.Equal(b.Remarks, []string{earshot.RemarkStartUnknown, earshot.RemarkNoRow}) {
		t.Errorf("%v", b.Remarks)
	}
	if _, listed := d.fates["list.csv"]; listed {
		t.Error("the table is no recording")
	}
	if agent, err := d.index.Agent(t.Context(), "2002"); err != nil || agent.Name != "王芳" {
		t.Errorf("%+v %v", agent, err)
	}
}

// The same bytes are one call, whenever and under whatever name they come; of a
// deleted one they are refused.
func TestImportOfTheSameFileTwice(t *testing.T) {
	d := openDesk(t)
	d.put(t, "one_20160304101500.wav", beep(1))
	settings := earshot.ImportSettings{Pattern: "{*}_{start:yyyyMMddHHmmss}", Seat: "old-recorder"}
	d.bringIn(t, settings)
	call := d.fates["one_20160304101500.wav"].Call
	for i := range 20 {
		d.put(t, fmt.Sprintf("many/%d_20160305101500.wav", i), beep(2))
		d.put(t, fmt.Sprintf("other/%d_201603061015%02d.wav", i, i), beep(1))
	}
	m := d.bringIn(t, settings)
	if m.Stored != 1 || m.Duplicate != 40 || d.fates["other/3_20160306101503.wav"].Call != call {
		t.Errorf("%+v", m)
	}
	// Retention deletes the first.
	must(t, d.index.CreatePolicy(t.Context(), earshot.Policy{ID: "short", Name: "短", DeleteDays: 30}))
	_, err := d.Delete(t.Context(), call, earshot.Deletion{Reason: "test"})
	must(t, err)
	d.put(t, "back_20160304101500.wav", beep(1))
	d.put(t, "new_20160304101500.wav", beep(3))
	d.bringIn(t, settings)
	back, fresh := d.fates["back_20160304101500.wav"], d.fates["new_20160304101500.wav"]
	if back.Code != imports.CodeDeletedBefore || back.Call != call || !slices.Contains(fresh.Remarks, earshot.RemarkRetentionDue) {
		t.Errorf("%+v %+v", back, fresh)
	}
	d.verifyAll(t)
}

func TestImportStopsAndGoesOn(t *testing.T) {
	var d *desk
	stop := make(chan struct{}, 1)
	d = openDesk(t, func(o *storage.ImportOptions) {
		fated := o.Fated
		o.Workers = 1
		o.Fated = func(batch string, f earshot.ImportFile) {
			fated(batch, f)
			select {
			case stop <- struct{}{}:
			default:
			}
		}
	})
	for i := range 300 {
		d.put(t, fmt.Sprintf("%03d.wav", i), beep(i))
	}
	m, err := d.imports.Create(t.Context(), "x", "lina")
	must(t, err)
	settings := earshot.ImportSettings{Seat: "w1"}
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	_, err = d.imports.Start(t.Context(), m.ID)
	must(t, err)
	_, err = d.imports.Start(t.Context(), m.ID)
	wantCode(t, err, "import_running")
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	wantCode(t, err, "import_running")
	wantCode(t, d.imports.Delete(t.Context(), m.ID), "import_running")
	<-stop
	m, err = d.imports.Stop(t.Context(), m.ID)
	must(t, err)
	if m.State != earshot.ImportStopped || m.Done == 0 || m.Done == 300 || m.Files != 300 {
		t.Fatalf("%+v", m)
	}
	_, err = d.imports.Stop(t.Context(), m.ID)
	wantCode(t, err, "import_idle")
	m, err = d.imports.Run(t.Context(), m.ID)
	must(t, err)
	if m.State != earshot.ImportDone || m.Stored != 300 {
		t.Errorf("%+v", m)
	}
	// A process that ends lets it go on at the next start.
	d.put(t, "more.wav", beep(1000))
	_, err = d.index.ChangeImport(t.Context(), m.ID, func(m *earshot.Import) error { m.State = earshot.ImportRunning; return nil })
	must(t, err)
	must(t, d.imports.Resume(t.Context()))
	for d.fates == nil || !d.has("more.wav") {
		<-stop
	}
	if _, err = d.imports.Stop(t.Context(), m.ID); err != nil {
		wantCode(t, err, "import_idle") // it was at its end
	}
	must(t, d.imports.Delete(t.Context(), m.ID))
}

func (d *desk) has(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fates[path].Fate == earshot.FateStored
}

// Without room nothing is copied, and the batch says why it stopped.
func TestImportKeepsTheReserve(t *testing.T) {
	free := uint64(1000)
	d := openDesk(t, func(o *storage.ImportOptions) {
		o.Room = func() (uint64, uint64, error) { return free, 500, nil }
	})
	d.put(t, "a.wav", beep(1))
	m, err := d.imports.Create(t.Context(), "x", "lina")
	must(t, err)
	settings := earshot.ImportSettings{Seat: "w1"}
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	m, err = d.imports.Run(t.Context(), m.ID)
	wantCode(t, err, "no_room")
	if m.State != earshot.ImportStopped || m.Error != "no_room" || m.Done != 0 {
		t.Errorf("%+v", m)
	}
	free = 1 << 30
	m, err = d.imports.Run(t.Context(), m.ID)
	must(t, err)
	if m.Stored != 1 || m.Error != "" {
		t.Errorf("%+v", m)
	}
}

// The same file is one call whatever its form and however it is called: also where
// its name tells another time.
func TestImportOfEveryFormTwice(t *testing.T) {
	d := openDesk(t)
	audiotest.Need(t, "lame", "ffmpeg")
	source := audiotest.Source(t, t.TempDir())
	ours := twoSided(t, stored(), 1, start, tone(t, 440, 5, 1, 1), tone(t, 1000, 5, 0.01, 1), false)
	d.call(t, 0, string(ours))
	for name, file := range map[string][]byte{
		"A-law":    beep(1),
		"MP3":      audiotest.Read(t, audiotest.Form{Program: "lame", Args: "--resample 8 -b 16 -m m", Ending: ".mp3"}.Make(t, source, t.TempDir())),
		"ADPCM":    audiotest.Read(t, audiotest.Form{Program: "ffmpeg", Args: "-c:a adpcm_ms -ar 8000 -ac 1", Ending: ".wav"}.Make(t, source, t.TempDir())),
		"Opus":     audiotest.Read(t, audiotest.Form{Program: "ffmpeg", Args: "-c:a libopus -b:a 24k", Ending: ".opus"}.Make(t, source, t.TempDir())),
		"our Opus": ours, // recorded here, and downloaded
	} {
		settings := earshot.ImportSettings{Pattern: "{*}_{start:yyyyMMddHHmmss}", Seat: "w1"}
		d.put(t, name+"/x_20160304101500.bin", file)
		first := d.bringIn(t, settings)
		d.put(t, name+"/again_20170304101500.bin", file)
		again := d.bringIn(t, settings)
		if first.Stored != 1 && name != "our Opus" || again.Stored != 0 || d.fates[name+"/again_20170304101500.bin"].Call != d.fates[name+"/x_20160304101500.bin"].Call {
			t.Errorf("%s: %+v, then %+v, %+v", name, first, again, d.fates)
		}
		must(t, os.RemoveAll(filepath.Join(d.folder, name)))
	}
	page, err := d.Search(t.Context(), index.CallQuery{})
	must(t, err)
	if len(page.Calls) != 5 {
		t.Errorf("%d calls", len(page.Calls))
	}
	d.verifyAll(t)
}

// A new index has all of it again; audio alone makes a call.
func TestImportedCallsComeBack(t *testing.T) {
	d := openDesk(t)
	audiotest.Need(t, "lame", "ffmpeg")
	opus := audiotest.Form{Program: "ffmpeg", Args: "-c:a libopus -b:a 24k -metadata EARSHOT_CALL=another", Ending: ".opus"}
	d.put(t, "w1_20160306101500.opus", audiotest.Read(t, opus.Make(t, audiotest.Source(t, t.TempDir()), t.TempDir())))
	d.put(t, "w1_20160304101500.mp3", audiotest.Read(t, audiotest.Form{Program: "lame", Args: "--resample 8 -b 16 -m m", Ending: ".mp3"}.Make(t, audiotest.Source(t, t.TempDir()), t.TempDir())))
	d.put(t, "w1_20160305101500.wav", beep(1))
	d.bringIn(t, earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}"})
	must(t, d.NotariseOnce(t.Context()))
	var want []earshot.Call
	for _, f := range d.fates {
		c, err := d.Call(t.Context(), f.Call)
		must(t, err)
		want = append(want, c)
	}
	fresh, err := index.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	must(t, err)
	defer func() { must(t, fresh.Close()) }()
	archive := storage.New(d.files, fresh, d.opts)
	done, err := archive.Reindex(t.Context(), storage.ReindexOptions{Walk: d.files.Walk})
	must(t, err)
	if done.Calls != 3 || len(done.Problems) > 0 {
		t.Errorf("%+v", done)
	}
	for _, c := range want {
		got, err := archive.Call(t.Context(), c.ID)
		must(t, err)
		same(t, "a call that came back", got, c)
	}
	// Their own files are lost, too.
	for _, c := range want {
		must(t, d.files.Remove(earshot.CallFile(c.ID)))
	}
	bare, err := index.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"))
	must(t, err)
	defer func() { must(t, bare.Close()) }()
	archive = storage.New(d.files, bare, d.opts)
	done, err = archive.Reindex(t.Context(), storage.ReindexOptions{Walk: d.files.Walk})
	must(t, err)
	if done.Mended != 3 {
		t.Errorf("%+v", done)
	}
	for _, c := range want {
		got, err := archive.Call(t.Context(), c.ID)
		must(t, err)
		if got.Parts[0].SHA256 != c.Parts[0].SHA256 || got.Parts[0].Codec != c.Parts[0].Codec || got.DurationMs != c.DurationMs || !got.StartedAt.Equal(c.StartedAt.Time) {
			t.Errorf("%+v, want %+v", got, c)
		}
	}
}

// Of two channels the left is the agent, unless somebody says otherwise.
func TestImportOfTwoChannels(t *testing.T) {
	d := openDesk(t)
	loud, quiet := beep(1)[wav.HeaderBytes:], bytes.Repeat([]byte{0xd5}, 8000)
	file := wav.Interleave(wav.AppendHeader(nil, wav.ALaw, 2, 16000), loud, quiet)
	for name, row := range map[string]struct {
		settings earshot.ImportSettings
		track    earshot.TrackKind
		channels int
		agent    bool // who is heard
	}{
		"as it is":    {earshot.ImportSettings{}, earshot.TrackBoth, 2, true},
		"swapped":     {earshot.ImportSettings{Swap: true}, earshot.TrackSwapped, 2, false},
		"one mixture": {earshot.ImportSettings{Track: earshot.TrackMixed, Swap: true}, earshot.TrackMixed, 1, true},
		"a customer":  {earshot.ImportSettings{Track: earshot.TrackCustomer}, earshot.TrackCustomer, 1, false},
	} {
		d.put(t, name+".wav", append(slices.Clone(file), name...)) // another file each time
		row.settings.Seat = "w1"
		d.bringIn(t, row.settings)
		c, err := d.Call(t.Context(), d.fates[name+".wav"].Call)
		must(t, err)
		levels, err := d.Levels(t.Context(), c.ID)
		must(t, err)
		heard := func(side []byte) bool { return len(side) > 5 && side[5] < 40 }
		if c.Parts[0].Track != row.track || c.Channels != row.channels || heard(levels.Agent) != row.agent || heard(levels.Customer) == row.agent {
			t.Errorf("%s: %s, %d channels, agent %v, customer %v", name, c.Parts[0].Track, c.Channels, levels.Agent, levels.Customer)
		}
	}
}
