package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/imports"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// desks runs test over an index of each engine.
func desks(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "index.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) { test(t, deskOver(t, keepOn(t, url(t)))) })
	}
}

const doublePattern = "{seat}_{start:yyyyMMddHHmmss}[_{agent}_{number}]"

// told is when doublePattern's files say that their calls began.
var told = time.Date(2016, 3, 4, 2, 15, 0, 0, time.UTC)

// Of files of the same bytes in one run the call has the facts of the one that knows
// most, whichever comes first in the order of names.
func TestImportTakesTheDoubleThatKnowsMost(t *testing.T) {
	desks(t, func(t *testing.T, d *desk) {
		for i := range 20 {
			d.put(t, fmt.Sprintf("a/%02d.wav", i), beep(i))
			d.put(t, fmt.Sprintf("b/20160304_%02d.wav", i), beep(i))
			d.put(t, fmt.Sprintf("c/w1_20160304101500_10%02d_139000000%02d.wav", i, i), beep(i))
		}
		d.put(t, "a/only.wav", beep(99))
		m := d.bringIn(t, earshot.ImportSettings{Pattern: doublePattern, Seat: "old-recorder"})
		if m.Stored != 21 || m.Duplicate != 40 || m.Done != m.Files {
			t.Errorf("%+v", m)
		}
		for i := range 20 {
			best := d.fates[fmt.Sprintf("c/w1_20160304101500_10%02d_139000000%02d.wav", i, i)]
			nameless := d.fates[fmt.Sprintf("a/%02d.wav", i)]
			c, err := d.Call(t.Context(), best.Call)
			must(t, err)
			if best.Fate != earshot.FateStored || nameless.Fate != earshot.FateDuplicate || nameless.Call != best.Call || nameless.Text != "" ||
				c.Seat != "w1" || !c.StartedAt.Equal(told) || c.Agent == nil || c.Number == "" {
				t.Errorf("%+v %+v of %+v", best, nameless, c)
			}
		}
		d.verifyAll(t)
	})
}

// What a double tells that comes after its call was stored: the call takes what it
// lacks and may take, and the double's row says what it told.
func TestImportOfADoubleThatTellsMore(t *testing.T) {
	const name = "w1_20160304101500_1001_13900000001.wav"
	text := func(s string) *string { return &s }
	rows := map[string]struct {
		first  string // the name of the file that the call was made of
		before func(t *testing.T, d *desk, call string)
		text   string // of the double
		agent  string // of the call then
		number string
		stays  bool // nobody changed the call
	}{
		"nameless": {first: "x.wav", agent: "1001", number: "13900000001",
			text: "startedAt=2016-03-04T02:15:00.000Z not taken; seat=w1 not taken; agent=1001 taken; number=13900000001 taken"},
		"half known":    {first: "w1_20160304101500.wav", agent: "1001", number: "13900000001", text: "agent=1001 taken; number=13900000001 taken"},
		"known":         {first: name, agent: "1001", number: "13900000001", stays: true},
		"known as else": {first: "w1_20160304101500_2002_1.wav", agent: "2002", number: "1", text: "agent=1001 not taken; number=13900000001 not taken", stays: true},
		"held": {first: "w1_20160304101500.wav", stays: true, text: "agent=1001 not taken; number=13900000001 not taken", before: func(t *testing.T, d *desk, call string) {
			d.hold(t, earshot.Hold{Call: call})
		}},
		"held with its window": {first: "w1_20160304101500.wav", stays: true, text: "agent=1001 not taken; number=13900000001 not taken", before: func(t *testing.T, d *desk, _ string) {
			h := d.hold(t, earshot.Hold{Seat: "w1", From: earshot.At(told.Add(-time.Hour)), To: earshot.At(told.Add(time.Hour))})
			t.Cleanup(func() { _, err := d.Release(context.WithoutCancel(t.Context()), h.ID, "bob", "结案"); must(t, err) })
		}},
		"edited": {first: "w1_20160304101500.wav", agent: "1001", number: "110", text: "agent=1001 taken; number=13900000001 not taken", before: func(t *testing.T, d *desk, call string) {
			_, err := d.PatchCall(t.Context(), call, earshot.CallPatch{Number: text("110")})
			must(t, err)
		}},
		"emptied": {first: "w1_20160304101500_1001_13900000001.wav", agent: "1001", text: "number=13900000001 not taken", stays: true, before: func(t *testing.T, d *desk, call string) {
			_, err := d.PatchCall(t.Context(), call, earshot.CallPatch{Number: text("")})
			must(t, err)
			must(t, d.index.AddAudit(t.Context(), earshot.Audit{At: earshot.At(now), Who: "lina", Action: earshot.AuditUpdate, Call: call, Reason: "number account"}))
		}},
	}
	desks(t, func(t *testing.T, d *desk) {
		n := 0
		for what, row := range rows {
			t.Run(what, func(t *testing.T) {
				n++
				d.put(t, what+"/"+row.first, beep(n))
				settings := earshot.ImportSettings{Pattern: doublePattern, Seat: "old-recorder"}
				if row.first == "x.wav" {
					settings.Pattern = ""
				}
				d.bringIn(t, settings)
				call := d.fates[what+"/"+row.first].Call
				if row.before != nil {
					row.before(t, d, call)
				}
				must(t, d.NotariseOnce(t.Context()))
				before, err := d.Call(t.Context(), call)
				must(t, err)
				d.put(t, what+"/again/"+name, beep(n))
				settings.Pattern = doublePattern
				m := d.bringIn(t, settings)
				f := d.fates[what+"/again/"+name]
				c, err := d.Call(t.Context(), call)
				must(t, err)
				if f.Fate != earshot.FateDuplicate || f.Call != call || f.Text != row.text {
					t.Errorf("%s: %+v", what, f)
				}
				page, err := d.imports.Files(t.Context(), index.ImportFileQuery{Batch: m.ID, Fate: earshot.FateDuplicate, Limit: 1000})
				must(t, err)
				for _, kept := range page.Files {
					if kept.Path == f.Path && (kept.Text != f.Text || len(kept.Remarks) != len(f.Remarks)) {
						t.Errorf("%s: kept as %+v", what, kept)
					}
				}
				agent := ""
				if c.Agent != nil {
					agent = c.Agent.ID
				}
				if agent != row.agent || c.Number != row.number || !c.StartedAt.Equal(before.StartedAt.Time) || c.Seat != before.Seat {
					t.Errorf("%s: %+v", what, c)
				}
				same(t, what+": the call's file", d.onDisk(t, call).Number, c.Number)
				if row.stays {
					same(t, what, c, before)
				}
				rowsOfAudit, err := d.index.SearchAudit(t.Context(), index.AuditQuery{Call: call, Who: "cli", Actions: []string{earshot.AuditUpdate}})
				must(t, err)
				if took := len(rowsOfAudit.Audit); (took == 1) == row.stays || took > 1 {
					t.Errorf("%s: %+v in the audit", what, rowsOfAudit.Audit)
				}
			})
		}
		d.verifyAll(t)
	})
}

// A crash while a call takes a double's facts leaves both as they were, or both done.
func TestImportOfADoubleThatACrashCutOff(t *testing.T) {
	desks(t, func(t *testing.T, d *desk) {
		settings := earshot.ImportSettings{Pattern: doublePattern, Seat: "old-recorder"}
		d.put(t, "w1_20160304101500.wav", beep(1))
		d.bringIn(t, settings)
		call := d.fates["w1_20160304101500.wav"].Call
		d.put(t, "w1_20160304101500_1001_139.wav", beep(1))
		m, err := d.imports.Create(t.Context(), "x", "cli")
		must(t, err)
		_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
		must(t, err)
		died := errors.New("killed")
		storage.SetImportStep(d.imports, func(step string) error {
			if step == "double written" {
				return died
			}
			return nil
		})
		if _, err = d.imports.Run(t.Context(), m.ID); !errors.Is(err, died) {
			t.Fatal(err)
		}
		page, err := d.imports.Files(t.Context(), index.ImportFileQuery{Batch: m.ID, Fate: earshot.FateDuplicate})
		must(t, err)
		c, err := d.index.Call(t.Context(), call)
		must(t, err)
		for _, f := range page.Files {
			if f.Text != "" || c.Number != "" {
				t.Errorf("half done: %+v, %+v", f, c)
			}
		}
		d.restart()
		d.reopen(t)
		m, err = d.imports.Run(t.Context(), m.ID)
		must(t, err)
		c, err = d.Call(t.Context(), call)
		must(t, err)
		if f := d.fates["w1_20160304101500_1001_139.wav"]; m.Duplicate != 2 || c.Number != "139" || f.Text != "agent=1001 taken; number=139 taken" {
			t.Errorf("%+v, %+v of %+v", m, f, c)
		}
		d.verifyAll(t)
	})
}

// Of two imports at once that tell different things of a call one is taken, and the
// other says that it was not.
func TestTwoImportsOfDoubles(t *testing.T) {
	desks(t, func(t *testing.T, d *desk) {
		const calls = 8
		settings := earshot.ImportSettings{Pattern: doublePattern}
		for i := range calls {
			d.put(t, fmt.Sprintf("w1_201603041015%02d.wav", i), beep(i))
		}
		d.bringIn(t, settings)
		var running sync.WaitGroup
		both := [2]*desk{}
		for n := range both {
			both[n] = deskBeside(t, d)
			for i := range calls {
				both[n].put(t, fmt.Sprintf("w1_201603041015%02d_%d_%d.wav", i, 100+n, 200+n), beep(i))
			}
			running.Go(func() {
				if m := both[n].bringIn(t, settings); m.Duplicate != calls {
					t.Errorf("%+v", m)
				}
			})
		}
		running.Wait()
		for i := range calls {
			taken := -1
			var call string
			for n, one := range both {
				f := one.fates[fmt.Sprintf("w1_201603041015%02d_%d_%d.wav", i, 100+n, 200+n)]
				call = f.Call
				switch f.Text {
				case fmt.Sprintf("agent=%d taken; number=%d taken", 100+n, 200+n):
					taken = n
				case fmt.Sprintf("agent=%d not taken; number=%d not taken", 100+n, 200+n):
				default:
					t.Errorf("%+v", f)
				}
			}
			c, err := d.Call(t.Context(), call)
			must(t, err)
			if taken < 0 || c.Agent.ID != fmt.Sprint(100+taken) || c.Number != fmt.Sprint(200+taken) {
				t.Errorf("taken from %d: %+v", taken, c)
			}
		}
		d.verifyAll(t)
	})
}

// deskBeside is another desk of the same house, with a folder of its own.
func deskBeside(t *testing.T, d *desk) *desk {
	t.Helper()
	beside := &desk{keeping: d.keeping, folder: t.TempDir(), fates: map[string]earshot.ImportFile{}}
	beside.reopen(t)
	return beside
}

func TestDoubleTexts(t *testing.T) {
	said := []earshot.ImportSaid{{Fact: "agent", Value: "1001 王芳; 组长", Taken: true}, {Fact: "startedAt", Value: "2016-03-04T02:15:00.000Z"}}
	text := earshot.DoubleText(said)
	zone := time.FixedZone("+8", 8*3600)
	for got, want := range map[string]string{
		text:                                 "agent=1001 王芳, 组长 taken; startedAt=2016-03-04T02:15:00.000Z not taken",
		imports.SayDouble(text, true, zone):  "工号 1001 王芳, 组长（已取用）；开始时间 2016-03-04 10:15:00（未取用）",
		imports.SayDouble(text, false, zone): "agent 1001 王芳, 组长 (taken); start 2016-03-04 10:15:00 (not taken)",
		imports.SayDouble("", true, zone) + imports.SayDouble("no such file", false, zone): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
