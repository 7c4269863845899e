package ingest

import (
	"bytes"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// inbound keeps what a listener's client receives, by track id.
type inbound struct {
	mu      sync.Mutex
	packets map[string][]*rtp.Packet
}

func (in *inbound) read(track *webrtc.TrackRemote) {
	for {
		p, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		in.mu.Lock()
		if in.packets == nil {
			in.packets = map[string][]*rtp.Packet{}
		}
		in.packets[track.ID()] = append(in.packets[track.ID()], p)
		in.mu.Unlock()
	}
}

func (in *inbound) of(id string) []*rtp.Packet {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.packets[id])
}

// listen is a connected listener with so many m-lines.
func (r *rig) listen(lines int, path string, headers ...string) (*client, *inbound) {
	r.t.Helper()
	in := &inbound{}
	c := r.newClient(clientOptions{tracks: lines, receive: true, onTrack: in.read})
	c.post(r, path, headers...)
	c.connected(r)
	eventually(r.t, "the server knows it too", func() bool {
		for _, res := range r.wire.resource.all() {
			if res.base == whepBase && res.peer.pc.ConnectionState() != webrtc.PeerConnectionStateConnected {
				return false
			}
		}
		return true
	})
	return c, in
}

func TestListenerHearsBothSidesUnchanged(t *testing.T) {
	r := newRig(t, nil)
	seat := r.publish(2)
	c, in := r.listen(2, whepBase+rigSeat)
	const n = 100
	for i := range n {
		seat.send(r, 0, i, i+1)
		seat.send(r, 1, i, i+1)
		// As a seat sends, not all at once: a listener who cannot follow loses audio.
		eventually(t, "both sides are heard", func() bool { return len(in.of("agent")) > i && len(in.of("customer")) > i })
	}
	for track, id := range []string{"agent", "customer"} {
		for i, p := range in.of(id) {
			if !bytes.Equal(p.Payload, testPayload(track, i)) || p.SequenceNumber != uint16(i) || p.Timestamp != uint32(i)*960 {
				t.Fatalf("%s packet %d came as %v %q", id, i, p.Header, p.Payload)
			}
			if level := p.GetExtension(1); len(level) != 1 || level[0] != byte(20+i%50) {
				t.Fatalf("%s packet %d: level %v", id, i, level)
			}
		}
	}
	state, err := r.floor.Seat(rigSeat)
	r.must(err)
	if !slices.Equal(state.Listeners, []string{"boss"}) {
		eventually(t, "the floor knows the listener", func() bool {
			state, err := r.floor.Seat(rigSeat)
			return err == nil && slices.Equal(state.Listeners, []string{"boss"})
		})
	}
	resp, _ := r.do(http.MethodDelete, c.path, "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("DELETE: %s", resp.Status)
	}
	ends := r.endings()
	if len(ends) != 1 || ends[0].Seat != rigSeat || ends[0].Heard < n*time.Millisecond/2 || ends[0].Heard > 10*time.Second {
		t.Fatalf("the listening ended as %+v", ends)
	}
	eventually(t, "nobody listens", func() bool {
		state, err := r.floor.Seat(rigSeat)
		return err == nil && len(state.Listeners) == 0
	})
}

func TestNobodyHearsAnOfflineSeat(t *testing.T) {
	r := newRig(t, nil)
	c := r.newClient(clientOptions{tracks: 2, receive: true})
	resp, body := r.do(http.MethodPost, whepBase+rigSeat, c.offer(r, nil), "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusConflict || !bytes.Contains([]byte(body), []byte(`"seat_offline"`)) {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	if ends := r.endings(); len(ends) != 0 {
		t.Fatalf("a refused listening ended: %+v", ends)
	}
}

// What a resource of WHEP answers: the same as one of WHIP.
func TestListeningResource(t *testing.T) {
	r := newRig(t, func(o *WireOptions) { o.ICEServers = []ICEServer{{URLs: []string{"stun:stun.example.net"}}} })
	r.publish(2)
	c := r.newClient(clientOptions{tracks: 2, receive: true})
	offer := c.offer(r, nil)
	resp, answer := r.do(http.MethodPost, whepBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, answer)
	}
	header("Link", "stun.example.net")(t, resp, answer)
	header("Accept-Patch", typeFragment)(t, resp, answer)
	path, etag := resp.Header.Get("Location"), resp.Header.Get("ETag")
	ufrag := "a=ice-ufrag:" + between(offer, "a=ice-ufrag:", "\r\n") + "\r\n"
	candidate := "a=candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host\r\n"
	for _, row := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{"preflight", "OPTIONS", whepBase + rigSeat, "", nil, 204},
		{"preflight of the resource", "OPTIONS", path, "", nil, 204},
		{"GET", "GET", path, "", nil, 204},
		{"trickle", "PATCH", path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", etag}, 204},
		{"trickle without If-Match", "PATCH", path, ufrag + candidate, []string{"Content-Type", typeFragment}, 204},
		{"stale tag", "PATCH", path, ufrag + candidate, []string{"Content-Type", typeFragment, "If-Match", `"x"`}, 412},
		{"restart", "PATCH", path, "a=ice-ufrag:another\r\na=ice-pwd:0123456789012345678901\r\n", []string{"Content-Type", typeFragment, "If-Match", "*"}, 200},
		{"the tag of before", "PATCH", path, candidate, []string{"Content-Type", typeFragment, "If-Match", etag}, 412},
		{"POST on the resource", "POST", path, offer, []string{"Content-Type", typeSDP}, 405},
		{"no such seat", "POST", whepBase + "nobody", offer, []string{"Content-Type", typeSDP}, 404},
		{"DELETE", "DELETE", path, "", nil, 200},
		{"DELETE again", "DELETE", path, "", nil, 404},
	} {
		if resp, body := r.do(row.method, row.path, row.body, row.headers...); resp.StatusCode != row.status {
			t.Errorf("%s: %s, not %d: %s", row.name, resp.Status, row.status, body)
		}
	}
	if ends := r.endings(); len(ends) != 1 || ends[0].Heard != 0 {
		t.Errorf("endings: %+v", ends)
	}
}
