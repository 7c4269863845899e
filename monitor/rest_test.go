package monitor

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"earshot"
	"earshot/audio/excerpt"
	"earshot/audio/ogg"
)

// tenSeconds is a file of two sides.
func tenSeconds() []byte {
	w := ogg.NewWriter(1)
	file := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{})
	for i := range int64(500) {
		file = w.Packet(file, []byte{0x78, 2, byte(i >> 8), byte(i), 0x78, 0, 0}, (i+1)*960)
		if w.Pending() == 50 && i < 499 {
			file = w.Flush(file)
		}
	}
	return w.Finish(file)
}

// restOf is a file as if it began at from.
func restOf(t *testing.T, file []byte, from time.Duration) []byte {
	t.Helper()
	rest, err := excerpt.Rest(bytes.NewReader(file), int64(len(file)), from)
	must(t, err)
	b, err := io.ReadAll(rest)
	must(t, err)
	return b
}

// A player that jumps into a part gets it from there on, in ranges as it likes.
func TestPartFromAPlace(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	audio := tenSeconds()
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) {
		must(t, h.files.WriteWhole(c.Parts[0].File, audio))
		c.Parts[0].Bytes = int64(len(audio))
	})
	path := "/api/v1/calls/" + call.ID + "/parts/1/audio"
	want := restOf(t, audio, 6*time.Second)
	const somewhere = 700
	a := supervisor.get(path + "?startMs=6000").want(http.StatusOK)
	if !bytes.Equal(a.body, want) || a.header.Get("Content-Type") != "audio/ogg" || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%d bytes, want %d; %v", len(a.body), len(want), a.header)
	}
	if tag := a.header.Get("ETag"); tag != `"`+call.Parts[0].SHA256+`-6000"` {
		t.Errorf("another file has the tag %s", tag)
	}
	if row := h.audited(earshot.AuditPlay, 1)[0]; row.Reason != "part 1" || row.FromMs != 6000 || row.ToMs != 10_000 {
		t.Errorf("audit row %+v", row)
	}
	// From here on all is as the browser asks for it: one play, one row.
	ask := supervisor.request(http.MethodGet, path+"?startMs=6000", nil)
	ask.Header.Set("Range", "bytes="+strconv.Itoa(somewhere)+"-"+strconv.Itoa(somewhere+299))
	if a := h.send(ask).want(http.StatusPartialContent); !bytes.Equal(a.body, want[somewhere:somewhere+300]) {
		t.Errorf("a range over the seam: %x", a.body)
	}
	h.audited(earshot.AuditPlay, 1)
	if a := supervisor.get(path + "?startMs=0").want(http.StatusOK); !bytes.Equal(a.body, audio) {
		t.Error("a part from its beginning is not itself")
	}
	supervisor.get(path+"?startMs=10000").fails(http.StatusNotFound, "no_audio")
	for _, query := range []string{"?startMs=x", "?startMs=-1", "?startMs=5&fromMs=1", "?startMs=5&toMs=6"} {
		supervisor.get(path+query).fails(http.StatusUnprocessableEntity, "invalid")
	}
	h.user(earshot.RoleEvidence).get(path+"?startMs=5&download=1").fails(http.StatusUnprocessableEntity, "invalid")
}

// Of a call that goes on only what comes after the place is sent again.
func TestLivePartFromAPlace(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	h.floor.open("s1", "est_1")
	h.floor.audio = tenSeconds()
	live, err := h.floor.StartCall(t.Context(), "s1", earshot.CallPatch{}, "x")
	must(t, err)
	_, err = h.floor.update(live.ID, func(c *earshot.Call) {
		c.Parts = []earshot.Part{{N: 1, Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2, StartMs: 1000, DurationMs: 10_000}}
	})
	must(t, err)
	path := "/api/v1/calls/" + live.ID + "/parts/1/audio"
	a := supervisor.get(path + "?startMs=9000").want(http.StatusOK)
	if !bytes.Equal(a.body, restOf(t, h.floor.audio, 8*time.Second)) || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d bytes, %v", len(a.body), a.header)
	}
	if row := h.audited(earshot.AuditPlay, 1)[0]; row.FromMs != 9000 || row.Reason != "live" {
		t.Errorf("audit row %+v", row)
	}
	supervisor.get(path+"?startMs=30000").fails(http.StatusNotFound, "no_audio")
	// The only part need not be named.
	a = supervisor.get("/api/v1/calls/" + live.ID + "/audio?startMs=9000").want(http.StatusOK)
	if !bytes.Equal(a.body, restOf(t, h.floor.audio, 8*time.Second)) {
		t.Errorf("the only part, not named: %d bytes", len(a.body))
	}
}
