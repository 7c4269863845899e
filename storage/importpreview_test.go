package storage_test

import (
	"fmt"
	"testing"

	"earshot"
)

// What is wrong with a table is said by a code, which pages have words for.
func TestPreviewSaysWhatIsWrongWithATable(t *testing.T) {
	d := openDesk(t)
	d.put(t, "a.wav", []byte("x"))
	d.put(t, "list.csv", []byte("文件名,工号\n"))
	draft, err := d.imports.Create(t.Context(), "x", "cli")
	must(t, err)
	for table, code := range map[string]string{"list.csv": "table_empty", "gone.csv": "no_table"} {
		p, err := d.imports.Preview(t.Context(), draft.ID, earshot.ImportSettings{Seat: "w1", Metadata: table}, nil)
		must(t, err)
		if p.Table.Code != code || p.Table.Error == "" {
			t.Errorf("%s: %+v", table, p.Table)
		}
	}
}

// A preview has the first files, and those that want a look wherever they stand.
func TestPreviewShowsWhatIsOdd(t *testing.T) {
	d := openDesk(t)
	for i := range 230 {
		d.put(t, fmt.Sprintf("20160304101500_%04d.wav", i), []byte("x"))
	}
	d.put(t, "REC00012.wav", []byte("x"))
	draft, err := d.imports.Create(t.Context(), "x", "cli")
	must(t, err)
	p, err := d.imports.Preview(t.Context(), draft.ID, earshot.ImportSettings{Pattern: "{start:yyyyMMddHHmmss}_{agent}", Seat: "w1"}, nil)
	must(t, err)
	if last := p.Rows[len(p.Rows)-1]; p.Matched != 230 || p.Unmatched != 1 || len(p.Rows) != 201 || last.Path != "REC00012.wav" {
		t.Errorf("%d rows of %d and %d, the last is %+v", len(p.Rows), p.Matched, p.Unmatched, last)
	}
}
