package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/seat"
)

var twoTracks = []seat.Track{{Codec: earshot.Opus, Channels: 1}, {Codec: earshot.Opus, Channels: 1}}

// story is what devices and people do at a seat.
type story struct {
	name string // and the seat's
	play func(s *site, id string)
}

// stories are those of which more than one part, more than one call or less than
// all that was sent must come.
func stories() []story {
	return []story{
		{"clocks-apart", clocksApart},
		{"take-over", takeover},
		{"reconnect", reconnect},
		{"two-devices", twoDevices},
		{"event", eventCut},
		{"event-offline", startedOffline},
		{"voice", voiceCut},
		{"pause", paused},
		{"silk", longSILK},
	}
}

// voices are known packets of both sides, n of each.
func voices(t *testing.T, n int) (agent, customer []shot) {
	return agentLine(fixture(t, "agent")).shots(n), customerLine(fixture(t, "customer")).shots(n)
}

// runOf finds the stretch of what was laid that the track holds, without a
// hole, and answers where in it the stretch begins and ends.
func (p partFile) runOf(t *testing.T, track int, want []sound) (from, to int) {
	t.Helper()
	slots := p.tracks[track]
	slots = slots[lead(slots):]
	for len(slots) > 0 && slots[len(slots)-1] == nil {
		slots = slots[:len(slots)-1]
	}
	for from := range want {
		if len(slots) > 0 && from+len(slots) <= len(want) && slices.EqualFunc(slots, want[from:from+len(slots)], func(data []byte, s sound) bool { return bytes.Equal(data, s.data) }) {
			return from, from + len(slots)
		}
	}
	t.Fatalf("part %d, track %d: its %d slots are no stretch of what was sent", p.N, track, len(slots))
	return 0, 0
}

// near fails unless two places of a plan lie within so many slots.
func near(t *testing.T, what string, got, want, slots int) {
	t.Helper()
	if got < want-slots || got > want+slots {
		t.Errorf("%s: slot %d, want %d, give or take %d", what, got, want, slots)
	}
}

// few is how many slots a late hand or a late packet may be off by.
func (d *device) few() int { return 3 + int(d.lag/slotTime) }

// slotAt is which slot of the plan was said at the instant at.
func (d *device) slotAt(at time.Time) int { return int(at.Sub(d.start) / slotTime) }

// theGap is the only gap of the side, of that cause and about so long.
func theGap(t *testing.T, call earshot.Call, side earshot.Side, cause earshot.Cause, about, tolerance time.Duration) earshot.Gap {
	t.Helper()
	var found []earshot.Gap
	for _, g := range call.Gaps {
		if g.Side == side {
			found = append(found, g)
		}
	}
	if len(found) != 1 || found[0].Cause != cause {
		t.Fatalf("%s: gaps %+v, want one that is %s", side, call.Gaps, cause)
	}
	within(t, string(side)+" "+string(cause), time.Duration(found[0].EndMs-found[0].StartMs)*time.Millisecond, about, about, tolerance)
	return found[0]
}

// unlikely is a tolerance for gaps that begin or end with a connection.
const unlikely = 500 * time.Millisecond

func takeover(s *site, id string) {
	t := s.t
	target := s.target(id, "session")
	agent, customer := voices(t, 500)
	first := s.connect(target, twoTracks)
	cut := make(chan error, 1)
	go func() { cut <- first.send(agent, customer) }() // until it is cut off
	s.liveCall(id)
	second := s.join(target, twoTracks)
	later, other := agentLine(fixture(t, "celt20")), customerLine(fixture(t, "silk20"))
	mine, theirs := later.shots(150), other.shots(150)
	second.play(mine, theirs)
	second.bye()
	if err := <-cut; err == nil {
		t.Error("the older device was not cut off")
	}
	first.vanish()
	call := s.storedCall(id)
	if len(call.Parts) != 2 {
		t.Fatalf("parts %+v", call.Parts)
	}
	one, two := s.open(call, 1), s.open(call, 2)
	for track, sent := range [][]shot{agent, customer} {
		if from, _ := one.runOf(t, track, laid(t, earshot.Opus, sent)); from != 0 {
			t.Errorf("track %d begins with packet %d", track, from)
		}
	}
	for track, sent := range [][]shot{mine, theirs} {
		two.holds(t, track, laid(t, earshot.Opus, sent))
	}
	begins := call.StartedAt.Add(time.Duration(two.StartMs) * time.Millisecond)
	within(t, "the second part begins", begins.Sub(second.began(0)), 0, 0, second.slack())
	for _, g := range call.Gaps {
		if g.Cause != earshot.CauseDisconnected || g.StartMs < one.DurationMs-60 || g.EndMs > two.StartMs+60 {
			t.Errorf("gap %+v", g)
		}
	}
}

func reconnect(s *site, id string) {
	t := s.t
	target := s.target(id, "session")
	agent, customer := voices(t, 150)
	d := s.connect(target, twoTracks)
	d.play(agent, customer)
	d.vanish()
	live := s.liveCall(id)
	timer := time.NewTimer(1500 * time.Millisecond) // the network is gone
	<-timer.C
	again := s.join(target, twoTracks)
	again.play(agent, customer)
	away := again.began(0)
	again.bye()
	call := s.storedOf(live.ID)
	if len(call.Parts) != 2 || call.Flagged(earshot.FlagInterrupted) {
		t.Fatalf("parts %+v, flags %v", call.Parts, call.Flags)
	}
	for n := 1; n <= 2; n++ {
		part := s.open(call, n)
		part.holds(t, 0, laid(t, earshot.Opus, agent))
		part.holds(t, 1, laid(t, earshot.Opus, customer))
	}
	long := away.Sub(d.began(0).Add(150 * slotTime))
	for _, side := range sideOf {
		gap := theGap(t, call, side, earshot.CauseDisconnected, long, unlikely)
		if two := call.Parts[1].StartMs; abs(gap.EndMs-two) > 60 {
			t.Errorf("%s: gap %+v, and the second part begins at %d ms", side, gap, two)
		}
	}
	begins := call.StartedAt.Add(time.Duration(call.Parts[1].StartMs) * time.Millisecond)
	within(t, "the second part begins", begins.Sub(away), 0, 0, again.slack())
}

// twoDevices are one for each side: the customer's comes later, the agent's goes
// earlier.
func twoDevices(s *site, id string) {
	t := s.t
	target := s.target(id, "session")
	agent, customer := voices(t, 300)
	mine := target
	mine.Side, target.Side = earshot.SideAgent, earshot.SideCustomer
	a := s.connect(mine, twoTracks[:1])
	sent := make(chan error, 1)
	go func() { sent <- a.send(agent) }()
	open := s.liveCall(id)
	// A side that joins at the very beginning shares the first part.
	eventually(t, "a second of the agent alone", func() bool { return len(s.levels(open)[0]) >= 10 })
	c := s.join(target, twoTracks[:1])
	late := make(chan error, 1)
	go func() { late <- c.send(customer) }()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	a.bye()
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	c.bye()
	call := s.storedCall(id)
	if len(call.Parts) != 2 || call.Channels != 2 {
		t.Fatalf("%d channels, parts %+v", call.Channels, call.Parts)
	}
	alone, both := s.open(call, 1), s.open(call, 2)
	if alone.Track != earshot.TrackAgent || both.Track != earshot.TrackBoth {
		t.Fatalf("parts %+v", call.Parts)
	}
	said := laid(t, earshot.Opus, agent)
	from, to := alone.runOf(t, 0, said)
	if from != 0 {
		t.Errorf("the agent begins with packet %d", from)
	}
	both.holds(t, 0, said[to:])
	both.holds(t, 1, laid(t, earshot.Opus, customer))
	joined := call.StartedAt.Add(time.Duration(both.StartMs)*time.Millisecond + time.Duration(lead(both.tracks[1]))*slotTime)
	within(t, "the customer begins", joined.Sub(c.began(0)), 0, 0, c.slack())
	for _, side := range sideOf {
		i := slices.IndexFunc(call.Gaps, func(g earshot.Gap) bool { return g.Side == side && g.Cause == earshot.CauseDisconnected })
		if i < 0 {
			t.Fatalf("%s: gaps %+v", side, call.Gaps)
		}
		if g := call.Gaps[i]; side == earshot.SideAgent && (abs(g.StartMs-300*20) > 60+a.slack().Milliseconds() || abs(g.EndMs-call.DurationMs) > 60) {
			t.Errorf("the agent is gone at the end: %+v of %d ms", g, call.DurationMs)
		} else if side == earshot.SideCustomer && (g.StartMs != 0 || abs(g.EndMs-c.began(0).Sub(call.StartedAt.Time).Milliseconds()) > 60+c.lag.Milliseconds()) {
			t.Errorf("the customer is not there at first: %+v", g)
		}
	}
}

// eventCut starts and ends a call, and another, while the seat talks on.
func eventCut(s *site, id string) {
	t := s.t
	d := s.connect(s.target(id, "event"), twoTracks)
	agent, customer := voices(t, 400)
	sent := make(chan error, 1)
	go func() { sent <- d.send(agent, customer) }()
	say := func(path string, into any) (from, to time.Time) {
		<-time.After(1500 * time.Millisecond) // people take their time
		from = time.Now()
		s.call(http.MethodPost, path, map[string]string{}, into)
		return from, time.Now()
	}
	var first, second earshot.Call
	cuts := make([][2]time.Time, 3)
	cuts[0][0], cuts[0][1] = say("/api/v1/seats/"+id+"/calls", &first)
	cuts[1][0], cuts[1][1] = say("/api/v1/seats/"+id+"/calls", &second)
	cuts[2][0], cuts[2][1] = say("/api/v1/calls/"+second.ID+"/end", nil)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	d.bye()
	end := 0
	for i, id := range []string{first.ID, second.ID} {
		call := s.storedOf(id)
		part := s.open(call, 1)
		for track, shots := range [][]shot{agent, customer} {
			from, to := part.runOf(t, track, laid(t, earshot.Opus, shots))
			if lo, hi := d.slotAt(cuts[i][0]), d.slotAt(cuts[i][1]); from < lo-d.few() || from > hi+d.few() {
				t.Errorf("call %d, track %d: begins with packet %d, and was started at %d to %d", i, track, from, lo, hi)
			}
			if lo, hi := d.slotAt(cuts[i+1][0]), d.slotAt(cuts[i+1][1]); to < lo-d.few() || to > hi+d.few() {
				t.Errorf("call %d, track %d: ends before packet %d, and was ended at %d to %d", i, track, to, lo, hi)
			}
			if i == 1 && track == 0 && from != end {
				t.Errorf("the first call ends before packet %d, the second begins with %d", end, from)
			}
			if track == 0 {
				end = to
			}
		}
		checkGaps(t, call.Gaps, nil)
	}
}

// startedOffline starts a call before the seat is there.
func startedOffline(s *site, id string) {
	t := s.t
	target := s.target(id, "event")
	agent, customer := voices(t, 150)
	var call earshot.Call
	s.call(http.MethodPost, "/api/v1/seats/"+id+"/calls", map[string]string{"ticket": "A012"}, &call)
	<-time.After(time.Second) // the device is still starting
	d := s.connect(target, twoTracks)
	d.play(agent, customer)
	var ended earshot.Call
	s.call(http.MethodPost, "/api/v1/calls/"+call.ID+"/end", map[string]string{}, &ended)
	idle := time.Since(d.said)
	d.bye()
	call = s.storedOf(call.ID)
	call.Gaps = beforeGoodbye(call, idle)
	part := s.open(call, 1)
	for track, shots := range [][]shot{agent, customer} {
		from := part.holds(t, track, laid(t, earshot.Opus, shots))
		starts := d.began(track).Sub(call.StartedAt.Time)
		within(t, "the first word", time.Duration(part.StartMs)*time.Millisecond+time.Duration(from)*slotTime, starts, starts, d.slack())
		gap := theGap(t, call, sideOf[track], earshot.CauseDisconnected, starts, d.slack())
		if gap.StartMs != 0 {
			t.Errorf("gap %+v", gap)
		}
	}
	if call.Ticket != "A012" || len(call.Parts) != 1 {
		t.Errorf("ticket %q, parts %+v", call.Ticket, call.Parts)
	}
}

// voiceCut says nothing, then something for two seconds, then nothing.
func voiceCut(s *site, id string) {
	t := s.t
	agent, customer := voices(t, 450)
	hush := func(_ int, s *shot) { s.level = 70 }
	agent, customer = changed(agent, 0, toEnd, hush), changed(customer, 0, toEnd, hush)
	agent = changed(agent, 200, 300, func(_ int, s *shot) { s.level = 25 })
	const preRoll, silence = 200 - 150, 300 + 100
	var d *device
	var call earshot.Call
	var part partFile
	slack := 0
	for try := range 3 {
		seatID := fmt.Sprintf("%s.%d", id, try)
		d = s.connect(s.target(seatID, "voice"), twoTracks)
		if d.play(agent, customer); d.lag >= stoodStill && try < 2 {
			d.bye()
			continue
		}
		call = s.storedCall(seatID) // silence ended it
		d.bye()
		part = s.open(call, 1)
		slack = d.few()
		if d.lag > 80*time.Millisecond { // a pause in which speech begins to count anew
			slack += 15
		}
		from, to := part.runOf(t, 0, laid(t, earshot.Opus, agent))
		if abs(int64(from-preRoll)) <= int64(slack+5) && abs(int64(to-silence)) <= int64(d.few()+5) {
			break
		}
		t.Logf("the server stood still: it heard speech from slot %d to %d", from, to)
	}
	for track, shots := range [][]shot{agent, customer} {
		from, to := part.runOf(t, track, laid(t, earshot.Opus, shots))
		near(t, "pre-roll", from, preRoll, slack+5) // the loop looks each tenth of a second
		near(t, "silence", to, silence, d.few()+5)  // the loop looks each tenth of a second
	}
	within(t, "the call", time.Duration(call.DurationMs)*time.Millisecond, 7*time.Second, 7*time.Second, 100*time.Millisecond+time.Duration(slack)*slotTime)
	checkGaps(t, call.Gaps, nil)
}

func paused(s *site, id string) {
	t := s.t
	d := s.connect(s.target(id, "session"), twoTracks)
	agent, customer := voices(t, 300)
	sent := make(chan error, 1)
	go func() { sent <- d.send(agent, customer) }()
	call := s.liveCall(id)
	<-time.After(1500 * time.Millisecond) // talk
	pausing := time.Now()
	s.call(http.MethodPost, "/api/v1/calls/"+call.ID+"/pause", map[string]string{"reason": "银行卡号"}, nil)
	asked := int(time.Since(pausing) / slotTime) // it paused somewhere between asking and the answer
	<-time.After(1500 * time.Millisecond)        // what nobody may keep
	resuming := time.Now()
	s.call(http.MethodPost, "/api/v1/calls/"+call.ID+"/resume", map[string]string{}, nil)
	resumed := time.Now()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	d.bye()
	call = s.storedOf(call.ID)
	part := s.open(call, 1)
	for track, shots := range [][]shot{agent, customer} {
		want := laid(t, earshot.Opus, shots)
		from := lead(part.tracks[track])
		gap := theGap(t, call, sideOf[track], earshot.CausePaused, resuming.Sub(pausing), resumed.Sub(resuming)+d.slack())
		i, j := int(gap.StartMs-part.StartMs)/20-from, int(gap.EndMs-part.StartMs)/20-from
		near(t, "the pause begins", i, d.slotAt(pausing), d.few()+2+asked)
		near(t, "the pause ends", j, d.slotAt(resumed), d.few()+2)
		for k := i; k < j; k++ {
			want[k] = sound{level: earshot.LevelGap}
		}
		part.holds(t, track, want)
		s.checkLevels(part, s.levels(call)[track], stepsOf(want, from, len(part.tracks[track])))
	}
	if len(call.Marks) != 1 || call.Marks[0].Kind != earshot.MarkPause || call.Marks[0].Text != "银行卡号" {
		t.Errorf("marks %+v", call.Marks)
	}
}

// clocksApart has sides whose clocks drift apart by 80 ms until they are
// compared, and by 80 more: the slower one gets fillers, nothing is dropped.
func clocksApart(s *site, id string) {
	t := s.t
	d := s.connect(s.target(id, "session"), twoTracks)
	agent := agentLine(fixture(t, "agent")).fast(-2000).shots(1996)
	customer := customerLine(fixture(t, "customer")).fast(2000).shots(2004)
	d.play(agent, customer)
	d.bye()
	call := s.storedCall(id)
	part := s.open(call, 1)
	fillers := 0
	for track, shots := range [][]shot{agent, customer} {
		want := laid(t, earshot.Opus, shots)
		slots := part.tracks[track]
		slots = slots[lead(slots):]
		next := 0
		for _, data := range slots {
			switch {
			case next == len(want):
			case bytes.Equal(data, want[next].data):
				next++
			case data == nil && track == 0:
				fillers++
			default:
				t.Fatalf("track %d: packet %d is not where it should be", track, next)
			}
		}
		if next != len(want) {
			t.Errorf("track %d: %d of %d packets", track, next, len(want))
		}
	}
	if fillers < 3 || fillers > 9 {
		t.Errorf("%d fillers for 160 ms", fillers)
	}
	if len(call.Gaps) != fillers {
		t.Errorf("%d fillers, gaps %+v", fillers, call.Gaps)
	}
	for _, g := range call.Gaps {
		if g.Side != earshot.SideAgent || g.Cause != earshot.CauseDrift || g.EndMs-g.StartMs != 20 {
			t.Errorf("gap %+v", g)
		}
	}
}

// longSILK are frames of 60 ms that cannot be split: the sides go apart.
func longSILK(s *site, id string) {
	t := s.t
	d := s.connect(s.target(id, "session"), twoTracks)
	long := fixture(t, "silk60")[10:90]
	agent := agentLine(long).frames(60, 48000).shots(80)
	_, customer := voices(t, 240)
	d.play(agent, customer)
	d.bye()
	call := s.storedCall(id)
	if len(call.Parts) != 2 || call.Channels != 2 {
		t.Fatalf("%d channels, parts %+v", call.Channels, call.Parts)
	}
	for i, shots := range [][]shot{agent, customer} {
		part := s.open(call, i+1)
		if part.Track != []earshot.TrackKind{earshot.TrackAgent, earshot.TrackCustomer}[i] {
			t.Fatalf("parts %+v", call.Parts)
		}
		slots := part.tracks[0]
		slots = slots[lead(slots):]
		for k, shot := range shots {
			if !bytes.Equal(slots[k], shot.payload) {
				t.Fatalf("part %d: packet %d is another", i+1, k)
			}
		}
	}
	checkGaps(t, call.Gaps, nil)
}
