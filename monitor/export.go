package monitor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"earshot"
	"earshot/storage/index"
)

// The list of calls as a file.

var exportRoutes = []Route{
	{ID: "export-calls", Method: get, Path: "/api/v1/calls/export", Need: may(earshot.ExportList), Tag: "calls",
		More: map[string]Need{"deleted": may(earshot.Inspect)}, Summary: "The calls found as a spreadsheet, newest first, at most 100,000; who took which is audited"},
}

// Bounds of exports.
const (
	mostExported    = 100_000 // rows of one
	mostExports     = 4       // at once, of all people
	exportPage      = 200     // calls read at once
	mostSaidInAudit = 500     // characters of the filters
)

// Failures of exports.
var (
	errExportRunning = earshot.Fail(earshot.Conflict, "export_running", "an export of yours is being written; wait for it, or end it")
	errManyExports   = earshot.Fail(earshot.Unavailable, "many_exports", "several people are exporting now; try again in a moment")
	errNoColumns     = earshot.Fail(earshot.Invalid, "bad_columns", "columns are some of those that the description names, each once")
)

// CallFilter is callFilter under a name that it can be embedded by.
type CallFilter = callFilter

type exportAsk struct {
	CallFilter
	Format  string   `query:"format" enum:"csv,xlsx" default:"csv"`
	Columns []string `query:"columns" maxItems:"40" doc:"in this order: startedAt, durationMs, seat, branch, agent, agentName, kind, direction, number, account, ticket, business, rating, state, flags, tags, held, listened, marks, agentShare, customerShare, silenceShare, overtalkShare, interruptions, longestMonologue, longestSilence, id, link"`
	Lang    string   `query:"lang" enum:"zh,en" default:"zh"`
}

func (s *Server) exportOperations(b *book) {
	enter(s, b, "export-calls", s.exportCalls)
	content := map[string]*huma.MediaType{}
	for _, t := range []string{csvType, workbookType} {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	}
	b.api.OpenAPI().Paths["/api/v1/calls/export"].Get.Responses["200"].Content = content
}

func (s *Server) exportCalls(ctx context.Context, in *exportAsk) (*huma.StreamResponse, error) {
	v := visitOf(ctx)
	q, err := in.query(ctx, s)
	if err != nil {
		return nil, err
	}
	q.Cursor, q.Limit = "", exportPage
	e := &export{s: s, who: v.who, query: q, ask: in}
	if err := e.prepare(ctx, v.request); err != nil {
		return nil, err
	}
	done, err := s.exporting.begin(v.who.Who())
	if err != nil {
		return nil, err
	}
	first, err := s.Archive.Search(ctx, q)
	if err != nil {
		done()
		return nil, err
	}
	s.didTo(ctx, earshot.AuditExportList, "", in.Format+": "+saidFilters(v.request.URL.Query()))
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer done()
		name := "calls-" + e.facts.now.In(s.Location).Format("20060102-150405")
		s.answerSheet(hc, name, in.Format, func(ctx context.Context, w *exportOutput) error { return e.write(ctx, w, first) })
	}}, nil
}

// saidFilters are the filters as the audit keeps them.
func saidFilters(query url.Values) string {
	for _, name := range []string{"format", "columns", "lang", "cursor", "limit", "total"} {
		query.Del(name)
	}
	text := query.Encode()
	if plain, err := url.QueryUnescape(text); err == nil {
		text = plain
	}
	if runes := []rune(text); len(runes) > mostSaidInAudit {
		text = string(runes[:mostSaidInAudit]) + "…"
	}
	return text
}

// export is one that is being written.
type export struct {
	s       *Server
	who     Principal
	query   index.CallQuery
	ask     *exportAsk
	columns []column
	facts   rowFacts
}

// prepare finds out all that rows need beside their calls.
func (e *export) prepare(ctx context.Context, r *http.Request) error {
	var err error
	if e.columns, err = columnsOf(e.ask.Columns); err != nil {
		return err
	}
	public, _ := e.s.publicURLs(r)
	book := captureBook{seats: map[string]string{}, branches: map[string]string{}}
	if err := e.s.names(ctx, &book); err != nil {
		return err
	}
	e.facts = rowFacts{words: exportWords[e.ask.Lang], seats: book.seats, branches: book.branches, public: public, now: e.s.Now()}
	return nil
}

// write writes page after page; ctx ends when nobody is there any more.
func (e *export) write(ctx context.Context, w *exportOutput, page index.CallPage) (err error) {
	sheet, err := e.sheet(w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sheet.close()) }()
	rows := 0
	var more bool
	for {
		if err := e.writePage(ctx, sheet, page.Calls[:min(len(page.Calls), mostExported-rows)]); err != nil {
			return err
		}
		more = rows+len(page.Calls) > mostExported || rows+len(page.Calls) == mostExported && page.Next != ""
		rows = min(rows+len(page.Calls), mostExported)
		if more || page.Next == "" {
			break
		}
		e.query.Cursor = page.Next
		page, err = nextPage(ctx, w, func(ctx context.Context) (index.CallPage, error) { return e.s.Archive.Search(ctx, e.query) })
		if err != nil {
			return err
		}
	}
	note := ""
	if more {
		note = e.facts.words.more
	}
	w.header("Earshot-Rows", strconv.Itoa(rows))
	w.header("Earshot-More", strconv.FormatBool(more))
	return sheet.finish(note)
}

func (e *export) writePage(ctx context.Context, sheet exportSheet, calls []earshot.Call) error {
	facts := e.facts
	if hasColumn(e.columns, "listened") {
		ids := make([]string, len(calls))
		for i, c := range calls {
			ids[i] = c.ID
		}
		var err error
		if facts.played, err = e.s.Archive.Played(ctx, ids); err != nil {
			return err
		}
	}
	row := make([]any, len(e.columns))
	for _, call := range calls {
		call = e.s.shown(e.who, call)
		for i, c := range e.columns {
			row[i] = c.value(facts, call)
		}
		if err := sheet.row(row); err != nil {
			return err
		}
	}
	return sheet.flush()
}

// shown is a call found as who may see it; a live one as it stands now.
func (s *Server) shown(who Principal, call earshot.Call) earshot.Call {
	if call.State == earshot.CallLive {
		if live, ok := s.Floor.LiveCall(call.ID); ok {
			live.Holds = call.Holds
			call = live
		}
	}
	return seenBy(who, call)
}

// exporting are the exports that run, one of a person and few at once: each
// reads much of the index. The zero value is ready.
type exporting struct {
	mu  sync.Mutex
	who map[string]bool
}

// begin takes who's turn; done gives it back.
func (e *exporting) begin(who string) (done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.who[who]:
		return nil, errExportRunning
	case len(e.who) >= mostExports:
		return nil, errManyExports
	case e.who == nil:
		e.who = map[string]bool{}
	}
	e.who[who] = true
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.who, who)
	}, nil
}

func hasColumn(columns []column, name string) bool {
	for _, c := range columns {
		if c.name == name {
			return true
		}
	}
	return false
}

// columnsOf are the columns of these names; the usual ones where none is named.
func columnsOf(names []string) ([]column, error) {
	if len(names) == 0 || len(names) == 1 && names[0] == "" {
		names = strings.Split(usualColumns, ",")
	}
	var chosen []column
	for _, name := range names {
		i := columnAt(name)
		if i < 0 || hasColumn(chosen, name) {
			return nil, errNoColumns
		}
		chosen = append(chosen, exportColumns[i])
	}
	return chosen, nil
}
