package ingest

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is how often a seat is told how its packets come.
const reportEvery = time.Second

// reception is what RTCP needs to know of one incoming track: what is missing,
// to ask for it, and how well it comes, to report it. The track's reader tells
// it of packets, the wire's ticker takes what is due.
//
// What is being asked for is no loss in a report: only what was given up is.
// Told of each loss, browsers fall back to a narrower coding with redundancy
// inside, and the recording, which gets the lost packets after all, would be
// the worse for it (docs/protocol.md). How the link really is, linkStats knows.
type reception struct {
	rate float64 // of the RTP clock, in Hz

	mu      sync.Mutex
	began   bool
	ssrc    uint32
	first   uint32    // with cycles
	highest uint32    // with cycles
	newest  time.Time // when that came
	came    time.Time // when anything came
	missing []missing // by seq
	gone    uint32    // given up
	asking  asking
	transit float64 // arrival in the RTP clock's units, minus timestamp
	jitter  float64
	epoch   time.Time

	reported struct{ expected, gone uint32 } // at the last report
	sender   uint32                          // middle of the NTP time of the last sender report
	senderAt time.Time
}

// missing is a sequence number, with cycles, that was passed over.
type missing struct {
	seq   uint32
	due   time.Time // when it should have come
	since time.Time // when it was missed
	last  time.Time // when it was last asked for
	asked int
}

// packet notes an RTP packet that came at now, and says whether it came because
// it was asked for.
func (r *reception) packet(h rtpHeader, now time.Time) (repeated bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ahead := int(int16(h.seq - uint16(r.highest)))
	if !r.began || r.ssrc != h.ssrc || ahead > tornRun || ahead < -tornRun {
		r.begin(h, now)
		return false
	}
	r.came = now
	if ahead <= 0 {
		return r.late(r.highest-uint32(-ahead), now)
	}
	r.miss(ahead, now)
	r.highest += uint32(ahead)
	r.newest = now
	transit := now.Sub(r.epoch).Seconds()*r.rate - float64(int32(h.timestamp))
	if d := math.Abs(transit - r.transit); d < 10*r.rate { // beyond, the sender's clock was set
		r.jitter += (d - r.jitter) / 16
	}
	r.transit = transit
	return false
}

func (r *reception) begin(h rtpHeader, now time.Time) {
	first := 1<<16 | uint32(h.seq) // so that what comes before the first does not go below 0
	r.began, r.ssrc, r.first, r.highest, r.gone = true, h.ssrc, first, first, 0
	r.newest, r.came, r.epoch = now, now, now
	r.missing, r.jitter = r.missing[:0], 0
	r.transit = -float64(int32(h.timestamp))
	r.reported.expected, r.reported.gone = 0, 0
	r.sender, r.senderAt = 0, time.Time{}
}

// miss notes what was passed over by a packet so far ahead. Their senders meant
// them to come evenly since the newest before.
func (r *reception) miss(ahead int, now time.Time) {
	from := max(1, ahead-askWindow)
	r.gone += uint32(from - 1)
	step := now.Sub(r.newest) / time.Duration(ahead)
	for i := from; i < ahead; i++ {
		r.missing = append(r.missing, missing{
			seq: r.highest + uint32(i), due: r.newest.Add(time.Duration(i) * step), since: now,
		})
	}
}

// late takes a packet from behind the newest; one that nobody misses came twice.
func (r *reception) late(seq uint32, now time.Time) (repeated bool) {
	i, ok := r.find(seq)
	if !ok {
		return false
	}
	m := r.missing[i]
	r.missing = slices.Delete(r.missing, i, i+1)
	if m.asked == 0 {
		return false
	}
	if m.asked == 1 { // of several requests nobody knows which was answered
		r.asking.roundTrip(now.Sub(m.last))
	}
	r.asking.answered()
	return true
}

func (r *reception) find(seq uint32) (int, bool) {
	return slices.BinarySearchFunc(r.missing, seq, func(m missing, seq uint32) int { return cmp.Compare(m.seq, seq) })
}

// roundTrip takes what ICE measured.
func (r *reception) roundTrip(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking.roundTrip(d)
}

// senderReport notes the sender's report, which the next of ours refers to.
func (r *reception) senderReport(ntp uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sender, r.senderAt = uint32(ntp>>16), now
}

// ask is a request for what is missing and due to be asked for, nil if nothing
// is. The oldest come first: they have the least time left.
func (r *reception) ask(from uint32, now time.Time) rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp(now)
	if len(r.missing) == 0 || now.Sub(r.came) > askSilence {
		return nil
	}
	allowed := r.asking.allowance(now)
	if allowed <= 0 {
		return nil
	}
	if r.asking.deaf(now) { // the newest are the likeliest to be had
		return r.request(from, r.missing[max(0, len(r.missing)-allowed):], allowed, now)
	}
	return r.request(from, r.missing, allowed, now)
}

func (r *reception) request(from uint32, among []missing, allowed int, now time.Time) rtcp.Packet {
	seqs := make([]uint16, 0, allowed)
	for i := range among {
		m := &among[i]
		if len(seqs) == allowed {
			break
		}
		if now.Sub(m.since) < askAfter || m.asked > 0 && now.Sub(m.last) < r.asking.again(m.asked) {
			continue
		}
		m.asked++
		m.last = now
		seqs = append(seqs, uint16(m.seq))
	}
	if len(seqs) == 0 {
		return nil
	}
	r.asking.asked(len(seqs), now)
	return &rtcp.TransportLayerNack{SenderSSRC: from, MediaSSRC: r.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)}
}

// giveUp forgets what would come too late for the recording if it were asked
// for now.
func (r *reception) giveUp(now time.Time) {
	n := 0
	for n < len(r.missing) && now.Add(r.asking.rtt).Sub(r.missing[n].due) >= askWithin {
		n++
	}
	r.missing = slices.Delete(r.missing, 0, n)
	r.gone += uint32(n)
}

// report is the reception report of RFC 3550, section 6.4.1, of what has come or
// was given up; ok is false before the first packet.
func (r *reception) report(now time.Time) (report rtcp.ReceptionReport, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.began {
		return report, false
	}
	expected := r.highest - r.first + 1 - uint32(len(r.missing))
	fresh, gone := int64(expected)-int64(r.reported.expected), int64(r.gone-r.reported.gone)
	r.reported.expected, r.reported.gone = expected, r.gone
	report = rtcp.ReceptionReport{
		SSRC: r.ssrc, LastSequenceNumber: r.highest - 1<<16, Jitter: uint32(r.jitter),
		TotalLost: min(r.gone, 1<<23-1),
	}
	if gone > 0 && fresh > 0 {
		report.FractionLost = uint8(min(gone*256/fresh, 255))
	}
	if !r.senderAt.IsZero() {
		report.LastSenderReport = r.sender
		report.Delay = uint32(now.Sub(r.senderAt).Seconds() * 65536)
	}
	return report, true
}
