package ingest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"earshot"
)

// reports are the sender reports that the tape was given.
func (t *tape) reports() []string {
	return slices.DeleteFunc(t.said(), func(note string) bool { return !strings.HasPrefix(note, "report") })
}

func TestSenderReportsReachTheRecording(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	h.run(time.Second)
	d.stream.SenderReport(0, 1, h.clock.now(), 5000)
	d.stream.SenderReport(0, 1, h.clock.now(), 6000)
	d.stream.SenderReport(1, 2, h.clock.now(), 7000)
	h.run(time.Second)
	if got, want := h.tapes.tape(0).reports(), []string{"report agent 1 6000", "report customer 2 7000"}; !slices.Equal(got, want) {
		t.Errorf("the recording was told %v, want the newest of each track, once: %v", got, want)
	}
}

// Two devices have a clock each: their reports say nothing about one another.
func TestReportsOfOneSidedDevicesAreNotCompared(t *testing.T) {
	h := newHall(t)
	a, c := h.device("s1", agentTrack), h.device("s1", customerTrack)
	h.run(time.Second)
	a.stream.SenderReport(0, 1, h.clock.now(), 5000)
	c.stream.SenderReport(0, 2, h.clock.now(), 6000)
	h.run(time.Second)
	if got := h.tapes.tape(0).reports(); len(got) > 0 {
		t.Errorf("the recording was told %v", got)
	}
}

// A packet that came just before a tick may reach its ring just after it.
func TestTrueArrivalsReachTheRecording(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	h.run(time.Second)
	came := h.clock.now().Add(-7 * time.Millisecond)
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 111, SequenceNumber: 1050, Timestamp: 50 * 960, SSRC: 1}, Payload: []byte{0xf8}}
	raw, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d.stream.Track(0).Receive(raw, came)
	h.run(100 * time.Millisecond)
	tape := h.tapes.tape(0)
	tape.mu.Lock()
	defer tape.mu.Unlock()
	for _, got := range tape.packets[earshot.SideAgent] {
		if got.Seq == 1050 && got.Arrival.Equal(came) {
			return
		}
	}
	t.Error("its arrival was changed, or it did not come")
}
