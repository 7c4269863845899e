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
		time.Sleep(time.Millisecond) // as a seat sends: not all at once
	}
	for track, id := range []string{"agent", "customer"} {
		eventually(t, id+" is heard", func() bool { return len(in.of(id)) == n })
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
