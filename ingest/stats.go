package ingest

import "time"

// How a link is judged.
const (
	statsWindow = 5    // seconds that loss is counted over
	statsSeen   = 1024 // newest sequence numbers that are told from doubled ones
	// stalledAfter without a packet a track counts as stalled: the wall is to
	// show it within three seconds.
	stalledAfter = 2800 * time.Millisecond
)

// linkStats counts a track's packets over the last seconds. It belongs to the
// floor's loop.
type linkStats struct {
	clockRate float64

	began   bool
	ssrc    uint32
	highest uint16
	seen    [statsSeen / 64]uint64 // which of the newest sequence numbers have come

	transit float64 // arrival minus timestamp, seconds
	jitter  float64 // RFC 3550, section 6.4.1, in seconds

	buckets [statsWindow]statsBucket
}

type statsBucket struct {
	second             int64
	expected, received int
}

// add counts a packet.
func (s *linkStats) add(r *record) {
	b := s.bucket(r.arrival / int64(time.Second))
	if !s.began || r.ssrc != s.ssrc {
		s.began, s.ssrc, s.highest, s.jitter = true, r.ssrc, r.seq, 0
		s.seen = [statsSeen / 64]uint64{}
		s.mark(r.seq)
		s.transit = s.transitOf(r)
		b.expected++
		b.received++
		return
	}
	ahead := int(int16(r.seq - s.highest))
	switch {
	case ahead > 0 && ahead < 3000:
		for i := 1; i <= min(ahead, statsSeen); i++ {
			s.clear(s.highest + uint16(i))
		}
		s.highest = r.seq
		s.mark(r.seq)
		b.expected += ahead
		b.received++
		if len(r.payload) > 0 {
			s.addJitter(r)
		}
	case ahead <= 0 && ahead > -3000:
		if ahead > -statsSeen && !s.has(r.seq) { // late, but there; a doubled one is not counted
			s.mark(r.seq)
			b.received++
		}
	default: // the sender began anew without a new SSRC
		s.began = false
		s.add(r)
	}
}

// forgive takes n packets off the expected: they came, but were thrown away here.
func (s *linkStats) forgive(n int, now time.Time) {
	b := s.bucket(now.Unix())
	b.received += n
}

func (s *linkStats) addJitter(r *record) {
	transit := s.transitOf(r)
	d := transit - s.transit
	s.transit = transit
	if d < 0 {
		d = -d
	}
	if d > 1 { // the sender's clock was set, or it paused its timestamps
		return
	}
	s.jitter += (d - s.jitter) / 16
}

// transitOf is only good for differences: timestamps begin anywhere, and wrap.
func (s *linkStats) transitOf(r *record) float64 {
	return float64(r.arrival%int64(24*time.Hour))/1e9 - float64(r.timestamp)/s.clockRate
}

// charge takes back n packets of the received: they came, but not by the link
// alone. What was asked for again, or was in another packet as well, was lost.
func (s *linkStats) charge(n int, now time.Time) { s.bucket(now.Unix()).received -= n }

func (s *linkStats) mark(seq uint16)     { s.seen[seq%statsSeen/64] |= 1 << (seq & 63) }
func (s *linkStats) clear(seq uint16)    { s.seen[seq%statsSeen/64] &^= 1 << (seq & 63) }
func (s *linkStats) has(seq uint16) bool { return s.seen[seq%statsSeen/64]&(1<<(seq&63)) != 0 }

// bucket is the one of a second, emptied if it held an older one.
func (s *linkStats) bucket(second int64) *statsBucket {
	b := &s.buckets[second%statsWindow]
	if b.second != second {
		*b = statsBucket{second: second}
	}
	return b
}

// loss is the share of packets that the link lost in the last seconds, 0 to 1,
// out of how many.
func (s *linkStats) loss(now time.Time) (share float64, expected int) {
	return s.lossOver(now, statsWindow)
}

// lossOver is loss of so many seconds, the present one among them.
func (s *linkStats) lossOver(now time.Time, seconds int64) (share float64, expected int) {
	received := 0
	for _, b := range s.buckets {
		if age := now.Unix() - b.second; age >= 0 && age < seconds {
			expected += b.expected
			received += b.received
		}
	}
	if expected <= 0 || received >= expected {
		return 0, max(expected, 0)
	}
	return min(1, 1-float64(received)/float64(expected)), expected
}
