package ingest

import (
	"math/rand/v2"
	"testing"
	"time"
)

// feedStats gives n packets of 20 ms to s, of which those lost are left out.
func feedStats(s *linkStats, from time.Time, seq uint16, n int, lost func(i int) bool, late func(i int) time.Duration) {
	for i := range n {
		if lost != nil && lost(i) {
			continue
		}
		at := from.Add(time.Duration(i) * 20 * time.Millisecond)
		if late != nil {
			at = at.Add(late(i))
		}
		s.add(&record{arrival: at.UnixNano(), ssrc: 1, seq: seq + uint16(i), timestamp: uint32(i) * 960, payload: []byte{1}})
	}
}

func TestLinkStats(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	rows := []struct {
		name    string
		lost    func(i int) bool
		late    func(i int) time.Duration
		rtt     time.Duration
		loss    [2]float64
		quality int
	}{
		{name: "all well", loss: [2]float64{0, 0}, quality: 4},
		{name: "one in fifty", lost: func(i int) bool { return i%50 == 25 }, loss: [2]float64{0.015, 0.025}, quality: 3},
		{name: "one in twenty", lost: func(i int) bool { return i%20 == 7 }, loss: [2]float64{0.045, 0.055}, quality: 2},
		{name: "one in five", lost: func(i int) bool { return i%5 == 3 }, loss: [2]float64{0.19, 0.21}, quality: 1},
		{name: "uneven", late: func(i int) time.Duration { return time.Duration(i%2) * 80 * time.Millisecond }, quality: 2},
		{name: "far away", rtt: 500 * time.Millisecond, quality: 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := &linkStats{clockRate: 48000}
			feedStats(s, start, 65500, 500, row.lost, row.late) // the numbers wrap on the way
			now := start.Add(10 * time.Second)
			loss, n := s.loss(now)
			if loss < row.loss[0] || loss > row.loss[1] {
				t.Errorf("loss %.3f, want %v", loss, row.loss)
			}
			l := link{packets: n, loss: loss, jitter: time.Duration(s.jitter * 1e9), rtt: row.rtt}
			if l.quality() != row.quality {
				t.Errorf("%+v has %d bars, want %d", l, l.quality(), row.quality)
			}
			if _, n := s.loss(now.Add(time.Minute)); n != 0 {
				t.Error("what is a minute old still counts")
			}
		})
	}
}

func TestLateAndDoubledPackets(t *testing.T) {
	s := &linkStats{clockRate: 48000}
	at := time.Unix(1_700_000_000, 0)
	order := rand.Perm(200)
	slot := func(i int) *record {
		return &record{arrival: at.UnixNano(), ssrc: 1, seq: uint16(1000 + i), timestamp: uint32(i) * 960, payload: []byte{1}}
	}
	s.add(slot(0))
	s.add(slot(199))
	for _, i := range order { // each again, so that two come twice
		s.add(slot(i))
	}
	if loss, n := s.loss(at); loss != 0 || n != 200 {
		t.Errorf("loss %.3f of %d, but all 200 came", loss, n)
	}
}

func TestANewSourceIsNoLoss(t *testing.T) {
	s := &linkStats{clockRate: 48000}
	at := time.Unix(1_700_000_000, 0)
	feedStats(s, at, 0, 50, nil, nil)
	s.add(&record{arrival: at.Add(time.Second).UnixNano(), ssrc: 2, seq: 40000, payload: []byte{1}})
	s.add(&record{arrival: at.Add(time.Second).UnixNano(), ssrc: 2, seq: 20000, payload: []byte{1}}) // and one that began anew
	if loss, n := s.loss(at.Add(time.Second)); loss != 0 || n != 52 {
		t.Errorf("loss %.3f of %d", loss, n)
	}
}

func TestNoPacketsNoBars(t *testing.T) {
	if q := (link{}).quality(); q != 0 {
		t.Errorf("%d bars without a packet", q)
	}
}

func TestWhatWasMendedIsLoss(t *testing.T) {
	s := &linkStats{clockRate: 48000}
	start := time.Unix(1_700_000_000, 0)
	feedStats(s, start, 65500, 250, nil, nil)
	now := start.Add(4990 * time.Millisecond)
	s.charge(25, now)
	if loss, n := s.loss(now); loss < 0.099 || loss > 0.101 || n != 250 {
		t.Errorf("loss %.3f of %d", loss, n)
	}
	s.charge(1000, now) // more than there were
	if loss, _ := s.loss(now); loss != 1 {
		t.Errorf("loss %.3f", loss)
	}
}

// TestALongOutageHadAgain has 400 packets come long after those behind them.
func TestALongOutageHadAgain(t *testing.T) {
	s := &linkStats{clockRate: 48000}
	at := time.Unix(1_700_000_000, 0)
	packet := func(i int) { s.add(&record{arrival: at.UnixNano(), ssrc: 1, seq: uint16(i), payload: []byte{1}}) }
	packet(0)
	packet(401)
	for i := 1; i <= 400; i++ {
		packet(i)
		packet(i)
	}
	if loss, n := s.loss(at); loss != 0 || n != 402 {
		t.Errorf("loss %.3f of %d", loss, n)
	}
	s.charge(400, at)
	if loss, _ := s.loss(at); loss < 0.99 {
		t.Errorf("loss %.3f", loss)
	}
}

func TestALinkIsPoorAndWellAgain(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	good, bad, between := link{packets: 150}, link{packets: 150, loss: .1}, link{packets: 150, loss: .04}
	var p poorLink
	for i, row := range []struct {
		after time.Duration
		soon  link
		long  link
		want  bool
	}{
		{0, good, good, false},
		{time.Second, between, between, false},
		{time.Second, link{packets: 10, loss: .5}, good, false}, // too few to say
		{time.Second, bad, between, true},
		{time.Second, good, between, true},
		{time.Second, good, good, true},
		{4 * time.Second, good, good, true},
		{500 * time.Millisecond, good, between, true}, // begins anew
		{time.Second, good, good, true},
		{wellFor, good, good, false},
		{time.Second, link{jitter: poorJitter}, good, true},
		{time.Second, good, good, true},
		{wellFor, good, good, false},
		{time.Second, link{rtt: poorRTT}, good, true},
	} {
		at = at.Add(row.after)
		if p.judge(at, row.soon, row.long); p.said != row.want {
			t.Fatalf("look %d: poor %v", i, p.said)
		}
	}
}
