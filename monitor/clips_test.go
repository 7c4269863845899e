package monitor

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/audio/wav"
)

// storeWave keeps a call of two parts of G.711 of 5 s each, ten seconds apart,
// and answers the samples of the first.
func (h *house) storeWave(seat string, at time.Time) (earshot.Call, []byte) {
	h.t.Helper()
	encoding, err := wav.Of(earshot.PCMA)
	must(h.t, err)
	samples := make([]byte, 5*2*8000)
	for i := range samples {
		samples[i] = byte(i / 7)
	}
	file := append(wav.AppendHeader(nil, encoding, 2, int64(len(samples))), samples...)
	call, _ := h.store(seat, at, func(c *earshot.Call) {
		first := c.Parts[0]
		c.Parts = nil
		for n := range 2 {
			p := first
			p.N, p.StartMs, p.DurationMs, p.Codec, p.Bytes = n+1, int64(n)*10_000, 5000, earshot.PCMA, int64(len(file))
			p.File = earshot.PartFile(c.ID, p.N, earshot.PCMA)
			must(h.t, h.files.WriteWhole(p.File, file))
			c.Parts = append(c.Parts, p)
		}
		c.DurationMs = 15_000
	})
	return call, samples
}

func TestClipIsNamedAndAudited(t *testing.T) {
	zone := time.FixedZone("here", 8*3600)
	h := open(t, func(o *Options) { o.Location = zone })
	admin, evidence := h.admin(), h.user(earshot.RoleEvidence)
	admin.do(http.MethodPost, "/api/v1/branches", `{"id":"hall","name":"城东"}`).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/seats", `{"id":"s1","name":"1 号/窗口","branch":"hall","kind":"counter","cut":"event"}`).want(http.StatusCreated)
	at := h.clock.Now().Add(-time.Hour)
	call, samples := h.storeWave("s1", at)
	path := "/api/v1/calls/" + call.ID

	h.user(earshot.RoleSupervisor).get(path+"/audio?fromMs=1000&toMs=2500&download=1").fails(http.StatusForbidden, "forbidden")
	a := evidence.get(path + "/audio?fromMs=1000&toMs=2500&download=1&reason=" + url.QueryEscape("投诉 2026-118")).want(http.StatusOK)
	if got, want := a.body[wav.HeaderBytes:], samples[16_000:40_000]; !bytes.Equal(got, want) {
		t.Errorf("%d bytes, not the %d that were recorded", len(got), len(want))
	}
	disposition, err := url.PathUnescape(a.header.Get("Content-Disposition"))
	must(t, err)
	want := "1号-窗口_" + call.StartedAt.In(zone).Format("20060102-150405") + "_00m01.0s-00m02.5s.wav"
	if !strings.HasSuffix(disposition, want) {
		t.Errorf("disposition %q, want …%s", disposition, want)
	}
	row := h.audited(earshot.AuditDownload, 1)[0]
	if row.Who != "evidence-1" || row.Call != call.ID || row.FromMs != 1000 || row.ToMs != 2500 || row.Reason != "投诉 2026-118" {
		t.Errorf("audit row %+v", row)
	}

	// Over several parts: one has to say which, and gets as much as lies in it.
	evidence.get(path+"/audio?fromMs=4000&toMs=11000&download=1").fails(http.StatusConflict, "many_parts")
	a = evidence.get(path + "/parts/2/audio?fromMs=4000&toMs=11000&download=1").want(http.StatusOK)
	if got := len(a.body) - wav.HeaderBytes; got != 16_000 {
		t.Errorf("%d bytes of the second part, want 16000", got)
	}
	if row := h.audited(earshot.AuditDownload, 2)[0]; row.FromMs != 10_000 || row.ToMs != 11_000 || row.Reason != "excerpt" {
		t.Errorf("audit row %+v", row)
	}
	if a := evidence.do(http.MethodHead, path+"/parts/2/audio?fromMs=4000&toMs=11000&download=1", nil).want(http.StatusOK); len(a.body) > 0 || a.header.Get("Content-Type") != "audio/wav" {
		t.Errorf("HEAD answered %d bytes, %v", len(a.body), a.header)
	}
	evidence.get(path+"/parts/3/audio?fromMs=0&toMs=1").fails(http.StatusNotFound, "no_part")
	evidence.get(path+"/parts/1/audio?fromMs=7000&toMs=8000").fails(http.StatusNotFound, "no_audio")
	evidence.get(path+"/audio?fromMs=0&toMs=1&download=1&reason="+strings.Repeat("x", 501)).fails(http.StatusUnprocessableEntity, "bad_reason")
	h.audited(earshot.AuditDownload, 2)
}

func TestMarksAreChangedByTheirMakers(t *testing.T) {
	h := open(t)
	admin, supervisor, inspector := h.admin(), h.user(earshot.RoleSupervisor), h.user(earshot.RoleInspector)
	h.floor.open("s1", "est_1")
	alert := earshot.Mark{ID: "alert", Kind: earshot.MarkSilence, StartMs: 100, EndMs: 9000, Shared: true}
	paused := earshot.Mark{ID: "pause", Kind: earshot.MarkPause, StartMs: 100, By: "inspector-1", Shared: true}
	stored, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) { c.Marks = []earshot.Mark{alert, paused} })
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	_, err = h.floor.update(live.ID, func(c *earshot.Call) { c.Marks = []earshot.Mark{alert, paused} })
	must(t, err)
	for _, call := range []string{stored.ID, live.ID} {
		path := "/api/v1/calls/" + call + "/marks/"
		id := inspector.do(http.MethodPost, path[:len(path)-1], `{"kind":"note","startMs":1000,"endMs":2000,"text":"a"}`).want(http.StatusCreated).field("id")
		supervisor.do(http.MethodPatch, path+id, `{"text":"b"}`).fails(http.StatusNotFound, "no_mark")
		inspector.do(http.MethodPatch, path+id, `{"text":"承诺退款","startMs":1500,"endMs":2500,"shared":true,"side":"agent"}`).want(http.StatusOK)
		supervisor.do(http.MethodPatch, path+id, `{"text":"b"}`).fails(http.StatusForbidden, "forbidden")
		admin.do(http.MethodPatch, path+id, `{"endMs":2600}`).want(http.StatusOK)
		inspector.do(http.MethodPatch, path+id, `{"startMs":-1}`).fails(http.StatusUnprocessableEntity, "invalid")
		for _, kept := range []string{"alert", "pause"} {
			admin.do(http.MethodPatch, path+kept, `{"text":"b"}`).fails(http.StatusConflict, "mark_kept")
			inspector.do(http.MethodDelete, path+kept, nil).fails(http.StatusConflict, "mark_kept")
		}
		var c earshot.Call
		supervisor.get("/api/v1/calls/" + call).want(http.StatusOK).into(&c)
		mark, ok := markOf(c, id)
		want := earshot.Mark{ID: id, Kind: earshot.MarkNote, Side: earshot.SideAgent, StartMs: 1500, EndMs: 2600, By: "inspector-1", Text: "承诺退款", Shared: true}
		if !ok || mark != want || len(c.Marks) != 3 {
			t.Errorf("the mark is %+v of %d, want %+v", mark, len(c.Marks), want)
		}
	}
	if row := h.audited(earshot.AuditUpdate, 4)[0]; row.Reason != "mark note: endMs" || row.ToMs != 2600 {
		t.Errorf("audit row %+v", row)
	}
}
