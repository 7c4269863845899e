package ingest

import (
	"bytes"
	"net/http"
	"testing"

	"earshot"
)

func TestPacketsArriveAsTheyWereSent(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(2)
	const n = 200
	for i := range n {
		c.send(r, 0, i, i+1)
		c.send(r, 1, i, i+1)
	}
	for track, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		eventually(t, "all packets came", func() bool { return len(r.heard.of(side)) == n })
		for i, p := range r.heard.of(side) {
			h, ok := parseRTP(p.raw, p.ext)
			if !ok || h.seq != uint16(i) || h.timestamp != uint32(i)*960 || h.level != uint8(20+i%50) {
				t.Fatalf("%s packet %d came as %+v", side, i, h)
			}
			if !bytes.Equal(p.raw[h.payload:h.end], testPayload(track, i)) {
				t.Fatalf("%s packet %d: payload %q", side, i, p.raw[h.payload:h.end])
			}
		}
	}
	resp, _ := r.do(http.MethodDelete, c.path, "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("DELETE: %s", resp.Status)
	}
	r.seatUp(0)
}
