package monitor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
	"earshot/audio/levels"
	"earshot/audio/wav"
)

// store puts a stored call with one part onto the shelf, and answers its bytes.
func (h *house) store(seat string, began time.Time, change func(*earshot.Call)) (earshot.Call, []byte) {
	h.t.Helper()
	call := earshot.Call{
		ID: earshot.NewID(began), Seat: seat, Branch: "hall", Kind: earshot.Counter, Direction: earshot.Inbound,
		State: earshot.CallStored, StartedAt: earshot.At(began), EndedAt: earshot.At(began.Add(10 * time.Second)), DurationMs: 10000,
		Channels: 2, Node: "n1",
	}
	audio := bytes.Repeat([]byte("0123456789"), 1000)
	name := earshot.PartFile(call.ID, 1, earshot.Opus)
	must(h.t, h.files.WriteWhole(name, audio))
	sum := sha256.Sum256(audio)
	call.Parts = []earshot.Part{{N: 1, File: name, Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2, DurationMs: 10000,
		Bytes: int64(len(audio)), SHA256: hex.EncodeToString(sum[:])}}
	if change != nil {
		change(&call)
	}
	must(h.t, h.archive.SaveCall(h.t.Context(), call))
	return call, audio
}

func TestSearchAndRead(t *testing.T) {
	h := open(t)
	inspector := h.user(earshot.RoleInspector)
	day := time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC) // 00:30 of the 21st in Shanghai
	first, _ := h.store("s1", day, func(c *earshot.Call) { c.Number, c.Tags = "13800138000", []string{"复查"} })
	second, _ := h.store("s2", day.Add(time.Hour), func(c *earshot.Call) { c.Flags = []earshot.Flag{earshot.FlagGaps} })
	h.floor.open("s1", "est_1")
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	must(t, h.archive.SaveCall(t.Context(), live))
	ticket := "T-9"
	_, err = h.floor.UpdateCall(t.Context(), live.ID, earshot.CallPatch{Ticket: &ticket})
	must(t, err)

	for query, want := range map[string][]string{
		"":                               {live.ID, second.ID, first.ID},
		"?state=stored":                  {second.ID, first.ID},
		"?state=live":                    {live.ID},
		"?seat=s2":                       {second.ID},
		"?listened=yes":                  {},
		"?listened=no&seat=s2":           {second.ID},
		"?minMs=99000000":                {},
		"?note=%E5%A4%8D%E6%9F%A5":       {},
		"?seat=s1&seat=s2&state=stored":  {second.ID, first.ID},
		"?number=8000":                   {first.ID},
		"?number=%2B86+80-00":            {first.ID},
		"?flag=gaps":                     {second.ID},
		"?tag=%E5%A4%8D%E6%9F%A5":        {first.ID},
		"?q=%E5%A4%8D%E6%9F%A5":          {first.ID},
		"?from=2026-11-21&to=2026-11-21": {second.ID, first.ID},
		"?from=2026-11-20&to=2026-11-20": {},
		"?to=2026-11-20T17:00:00Z":       {first.ID},
		"?from=2026-11-20T17:00:00%2B00:00&state=stored": {second.ID},
	} {
		var list callList
		inspector.get("/api/v1/calls" + query).want(http.StatusOK).into(&list)
		got := []string{}
		for _, c := range list.Calls {
			got = append(got, c.ID)
			if c.ID == live.ID && c.Ticket != ticket {
				t.Errorf("%s: the live call is not as it stands", query)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	var page callList
	inspector.get("/api/v1/calls?limit=1&total=true&state=stored").want(http.StatusOK).into(&page)
	if page.Total == nil || *page.Total != 2 {
		t.Errorf("a total of %v", page.Total)
	}
	page.Total = nil
	inspector.get("/api/v1/calls?limit=1").want(http.StatusOK).into(&page)
	inspector.get("/api/v1/calls?limit=1&cursor=" + page.Next).want(http.StatusOK).into(&page)
	if len(page.Calls) != 1 || page.Calls[0].ID != second.ID {
		t.Errorf("second page %+v", page)
	}
	for query, code := range map[string]string{
		"?limit=0": "invalid", "?limit=500": "invalid", "?from=yesterday": "bad_time", "?kind=tent": "invalid", "?listened=maybe": "invalid", "?minMs=-1": "invalid", "?minMs=5&maxMs=4": "bad_query", "?cursor=x": "bad_cursor", "?rating=9": "invalid",
	} {
		inspector.get("/api/v1/calls"+query).fails(http.StatusUnprocessableEntity, code)
	}

	a := inspector.get("/api/v1/calls/" + first.ID).want(http.StatusOK)
	for _, want := range []string{`"agent":null`, `"gaps":[]`, `"marks":[]`, `"endedAt":"2026-11-20T16:30:10.000Z"`, `"clock":[]`} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("%s lacks %s", a.body, want)
		}
	}
	inspector.get("/api/v1/calls/"+earshot.NewID(day)).fails(http.StatusNotFound, "no_call")
	inspector.get("/api/v1/calls/x").fails(http.StatusNotFound, "no_call")
}

func TestEditing(t *testing.T) {
	h := open(t)
	supervisor, agent := h.user(earshot.RoleSupervisor), h.user(earshot.RoleAgent)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	var got earshot.Call
	supervisor.do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"account":"8812","rating":4,"tags":["a"],"agent":{"id":"1024"}}`).want(http.StatusOK).into(&got)
	if got.Account != "8812" || got.Rating != 4 || got.Agent == nil || got.Agent.ID != "1024" || len(got.Tags) != 1 {
		t.Errorf("changed to %+v", got)
	}
	supervisor.do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"rating":6}`).fails(http.StatusUnprocessableEntity, "invalid")
	supervisor.do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"number":"a\u0001"}`).fails(http.StatusUnprocessableEntity, "bad_text")
	agent.do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"rating":1}`).fails(http.StatusForbidden, "forbidden")

	h.floor.open("s1", "est_1")
	h.floor.open("s2", "est_2")
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	agent.do(http.MethodPatch, "/api/v1/calls/"+live.ID, `{"ticket":"T"}`).want(http.StatusOK)
	h.with("est_1").do(http.MethodPatch, "/api/v1/calls/"+live.ID, `{"ticket":"U"}`).want(http.StatusOK)
	h.with("est_2").do(http.MethodPatch, "/api/v1/calls/"+live.ID, `{"ticket":"V"}`).fails(http.StatusNotFound, "no_call")
	h.with("est_1").do(http.MethodPatch, "/api/v1/calls/"+call.ID, `{"ticket":"V"}`).fails(http.StatusNotFound, "no_call")
	// Its own seat has a while to say how it was.
	ended, _ := h.store("s1", h.clock.Now().Add(-time.Minute), func(c *earshot.Call) {
		c.Marks = []earshot.Mark{{ID: earshot.NewID(h.clock.Now()), Kind: earshot.MarkNote, By: "inspector-1", Text: "态度不好", Shared: true}}
	})
	_, err = h.archive.Hold(t.Context(), earshot.Hold{Call: ended.ID, By: firstAdmin, Reason: "投诉坐席", At: earshot.At(h.clock.Now())})
	must(t, err)
	h.with("est_1").do(http.MethodPatch, "/api/v1/calls/"+ended.ID, `{"rating":5}`).want(http.StatusOK).into(&got)
	h.with("est_2").do(http.MethodPatch, "/api/v1/calls/"+ended.ID, `{"rating":1}`).fails(http.StatusNotFound, "no_call")
	h.with("est_1").do(http.MethodPost, "/api/v1/calls/"+ended.ID+"/end", nil).fails(http.StatusConflict, "not_live")
	h.with("est_1").do(http.MethodPatch, "/api/v1/calls/"+earshot.NewID(h.clock.Now()), `{"rating":1}`).fails(http.StatusNotFound, "no_call")
	if got.ID != ended.ID || got.Rating != 5 || len(got.Marks) != 0 || len(got.Holds) != 0 {
		t.Errorf("rated: %+v", got) // what was noted of it, and why it is held, is not for the seat
	}
	supervisor.get("/api/v1/calls/" + ended.ID).want(http.StatusOK).into(&got)
	if len(got.Marks) != 1 || len(got.Holds) != 1 {
		t.Errorf("a supervisor sees %+v", got)
	}
	if row := h.audited(earshot.AuditUpdate, 4)[0]; row.Who != "seat:s1" || row.Call != ended.ID || row.Target != "s1" {
		t.Errorf("audit row %+v", row)
	}
	if c, _ := h.floor.LiveCall(live.ID); c.Ticket != "U" {
		t.Errorf("ticket %q", c.Ticket)
	}
}

func TestMarks(t *testing.T) {
	h := open(t)
	admin, supervisor, inspector := h.admin(), h.user(earshot.RoleSupervisor), h.user(earshot.RoleInspector)
	h.floor.open("s1", "est_1")
	stored, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	for _, call := range []string{stored.ID, live.ID} {
		path := "/api/v1/calls/" + call + "/marks"
		private := inspector.do(http.MethodPost, path, `{"kind":"note","startMs":1000,"text":"语速太快"}`).want(http.StatusCreated).field("id")
		shared := inspector.do(http.MethodPost, path, `{"kind":"bookmark","side":"customer","startMs":2000,"endMs":3000,"shared":true}`).want(http.StatusCreated).field("id")
		inspector.do(http.MethodPost, path, `{"kind":"listen","startMs":0}`).fails(http.StatusUnprocessableEntity, "invalid")
		for v, want := range map[visitor][]string{inspector: {private, shared}, supervisor: {shared}} {
			var list markList
			v.get(path).want(http.StatusOK).into(&list)
			got := []string{}
			for _, m := range list.Marks {
				got = append(got, m.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			var c earshot.Call
			v.get("/api/v1/calls/" + call).want(http.StatusOK).into(&c)
			if len(c.Marks) != len(want) {
				t.Errorf("the call shows %d marks, want %d", len(c.Marks), len(want))
			}
		}
		for _, text := range []string{`a\u0000`, "\xff"} {
			inspector.do(http.MethodPost, path, `{"kind":"note","startMs":500,"text":"`+text+`"}`).fails(http.StatusBadRequest, "invalid")
		}
		for body, code := range map[string]string{
			`{"kind":"note","text":"a","startMs":0,"endMs":9000000000}`: "mark_beyond",
			`{"kind":"bookmark","startMs":99999999}`:                    "mark_beyond",
			`{"kind":"bookmark","startMs":500,"endMs":100}`:             "bad_mark",
			`{"kind":"note","startMs":500,"text":" "}`:                  "bad_mark",
		} {
			inspector.do(http.MethodPost, path, body).fails(http.StatusUnprocessableEntity, code)
		}
		inspector.do(http.MethodPatch, path+"/"+private, `{"endMs":9000000000}`).fails(http.StatusUnprocessableEntity, "mark_beyond")
		inspector.do(http.MethodPatch, path+"/"+private, `{"endMs":1}`).fails(http.StatusUnprocessableEntity, "bad_mark")
		supervisor.do(http.MethodDelete, path+"/"+private, nil).fails(http.StatusNotFound, "no_mark")
		supervisor.do(http.MethodDelete, path+"/"+shared, nil).fails(http.StatusForbidden, "forbidden")
		inspector.do(http.MethodDelete, path+"/"+private, nil).want(http.StatusNoContent)
		admin.do(http.MethodDelete, path+"/"+shared, nil).want(http.StatusNoContent)
		admin.do(http.MethodDelete, path+"/"+shared, nil).fails(http.StatusNotFound, "no_mark")
	}
	// Nobody learns from the call's audit that others keep a mark to themselves.
	for _, action := range []string{earshot.AuditMark, earshot.AuditDelete} {
		for _, row := range h.audited(action, 2) {
			if row.FromMs != 2000 {
				t.Errorf("the private mark is in the audit: %+v", row)
			}
		}
	}
}

// A call takes so many marks of people and no more; those of others do not count.
func TestMarksAreBounded(t *testing.T) {
	h := open(t)
	inspector := h.user(earshot.RoleInspector)
	marks := []earshot.Mark{}
	for n := range earshot.MostMarks - 1 {
		marks = append(marks, earshot.Mark{ID: fmt.Sprint(n), Kind: earshot.MarkNote, By: "x"}, earshot.Mark{ID: fmt.Sprint("alert", n), Kind: earshot.MarkSilence, Shared: true})
	}
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) { c.Marks = marks })
	path := "/api/v1/calls/" + call.ID + "/marks"
	id := inspector.do(http.MethodPost, path, `{"kind":"note","startMs":1000,"text":"a"}`).want(http.StatusCreated).field("id")
	inspector.do(http.MethodPost, path, `{"kind":"note","startMs":1000,"text":"a"}`).fails(http.StatusConflict, "many_marks")
	inspector.do(http.MethodDelete, path+"/"+id, nil).want(http.StatusNoContent)
	inspector.do(http.MethodPost, path, `{"kind":"bookmark","startMs":1000}`).want(http.StatusCreated)
}

func TestStoredAudio(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	call, audio := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	path := "/api/v1/calls/" + call.ID + "/parts/1/audio"
	a := supervisor.get(path).want(http.StatusOK)
	if !bytes.Equal(a.body, audio) {
		t.Error("not the stored bytes")
	}
	for name, want := range map[string]string{
		"Etag": `"` + call.Parts[0].SHA256 + `"`, "Content-Type": "audio/ogg", "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache", "Content-Length": "10000",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	part := func(from, to string) answered {
		r := supervisor.request(http.MethodGet, path, nil)
		r.Header.Set("Range", "bytes="+from+"-"+to)
		return h.send(r)
	}
	a = part("5000", "5003").want(http.StatusPartialContent)
	if string(a.body) != "0123" || a.header.Get("Content-Range") != "bytes 5000-5003/10000" {
		t.Errorf("range: %q, %s", a.body, a.header.Get("Content-Range"))
	}
	part("99999", "").want(http.StatusRequestedRangeNotSatisfiable)
	known := supervisor.request(http.MethodGet, path, nil)
	known.Header.Set("If-None-Match", `"`+call.Parts[0].SHA256+`"`)
	h.send(known).want(http.StatusNotModified)
	if a := supervisor.get("/api/v1/calls/" + call.ID + "/audio").want(http.StatusOK); !bytes.Equal(a.body, audio) {
		t.Error("the only part is not the call's audio")
	}
	if row := h.audited(earshot.AuditPlay, 1)[0]; row.Call != call.ID || row.Who != "supervisor-1" || row.FromMs != 0 || row.ToMs != 10000 {
		t.Errorf("audit row %+v", row)
	}
	h.clock.add(time.Minute)
	part("5000", "").want(http.StatusPartialContent)
	if row := h.audited(earshot.AuditPlay, 2)[0]; row.FromMs != 5000 {
		t.Errorf("audit row %+v", row)
	}
	for path, code := range map[string]string{"/parts/2/audio": "no_part", "/parts/0/audio": "no_part", "/parts/x/audio": "no_part"} {
		supervisor.get("/api/v1/calls/"+call.ID+path).fails(http.StatusNotFound, code)
	}
	supervisor.get("/api/v1/calls/"+earshot.NewID(h.clock.Now())+"/audio").fails(http.StatusNotFound, "no_call")
	for _, query := range []string{"?fromMs=x", "?fromMs=5&toMs=5", "?fromMs=-1"} {
		supervisor.get("/api/v1/calls/"+call.ID+"/audio"+query).fails(http.StatusUnprocessableEntity, "invalid")
	}
}

// Each part that is played is in the audit, once a minute.
func TestEachPartPlayedIsAudited(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) {
		second := c.Parts[0]
		second.N, second.StartMs = 2, 20000
		c.Parts = append(c.Parts, second)
	})
	for _, n := range []string{"1", "2", "1", "2"} {
		supervisor.get("/api/v1/calls/" + call.ID + "/parts/" + n + "/audio").want(http.StatusOK)
	}
	rows := h.audited(earshot.AuditPlay, 2)
	if rows[0].Reason != "part 2" || rows[0].FromMs != 20000 || rows[1].Reason != "part 1" {
		t.Errorf("audit rows %+v", rows)
	}
}

func TestDownload(t *testing.T) {
	h := open(t)
	call, audio := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	path := "/api/v1/calls/" + call.ID + "/parts/1/audio?download=1"
	h.user(earshot.RoleSupervisor).get(path).fails(http.StatusForbidden, "forbidden")
	evidence := h.user(earshot.RoleEvidence)
	a := evidence.get(path).want(http.StatusOK)
	if got, want := a.header.Get("Content-Disposition"), "attachment; filename="+call.ID+"-1.opus"; got != want {
		t.Errorf("disposition %q, want %q", got, want)
	}
	if !bytes.Equal(a.body, audio) {
		t.Error("not the stored bytes")
	}
	if row := h.audited(earshot.AuditDownload, 1)[0]; row.Who != "evidence-1" || row.Call != call.ID {
		t.Errorf("audit row %+v", row)
	}
	var list auditList
	evidence.get("/api/v1/calls/" + call.ID + "/audit").want(http.StatusOK).into(&list)
	if len(list.Audit) != 2 { // the download, and the supervisor who was refused one
		t.Errorf("audit of the call: %+v", list.Audit)
	}
	evidence.get("/api/v1/audit?action=download&who=evidence-1").want(http.StatusOK).into(&list)
	if len(list.Audit) != 1 {
		t.Errorf("audit: %+v", list.Audit)
	}
}

func TestLiveAudioAndLevels(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	h.floor.open("s1", "est_1")
	h.floor.audio = []byte("OggS live")
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	a := supervisor.get("/api/v1/calls/" + live.ID + "/audio").want(http.StatusOK)
	if string(a.body) != "OggS live" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "audio/ogg" || a.header.Get("Content-Length") != "9" {
		t.Errorf("live audio %q %v", a.body, a.header)
	}
	h.audited(earshot.AuditPlay, 1)
	if got := string(supervisor.get("/api/v1/calls/" + live.ID + "/levels").want(http.StatusOK).body); !strings.Contains(got, `{"stepMs":100,"agent":"Hg==","customer":"/w=="}`) {
		t.Errorf("live levels %s", got)
	}
	stored, _ := h.store("s1", h.clock.Now().Add(-time.Hour), nil)
	must(t, h.files.WriteWhole(earshot.LevelsFile(stored.ID, 1), levels.Append(nil, []byte{10}, []byte{20})))
	var got earshot.Levels
	supervisor.get("/api/v1/calls/" + stored.ID + "/levels").want(http.StatusOK).into(&got)
	if len(got.Agent) != 100 || got.Agent[0] != 10 || got.Customer[0] != 20 || got.Agent[1] != earshot.LevelGap {
		t.Errorf("stored levels %+v", got)
	}
}

// An excerpt of a live call comes out of what there is so far.
func TestLiveExcerpt(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	h.floor.open("s1", "est_1")
	encoding, err := wav.Of(earshot.PCMU)
	must(t, err)
	const second = 2 * 8000 // bytes, both sides
	h.floor.audio = append(wav.AppendHeader(nil, encoding, 2, 3*second), bytes.Repeat([]byte{0x55, 0xaa}, 3*second/2)...)
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	_, err = h.floor.update(live.ID, func(c *earshot.Call) {
		c.DurationMs = 14500
		c.Parts = []earshot.Part{{N: 1, Track: earshot.TrackBoth, Codec: earshot.PCMU, Channels: 2, StartMs: 10000, DurationMs: 4500}}
	})
	must(t, err)
	path := "/api/v1/calls/" + live.ID + "/audio"
	for query, bytes := range map[string]int{"?fromMs=11000&toMs=11500": second / 2, "?fromMs=12000": second, "?fromMs=0&toMs=10250": second / 4} {
		a := supervisor.get(path + query).want(http.StatusOK)
		if got := len(a.body) - wav.HeaderBytes; got != bytes || a.header.Get("Content-Type") != "audio/wav" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d bytes of audio, want %d; %v", query, got, bytes, a.header)
		}
	}
	supervisor.get(path+"?fromMs=13500").fails(http.StatusNotFound, "no_audio")
	supervisor.get(path+"?fromMs=0&toMs=9000").fails(http.StatusNotFound, "no_audio")
	h.audited(earshot.AuditPlay, 3)
}

func TestListening(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	h.floor.open("s1", "est_1")
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	h.clock.add(30 * time.Second)
	h.floor.heard = 12 * time.Second
	a := supervisor.do(http.MethodPost, "/whep/s1", "v=0").want(http.StatusCreated)
	supervisor.do(http.MethodDelete, a.header.Get("Location"), nil).want(http.StatusOK)
	row := h.audited(earshot.AuditListen, 1)[0]
	if row.Who != "supervisor-1" || row.Target != "s1" || row.Call != live.ID || row.FromMs != 18000 || row.ToMs != 30000 {
		t.Errorf("audit row %+v", row)
	}
	h.user(earshot.RoleInspector).do(http.MethodPost, "/whep/s1", "v=0").fails(http.StatusForbidden, "forbidden")
	h.with("est_1").do(http.MethodPost, "/whep/s1", "v=0").fails(http.StatusForbidden, "forbidden")
}
