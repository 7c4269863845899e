package ingest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// line is a sender at the other end of a line that loses, simulated packet by
// packet against a reception.
type line struct {
	loss    float64       // each way
	oneWay  time.Duration // to there and back
	outages [][2]time.Duration
	frame   time.Duration
	keeps   int           // packets of its history it can repeat
	deafTo  time.Duration // it answers no request before that

	random   *rand.Rand
	r        *reception
	arriving []arrival
	requests []request
	sent     int
	got      map[int]time.Duration // when each came first, by its number
	asked    int                   // sequence numbers
	largest  int                   // bytes of a request
}

type arrival struct {
	at  time.Duration
	seq int
}

type request struct {
	at   time.Duration
	seqs []uint16
}

// lost says whether the line swallows what goes on it at the instant.
func (l *line) lost(at time.Duration) bool {
	for _, o := range l.outages {
		if at >= o[0] && at < o[1] {
			return true
		}
	}
	return l.random.Float64() < l.loss
}

// run has the sender speak so long, and waits for what is asked for again.
func (l *line) run(t *testing.T, long time.Duration) {
	t.Helper()
	if l.frame == 0 {
		l.frame = 20 * time.Millisecond
	}
	l.random, l.got = rand.New(rand.NewPCG(1, 2)), map[int]time.Duration{}
	l.r = &reception{rate: 48000}
	const tick = 2500 * time.Microsecond
	for now := time.Duration(0); now < long+askWithin; now += tick {
		if now < long && now%l.frame == 0 {
			l.send(now, l.sent)
			l.sent++
		}
		l.answer(now)
		l.deliver(now)
		if now%askEvery == 0 {
			l.ask(now)
		}
		if now%rttEvery == 0 && now > 0 {
			l.r.roundTrip(2 * l.oneWay)
		}
	}
}

func (l *line) send(now time.Duration, seq int) {
	if !l.lost(now) {
		l.arriving = append(l.arriving, arrival{now + l.oneWay, seq})
	}
}

func (l *line) deliver(now time.Duration) {
	l.arriving = slices.DeleteFunc(l.arriving, func(a arrival) bool {
		if a.at > now {
			return false
		}
		if _, twice := l.got[a.seq]; !twice {
			l.got[a.seq] = now
		}
		l.r.packet(rtpHeader{seq: uint16(a.seq), timestamp: uint32(a.seq * 960), ssrc: 7}, epochOfLine.Add(now))
		return true
	})
}

func (l *line) ask(now time.Duration) {
	packet := l.r.ask(1, epochOfLine.Add(now))
	if packet == nil {
		return
	}
	l.largest = max(l.largest, packet.MarshalSize())
	seqs := nacked([]rtcp.Packet{packet})
	l.asked += len(seqs)
	if !l.lost(now) {
		l.requests = append(l.requests, request{now + l.oneWay, seqs})
	}
}

func (l *line) answer(now time.Duration) {
	l.requests = slices.DeleteFunc(l.requests, func(q request) bool {
		if q.at > now {
			return false
		}
		for _, seq := range q.seqs {
			back := int(uint16(l.sent-1) - seq)
			if now >= l.deafTo && back < l.keeps {
				l.send(now, l.sent-1-back)
			}
		}
		return true
	})
}

var epochOfLine = time.Unix(1_800_000_000, 0)

// missing is the share of packets that came too late for the recording or not at
// all, of those sent from one instant to another.
func (l *line) missing(from, to time.Duration) float64 {
	n, gone := 0, 0
	for seq := int(from / l.frame); seq < int(to/l.frame); seq++ {
		n++
		if at, came := l.got[seq]; !came || at > time.Duration(seq)*l.frame+l.oneWay+askWithin {
			gone++
		}
	}
	return float64(gone) / float64(n)
}

func TestLostPacketsAreHadAgain(t *testing.T) {
	const long = 60 * time.Second
	for _, row := range []struct {
		name    string
		line    line
		most    float64 // share missing
		perLost float64 // requests for each lost packet, at most
	}{
		{"one in ten, near", line{loss: .1, keeps: 500}, .001, 1.6},
		{"one in ten, far", line{loss: .1, oneWay: 40 * time.Millisecond, keeps: 500}, .001, 1.6},
		{"one in five, near", line{loss: .2, keeps: 500}, .001, 2},
		{"one in five, far", line{loss: .2, oneWay: 40 * time.Millisecond, keeps: 500}, .001, 2},
		{"one in five, very far", line{loss: .2, oneWay: 300 * time.Millisecond, keeps: 500}, .005, 2.2},
		{"two in five", line{loss: .4, oneWay: 40 * time.Millisecond, keeps: 500}, .01, 4},
		{"frames of 10 ms", line{loss: .2, oneWay: 40 * time.Millisecond, frame: 10 * time.Millisecond, keeps: 500}, .001, 2},
		{"frames of 2.5 ms", line{loss: .1, oneWay: 40 * time.Millisecond, frame: 2500 * time.Microsecond, keeps: 2000}, .001, 1.8},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.line.run(t, long)
			lost := float64(row.line.sent) * row.line.loss
			if gone := row.line.missing(0, long-time.Second); gone > row.most {
				t.Errorf("%.3f %% are missing", 100*gone)
			}
			if each := float64(row.line.asked) / lost; each > row.perLost {
				t.Errorf("%.2f requests for a lost packet", each)
			}
			if row.line.largest > 140 {
				t.Errorf("a request of %d bytes", row.line.largest)
			}
		})
	}
}

func TestAnOutageIsHadAgain(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name     string
		line     line
		from, to time.Duration // what must be whole
	}{
		{"2.5 s", line{outages: [][2]time.Duration{{10 * s, 12500 * time.Millisecond}}, oneWay: 40 * time.Millisecond, keeps: 500}, 0, 20 * s},
		{"2.5 s, and one in ten besides", line{loss: .1, outages: [][2]time.Duration{{10 * s, 12500 * time.Millisecond}}, oneWay: 40 * time.Millisecond, keeps: 500}, 0, 20 * s},
		{"6 s", line{outages: [][2]time.Duration{{10 * s, 16 * s}}, oneWay: 40 * time.Millisecond, keeps: 500}, 13500 * time.Millisecond, 20 * s},
		{"6 s, frames of 10 ms", line{outages: [][2]time.Duration{{10 * s, 16 * s}}, oneWay: 40 * time.Millisecond, frame: 10 * time.Millisecond, keeps: 500}, 13500 * time.Millisecond, 20 * s},
		{"two", line{outages: [][2]time.Duration{{10 * s, 12 * s}, {12500 * time.Millisecond, 14 * s}}, oneWay: 40 * time.Millisecond, keeps: 500}, 0, 20 * s},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.line.run(t, 21*s)
			if gone := row.line.missing(row.from, row.to); gone > .001 {
				t.Errorf("%.2f %% are missing", 100*gone)
			}
		})
	}
}

func TestADeafSenderIsNotFlooded(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name string
		line line
		most int // sequence numbers asked for in a minute
	}{
		{"one in ten", line{loss: .1, oneWay: 40 * time.Millisecond}, 130},
		{"one in five", line{loss: .2, oneWay: 40 * time.Millisecond}, 180},
		{"an outage", line{outages: [][2]time.Duration{{10 * s, 14 * s}}, oneWay: 40 * time.Millisecond}, 500},
		{"outages without end", line{outages: [][2]time.Duration{{1 * s, 4 * s}, {5 * s, 8 * s}, {9 * s, 12 * s}, {13 * s, 16 * s}}}, 500},
		{"short frames", line{loss: .2, frame: 2500 * time.Microsecond}, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.line.run(t, 60*s)
			if row.line.asked > row.most || row.line.asked == 0 {
				t.Errorf("%d sequence numbers were asked for", row.line.asked)
			}
		})
	}
}

func TestASenderThatBeginsToAnswerIsFound(t *testing.T) {
	l := line{loss: .1, oneWay: 40 * time.Millisecond, keeps: 500, deafTo: 20 * time.Second}
	l.run(t, 60*time.Second)
	if before := l.missing(0, 15*time.Second); before < .05 {
		t.Errorf("only %.1f %% were missing while it was deaf", 100*before)
	}
	if after := l.missing(25*time.Second, 59*time.Second); after > .001 {
		t.Errorf("%.1f %% are missing although it answers", 100*after)
	}
}

func TestNothingIsAskedOfASenderThatIsSilent(t *testing.T) {
	r := &reception{rate: 48000}
	at := receives(r, epochOfLine, 1, 3)
	if got := asked(r, at.Add(-20*time.Millisecond)); got != nil {
		t.Errorf("asked at once for %v, which may only be out of order", got)
	}
	if got := asked(r, at); !slices.Equal(got, []uint16{2}) {
		t.Errorf("asked for %v", got)
	}
	if got := asked(r, at.Add(askSilence+time.Millisecond)); got != nil {
		t.Errorf("asked for %v of a line that is dead", got)
	}
	receives(r, at.Add(2*time.Second), 4)
	if got := asked(r, at.Add(2*time.Second)); !slices.Equal(got, []uint16{2}) {
		t.Errorf("asked for %v once it is back", got)
	}
}

func TestTheRoundTripSetsThePace(t *testing.T) {
	var a asking
	if a.again(1) != againUnknown {
		t.Errorf("%v without a measure", a.again(1))
	}
	for range 20 {
		a.roundTrip(80 * time.Millisecond)
	}
	if d := a.again(1); d < 90*time.Millisecond || d > 130*time.Millisecond {
		t.Errorf("%v at 80 ms", d)
	}
	if a.again(2) <= a.again(1) || a.again(99) != againMost {
		t.Errorf("%v, then %v, at last %v", a.again(1), a.again(2), a.again(99))
	}
	for range 50 {
		a.roundTrip(0)
	}
	if d := a.again(1); d != againLeast {
		t.Errorf("%v next door", d)
	}
}
