package ingest

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"

	"earshot"
	"earshot/ingest/recorder"
)

// heardAll waits until the agent's side has brought packet n-1, and so many.
func (r *rig) heardAll(n int) {
	r.t.Helper()
	eventually(r.t, "all packets came", func() bool { return len(r.heard.of(earshot.SideAgent)) >= n })
}

func TestICERestartGoesOn(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(1)
	c.send(r, 0, 0, 10)
	r.heardAll(10)
	first := c.etag
	offer := c.offer(r, &webrtc.OfferOptions{ICERestart: true})
	answer := c.pc.CurrentRemoteDescription().SDP
	frag := "a=ice-ufrag:" + between(offer, "a=ice-ufrag:", "\r\n") + "\r\na=ice-pwd:" + between(offer, "a=ice-pwd:", "\r\n") + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
	for line := range strings.Lines(offer) {
		if strings.HasPrefix(line, "a=candidate:") {
			frag += line
		}
	}
	resp, body := r.do(http.MethodPatch, c.path, frag, "Content-Type", typeFragment, "If-Match", "*")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != typeFragment {
		t.Fatalf("4.3.3: %s: %s", resp.Status, body)
	}
	second := resp.Header.Get("ETag")
	if second == "" || second == first {
		t.Errorf("4.3.3: the entity tag is %q after %q", second, first)
	}
	if !strings.Contains(body, "a=ice-ufrag:") || !strings.Contains(body, "a=ice-pwd:") || !strings.Contains(body, "a=candidate:") {
		t.Errorf("4.3.3: the fragment lacks something: %s", body)
	}
	for _, key := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		answer = strings.ReplaceAll(answer, key+between(answer, key, "\r\n"), key+between(body, key, "\r\n"))
	}
	r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	c.connected(r)
	old, _ := r.do(http.MethodPatch, c.path, "a=ice-ufrag:x\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "Content-Type", typeFragment, "If-Match", first)
	if old.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("4.3.1: the old tag is answered %s", old.Status)
	}
	// ICE has to find a pair again before packets flow.
	sent := 10
	eventually(t, "packets come again", func() bool {
		c.send(r, 0, sent, sent+1)
		sent++
		return len(r.heard.of(earshot.SideAgent)) >= 20
	})
	if got := len(r.floor.fanout(rigSeat).carried()); got != 1 {
		t.Fatalf("the restart made %d streams", got)
	}
}

func TestStaleCandidatesAfterARestart(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(1)
	before := c.pc.LocalDescription().SDP
	offer := c.offer(r, &webrtc.OfferOptions{ICERestart: true})
	fragmentFrom := func(sdp string) string {
		return "a=ice-ufrag:" + between(sdp, "a=ice-ufrag:", "\r\n") + "\r\na=ice-pwd:" + between(sdp, "a=ice-pwd:", "\r\n") + "\r\n"
	}
	resp, body := r.do(http.MethodPatch, c.path, fragmentFrom(offer), "Content-Type", typeFragment)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	resp, body = r.do(http.MethodPatch, c.path, fragmentFrom(before)+"a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "Content-Type", typeFragment)
	if resp.StatusCode != http.StatusPreconditionFailed {
		t.Fatalf("candidates of the ICE session before are answered %s: %s", resp.Status, body)
	}
}

func TestICEOverTCPAlone(t *testing.T) {
	r := newRig(t, func(o *WireOptions) { o.TCP = "127.0.0.1:0" })
	c := r.newClient(clientOptions{tracks: 1, networks: []webrtc.NetworkType{webrtc.NetworkTypeTCP4}})
	answer := c.post(r, whipBase+rigSeat)
	if !strings.Contains(answer, "tcptype passive") {
		t.Fatalf("no TCP candidate in the answer: %s", answer)
	}
	c.connected(r)
	c.send(r, 0, 0, 50)
	r.heardAll(50)
	if pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err != nil || pair.Local.Protocol != webrtc.ICEProtocolTCP {
		t.Fatalf("connected by %v, %v", pair, err)
	}
}

func TestPublicAddressIsOffered(t *testing.T) {
	r := newRig(t, func(o *WireOptions) { o.PublicIP = "203.0.113.7" })
	c := r.newClient(clientOptions{tracks: 1})
	answer := c.post(r, whipBase+rigSeat)
	if !strings.Contains(answer, " 203.0.113.7 ") || !strings.Contains(answer, " 127.0.0.1 ") {
		t.Fatalf("candidates: %s", answer)
	}
	if _, err := NewWire(WireOptions{UDP: "127.0.0.1:0", PublicIP: "example.org"}); err == nil {
		t.Fatal("a name is taken for an address")
	}
}

// What a client's word or silence does to the floor.
func TestConnectionsEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(*rig, *client)
	}{
		{"the client closes without DELETE", func(r *rig, c *client) { r.must(c.pc.Close()) }},
		{"the client deletes", func(r *rig, c *client) { r.do(http.MethodDelete, c.path, "") }},
		{"another takes the seat", func(r *rig, _ *client) {
			c := r.newClient(clientOptions{tracks: 2})
			c.post(r, whipBase+rigSeat)
			c.connected(r)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.publish(2)
			row.end(r, c)
			eventually(t, "the resource is gone", func() bool {
				resp, _ := r.do(http.MethodGet, c.path, "")
				return resp.StatusCode == http.StatusNotFound
			})
		})
	}
}

func TestKindsOfTracks(t *testing.T) {
	for _, row := range []struct {
		name   string
		opts   clientOptions
		query  string
		want   []recorder.Track
		answer string
	}{
		{"two sides", clientOptions{tracks: 2}, "", []recorder.Track{
			{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1}, {Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1}}, "opus/48000/2"},
		{"mixed", clientOptions{tracks: 1}, "", []recorder.Track{{Side: earshot.SideAgent, Mixed: true, Codec: earshot.Opus, Channels: 1}}, "opus/48000/2"},
		{"one side", clientOptions{tracks: 1}, "?side=customer", []recorder.Track{{Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1}}, "opus/48000/2"},
		{"stereo", clientOptions{tracks: 1, fmtp: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"}, "", []recorder.Track{{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 2}}, "minptime=10;useinbandfec=1;stereo=1"},
		{"two stereo tracks are asked for one side each", clientOptions{tracks: 2, fmtp: "useinbandfec=1;stereo=1"}, "", []recorder.Track{
			{Side: earshot.SideAgent, Codec: earshot.Opus, Channels: 1}, {Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 1}}, "useinbandfec=1\r\n"},
		{"A-law", clientOptions{tracks: 2, codec: earshot.PCMA}, "", []recorder.Track{
			{Side: earshot.SideAgent, Codec: earshot.PCMA, Channels: 1}, {Side: earshot.SideCustomer, Codec: earshot.PCMA, Channels: 1}}, "PCMA/8000"},
		{"µ-law", clientOptions{tracks: 1, codec: earshot.PCMU}, "?side=agent", []recorder.Track{{Side: earshot.SideAgent, Codec: earshot.PCMU, Channels: 1}}, "PCMU/8000"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, nil)
			c := r.newClient(row.opts)
			if answer := c.post(r, whipBase+rigSeat+row.query); !strings.Contains(answer, row.answer) {
				t.Errorf("the answer lacks %q: %s", row.answer, answer)
			}
			c.connected(r)
			r.seatUp(len(row.want))
			var got []recorder.Track
			for _, s := range r.floor.fanout(rigSeat).carried() {
				got = append(got, s.Track)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("tracks %+v, not %+v", got, row.want)
			}
		})
	}
}

func TestTwoDevicesMakeOneSeat(t *testing.T) {
	r := newRig(t, nil)
	agent := r.newClient(clientOptions{tracks: 1})
	agent.post(r, whipBase+rigSeat+"?side=agent")
	customer := r.newClient(clientOptions{tracks: 1, codec: earshot.PCMA})
	customer.post(r, whipBase+rigSeat+"?side=customer")
	agent.connected(r)
	customer.connected(r)
	r.seatUp(2)
	agent.send(r, 0, 0, 5)
	customer.send(r, 0, 0, 7)
	eventually(t, "both are heard", func() bool {
		return len(r.heard.of(earshot.SideAgent)) == 5 && len(r.heard.of(earshot.SideCustomer)) == 7
	})
}

// An SSRC nobody declared, on the only m-line, is that m-line's audio.
func TestUndeclaredSSRC(t *testing.T) {
	r := newRig(t, nil)
	c := r.newClient(clientOptions{tracks: 1})
	offer := without("a=ssrc")(c.offer(r, nil))
	resp, body := r.do(http.MethodPost, whipBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: body}))
	c.connected(r)
	c.send(r, 0, 0, 20)
	r.heardAll(20)
}

// Lost packets are asked for again though nobody negotiated it. The client's
// own NACK responder stands for that of browsers.
func TestLostPacketsAreAskedFor(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(1)
	sender := c.pc.GetSenders()[0]
	asked := make(chan uint16, 64)
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				close(asked)
				return
			}
			for _, seq := range nacked(packets) {
				asked <- seq
			}
		}
	}()
	c.send(r, 0, 0, 10)
	c.send(r, 0, 12, 20)
	want := map[uint16]bool{10: true, 11: true}
	deadline := time.After(waitFor)
	for len(want) > 0 {
		select {
		case seq := <-asked:
			delete(want, seq)
		case <-deadline:
			t.Fatalf("not asked for: %v", want)
		}
	}
	// What comes late, far beyond SRTP's usual replay window, is still taken.
	c.send(r, 0, 20, 400)
	late := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: 10, Timestamp: 9600}, Payload: testPayload(0, 10)}
	r.must(c.tracks[0].WriteRTP(late))
	eventually(t, "the late packet came", func() bool {
		return slices.ContainsFunc(r.heard.of(earshot.SideAgent), func(p heardPacket) bool {
			h, ok := parseRTP(p.raw, p.ext)
			return ok && h.seq == 10
		})
	})
}

// A device with a port of its own comes back from it while its old connection
// still counts as standing.
func TestADeviceComesBackFromTheSamePort(t *testing.T) {
	r := newRig(t, nil)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	r.must(err)
	mux := webrtc.NewICEUDPMux(nil, conn)
	t.Cleanup(func() { r.must(mux.Close()) })
	old := r.newClient(clientOptions{tracks: 1, port: mux})
	old.post(r, whipBase+rigSeat)
	old.connected(r)
	r.seatUp(1)
	// Without candidates in the offer the server has nobody to greet first.
	back := r.newClient(clientOptions{tracks: 1, port: mux})
	offer := without("a=candidate")(back.offer(r, nil))
	resp, answer := r.do(http.MethodPost, whipBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, answer)
	}
	r.must(back.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	back.connected(r)
	back.send(r, 0, 0, 10)
	r.heardAll(10)
}

func TestRequestedUfrag(t *testing.T) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("ours:theirs"), stun.NewShortTermIntegrity("password"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	response, err := stun.Build(stun.TransactionID, stun.BindingSuccess, stun.NewUsername("ours:theirs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		packet []byte
		want   string
	}{
		{"a request", request.Raw, "ours"},
		{"a response", response.Raw, ""},
		{"RTP", []byte{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}, ""},
		{"nothing", nil, ""},
	} {
		if got := string(requestedUfrag(row.packet)); got != row.want {
			t.Errorf("%s: %q", row.name, got)
		}
	}
	for cut := range request.Raw { // torn anywhere, it must not panic
		requestedUfrag(request.Raw[:cut])
	}
}

// A sender that changes its SSRC may be read by two goroutines for a while; the
// track takes from one at a time.
func TestTwoUndeclaredSSRCsAtOnce(t *testing.T) {
	r := newRig(t, nil)
	c := r.newClient(clientOptions{tracks: 2})
	offer := without("a=ssrc")(c.offer(r, nil))
	second := strings.LastIndex(offer, "m=audio")
	offer = strings.Replace(offer[:second], "BUNDLE 0 1", "BUNDLE 0", 1)
	resp, answer := r.do(http.MethodPost, whipBase+rigSeat, offer, "Content-Type", typeSDP)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", resp.Status, answer)
	}
	line := answer[strings.Index(answer, "m=audio"):]
	answer = strings.Replace(answer, "BUNDLE 0", "BUNDLE 0 1", 1) + strings.Replace(line, "a=mid:0", "a=mid:1", 1)
	r.must(c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	c.connected(r)
	ear := &aloneEar{}
	r.floor.fanout(rigSeat).add(ear)
	var sending sync.WaitGroup
	sending.Go(func() { c.send(r, 0, 0, 300) })
	sending.Go(func() { c.send(r, 1, 0, 300) })
	sending.Wait()
	r.heardAll(600)
	if ear.disturbed.Load() {
		t.Error("two readers were in one track at once")
	}
}

// aloneEar notes if it is told of two packets at once. It takes its time, that a
// second reader would meet the first: nothing is waited for.
type aloneEar struct {
	inside    atomic.Int32
	disturbed atomic.Bool
}

func (e *aloneEar) hear(*frame) {
	if e.inside.Add(1) > 1 {
		e.disturbed.Store(true)
	}
	time.Sleep(200 * time.Microsecond)
	e.inside.Add(-1)
}
