package monitor

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
)

// TestPlayablePart plays a part of ADPCM as samples, by ranges, and writes down who
// does; one that browsers play is redirected to.
func TestPlayablePart(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "sox")
	h := open(t)
	kept, err := h.archive.KeepPlayables(filepath.Join(t.TempDir(), "converted"), nil)
	must(t, err)
	t.Cleanup(func() { must(t, kept.Close()) })
	admin := h.admin()
	admin.do(http.MethodPost, "/api/v1/branches", `{"id":"hall","name":"城东"}`).want(http.StatusCreated)
	admin.do(http.MethodPost, "/api/v1/seats", `{"id":"s1","name":"1","branch":"hall","kind":"counter","cut":"event"}`).want(http.StatusCreated)
	dir := t.TempDir()
	wave := audiotest.Read(t, audiotest.Form{Program: "sox", Args: "-r 8000 -c 1 -e ms-adpcm", Ending: ".wav"}.Make(t, audiotest.Source(t, dir), dir))
	sum := sha256.Sum256(wave)
	call, _ := h.store("s1", h.clock.Now().Add(-time.Hour), func(c *earshot.Call) {
		p := c.Parts[0]
		p.N, p.Codec, p.Channels, p.DurationMs, p.Bytes = 2, earshot.ADPCM, 1, 4000, int64(len(wave))
		p.File, p.SHA256 = earshot.PartFile(c.ID, 2, earshot.ADPCM), hex.EncodeToString(sum[:])
		must(t, h.files.WriteWhole(p.File, wave))
		c.Parts = append(c.Parts, p)
	})
	path := "/api/v1/calls/" + call.ID + "/parts/"
	a := admin.get(path + "2/playable").want(http.StatusOK)
	if len(a.body) != 58+2*8000*4 || a.header.Get("Content-Type") != "audio/wav" {
		t.Errorf("%d bytes of %s", len(a.body), a.header.Get("Content-Type"))
	}
	if etag := a.header.Get("ETag"); etag == "" || etag == `"`+hex.EncodeToString(sum[:])+`"` {
		t.Errorf("its ETag is %s: that is the original's", etag)
	}
	ranged := admin.request(http.MethodGet, path+"2/playable", nil)
	ranged.Header.Set("Range", "bytes=100-199")
	part := h.send(ranged).want(http.StatusPartialContent)
	if string(part.body) != string(a.body[100:200]) {
		t.Error("a range of other bytes")
	}
	admin.get(path+"9/playable").fails(http.StatusNotFound, "no_part")
	if there := admin.get(path + "1/playable").want(http.StatusOK).header.Get("Content-Type"); there != "audio/ogg" {
		t.Errorf("a part that browsers play comes as %s", there)
	}
}
