package monitor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
)

// deskImports is Imports under a name that it can be embedded by.
type deskImports = Imports

// badPages are imports whose files are a few, of which a page cannot be read.
type badPages struct {
	deskImports
	mu      sync.Mutex
	bad     int // the page that fails, from 0; -1 none
	read    int
	bounded bool // each page but the first, which its request bounds, had an end of its own
}

// begin has the page bad fail from now on.
func (b *badPages) begin(bad int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bad, b.read, b.bounded = bad, 0, true
}

func (b *badPages) wereBounded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bounded
}

var errBadPage = errors.New("the disk is gone")

func (b *badPages) Files(ctx context.Context, _ index.ImportFileQuery) (index.ImportFilePage, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.read
	b.read++
	if until, ok := ctx.Deadline(); n > 0 && (!ok || time.Until(until) > handleWithin) {
		b.bounded = false
	}
	if n == b.bad {
		return index.ImportFilePage{}, errBadPage
	}
	page := index.ImportFilePage{Files: make([]earshot.ImportFile, reportPage)}
	for i := range page.Files {
		page.Files[i] = earshot.ImportFile{Path: "a.wav", Fate: earshot.FateDuplicate, Text: "number==1 taken; startedAt=2016-03-04T02:15:00.000Z not taken", Remarks: []string{earshot.RemarkFactsTaken}}
	}
	if n < 2 {
		page.Next = "more"
	}
	return page, nil
}

// A report that cannot be read to its end does not look whole, and no page is read
// for ever.
func TestReportsThatCannotBeRead(t *testing.T) {
	pages := &badPages{}
	h := open(t, func(o *Options) { pages.deskImports, o.Imports = o.Imports, pages })
	u := h.uploader()
	for _, row := range []struct {
		format string
		bad    int
		whole  bool
		status int
	}{
		{"csv", -1, true, http.StatusOK},
		{"xlsx", -1, true, http.StatusOK},
		{"csv", 0, true, http.StatusInternalServerError},
		{"csv", 1, false, http.StatusOK},
		{"csv", 2, false, http.StatusOK},
		{"xlsx", 2, true, http.StatusInternalServerError}, // a workbook goes when it is whole
	} {
		pages.begin(row.bad)
		resp, err := http.DefaultClient.Do(u.request(http.MethodGet, "/api/v1/imports/"+u.imported+"/report?format="+row.format, nil))
		must(t, err)
		got, err := io.ReadAll(resp.Body)
		must(t, resp.Body.Close())
		if (err == nil) != row.whole || resp.StatusCode != row.status || !pages.wereBounded() {
			t.Errorf("%+v: %d, %v, bounded %v", row, resp.StatusCode, err, pages.wereBounded())
		}
		named := resp.Header.Get("Content-Disposition") != ""
		if named != (row.status == http.StatusOK) {
			t.Errorf("%+v: headers %v", row, resp.Header)
		}
		if row.bad >= 0 || !row.whole {
			continue
		}
		rows := rowsOf(t, row.format, got)
		if len(rows) != 1+3*reportPage || rows[1][3] != "号码 =1（已取用）；开始时间 2016-03-04 10:15:00（未取用）" {
			t.Errorf("%s: %d rows, the first %q", row.format, len(rows), rows[1])
		}
	}
}
