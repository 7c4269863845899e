package monitor

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

const exportPath = "/api/v1/calls/export"

// exportHouse has a call of everything, a bare one, and somebody who may export.
func exportHouse(t *testing.T, changes ...change) (h *house, inspector visitor, full, bare earshot.Call) {
	h = open(t, changes...)
	h.seat(h.admin(), "s1")
	began := time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC) // 00:30 of the 21st in Shanghai
	full, _ = h.store("s1", began.Add(time.Hour), func(c *earshot.Call) {
		c.Agent = &earshot.Agent{ID: "=cmd|' /C calc'!A0", Name: "王芳"}
		c.Number, c.Account, c.Ticket, c.Business = "=1+1", "+86138", "0012", "＠报修"
		c.Rating, c.DurationMs, c.Tags, c.Flags = 5, 3_723_600, []string{"-复查", "a,\"b\""}, []earshot.Flag{earshot.FlagGaps, earshot.FlagShort}
		c.Holds = nil
		c.Marks = []earshot.Mark{
			{ID: earshot.NewID(began), Kind: earshot.MarkNote, By: "inspector-1", Text: "x"},
			{ID: earshot.NewID(began), Kind: earshot.MarkNote, By: "somebody", Text: "not for others"},
		}
	})
	bare, _ = h.store("gone", began, func(c *earshot.Call) { c.Branch, c.Number = "nowhere", "13800138000" })
	_, err := h.archive.Hold(t.Context(), earshot.Hold{Call: full.ID, By: firstAdmin, Reason: "投诉", At: earshot.At(began)})
	must(t, err)
	inspector = h.user(earshot.RoleInspector)
	inspector.get("/api/v1/calls/" + full.ID + "/audio").want(http.StatusOK)
	h.audited(earshot.AuditPlay, 1)
	return h, inspector, full, bare
}

// rowsOf reads a file as a spreadsheet program would.
func rowsOf(t *testing.T, format string, body []byte) [][]string {
	t.Helper()
	if format == "csv" {
		text, ok := strings.CutPrefix(string(body), byteOrderMark)
		if !ok || strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
			t.Fatalf("no mark, or lines that do not end in CRLF: %q", body)
		}
		r := csv.NewReader(strings.NewReader(text))
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		must(t, err)
		return rows
	}
	file, err := excelize.OpenReader(bytes.NewReader(body))
	must(t, err)
	defer func() { must(t, file.Close()) }()
	rows, err := file.GetRows(file.GetSheetName(0))
	must(t, err)
	return rows
}

func TestExportSaysWhatTheListSays(t *testing.T) {
	h, inspector, full, bare := exportHouse(t)
	columns := usualColumns
	want := map[string][][]string{
		"zh": {
			{"开始 (Asia/Shanghai)", "时长", "坐席位", "网点", "工号", "姓名", "类型", "方向", "号码", "户号", "票号", "业务类型", "评价", "状态", "提示", "标签", "已冻结", "播放过", "标记数", "通话编号", "链接"},
			{"2026-11-21 01:30:00", "1:02:03", "一号窗口", "营业厅", "'=cmd|' /C calc'!A0", "王芳", "柜台", "呼入", "'=1+1", "'+86138", "0012", "'＠报修", "5", "已保存", "有缺口, 过短", "'-复查, a,\"b\"", "是", "是", "1", full.ID, h.http.URL + "/calls/" + full.ID},
			{"2026-11-21 00:30:00", "0:00:10", "gone", "nowhere", "", "", "柜台", "呼入", "13800138000", "", "", "", "", "已保存", "", "", "否", "否", "0", bare.ID, h.http.URL + "/calls/" + bare.ID},
		},
		"en": {
			{"Started (Asia/Shanghai)", "Number", "On hold"},
			{"2026-11-21 01:30:00", "'=1+1", "yes"},
			{"2026-11-21 00:30:00", "13800138000", "no"},
		},
	}
	for _, format := range []string{"csv", "xlsx"} {
		for lang, rows := range want {
			query := url.Values{"format": {format}, "lang": {lang}}
			if lang == "en" {
				query.Set("columns", "startedAt,number,held")
			} else if format == "xlsx" {
				query.Set("columns", columns)
			}
			a := inspector.get(exportPath + "?" + query.Encode()).want(http.StatusOK)
			if diff := cmp.Diff(rows, rowsOf(t, format, a.body)); diff != "" {
				t.Errorf("%s, %s: %s", format, lang, diff)
			}
			if name := a.header.Get("Content-Disposition"); !strings.HasPrefix(name, "attachment; filename=calls-") || !strings.HasSuffix(name, "."+format) {
				t.Errorf("disposition %q", name)
			}
		}
	}
	some := inspector.get(exportPath + "?columns=id&number=8000").want(http.StatusOK)
	if got := rowsOf(t, "csv", some.body); len(got) != 2 || got[1][0] != bare.ID {
		t.Errorf("the filter found %q", got)
	}
	none := inspector.get(exportPath + "?columns=id&seat=none&format=xlsx").want(http.StatusOK)
	if got := rowsOf(t, "xlsx", none.body); len(got) != 1 || none.header.Get("Earshot-Rows") != "0" || none.header.Get("Earshot-More") != "false" {
		t.Errorf("nothing is %q, %v", got, none.header)
	}
	rows := h.audited(earshot.AuditExportList, 6)
	if got := rows[1].Reason; got != "csv: number=8000" {
		t.Errorf("the audit says %q", got)
	}
	if got := rows[0]; got.Reason != "xlsx: seat=none" || got.Who != "inspector-1" {
		t.Errorf("the audit says %+v", got)
	}
}

func TestExportOfTalk(t *testing.T) {
	h := open(t)
	call := earshot.Call{Talk: &earshot.Talk{AgentShare: 412, CustomerShare: 5, SilenceShare: 1000, OvertalkShare: 0, Interruptions: 3, LongestMonologue: 61_000, LongestSilence: 999}}
	mixed := earshot.Call{Talk: &earshot.Talk{Mixed: true, SilenceShare: 250, LongestSilence: 2_000}}
	var got, ofMixed []string
	for _, name := range strings.Split("agentShare,customerShare,silenceShare,overtalkShare,interruptions,longestMonologue,longestSilence", ",") {
		c := exportColumns[columnAt(name)]
		got = append(got, plain(c.value(rowFacts{}, call), h.server.Location))
		ofMixed = append(ofMixed, plain(c.value(rowFacts{}, mixed), h.server.Location))
		if v := c.value(rowFacts{}, earshot.Call{}); v != nil {
			t.Errorf("%s of a call that was not analysed is %v", name, v)
		}
	}
	if diff := cmp.Diff([]string{"41.2%", "0.5%", "100.0%", "0.0%", "3", "0:01:01", "0:00:00"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"", "", "25.0%", "", "", "", "0:00:02"}, ofMixed); diff != "" {
		t.Error("of a mixed call: ", diff)
	}
}

func TestExportRefuses(t *testing.T) {
	h, inspector, _, _ := exportHouse(t)
	for query, code := range map[string]string{
		"?columns=colour": "bad_columns", "?columns=id,id": "bad_columns", "?format=pdf": "invalid", "?from=yesterday": "bad_time", "?lang=fr": "invalid",
	} {
		inspector.get(exportPath+query).fails(http.StatusUnprocessableEntity, code)
	}
	inspector.get(exportPath+"?state=deleted").fails(http.StatusForbidden, "forbidden")
	h.user(earshot.RoleSupervisor).get(exportPath).fails(http.StatusForbidden, "forbidden")
}

// endless is an archive whose search never comes to an end.
type endless struct {
	*storage.Archive
	call    earshot.Call
	size    int           // of a page
	asked   chan struct{} // told of each page but the first
	waiting bool          // pages but the first wait until nobody wants them any more
	ended   chan error
}

func (e *endless) Search(ctx context.Context, q index.CallQuery) (index.CallPage, error) {
	page := index.CallPage{Next: "more"}
	for range e.size {
		page.Calls = append(page.Calls, e.call)
	}
	if q.Cursor != "" && e.waiting {
		e.asked <- struct{}{}
		<-ctx.Done()
		e.ended <- ctx.Err()
		return index.CallPage{}, ctx.Err()
	}
	return page, nil
}

// An export has so many rows and no more, and says so.
func TestExportIsBounded(t *testing.T) {
	h, inspector, full, _ := exportHouse(t, func(o *Options) {
		o.Archive = &endless{Archive: o.Archive.(*storage.Archive), size: 1700}
	})
	h.server.Archive.(*endless).call = full
	for _, format := range []string{"csv", "xlsx"} {
		a := inspector.get(exportPath + "?columns=id,number,startedAt&format=" + format).want(http.StatusOK)
		rows := rowsOf(t, format, a.body)
		if len(rows) != 1+mostExported+1 || rows[mostExported][0] != full.ID || !strings.Contains(rows[mostExported+1][0], "100,000") {
			t.Errorf("%s: %d rows, the last %q", format, len(rows), rows[len(rows)-1])
		}
		if format == "xlsx" && (a.header.Get("Earshot-More") != "true" || a.header.Get("Earshot-Rows") != "100000") {
			t.Errorf("headers %v", a.header)
		}
	}
}

// One export a person; it ends with whoever wanted it.
func TestExportEndsWithItsReader(t *testing.T) {
	var slow *endless
	h, inspector, full, _ := exportHouse(t, func(o *Options) {
		slow = &endless{Archive: o.Archive.(*storage.Archive), size: 200, asked: make(chan struct{}), waiting: true, ended: make(chan error, 1)}
		o.Archive = slow
	})
	slow.call = full
	for _, format := range []string{"csv", "xlsx"} {
		ctx, leave := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			resp, err := http.DefaultClient.Do(inspector.request(http.MethodGet, exportPath+"?format="+format, nil).WithContext(ctx))
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				err = errors.Join(err, resp.Body.Close())
			}
			gone <- err
		}()
		<-slow.asked
		inspector.get(exportPath).fails(http.StatusConflict, "export_running")
		leave()
		if err := <-gone; err == nil {
			t.Errorf("%s: half a file looks whole", format)
		}
		if err := <-slow.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: reading on ended with %v", format, err)
		}
		h.eventually("the turn is given back", func() bool {
			done, err := h.server.exporting.begin("inspector-1")
			if err == nil {
				done()
			}
			return err == nil
		})
	}
}

func TestFewExportAtOnce(t *testing.T) {
	var e exporting
	for _, who := range []string{"a", "b", "c", "d"} {
		if _, err := e.begin(who); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.begin("e"); earshot.AsError(err).Code != "many_exports" {
		t.Errorf("a fifth: %v", err)
	}
}

// The words of exports are those of the pages.
func TestExportWordsAreThePages(t *testing.T) {
	for lang, folder := range map[string]string{"zh": "zh-CN", "en": "en"} {
		text, err := os.ReadFile("../web/src/i18n/" + folder + "/words.ts")
		must(t, err)
		w := exportWords[lang]
		words := map[string]string{}
		for k, v := range w.kinds {
			words[string(k)] = v
		}
		for k, v := range w.directions {
			words[string(k)] = v
		}
		for k, v := range w.states {
			words[string(k)] = v
		}
		for k, v := range w.flags {
			words[string(k)] = v
		}
		for key, word := range words {
			if !strings.Contains(string(text), key+`: "`+word+`"`) {
				t.Errorf("%s: the pages do not call %s %q", lang, key, word)
			}
		}
		for _, c := range exportColumns {
			if w.heads[c.name] == "" {
				t.Errorf("%s: the column %s has no head", lang, c.name)
			}
		}
	}
}
