package monitor

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"earshot"
)

// TestRanges asks for pieces of a part as players, downloaders and those who mean
// harm do.
func TestRanges(t *testing.T) {
	h := open(t)
	supervisor := h.user(earshot.RoleSupervisor)
	audio := tenSeconds()
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) {
		must(t, h.files.WriteWhole(c.Parts[0].File, audio))
		c.Parts[0].Bytes = int64(len(audio))
	})
	tag := `"` + call.Parts[0].SHA256 + `"`
	for _, row := range []struct {
		what, method, ranges, ifRange string
		status                        int
		body                          []byte // nil: not compared
	}{
		{"a piece", http.MethodGet, "bytes=100-199", "", 206, audio[100:200]},
		{"the last bytes", http.MethodGet, "bytes=-50", "", 206, audio[len(audio)-50:]},
		{"over the end", http.MethodGet, "bytes=100-99999999", "", 206, audio[100:]},
		{"beyond the end", http.MethodGet, "bytes=99999999-", "", 416, nil},
		{"backwards", http.MethodGet, "bytes=200-100", "", 416, nil},
		{"nonsense", http.MethodGet, "bytes=NaN-x", "", 416, nil},
		{"in another unit", http.MethodGet, "seconds=1-2", "", 416, nil},
		{"of the same file", http.MethodGet, "bytes=100-199", tag, 206, audio[100:200]},
		{"of another file", http.MethodGet, "bytes=100-199", `"other"`, 200, audio},
		{"a head", http.MethodHead, "bytes=100-199", "", 206, []byte{}},
		{"a few pieces", http.MethodGet, "bytes=0-9,20-29,40-49", "", 206, nil},
		{"thousands of pieces", http.MethodGet, "bytes=0-0" + strings.Repeat(",2-2", 5000), "", 200, audio},
	} {
		t.Run(row.what, func(t *testing.T) {
			r := supervisor.request(row.method, "/api/v1/calls/"+call.ID+"/parts/1/audio", nil)
			r.Header.Set("Range", row.ranges)
			if row.ifRange != "" {
				r.Header.Set("If-Range", row.ifRange)
			}
			a := h.send(r).want(row.status)
			if row.body != nil && !bytes.Equal(a.body, row.body) {
				t.Errorf("%d bytes, want %d", len(a.body), len(row.body))
			}
		})
	}
}
