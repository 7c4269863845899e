package ingest

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"earshot"
)

// rewriting changes the packets that a client of the tests sends.
type rewriting func(h *rtp.Header, payload []byte) []byte

func (f rewriting) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &rewriter{rewrite: f}, nil
}

type rewriter struct {
	interceptor.NoOp
	rewrite rewriting
}

func (i *rewriter) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		changed := h.Clone()
		payload = i.rewrite(&changed, payload)
		if payload == nil {
			return 0, nil
		}
		return w.Write(&changed, payload, a)
	})
}

// heardSeqs are the sequence numbers a side has brought, in their order.
func (r *rig) heardSeqs(side earshot.Side) []int {
	var seqs []int
	for _, p := range r.heard.of(side) {
		h, _ := parseRTP(p.raw, 0)
		seqs = append(seqs, int(h.seq))
	}
	return seqs
}

// TestREDIsTakenNotAskedFor has a seat send RED though the answer prefers plain
// Opus, and lose a packet now and then.
func TestREDIsTakenNotAskedFor(t *testing.T) {
	r := newRig(t, nil)
	c := r.newClient(clientOptions{tracks: 1, red: true, rewrite: func(h *rtp.Header, payload []byte) []byte {
		n := int(h.SequenceNumber)
		if n%10 == 7 {
			return nil // lost
		}
		h.PayloadType = testRED
		return redPayload(redBlock{testOpus, 960, testPayload(0, n-1)}, redBlock{testOpus, 0, payload})
	}})
	answer := c.post(r, whipBase+rigSeat)
	if !strings.Contains(answer, "UDP/TLS/RTP/SAVPF 111 63\r\n") {
		t.Errorf("RED is not taken behind Opus:\n%s", answer)
	}
	c.connected(r)
	c.send(r, 0, 1, 101)
	r.heardAll(100)
	for i, p := range r.heard.of(earshot.SideAgent) {
		h, ok := parseRTP(p.raw, p.ext)
		if n := i + 1; !ok || int(h.seq) != n || h.payloadType != testOpus || h.timestamp != uint32(n*960) || !bytes.Equal(p.raw[h.payload:h.end], testPayload(0, n)) {
			t.Fatalf("packet %d is %+v %q", n, h, p.raw[h.payload:h.end])
		}
	}
}

// TestASourceThatChanges has devices begin anew under another SSRC than they
// declared, in the middle of their speech.
func TestASourceThatChanges(t *testing.T) {
	for name, tracks := range map[string]int{"alone": 1, "beside another": 2} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			var anew atomic.Bool
			var first atomic.Uint32
			c := r.newClient(clientOptions{tracks: tracks, rewrite: func(h *rtp.Header, payload []byte) []byte {
				if payload[1] == 0 { // of the agent
					first.CompareAndSwap(0, h.SSRC)
					if anew.Load() {
						h.SSRC = first.Load() + 1
					}
				}
				return payload
			}})
			c.post(r, whipBase+rigSeat)
			c.connected(r)
			r.seatUp(tracks)
			n := 0
			speak := func(until func() bool) {
				eventually(t, "it is heard", func() bool {
					for track := range tracks {
						c.send(r, track, n, n+1)
					}
					n++
					return until()
				})
			}
			speak(func() bool { return len(r.heard.of(earshot.SideAgent)) >= 20 })
			anew.Store(true)
			changed := n
			speak(func() bool { return slices.Contains(r.heardSeqs(earshot.SideAgent), changed+50) })
			if seqs := r.heardSeqs(earshot.SideAgent); tracks == 2 && !slices.Contains(seqs, changed) {
				t.Errorf("what came before it was known whose it is was lost: %v", seqs)
			}
			for side, track := range map[earshot.Side]byte{earshot.SideAgent: 0, earshot.SideCustomer: 1} {
				for _, p := range r.heard.of(side) {
					if h, _ := parseRTP(p.raw, 0); p.raw[h.payload+1] != track {
						t.Fatalf("the %s's side has a packet of track %d", side, p.raw[h.payload+1])
					}
				}
			}
		})
	}
}

// TestWhatIsAskedForAgainIsNoReplay has a sender of 10 ms frames answer at the
// last moment, both tracks at once.
func TestWhatIsAskedForAgainIsNoReplay(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(2)
	for track, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		c.send(r, track, 0, 10)
		for n := 11; n < 10+askWindow; n += 200 { // the socket's buffer is small
			c.send(r, track, n, min(n+200, 10+askWindow))
			eventually(t, "they came", func() bool { return slices.Contains(r.heardSeqs(side), min(n+200, 10+askWindow)-1) })
		}
		c.send(r, track, 10, 11)
		eventually(t, "the last moment's packet is taken", func() bool { return slices.Contains(r.heardSeqs(side), 10) })
	}
}

// TestListenersDoNotWait has a packet be missing for good: those behind it are
// passed on in the moment they come, and the one asked for again when it comes.
func TestListenersDoNotWait(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(1)
	requests := make(chan uint16, 16)
	go func() { // ends with the connection
		for {
			packets, _, err := c.pc.GetSenders()[0].ReadRTCP()
			if err != nil {
				return
			}
			for _, seq := range nacked(packets) {
				select {
				case requests <- seq:
				default:
				}
			}
		}
	}()
	c.send(r, 0, 0, 10)
	r.heardAll(10)
	sent := time.Now()
	c.send(r, 0, 11, 20)
	r.heardAll(19)
	for _, p := range r.heard.of(earshot.SideAgent)[10:] {
		if waited := p.arrival.Sub(sent); waited > askEvery*40 {
			t.Errorf("a packet behind a hole was passed on after %v", waited)
		}
	}
	select {
	case seq := <-requests:
		if seq != 10 {
			t.Errorf("asked for %d", seq)
		}
	case <-time.After(waitFor):
		t.Fatal("nothing was asked for")
	}
	c.send(r, 0, 10, 11)
	r.heardAll(20)
	want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 10}
	if got := r.heardSeqs(earshot.SideAgent); !slices.Equal(got, want) {
		t.Errorf("passed on as %v", got)
	}
}

// TestReportsSpareWhatIsMended reads the receiver reports a seat gets: of a loss
// that is had again nothing, of one that never comes all.
func TestReportsSpareWhatIsMended(t *testing.T) {
	r := newRig(t, nil)
	c := r.publish(1)
	reports := make(chan rtcp.ReceptionReport, 64)
	go func() { // ends with the connection
		for {
			packets, _, err := c.pc.GetSenders()[0].ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if rr, ok := p.(*rtcp.ReceiverReport); ok && len(rr.Reports) > 0 {
					reports <- rr.Reports[0]
				}
			}
		}
	}()
	c.send(r, 0, 0, 10)
	c.send(r, 0, 20, 50)
	report := func(done func(rtcp.ReceptionReport) bool) {
		t.Helper()
		deadline := time.After(waitFor)
		for {
			select {
			case one := <-reports:
				if done(one) {
					return
				}
			case <-deadline:
				t.Fatal("no such report")
			}
		}
	}
	report(func(one rtcp.ReceptionReport) bool {
		if one.TotalLost != 0 || one.FractionLost != 0 {
			t.Fatalf("ten packets that are being asked for are told as lost: %+v", one)
		}
		return one.LastSequenceNumber&0xffff == 49
	})
	c.send(r, 0, 10, 15)
	report(func(one rtcp.ReceptionReport) bool { return one.TotalLost == 5 && one.FractionLost > 0 })
}

// TestBothSourcesChangeAtOnce leaves nobody to know which side is which: the
// device has to connect again, and nothing is taken for the wrong side.
func TestBothSourcesChangeAtOnce(t *testing.T) {
	r := newRig(t, nil)
	var anew atomic.Bool
	c := r.newClient(clientOptions{tracks: 2, rewrite: func(h *rtp.Header, payload []byte) []byte {
		if anew.Load() {
			h.SSRC += 7
		}
		return payload
	}})
	c.post(r, whipBase+rigSeat)
	c.connected(r)
	r.seatUp(2)
	n := 0
	speak := func(until func() bool) {
		eventually(t, "it is so", func() bool {
			for track := range 2 {
				_ = c.tracks[track].WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n * 960)}, Payload: testPayload(track, n)})
			}
			n++
			return until()
		})
	}
	speak(func() bool {
		return len(r.heard.of(earshot.SideAgent)) >= 20 && len(r.heard.of(earshot.SideCustomer)) >= 20
	})
	anew.Store(true)
	speak(func() bool { return len(r.floor.fanout(rigSeat).carried()) == 0 })
	for side, track := range map[earshot.Side]byte{earshot.SideAgent: 0, earshot.SideCustomer: 1} {
		for _, p := range r.heard.of(side) {
			if h, _ := parseRTP(p.raw, 0); p.raw[h.payload+1] != track {
				t.Fatalf("the %s's side has a packet of track %d", side, p.raw[h.payload+1])
			}
		}
	}
}
