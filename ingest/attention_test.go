package ingest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"earshot"
)

func TestStalledStreamIsShownWithinThreeSeconds(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	d.stream.Connected(true)
	h.run(2 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	d.mute = true
	h.run(2500 * time.Millisecond)
	h.expect("s1", earshot.SeatOnCall, "")
	h.run(500 * time.Millisecond)
	h.expect("s1", earshot.SeatFaulty, earshot.AttentionStalled)
	h.news.until(t, "the board shows it", func() bool { return h.board.seat("s1").State == earshot.SeatFaulty })
	d.mute = false
	h.run(200 * time.Millisecond)
	h.expect("s1", earshot.SeatOnCall, "")
}

func TestOneStalledTrackWantsALook(t *testing.T) {
	h := newHall(t)
	both, one := h.device("s1", agentTrack), h.device("s1", customerTrack)
	h.run(2 * time.Second)
	one.mute = true
	h.run(3 * time.Second)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionStalled)
	both.end()
}

func TestUnconnectedStreamIsDisconnected(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	d.stream.Connected(true)
	h.run(time.Second)
	d.stream.Connected(false) // ICE says so before the wire gives up
	d.mute = true
	h.run(3 * time.Second)
	h.expect("s1", earshot.SeatFaulty, earshot.AttentionDisconnected)
	if s := h.seat("s1").Streams; len(s) != 1 || s[0].Connected {
		t.Errorf("streams %+v", s)
	}
}

func TestSilentSideWantsALook(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	room := func(seconds int) { // its noise varies: the microphone lives, and nobody speaks
		for i := range seconds {
			d.talk(30, 65+6*uint8(i%2))
			h.run(time.Second)
		}
	}
	room(59)
	h.expect("s1", earshot.SeatOnCall, "")
	room(2)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionSilent)
	d.talk(30, 55)
	h.run(200 * time.Millisecond)
	h.expect("s1", earshot.SeatOnCall, "")

	lone := h.device("e1", agentTrack)
	lone.talk(127)
	if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "u1"); err != nil {
		t.Fatal(err)
	}
	h.run(62 * time.Second)
	h.expect("e1", earshot.SeatOnCall, "")
}

func TestPoorLinkWantsALook(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	for range 500 { // every third packet is lost
		d.tracks[0].seq, d.tracks[0].ts = d.tracks[0].seq+1, d.tracks[0].ts+960
		h.run(40 * time.Millisecond)
	}
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionPoorLink)
	if s := h.seat("s1").Streams[0]; s.Quality != 1 || s.LossPct < 30 || s.LossPct > 37 {
		t.Errorf("stream %+v", s)
	}
	h.run(8 * time.Second)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionPoorLink) // it does not flicker
	h.run(4 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	d.stream.Report(37 * time.Millisecond)
	h.run(31 * time.Second)
	h.news.until(t, "the board shows a good link", func() bool {
		s := h.board.seat("s1").Streams
		return len(s) == 1 && s[0].Quality == 4 && s[0].RTTMs == 37
	})
}

// TestPoorLinkShowsThoughAllIsMended has a tenth of the packets lost, each of
// which comes after it was asked for.
func TestPoorLinkShowsThoughAllIsMended(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	h.run(10 * time.Second)
	began := h.clock.now()
	for i := 0; h.seat("s1").Attention != earshot.AttentionPoorLink; i++ {
		if h.clock.now().Sub(began) > 3*time.Second {
			t.Fatalf("after 3 s with a tenth lost the seat is %+v", h.seat("s1"))
		}
		h.run(20 * time.Millisecond)
		if i%10 == 5 {
			d.stream.Track(0).mended.Add(1)
		}
	}
	if s := h.seat("s1").Streams[0]; s.Quality != 1 || s.LossPct < 2 {
		t.Errorf("stream %+v", s)
	}
}

func TestSteadySeatsAreSeldomTold(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	h.run(5 * time.Second)
	// What is told of the beginning comes to the board in its own time.
	h.news.until(t, "the board knows the seat as it is", func() bool {
		known, is := h.board.seat("s1"), h.seat("s1")
		return known.State == is.State && len(known.Streams) == 1 && known.Streams[0].Quality == is.Streams[0].Quality
	})
	told := 0
	h.board.change(func() { told = len(h.board.told) })
	for i := range 120 {
		d.stream.Report(time.Duration(20+i) * time.Millisecond) // the figures change all the time
		h.run(500 * time.Millisecond)
	}
	h.floor.Tick(h.clock.now())
	h.board.change(func() {
		if n := len(h.board.told) - told; n > 3 {
			t.Errorf("a seat whose link is steady was told %d times in a minute", n)
		}
	})
}

func TestOverflowIsRecordedAndShown(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	h.run(time.Second)
	at := h.clock.now()
	for range 5000 { // the loop does not come for 100 s
		at = h.clock.add(20 * time.Millisecond)
		d.send(at)
	}
	h.floor.Tick(at)
	h.run(200 * time.Millisecond)
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionOverflow)
	if notes := h.tapes.tape(0).said(); !slices.ContainsFunc(notes, func(n string) bool { return len(n) > 8 && n[:8] == "overflow" }) {
		t.Errorf("the recording was told %q", notes)
	}
	h.run(11 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
}

func TestRecordingThatFailsMakesASeatFaulty(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(time.Second)
	h.tapes.tape(0).broken.Store(true)
	h.run(200 * time.Millisecond)
	if live := h.seat("s1"); live.State != earshot.SeatFaulty {
		t.Errorf("the seat is %s while nothing is recorded", live.State)
	}
	h.tapes.tape(0).broken.Store(false)
	h.run(4 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
}

func TestLevelsReachTheBoardEachTick(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	h.device("e1", mixedTrack)
	d.talk(12, 47)
	h.run(time.Second)
	want := []earshot.SeatLevels{{Seat: "e1", Agent: 30, Customer: earshot.LevelGap}, {Seat: "s1", Agent: 12, Customer: 47}}
	h.news.until(t, "the levels of both seats have come in one message", func() bool {
		h.board.mu.Lock()
		defer h.board.mu.Unlock()
		if len(h.board.levels) == 0 {
			return false
		}
		got := slices.Clone(h.board.levels[len(h.board.levels)-1])
		slices.SortFunc(got, func(a, b earshot.SeatLevels) int { return strings.Compare(a.Seat, b.Seat) })
		return slices.Equal(got, want)
	})
	d.mute = true
	h.run(600 * time.Millisecond)
	h.news.until(t, "meters fall when nothing comes", func() bool {
		h.board.mu.Lock()
		defer h.board.mu.Unlock()
		return slices.Contains(h.board.levels[len(h.board.levels)-1], earshot.SeatLevels{Seat: "s1", Agent: earshot.LevelGap, Customer: earshot.LevelGap})
	})
}

func TestListenersAreShown(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(time.Second)
	h.floor.listenersChanged("s1", []string{"u1", "u2"})
	h.news.until(t, "the board shows who listens", func() bool {
		return slices.Equal(h.board.seat("s1").Listeners, []string{"u1", "u2"})
	})
	h.floor.listenersChanged("s1", nil)
	h.news.until(t, "nobody listens any more", func() bool { return len(h.board.seat("s1").Listeners) == 0 })
}
