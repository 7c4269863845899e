package main

import (
	"bytes"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/seat"
)

// wantGap is a gap in slots of a side, from its first audio on.
type wantGap struct {
	track    int
	from, to int
	cause    earshot.Cause
}

// plan is what one device sends and what must come of it: one part.
type plan struct {
	name   string
	codec  earshot.Codec // Opus if empty
	stereo bool
	side   earshot.Side
	sent   [][]shot
	gaps   []wantGap
	ppm    float64 // by how much the faster sender's clock runs fast
	opus   bool    // the reference decoder plays it too
}

var sideOf = []earshot.Side{earshot.SideAgent, earshot.SideCustomer}

func (p plan) tracks() []seat.Track {
	tracks := make([]seat.Track, len(p.sent))
	for i := range tracks {
		tracks[i] = seat.Track{Codec: p.codec, Channels: 1}
		if p.stereo {
			tracks[i].Channels = 2
		}
	}
	return tracks
}

// kind is what the part is, and where track i's levels and gaps go.
func (p plan) kind() (kind earshot.TrackKind, first earshot.Side) {
	switch {
	case p.stereo, len(p.sent) == 2:
		return earshot.TrackBoth, earshot.SideAgent
	case p.side == earshot.SideCustomer:
		return earshot.TrackCustomer, p.side
	case p.side == earshot.SideAgent:
		return earshot.TrackAgent, p.side
	}
	return earshot.TrackMixed, earshot.SideAgent
}

// The rows wait for real time to pass, not for a processor.
func init() {
	testing.Init()
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
}

// TestRecordingIsWhatWasSent sends known packets over real WebRTC, each plan and
// each story at a seat of its own, and compares what is stored, bit by bit and
// slot by slot.
func TestRecordingIsWhatWasSent(t *testing.T) {
	s := openSite(t, nil)
	for _, story := range stories() {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			story.play(s.in(t), story.name)
		})
	}
	for i, p := range plans(t) {
		if p.codec == "" {
			p.codec = earshot.Opus
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s.in(t).prove(fmt.Sprintf("seat%d", i), p)
		})
	}
}

func plans(t *testing.T) []plan {
	a, c := agentLine(fixture(t, "agent")), customerLine(fixture(t, "customer"))
	const n = 250 // 5 s
	agent, customer := a.shots(n), c.shots(n)
	alaw, ulaw := agentLine(tones(100, 160, 3)).frames(20, 8000), customerLine(tones(90, 160, 60)).frames(20, 8000)
	return []plan{
		{name: "all arrives", sent: [][]shot{agent, customer}, opus: true},
		{
			name: "one lost", sent: [][]shot{lost(agent, 100, 101), customer}, opus: true,
			gaps: []wantGap{{0, 100, 101, earshot.CauseLost}},
		},
		{
			name: "a second lost", sent: [][]shot{agent, lost(customer, 60, 110)},
			gaps: []wantGap{{1, 60, 110, earshot.CauseLost}},
		},
		{
			name: "both sides lose at once", sent: [][]shot{lost(agent, 100, 120), lost(customer, 110, 140)}, opus: true,
			gaps: []wantGap{{0, 100, 120, earshot.CauseLost}, {1, 110, 140, earshot.CauseLost}},
		},
		{
			name: "every tenth lost", sent: [][]shot{changedEvery(agent, 10), customer},
			gaps: everyTenth(n),
		},
		{
			name: "the network away for longer than the wait", sent: [][]shot{lost(a.shots(450), 100, 350), c.shots(450)},
			gaps: []wantGap{{0, 100, 350, earshot.CauseLost}},
		},
		{name: "swapped", sent: [][]shot{changed(agent, 0, n, func(i int, s *shot) {
			if i%8 == 3 {
				s.due += 25 * time.Millisecond
			}
		}), customer}},
		{name: "doubled", sent: [][]shot{append(later(agent, 0, n, 5*time.Millisecond), agent...), slices.Concat(customer, customer)}},
		{name: "held up for 700 ms and then all at once", sent: [][]shot{changed(agent, 100, 135, func(_ int, s *shot) {
			s.due = 135 * slotTime
		}), customer}},
		{name: "sent again within the wait", sent: [][]shot{later(agent, 50, 70, 2500*time.Millisecond), customer}},
		{
			name: "sent again too late",
			sent: [][]shot{changed(a.shots(400), 50, 53, func(_ int, s *shot) { s.due, s.tooLate = s.due+5500*time.Millisecond, true }), c.shots(400)},
			gaps: []wantGap{{0, 50, 53, earshot.CauseLost}},
		},
		{name: "discontinuous transmission", sent: [][]shot{dtx(agent, 80, 180), customer}},
		{
			name: "stalled", sent: [][]shot{unsaid(agent, 50, 150), customer},
			gaps: []wantGap{{0, 50, 150, earshot.CauseStalled}},
		},
		{
			name: "muted", sent: [][]shot{changed(a.shots(1700), 50, 1650, func(_ int, s *shot) { s.level = earshot.LevelSilence }), c.shots(1700)},
			gaps: []wantGap{{0, 50, 1650, earshot.CauseMuted}},
		},
		{name: "probes", sent: [][]shot{probes(probes(agent, 200, 5), 100, 5), customer}},
		{name: "probes that are lost", sent: [][]shot{changed(agent, 100, n, func(_ int, s *shot) { s.seq += 5 }), customer}},
		{name: "the agent's clock fast", sent: [][]shot{a.fast(2000).shots(900), c.shots(890)}, ppm: 2000},
		{name: "both clocks slow", sent: [][]shot{a.fast(-2000).shots(890), c.fast(-2000).shots(890)}, ppm: -2000},
		{name: "stereo", stereo: true, sent: [][]shot{agentLine(fixture(t, "stereo")).shots(n)}, opus: true},
		{name: "one side", side: earshot.SideCustomer, sent: [][]shot{customer}},
		{
			name: "one side that loses", side: earshot.SideAgent, sent: [][]shot{lost(agent, 70, 90)},
			gaps: []wantGap{{0, 70, 90, earshot.CauseLost}},
		},
		{name: "both in one", sent: [][]shot{agent}},
		{name: "frames of 10 ms", sent: [][]shot{agentLine(fixture(t, "celt10")).frames(10, 48000).shots(2 * n), customer}, opus: true},
		{name: "frames of 60 ms", sent: [][]shot{agent, customerLine(fixture(t, "hybrid60")[:90]).frames(60, 48000).shots(n / 3)}, opus: true},
		{
			name: "A-law", codec: earshot.PCMA, sent: [][]shot{lost(alaw.shots(n), 100, 103), ulaw.shots(n)},
			gaps: []wantGap{{0, 100, 103, earshot.CauseLost}},
		},
		{name: "µ-law", codec: earshot.PCMU, sent: [][]shot{alaw.shots(n), ulaw.shots(n)}},
		{name: "µ-law of 10 and 60 ms", codec: earshot.PCMU, sent: [][]shot{
			agentLine(tones(100, 80, 3)).frames(10, 8000).shots(2 * n), customerLine(tones(90, 480, 60)).frames(60, 8000).shots(n / 3),
		}},
	}
}

// changedEvery loses each nth shot.
func changedEvery(shots []shot, nth int) []shot {
	var kept []shot
	for i, s := range shots {
		if i%nth != nth/2 {
			kept = append(kept, s)
		}
	}
	return kept
}

func everyTenth(n int) []wantGap {
	var gaps []wantGap
	for i := 5; i < n; i += 10 {
		gaps = append(gaps, wantGap{0, i, i + 1, earshot.CauseLost})
	}
	return gaps
}

// dtx leaves, of the shots from i to j, only one each 400 ms.
func dtx(shots []shot, i, j int) []shot {
	const each = 20
	for k := j; k > i; k -= each {
		shots = unsaid(shots, k-each+1, k)
		shots[k-each+1].quiet = true
	}
	return shots
}

// prove plays the plan at a seat and looks at all that is stored of it.
func (s *site) prove(id string, p plan) {
	t := s.t
	var d *device
	var from, to time.Time
	seatID := ""
	for try := range 3 {
		seatID = fmt.Sprintf("%s.%d", id, try)
		target := s.target(seatID, "session")
		target.Side = p.side
		d = s.connect(target, p.tracks())
		d.play(p.sent...)
		if from, to = d.bye(); d.lag < stoodStill {
			break
		}
		t.Logf("the machine stood still for %v", d.lag)
	}
	call := s.storedCall(seatID)
	if len(call.Parts) != 1 {
		t.Fatalf("parts %+v, want one", call.Parts)
	}
	part := s.open(call, 1)
	kind, first := p.kind()
	if part.Track != kind || part.Codec != p.codec || len(part.tracks) != len(p.sent) {
		t.Fatalf("part %+v with %d tracks", part.Part, len(part.tracks))
	}
	if p.opus {
		s.opusdec(call, 1)
	}
	levels := s.levels(call)
	var gaps []earshot.Gap
	start := to
	for i, shots := range p.sent {
		want := laid(t, p.codec, shots)
		begins := part.holds(t, i, want)
		began := d.began(i)
		if began.Before(start) {
			start = began
		}
		begun := call.StartedAt.Add(time.Duration(part.StartMs)*time.Millisecond + time.Duration(begins)*slotTime)
		within(t, fmt.Sprintf("track %d begins", i), begun.Sub(began), 0, 0, d.slack())
		side := first
		if i == 1 {
			side = earshot.SideCustomer
		}
		for _, g := range p.gaps {
			if g.track == i {
				at := func(slot int) int64 { return part.StartMs + int64(begins+slot)*20 }
				gaps = append(gaps, earshot.Gap{Side: side, StartMs: at(g.from), EndMs: at(g.to), Cause: g.cause})
			}
		}
		if steps := stepsOf(want, begins, len(part.tracks[i])); !p.stereo {
			s.checkLevels(part, levels[slices.Index(sideOf, side)], steps)
		} else { // the header does not say the levels of two channels
			s.checkHeard(part, levels, steps)
		}
	}
	checkGaps(t, beforeGoodbye(call, to.Sub(d.said)), gaps)
	fast := func(d time.Duration) time.Duration { return time.Duration(float64(d) * (1 + p.ppm*1e-6)) }
	within(t, "the part's length", time.Duration(part.DurationMs)*time.Millisecond, fast(from.Sub(start)), fast(to.Sub(start)), d.slack())
	within(t, "the call's length", time.Duration(call.DurationMs)*time.Millisecond, from.Sub(start), to.Sub(start), d.slack())
	within(t, "the call's end", call.EndedAt.Sub(from), 0, to.Sub(from), timeTolerance)
	s.checkClock(call, part.Part, d.slack())
	if call.Flagged(earshot.FlagInterrupted) || call.Flagged(earshot.FlagDamaged) {
		t.Errorf("flags %v", call.Flags)
	}
}

// checkLevels compares the levels of the call with those of a part's file.
func (s *site) checkLevels(part partFile, got, want []byte) {
	s.t.Helper()
	first := int((part.StartMs + earshot.LevelStepMs/2) / earshot.LevelStepMs)
	if len(got) < first+len(want) || !bytes.Equal(got[first:first+len(want)], want) {
		s.t.Errorf("levels from step %d on\n%v, want\n%v", first, got, want)
	}
}

// checkHeard fails unless both channels have levels of their own wherever
// something was sent.
func (s *site) checkHeard(part partFile, levels [2][]byte, sent []byte) {
	s.t.Helper()
	first := int((part.StartMs + earshot.LevelStepMs/2) / earshot.LevelStepMs)
	for side, steps := range levels {
		for i, was := range sent {
			if level := steps[first+i]; (level == earshot.LevelGap) != (was == earshot.LevelGap) {
				s.t.Errorf("%s: step %d is %d", sideOf[side], i, level)
			}
		}
	}
	if bytes.Equal(levels[0], levels[1]) {
		s.t.Error("both channels have the same levels")
	}
}

// beforeGoodbye are the call's gaps without those between the last word and a
// goodbye that a loaded machine brought so late that it is a stall.
func beforeGoodbye(call earshot.Call, idle time.Duration) []earshot.Gap {
	if idle < 900*time.Millisecond {
		return call.Gaps
	}
	return slices.DeleteFunc(slices.Clone(call.Gaps), func(g earshot.Gap) bool {
		return g.EndMs > call.DurationMs-100 && g.StartMs > call.DurationMs-idle.Milliseconds()-100
	})
}

// checkGaps compares gaps to a millisecond, in any order.
func checkGaps(t *testing.T, got, want []earshot.Gap) {
	t.Helper()
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g earshot.Gap) bool {
			return g.Side == w.Side && g.Cause == w.Cause && abs(g.StartMs-w.StartMs) <= 1 && abs(g.EndMs-w.EndMs) <= 1
		})
		if i < 0 {
			t.Errorf("no gap %+v among %+v", w, got)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		t.Errorf("gaps that should not be: %+v", left)
	}
}

func abs(n int64) int64 { return max(n, -n) }

// checkClock fails unless the part's clock ties its file's ends to the wall's
// time: to where it lies in the call, and to the call's end.
func (s *site) checkClock(call earshot.Call, part earshot.Part, slack time.Duration) {
	s.t.Helper()
	if len(part.Clock) < 2 {
		s.t.Fatalf("clock %+v", part.Clock)
	}
	first, last := part.Clock[0], part.Clock[len(part.Clock)-1]
	if first.FileMs != 0 || last.FileMs != part.DurationMs {
		s.t.Errorf("clock %+v of a file of %d ms", part.Clock, part.DurationMs)
	}
	start := call.StartedAt.Add(time.Duration(part.StartMs) * time.Millisecond)
	within(s.t, "the file's beginning by its clock", first.At.Sub(start), 0, 0, time.Millisecond)
	within(s.t, "the file's end by its clock", last.At.Sub(call.EndedAt.Time), 0, 0, slack)
}
