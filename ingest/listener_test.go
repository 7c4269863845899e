package ingest

import (
	"bytes"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/audio/g711"
	"earshot/ingest/recorder"
)

func TestSeamJoinsRuns(t *testing.T) {
	type in struct {
		stream   string
		ssrc     uint32
		seq      uint16
		time     uint32
		at       time.Duration
		wantSeq  uint16
		wantTime uint32
		joined   bool
		dropped  bool
	}
	start := time.Unix(1_800_000_000, 0)
	for _, row := range []struct {
		name    string
		packets []in
	}{
		{"one run is left as it is", []in{
			{"a", 1, 65534, 960, 0, 65534, 960, false, false},
			{"a", 1, 65535, 1920, 20, 65535, 1920, false, false},
			{"a", 1, 0, 2880, 40, 0, 2880, false, false},
		}},
		{"late and doubled packets keep their place", []in{
			{"a", 1, 10, 9600, 0, 10, 9600, false, false},
			{"a", 1, 12, 11520, 40, 12, 11520, false, false},
			{"a", 1, 11, 10560, 60, 11, 10560, false, false},
			{"a", 1, 12, 11520, 60, 12, 11520, false, false},
			{"a", 1, 13, 12480, 60, 13, 12480, false, false},
		}},
		{"what was asked for again comes too late to be heard", []in{
			{"a", 1, 100, 96000, 0, 100, 96000, false, false},
			{"a", 1, 40, 38400, 20, 0, 0, false, true},
			{"a", 1, 101, 96960, 20, 101, 96960, false, false},
		}},
		{"a take-over goes on where the other was", []in{
			{"a", 1, 10, 9600, 0, 10, 9600, false, false},
			{"b", 7, 5000, 1 << 30, 500, 11, 9600 + 24000, true, false},
			{"b", 7, 5001, 1<<30 + 960, 520, 12, 9600 + 24960, false, false},
		}},
		{"a sender that begins anew under another SSRC", []in{
			{"a", 1, 10, 9600, 0, 10, 9600, false, false},
			{"a", 2, 10, 9600, 20, 11, 10560, true, false},
		}},
		{"a jump nobody could have lost", []in{
			{"a", 1, 10, 9600, 0, 10, 9600, false, false},
			{"a", 1, 20010, 77, 20, 11, 10560, true, false},
		}},
		{"two at one instant are still apart", []in{
			{"a", 1, 10, 9600, 0, 10, 9600, false, false},
			{"b", 1, 10, 9600, 0, 11, 10560, true, false},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var s seam
			for i, p := range row.packets {
				seq, ts, joined, ok := s.pass(p.stream, p.ssrc, p.seq, p.time, start.Add(p.at*time.Millisecond), 48000)
				if ok == p.dropped {
					t.Fatalf("packet %d: passed %v", i, ok)
				}
				if ok && (seq != p.wantSeq || ts != p.wantTime || joined != p.joined) {
					t.Fatalf("packet %d: %d %d %v, not %d %d %v", i, seq, ts, joined, p.wantSeq, p.wantTime, p.joined)
				}
			}
		})
	}
}

func TestTakeOverIsHeardAsAPause(t *testing.T) {
	r := newRig(t, nil)
	first := r.publish(2)
	_, in := r.listen(2, whepBase+rigSeat)
	first.send(r, 0, 0, 10)
	eventually(t, "the first is heard", func() bool { return len(in.of("agent")) == 10 })
	second := r.newClient(clientOptions{tracks: 2})
	second.post(r, whipBase+rigSeat)
	second.connected(r)
	eventually(t, "the first has to go", func() bool {
		resp, _ := r.do(http.MethodGet, first.path, "")
		return resp.StatusCode == http.StatusNotFound
	})
	second.send(r, 0, 30000, 30010)
	eventually(t, "the second is heard", func() bool { return len(in.of("agent")) == 20 })
	heard := in.of("agent")
	for i, p := range heard[1:] {
		if p.SequenceNumber != heard[i].SequenceNumber+1 || int32(p.Timestamp-heard[i].Timestamp) <= 0 || p.SSRC != heard[0].SSRC {
			t.Fatalf("packet %d: %v after %v", i+1, p.Header, heard[i].Header)
		}
	}
	if !heard[10].Marker || !bytes.Equal(heard[10].Payload, testPayload(0, 30000)) {
		t.Fatalf("the second begins with %v %q", heard[10].Header, heard[10].Payload)
	}
}

// A listener that does not keep up loses packets; the seat and others do not.
func TestASlowListenerLosesAlone(t *testing.T) {
	f := newFanout()
	quick, slow := &recordedEar{}, newListener(hearPlan{lanes: []*lane{{track: recorder.Track{Side: earshot.SideAgent}}}}, func() {})
	f.add(slow) // nobody runs it: as slow as can be
	f.add(quick)
	src := &source{Stream: "s", Track: recorder.Track{Side: earshot.SideAgent}}
	const n = 1000
	packet := make([]byte, 100)
	for i := range n {
		packet[3] = byte(i)
		f.write(src, packet, time.Now())
	}
	if got := len(quick.of(earshot.SideAgent)); got != n {
		t.Errorf("the quick one heard %d of %d", got, n)
	}
	if got := slow.dropped.Load(); got != n-listenQueue {
		t.Errorf("the slow one dropped %d, not %d", got, n-listenQueue)
	}
	for i := range listenQueue {
		if fr := <-slow.queue; fr.packet()[3] != byte(i) {
			t.Fatalf("frame %d is %d: it was given away while it waited", i, fr.packet()[3])
		}
	}
}

func TestFanoutCostsNothingWithNobodyThere(t *testing.T) {
	f := newFanout()
	src, packet, now := &source{}, make([]byte, 100), time.Now()
	if n := testing.AllocsPerRun(100, func() { f.write(src, packet, now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	l := newListener(hearPlan{lanes: []*lane{{track: src.Track}}}, func() {})
	f.add(l)
	if n := testing.AllocsPerRun(100, func() {
		f.write(src, packet, now)
		(<-l.queue).release()
	}); n > 0.1 {
		t.Errorf("%v allocations with a listener", n)
	}
	f.remove(l)
	if f.ears.Load() != nil {
		t.Error("an ear is left")
	}
}

// What no longer fits its answer ends, so that the client asks again.
func TestAListeningThatNoLongerFitsEnds(t *testing.T) {
	for _, row := range []struct {
		name  string
		lines int
		query string
		next  clientOptions
		to    string
	}{
		{"another codec", 2, "", clientOptions{tracks: 2, codec: earshot.PCMA}, ""},
		{"the only track gets a second beside it", 1, "", clientOptions{tracks: 1}, "?side=customer"},
		{"one mixed track in place of two", 2, "", clientOptions{tracks: 1}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, nil)
			seat := r.newClient(clientOptions{tracks: 2})
			path := whipBase + rigSeat
			if row.lines == 1 {
				seat, path = r.newClient(clientOptions{tracks: 1}), path+"?side=agent"
			}
			seat.post(r, path)
			seat.connected(r)
			r.seatUp(row.lines)
			listener, _ := r.listen(row.lines, whepBase+rigSeat+row.query)
			next := r.newClient(row.next)
			next.post(r, whipBase+rigSeat+row.to)
			next.connected(r)
			sent := 0
			eventually(t, "the listening ends", func() bool {
				next.send(r, 0, sent, sent+1)
				sent++
				resp, _ := r.do(http.MethodGet, listener.path, "")
				return resp.StatusCode == http.StatusNotFound
			})
			eventually(t, "and is told once", func() bool { return len(r.endings()) == 1 })
		})
	}
}

func TestOneLineHears(t *testing.T) {
	for _, row := range []struct {
		name, query string
		seat        clientOptions
		query2      string
		wantID      string
		track       int
	}{
		{"the only track", "", clientOptions{tracks: 1}, "", "mixed", 0},
		{"the side asked for", "", clientOptions{tracks: 2}, "?side=customer", "customer", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, nil)
			seat := r.newClient(row.seat)
			seat.post(r, whipBase+rigSeat)
			seat.connected(r)
			r.seatUp(row.seat.tracks)
			_, in := r.listen(1, whepBase+rigSeat+row.query2)
			for track := range row.seat.tracks {
				seat.send(r, track, 0, 20)
			}
			eventually(t, "it is heard", func() bool { return len(in.of(row.wantID)) == 20 })
			if p := in.of(row.wantID)[7]; !bytes.Equal(p.Payload, testPayload(row.track, 7)) {
				t.Fatalf("heard %q", p.Payload)
			}
		})
	}
}

// Two sides in G.711 come to a listener with one m-line as their sum.
func TestTwoSidesAreMixedForOneLine(t *testing.T) {
	r := newRig(t, nil)
	seat := r.newClient(clientOptions{tracks: 2, codec: earshot.PCMA})
	seat.post(r, whipBase+rigSeat)
	seat.connected(r)
	r.seatUp(2)
	_, in := r.listen(1, whepBase+rigSeat)
	levels := [2]int16{4000, -1500}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := range 100 {
			<-tick.C
			for track, level := range levels {
				payload := bytes.Repeat([]byte{g711.ToALaw(level)}, 160)
				p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 160}, Payload: payload}
				if err := seat.tracks[track].WriteRTP(p); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	want := levels[0] + levels[1]
	eventually(t, "the sum is heard", func() bool {
		return slices.ContainsFunc(in.of("mixed"), func(p *rtp.Packet) bool {
			return len(p.Payload) == 160 && near(g711.ULaw(p.Payload[80]), want, 100)
		})
	})
	<-done
	heard := in.of("mixed")
	for i, p := range heard[1:] {
		if p.SequenceNumber != heard[i].SequenceNumber+1 {
			t.Fatalf("packet %d: %v after %v", i+1, p.Header, heard[i].Header)
		}
	}
}

func near(got, want, within int16) bool { return got > want-within && got < want+within }

func TestOneLineWithoutG711IsRefusedAMix(t *testing.T) {
	r := newRig(t, nil)
	r.publish(2)
	c := r.newClient(clientOptions{tracks: 1, receive: true})
	offer := without("a=rtpmap:[08] ")(c.offer(r, nil))
	offer = replaced("111 0 8", "111")(offer)
	resp, body := r.do(http.MethodPost, whepBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	checkProblem(t, resp, body, "no_mix_codec")
}

func TestListenersAreKeptApart(t *testing.T) {
	r := newRig(t, nil)
	r.publish(2)
	c, _ := r.listen(2, whepBase+rigSeat, "X-User", "anna")
	if resp, _ := r.do(http.MethodDelete, c.path, "", "X-User", "bert"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("bert ended anna's listening: %s", resp.Status)
	}
	if resp, _ := r.do(http.MethodDelete, whipBase+c.path[len(whepBase):], ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the seat ended anna's listening: %s", resp.Status)
	}
	if resp, _ := r.do(http.MethodGet, c.path, "", "X-User", "anna"); resp.StatusCode != http.StatusNoContent {
		t.Errorf("anna's listening: %s", resp.Status)
	}
	r.listen(2, whepBase+rigSeat, "X-User", "bert")
	eventually(t, "both are shown", func() bool {
		state, err := r.floor.Seat(rigSeat)
		return err == nil && slices.Equal(state.Listeners, []string{"anna", "bert"})
	})
}

// What listens but sends, or cannot be, is refused.
func TestListenersOffers(t *testing.T) {
	r := newRig(t, nil)
	r.publish(2)
	for _, row := range []struct {
		name, query string
		lines       int
		edit        edit
		status      int
		code        string
	}{
		{"recvonly", "", 2, nil, 201, ""},
		{"sendrecv is answered sendonly", "", 2, replaced("a=recvonly", "a=sendrecv"), 201, ""},
		{"sendonly", "", 2, replaced("a=recvonly", "a=sendonly"), 422, "receives_nothing"},
		{"inactive", "", 2, replaced("a=recvonly", "a=inactive"), 422, "receives_nothing"},
		{"no BUNDLE", "", 2, without("a=group"), 422, "no_bundle"},
		{"no codec of the seat's", "", 2, replaced("opus/48000/2", "amr/16000"), 422, "no_codec"},
		{"garbage", "", 2, is("x"), 400, "bad_sdp"},
		{"a side for two", "?side=agent", 2, nil, 400, "bad_side"},
		{"no such side", "?side=up", 1, nil, 400, "bad_side"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := r.newClient(clientOptions{tracks: row.lines, receive: true})
			offer := c.offer(r, nil)
			if row.edit != nil {
				offer = row.edit(offer)
			}
			resp, body := r.do(http.MethodPost, whepBase+rigSeat+row.query, offer, "Content-Type", typeSDP)
			if resp.StatusCode != row.status {
				t.Fatalf("%s, not %d: %s", resp.Status, row.status, body)
			}
			if row.status != http.StatusCreated {
				checkProblem(t, resp, body, row.code)
				return
			}
			r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}))
			c.connected(r)
		})
	}
}

// A closing server ends all: seats break, listeners are told what they heard.
func TestCloseEndsAll(t *testing.T) {
	r := newRig(t, nil)
	r.publish(2)
	r.listen(2, whepBase+rigSeat)
	r.must(r.wire.Close())
	if ends := r.endings(); len(ends) != 1 {
		t.Fatalf("endings: %+v", ends)
	}
	if left := r.wire.resource.all(); len(left) != 0 {
		t.Fatalf("%d connections are left", len(left))
	}
	c := r.newClient(clientOptions{tracks: 1})
	resp, body := r.do(http.MethodPost, whipBase+rigSeat, c.offer(r, nil), "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%s: %s", resp.Status, body)
	}
}
