package monitor

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"earshot"
)

// What is found of ten minutes is the same at every hour, though a day may have
// ended within them.
func TestCaptureOfAnAnnouncedCall(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	for what, row := range map[string]struct {
		now  time.Time
		days int // that the ten minutes are of; 0 is one or two
	}{
		"now, whenever that is":        {time.Now(), 0},
		"noon":                         {time.Date(2026, 10, 21, 12, 0, 0, 0, shanghai), 1},
		"the day's last instant":       {time.Date(2026, 10, 21, 23, 59, 59, 999_000_000, shanghai), 1},
		"the day's first instant":      {time.Date(2026, 10, 22, 0, 0, 0, 0, shanghai), 2},
		"ten minutes past midnight":    {time.Date(2026, 10, 22, 0, 10, 0, 0, shanghai), 1},
		"a Monday's first instant":     {time.Date(2026, 10, 26, 0, 0, 0, 0, shanghai), 2},
		"the month's first minutes":    {time.Date(2026, 10, 1, 0, 5, 0, 0, shanghai), 2},
		"the year's last instant":      {time.Date(2025, 12, 31, 23, 59, 59, 999_000_000, shanghai), 1},
		"the year's first instant":     {time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai), 2},
		"midnight of Greenwich":        {time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		"the leap day's first minutes": {time.Date(2024, 2, 29, 0, 5, 0, 0, shanghai), 2},
	} {
		t.Run(what, func(t *testing.T) { captureAt(t, row.now, row.days) })
	}
}

// captureAt has a house verify, now, what was announced for ten minutes ago.
func captureAt(t *testing.T, now time.Time, inDays int) {
	t.Helper()
	alarms := new(earshot.Alarms)
	h := open(t, func(o *Options) { o.Alarms = alarms })
	h.clock.set(now)
	admin := h.admin()
	own := h.seat(admin, "w1")
	other := h.seat(admin, "w2")
	at := earshot.At(h.clock.Now().Add(-10 * time.Minute))
	days := "?from=" + at.In(h.server.Location).Format(time.DateOnly) + "&to=" + h.clock.Now().In(h.server.Location).Format(time.DateOnly)
	said := map[string]any{"seat": "w1", "at": at, "durationMs": 60_000, "ref": "=HYPERLINK(1)", "number": "+8613900139000"}

	if err := h.server.lookForMissing(t.Context()); err != nil || len(alarms.List()) != 0 {
		t.Fatalf("alarms of an empty house: %v, %v", alarms.List(), err)
	}
	own.do(http.MethodPost, "/api/v1/announcements", said).want(http.StatusCreated)
	own.do(http.MethodPost, "/api/v1/announcements", said).want(http.StatusCreated) // said again: one conversation
	other.do(http.MethodPost, "/api/v1/announcements", said).want(http.StatusForbidden)
	own.do(http.MethodPost, "/api/v1/seats/w1/soundcheck", map[string]any{"result": "dead_customer", "agentDbov": 25, "customerDbov": 127}).want(http.StatusCreated)
	own.do(http.MethodPost, "/api/v1/seats/w2/soundcheck", map[string]any{"result": "ok", "agentDbov": 1, "customerDbov": 1}).want(http.StatusForbidden)
	for what, body := range map[string]map[string]any{
		"no ref":       {"seat": "w1", "at": at, "ref": ""},
		"the future":   {"seat": "w1", "at": earshot.At(h.clock.Now().Add(time.Hour)), "ref": "a"},
		"no time":      {"seat": "w1", "at": "", "ref": "a"},
		"a long while": {"seat": "w1", "at": at, "ref": "a", "durationMs": 86_400_001},
	} {
		if a := own.do(http.MethodPost, "/api/v1/announcements", body); a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %d", what, a.status)
		}
	}
	admin.do(http.MethodPost, "/api/v1/announcements", map[string]any{"seat": "nowhere", "at": at, "ref": "a"}).want(http.StatusNotFound)
	own.do(http.MethodPost, "/api/v1/seats/w1/soundcheck", map[string]any{"result": "", "agentDbov": 1, "customerDbov": 1}).fails(http.StatusUnprocessableEntity, "bad_result")

	var capture earshot.Capture
	h.user(earshot.RoleInspector).get("/api/v1/capture" + days).want(http.StatusOK).into(&capture)
	if capture.Totals.Announced != 1 || capture.Totals.Missing != 1 || capture.Totals.SoundFail != 1 || capture.Findings[0].Kind != earshot.CaptureMissing ||
		capture.Findings[0].Source != "seat:w1" || capture.Findings[0].Number != "+8613900139000" {
		t.Errorf("%+v", capture)
	}
	if err := h.server.lookForMissing(t.Context()); err != nil || len(alarms.List()) != 1 || alarms.List()[0].Code != earshot.AlarmCapture {
		t.Fatalf("alarms with a missing call: %v, %v", alarms.List(), err)
	}

	book := admin.get("/api/v1/capture.xlsx" + days + "&language=en").want(http.StatusOK)
	if book.header.Get("Content-Type") != workbookType || !strings.Contains(book.header.Get("Content-Disposition"), ".xlsx") {
		t.Errorf("headers %v", book.header)
	}
	file, err := excelize.OpenReader(bytes.NewReader(book.body))
	must(t, err)
	defer func() { must(t, file.Close()) }()
	rows, err := file.GetRows("Findings")
	must(t, err)
	if len(rows) != 3 || rows[1][0] != "Missing" || rows[1][6] != "'=HYPERLINK(1)" || rows[1][7] != "'+8613900139000" || rows[2][12] != "Customer's side silent" {
		t.Errorf("findings %q", rows)
	}
	if formula, err := file.GetCellFormula("Findings", "G2"); err != nil || formula != "" {
		t.Errorf("a formula: %q, %v", formula, err)
	}
	seats, err := file.GetRows("Seats")
	must(t, err)
	if inDays == 0 {
		inDays = len(seats) - 2
	}
	if len(seats) != 2+inDays || inDays < 1 || seats[1][1] != "Total" || seats[1][4] != "1" || seats[1][9] != "1" || seats[1][17] != "1" ||
		seats[2][3] != "一号窗口" || seats[2][4] != "1" || seats[2][9] != "1" || seats[1+inDays][17] != "1" {
		t.Errorf("seats %q", seats)
	}

	// The recording comes to the shelf after all, and the alarm ends.
	call := earshot.Call{ID: earshot.NewID(at.Time), Seat: "w1", Branch: "hall", Kind: earshot.Counter, Direction: earshot.NoDirection, State: earshot.CallStored,
		StartedAt: at, EndedAt: earshot.At(at.Add(time.Minute)), DurationMs: 60_000, Channels: 2, Node: "n1"}
	call.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(call.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2, DurationMs: 60_000, Bytes: 5, SHA256: "ab"}}
	must(t, h.files.WriteWhole(call.Parts[0].File, []byte("audio")))
	must(t, h.archive.SaveCall(t.Context(), call))
	if err := h.server.lookForMissing(t.Context()); err != nil || len(alarms.List()) != 0 {
		t.Errorf("alarms after the recording came: %v, %v", alarms.List(), err)
	}
	admin.get("/api/v1/capture?from=yesterday").fails(http.StatusUnprocessableEntity, "bad_time")
	admin.get("/api/v1/capture?from=2026-11-22&to=2026-11-21").fails(http.StatusUnprocessableEntity, "bad_days")
}
