package ingest

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// How lost packets are asked for again. The window is what the replay
// protection of SRTP lets through; asking longer than a second floods senders
// that never answer.
const (
	askEvery    = 100 * time.Millisecond
	askAfter    = 20 * time.Millisecond // until then it may only be out of order
	askTimes    = 10
	askWindow   = 512 // packets behind the newest
	reportEvery = time.Second
)

// reception is what RTCP needs to know of one incoming track: what is missing,
// to ask for it, and how well it comes, to report it. The track's reader tells
// it of packets, the wire's ticker takes what is due.
type reception struct {
	rate float64 // of the RTP clock, in Hz

	mu       sync.Mutex
	began    bool
	ssrc     uint32
	first    uint32 // with cycles
	highest  uint32 // with cycles
	received uint32
	missing  []missing
	transit  float64 // arrival in the RTP clock's units, minus timestamp
	jitter   float64
	epoch    time.Time

	reported struct{ expected, received uint32 } // at the last report
	sender   uint32                              // middle of the NTP time of the last sender report
	senderAt time.Time
}

// missing is a sequence number, with cycles, that was passed over.
type missing struct {
	seq   uint32
	since time.Time
	asked int
}

// packet notes an RTP packet that came at now.
func (r *reception) packet(h rtpHeader, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ahead := int(int16(h.seq - uint16(r.highest)))
	if !r.began || r.ssrc != h.ssrc || ahead > tornRun || ahead < -tornRun {
		r.begin(h, now)
		return
	}
	if ahead <= 0 {
		i := slices.IndexFunc(r.missing, func(m missing) bool { return uint16(m.seq) == h.seq })
		if i >= 0 { // else it came twice
			r.missing = slices.Delete(r.missing, i, i+1)
			r.received++
		}
		return
	}
	for seq := r.highest + uint32(max(1, ahead-askWindow)); seq < r.highest+uint32(ahead); seq++ {
		r.missing = append(r.missing, missing{seq: seq, since: now})
	}
	r.highest += uint32(ahead)
	r.received++
	transit := now.Sub(r.epoch).Seconds()*r.rate - float64(int32(h.timestamp))
	if d := math.Abs(transit - r.transit); d < 10*r.rate { // beyond, the sender's clock was set
		r.jitter += (d - r.jitter) / 16
	}
	r.transit = transit
}

func (r *reception) begin(h rtpHeader, now time.Time) {
	first := 1<<16 | uint32(h.seq) // so that what comes before the first does not go below 0
	r.began, r.ssrc, r.first, r.highest, r.received = true, h.ssrc, first, first, 1
	r.missing, r.jitter, r.epoch = r.missing[:0], 0, now
	r.transit = -float64(int32(h.timestamp))
	r.reported.expected, r.reported.received = 0, 0
	r.sender, r.senderAt = 0, time.Time{}
}

// senderReport notes the sender's report, which the next of ours refers to.
func (r *reception) senderReport(ntp uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sender, r.senderAt = uint32(ntp>>16), now
}

// ask is a request for what is missing and due to be asked for, nil if nothing is.
func (r *reception) ask(from uint32, now time.Time) rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.missing) == 0 {
		return nil
	}
	r.missing = slices.DeleteFunc(r.missing, func(m missing) bool {
		return m.asked >= askTimes || r.highest-m.seq > askWindow
	})
	var seqs []uint16
	for i := range r.missing {
		if m := &r.missing[i]; now.Sub(m.since) >= askAfter {
			m.asked++
			seqs = append(seqs, uint16(m.seq))
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	return &rtcp.TransportLayerNack{SenderSSRC: from, MediaSSRC: r.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}
}

// report is the reception report of RFC 3550, section 6.4.1; ok is false before
// the first packet.
func (r *reception) report(now time.Time) (report rtcp.ReceptionReport, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.began {
		return report, false
	}
	expected := r.highest - r.first + 1
	lost := int64(expected) - int64(r.received)
	fresh := expected - r.reported.expected
	gone := int64(fresh) - int64(r.received-r.reported.received)
	r.reported.expected, r.reported.received = expected, r.received
	report = rtcp.ReceptionReport{
		SSRC: r.ssrc, LastSequenceNumber: r.highest - 1<<16, Jitter: uint32(r.jitter),
		TotalLost: uint32(min(max(lost, 0), 1<<23-1)),
	}
	if gone > 0 && fresh > 0 {
		report.FractionLost = uint8(min(gone*256/int64(fresh), 255))
	}
	if !r.senderAt.IsZero() {
		report.LastSenderReport = r.sender
		report.Delay = uint32(now.Sub(r.senderAt).Seconds() * 65536)
	}
	return report, true
}
