package storage_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

// crashAt runs a batch of six files until the process dies behind a step, and opens
// the house again.
func (d *desk) crashAt(t *testing.T, at string) (batch string, settings earshot.ImportSettings) {
	t.Helper()
	for i := range 6 {
		d.put(t, fmt.Sprintf("w1_2016030410150%d_2017030410150%d.wav", i, i), beep(i))
	}
	m, err := d.imports.Create(t.Context(), "x", "cli")
	must(t, err)
	settings = earshot.ImportSettings{Pattern: "{seat}_{start:yyyyMMddHHmmss}_{*}"}
	_, err = d.imports.Change(t.Context(), m.ID, nil, &settings)
	must(t, err)
	died := errors.New("killed")
	die := func(step string) error {
		if step == at {
			return died
		}
		return nil
	}
	storage.SetImportStep(d.imports, die)
	d.OnStep(die)
	if _, err = d.imports.Run(t.Context(), m.ID); !errors.Is(err, died) {
		t.Fatal(err)
	}
	d.restart()
	d.reopen(t)
	return m.ID, settings
}

// Wherever a run is cut off, and whatever people do then, a call is there with all
// that belongs to it or not at all: nothing is lost, nothing comes twice, nothing is
// left over.
func TestImportThatACrashCutOff(t *testing.T) {
	type after struct {
		do      func(t *testing.T, d *desk, batch string, settings earshot.ImportSettings)
		refused bool // files that are no calls yet will be none
		gone    bool // the batch
	}
	change := func(t *testing.T, d *desk, batch string, settings earshot.ImportSettings) {
		t.Helper()
		_, err := d.imports.Change(t.Context(), batch, nil, &settings)
		must(t, err)
	}
	steps := map[string]bool{ // the calls are there
		"listed": false, "noted": false, "placed": false, "call files written": true, "saved": true, "settled": true,
	}
	for then, row := range map[string]after{
		"the same settings": {do: func(*testing.T, *desk, string, earshot.ImportSettings) {}},
		"other times": {do: func(t *testing.T, d *desk, batch string, settings earshot.ImportSettings) {
			settings.Pattern = "{seat}_{*}_{start:yyyyMMddHHmmss}"
			change(t, d, batch, settings)
		}},
		"settings that refuse all": {refused: true, do: func(t *testing.T, d *desk, batch string, settings earshot.ImportSettings) {
			settings.Pattern = "{*}_{*}_{seat}"
			change(t, d, batch, settings)
		}},
		"the files gone": {refused: true, do: func(t *testing.T, d *desk, _ string, _ earshot.ImportSettings) {
			must(t, os.RemoveAll(d.folder))
			must(t, os.Mkdir(d.folder, 0o700))
		}},
		"the files touched": {do: func(t *testing.T, d *desk, _ string, _ earshot.ImportSettings) {
			files, err := os.ReadDir(d.folder)
			must(t, err)
			for _, f := range files {
				must(t, os.Chtimes(d.folder+"/"+f.Name(), start.AddDate(0, 0, 1), start.AddDate(0, 0, 1)))
			}
		}},
		"the batch deleted": {refused: true, gone: true, do: func(t *testing.T, d *desk, batch string, _ earshot.ImportSettings) {
			if _, err := d.imports.Stop(t.Context(), batch); err != nil {
				wantCode(t, err, "import_idle") // its end was written down
			}
			must(t, d.imports.Delete(t.Context(), batch))
		}},
	} {
		for step, there := range steps {
			t.Run(step+", "+then, func(t *testing.T) {
				d := openDesk(t)
				batch, settings := d.crashAt(t, step)
				row.do(t, d, batch, settings)
				var m earshot.Import
				if !row.gone {
					var err error
					m, err = d.imports.Run(t.Context(), batch)
					must(t, err)
				}
				page, err := d.Search(t.Context(), index.CallQuery{})
				must(t, err)
				calls := len(page.Calls)
				if row.refused && (calls > 0) != there || !row.refused && calls != 6 {
					t.Errorf("%d calls", calls)
				}
				if !row.gone && (m.Stored != calls || m.Done != 6 || m.Duplicate != 0) {
					t.Errorf("%d calls, and the batch is %+v", calls, m)
				}
				names := 0
				must(t, d.files.Walk(func(string, int64) error { names++; return nil }))
				if names != 3*calls { // audio, levels and the call's own file
					t.Errorf("%d files of %d calls", names, calls)
				}
				d.verifyAll(t)
			})
		}
	}
}
