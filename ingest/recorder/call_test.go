package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot"

	"github.com/google/go-cmp/cmp"
)

func (o *outcome) open(at time.Duration, tracks ...Track) event {
	return event{at: at, do: func(r *Recording, at time.Time) {
		if err := r.Open(at, tracks); err != nil {
			o.t.Fatal(err)
		}
	}}
}

func closing(at time.Duration, side earshot.Side) event {
	return event{at: at, do: func(r *Recording, at time.Time) { r.Close(at, side) }}
}

func gap(side earshot.Side, from, to int64, cause earshot.Cause) earshot.Gap {
	return earshot.Gap{Side: side, StartMs: from, EndMs: to, Cause: cause}
}

func wantGaps(t *testing.T, call earshot.Call, want ...earshot.Gap) {
	t.Helper()
	if d := cmp.Diff(append([]earshot.Gap{}, want...), call.Gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
}

// wantParts checks kind, start and length, in that order.
func wantParts(t *testing.T, call earshot.Call, want ...string) {
	t.Helper()
	var got []string
	for _, p := range call.Parts {
		got = append(got, fmt.Sprintf("%d %s %d+%d", p.N, p.Track, p.StartMs, p.DurationMs))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("parts (-want +got):\n%s", d)
	}
}

func TestOneSideLeavesAndComesBack(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	again := customerSender()
	again.ssrc, again.ts, again.seq = 0xCC, 5, 5
	o.play(20*time.Second,
		[]event{o.open(0, twoTracks...)},
		agentSender().events(a, 1000, 0),
		customerSender().events(c, 250, 0),
		[]event{closing(6*time.Second, earshot.SideCustomer), o.open(10*time.Second, twoTracks...)},
		again.events(c, 450, 11*time.Second))
	o.end(20 * time.Second)
	wantParts(t, o.call, "1 both 0+10020", "2 both 10020+9980")
	wantGaps(t, o.call, gap(earshot.SideCustomer, 5000, 11000, earshot.CauseDisconnected))
}

func TestBothLeaveAndComeBack(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	next := agentSender()
	next.ssrc, next.ts, next.seq = 7, 5, 5
	other := customerSender()
	other.ssrc, other.ts, other.seq = 8, 5, 5
	o.play(20*time.Second,
		[]event{o.open(0, twoTracks...)},
		agentSender().events(a, 250, 0), customerSender().events(c, 250, 0),
		[]event{closing(8*time.Second, earshot.SideCustomer), closing(8*time.Second, earshot.SideAgent), o.open(12*time.Second, twoTracks...)},
		next.events(a, 350, 12500*time.Millisecond), other.events(c, 350, 12500*time.Millisecond))
	o.end(20 * time.Second)
	wantParts(t, o.call, "1 both 0+8000", "2 both 12500+7500")
	// The streams broke when their packets did: nobody heard of them since.
	wantGaps(t, o.call,
		gap(earshot.SideAgent, 5000, 12500, earshot.CauseDisconnected),
		gap(earshot.SideCustomer, 5000, 12500, earshot.CauseDisconnected))
	levels := o.r.Levels()
	for step, level := range levels.Agent {
		if there := step < 50 || step >= 125 && step < 195; there != (level < 127) {
			t.Fatalf("step %d has level %d", step, level)
		}
	}
	for _, n := range []int{1, 2} {
		agent, _ := sides(t, o.file(n))
		if !bytes.Equal(agent[0], a[0]) {
			t.Errorf("part %d does not begin with the first packet", n)
		}
	}
}

func TestTwoDevices(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	o.play(10*time.Second,
		[]event{o.open(0, agentTrack), o.open(4*time.Second, twoTracks...)},
		agentSender().events(a, 500, 0), customerSender().events(c, 300, 4*time.Second))
	o.end(10 * time.Second)
	wantParts(t, o.call, "1 agent 0+4000", "2 both 4000+6000")
	wantGaps(t, o.call, gap(earshot.SideCustomer, 0, 4000, earshot.CauseDisconnected))
	_, alone := readOgg(t, o.file(1))
	agent, customer := sides(t, o.file(2))
	same(t, "agent", slices.Concat(alone, agent), looped(a, 500))
	same(t, "customer", customer, looped(c, 300))
	if o.call.Channels != 2 {
		t.Errorf("%d channels", o.call.Channels)
	}
}

// The second device comes before the first one's packets have made a part.
func TestTwoDevicesAtOnce(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	o.play(10*time.Second,
		[]event{o.open(0, agentTrack), o.open(50*time.Millisecond, twoTracks...)},
		agentSender().events(a, 500, 0), customerSender().events(c, 497, 60*time.Millisecond))
	o.end(10 * time.Second)
	wantParts(t, o.call, "1 both 0+10000")
	agent, customer := sides(t, o.file(1))
	same(t, "agent", agent, looped(a, 500))
	same(t, "customer", customer, slices.Concat(blank(make([][]byte, 3), 0, 3), looped(c, 497)))
	wantGaps(t, o.call)
}

// A packet sent again of the part before does not come into the next.
func TestLatePacketOfThePartBefore(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	agent := change(agentSender().events(a, 500, 0), 190, 191, func(_ int, e *event) { e.at = 4010 * time.Millisecond })
	o.play(10*time.Second, []event{o.open(0, agentTrack), o.open(3990*time.Millisecond, twoTracks...)},
		agent, customerSender().events(c, 300, 4*time.Second))
	o.end(10 * time.Second)
	got, _ := sides(t, o.file(2))
	same(t, "agent", got, looped(a, 500)[200:])
}

func TestStartedOffline(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	o.play(10*time.Second, []event{o.open(3*time.Second, twoTracks...)},
		agentSender().events(a, 350, 3*time.Second), customerSender().events(c, 350, 3*time.Second))
	o.end(10 * time.Second)
	wantParts(t, o.call, "1 both 3000+7000")
	wantGaps(t, o.call, gap(earshot.SideAgent, 0, 3000, earshot.CauseDisconnected), gap(earshot.SideCustomer, 0, 3000, earshot.CauseDisconnected))
}

func TestNobodyCame(t *testing.T) {
	for _, open := range []bool{false, true} {
		o := begin(t, Options{})
		if open {
			o.play(10*time.Second, []event{o.open(time.Millisecond, twoTracks...)})
		}
		o.end(10 * time.Second)
		wantParts(t, o.call)
		cause := earshot.CauseDisconnected
		if open {
			cause = earshot.CauseStalled
		}
		wantGaps(t, o.call, gap(earshot.SideAgent, 0, 10000, cause), gap(earshot.SideCustomer, 0, 10000, cause))
		if len(o.shelf.files) != 0 {
			t.Errorf("files %v", o.shelf.files)
		}
	}
}

func TestGoesOnAfterACrash(t *testing.T) {
	a := fixture(t, "agent")
	call := earshot.Call{ID: callID, StartedAt: earshot.At(start), Parts: []earshot.Part{{N: 1, File: "before", Track: earshot.TrackBoth, DurationMs: 5000, Clock: []earshot.ClockPoint{}}}}
	o := begin(t, Options{})
	o.r = New(&call, o.shelf, Options{})
	o.play(10*time.Second, []event{o.open(8*time.Second, twoTracks...)}, agentSender().events(a, 100, 8*time.Second))
	o.end(10 * time.Second)
	wantParts(t, o.call, "1 both 0+5000", "2 both 8000+2000")
	wantGaps(t, o.call,
		gap(earshot.SideAgent, 5000, 8000, earshot.CauseRecorderDown),
		gap(earshot.SideCustomer, 5000, 8000, earshot.CauseRecorderDown),
		gap(earshot.SideCustomer, 8000, 10000, earshot.CauseStalled))
	if _, _, err := o.r.Snapshot(start, 0); !errors.Is(err, earshot.ErrManyParts) {
		t.Errorf("%v", err)
	}
}

func TestPause(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	pause := event{at: 2*time.Second - time.Millisecond, do: func(r *Recording, at time.Time) { r.Pause(at) }}
	resume := event{at: 4*time.Second - time.Millisecond, do: func(r *Recording, at time.Time) { r.Resume(at) }}
	// Two packets of the pause come after it, one of before comes in it.
	agent := change(agentSender().events(a, 300, 0), 150, 152, func(_ int, e *event) { e.at += 2 * time.Second })
	agent = cut(agent, 120, 122)
	o := record(t, twoTracks, 6*time.Second, []event{pause, resume}, agent, customerSender().events(c, 300, 0))
	gotA, gotC := sides(t, o.file(1))
	same(t, "agent", gotA, blank(looped(a, 300), 100, 200))
	same(t, "customer", gotC, blank(looped(c, 300), 100, 200))
	wantGaps(t, o.call, gap(earshot.SideAgent, 2000, 4000, earshot.CausePaused), gap(earshot.SideCustomer, 2000, 4000, earshot.CausePaused))
	for i, level := range o.r.Levels().Agent {
		if paused := i >= 20 && i < 40; paused != (level == earshot.LevelGap) {
			t.Fatalf("step %d has level %d", i, level)
		}
	}
}

func TestPausedFromTheStart(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	o.r.Pause(start)
	o.play(6*time.Second, []event{o.open(0, twoTracks...), {at: 2*time.Second - time.Millisecond, do: func(r *Recording, at time.Time) { r.Resume(at) }}},
		agentSender().events(a, 300, 0), customerSender().events(c, 300, 0))
	o.end(6 * time.Second)
	wantParts(t, o.call, "1 both 2000+4000")
	wantGaps(t, o.call, gap(earshot.SideAgent, 0, 1999, earshot.CausePaused), gap(earshot.SideCustomer, 0, 1999, earshot.CausePaused))
}

func TestMuted(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	for _, row := range []struct {
		packets int
		gaps    []earshot.Gap
	}{
		{1499, nil},
		{1500, []earshot.Gap{gap(earshot.SideAgent, 2000, 32_000, earshot.CauseMuted)}},
		{3000, []earshot.Gap{gap(earshot.SideAgent, 2000, 62_000, earshot.CauseMuted)}},
	} {
		events := change(agentSender().events(a, 3500, 0), 100, 100+row.packets, func(_ int, e *event) { e.p.Level = earshot.LevelSilence })
		o := record(t, twoTracks, 70*time.Second, events, customerSender().events(c, 3500, 0))
		wantGaps(t, o.call, row.gaps...)
		agent, _ := sides(t, o.file(1))
		same(t, "agent", agent, looped(a, 3500))
	}
}

func TestOnePageASecond(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := record(t, twoTracks, 10*time.Second, agentSender().events(a, 500, 0), customerSender().events(c, 500, 0))
	pages, last := 0, int64(0)
	s := newScanner(o.file(1))
	for page, err := s.Next(); err == nil; page, err = s.Next() {
		pages++
		if pages <= 2 {
			continue
		}
		if page.Granule-last != second {
			t.Errorf("page %d holds %d samples", pages, page.Granule-last)
		}
		last = page.Granule
		if ends := page.Flags&4 != 0; ends != (pages == 12) {
			t.Errorf("page %d: last %v", pages, ends)
		}
	}
	if pages != 12 || last != 10*second {
		t.Errorf("%d pages, %d samples", pages, last)
	}
	if f := o.shelf.files[o.call.Parts[0].File]; f.appends > 12 {
		t.Errorf("%d writes", f.appends)
	}
}

func TestFileThatRefuses(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	full := errors.New("the disk is full")
	// Until 3 s no file can be made; from 5 s to 6 s it takes no bytes.
	o := begin(t, Options{})
	o.shelf.refuse = func(string) error { return full }
	if err := o.r.Open(start, twoTracks); err != nil {
		t.Fatal(err)
	}
	agent, customer := agentSender().events(a, 500, 0), customerSender().events(c, 500, 0)
	failures := 0
	for i := range agent {
		at := start.Add(agent[i].at)
		if i == 150 {
			o.shelf.refuse = nil
		}
		if i == 250 || i == 300 {
			for _, f := range o.shelf.files {
				f.refuse = map[int]error{250: full}[i]
			}
		}
		for _, p := range []*Packet{agent[i].p, customer[i].p} {
			p.Arrival = at
			if err := o.r.Packet(*p); err != nil {
				if !errors.Is(err, full) {
					t.Fatal(err)
				}
				failures++
			}
		}
	}
	o.end(10 * time.Second)
	if failures == 0 {
		t.Error("no failure was told")
	}
	gotA, gotC := sides(t, o.file(1))
	same(t, "agent", gotA, blank(looped(a, 500), 0, 150))
	same(t, "customer", gotC, blank(looped(c, 500), 0, 150))
	wantGaps(t, o.call, gap(earshot.SideAgent, 0, 3000, earshot.CauseOverflow), gap(earshot.SideCustomer, 0, 3000, earshot.CauseOverflow))
}

func TestFacts(t *testing.T) {
	o := begin(t, Options{})
	o.r.Facts(func(c *earshot.Call) {
		c.Ticket, c.Parts = "A017", []earshot.Part{{N: 9}}
		c.Marks = append(c.Marks, earshot.Mark{ID: "m", Kind: earshot.MarkNote})
	})
	call := o.r.Call()
	if call.Ticket != "A017" || len(call.Marks) != 1 || len(call.Parts) != 0 {
		t.Errorf("%+v", call)
	}
	call.Marks[0].ID = "changed"
	if o.r.Call().Marks[0].ID != "m" {
		t.Error("what Call answers is not a copy")
	}
}

func TestLiveGaps(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := begin(t, Options{})
	muted := change(customerSender().events(c, 2000, 0), 0, all, func(_ int, e *event) { e.p.Level = earshot.LevelSilence })
	o.play(40*time.Second, []event{o.open(0, twoTracks...)}, agentSender().events(a, 1500, 0), muted)
	// Of what is still being waited for nothing is said yet.
	wantGaps(t, o.r.Call(),
		gap(earshot.SideCustomer, 0, 40_000, earshot.CauseMuted), gap(earshot.SideAgent, 30_000, 35_900, earshot.CauseStalled))
}

func TestStats(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	agent := agentSender().events(a, 500, 0)
	agent = change(agent, 10, 11, func(_ int, e *event) { e.p.Payload = []byte{3, 0} })
	agent = append(cut(agent, 20, 22), agent[23], agent[24], agent[15], event{at: time.Second, p: &Packet{Side: "nobody", Payload: []byte{1}}})
	o := record(t, twoTracks, 10*time.Second, agent, customerSender().events(c, 500, 0))
	if d := cmp.Diff(Stats{Packets: 997, Lost: 2, Late: 1, Duplicate: 2, Garbage: 1, Stray: 1}, o.r.Stats()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRefused(t *testing.T) {
	o := begin(t, Options{})
	for _, tracks := range [][]Track{
		nil,
		{{Side: "nobody", Codec: earshot.Opus}},
		{{Side: earshot.SideAgent, Codec: "g729"}},
		{agentTrack, agentTrack},
		{agentTrack, customerTrack, agentTrack},
		{agentTrack, {Side: earshot.SideCustomer, Codec: earshot.Opus, Channels: 2}},
	} {
		if err := o.r.Open(start, tracks); !errors.Is(err, ErrTracks) {
			t.Errorf("%v: %v", tracks, err)
		}
	}
	o.end(time.Second)
	if err := o.r.Open(start, twoTracks); !errors.Is(err, ErrEnded) {
		t.Error(err)
	}
	if err := o.r.Packet(Packet{Side: earshot.SideAgent, Arrival: start, Payload: []byte{1}}); err != nil {
		t.Error(err)
	}
}

// The same records make the same bytes, whatever the network did.
func TestDeterministic(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	for seed := range uint64(20) {
		var files [][]byte
		var calls []earshot.Call
		for range 2 {
			rng := rand.New(rand.NewPCG(seed, 1))
			o := record(t, twoTracks, 30*time.Second, rough(rng, agentSender().events(a, 1400, 0)), rough(rng, customerSender().events(c, 1400, 3*time.Millisecond)))
			for _, p := range o.call.Parts {
				files = append(files, o.file(p.N))
			}
			calls = append(calls, o.call)
		}
		if d := cmp.Diff(calls[0], calls[1]); d != "" {
			t.Fatalf("seed %d: calls differ:\n%s", seed, d)
		}
		for i := range len(files) / 2 {
			if !bytes.Equal(files[i], files[i+len(files)/2]) {
				t.Fatalf("seed %d: file %d differs", seed, i+1)
			}
		}
	}
}

// rough loses, delays, doubles and damages packets.
func rough(rng *rand.Rand, events []event) []event {
	var out []event
	for _, e := range events {
		switch n := rng.IntN(100); {
		case n < 10:
			continue
		case n < 20:
			e.at += time.Duration(rng.Int64N(int64(6 * time.Second)))
		case n < 22:
			out = append(out, event{at: e.at + time.Duration(rng.Int64N(int64(time.Second))), p: e.p})
		case n < 23:
			p := *e.p
			p.Timestamp = rng.Uint32()
			e.p = &p
		case n < 24:
			p := *e.p
			p.SSRC = rng.Uint32()
			e.p = &p
		case n < 25:
			p := *e.p
			p.Payload = []byte{byte(rng.Uint32()) | 3, 0, byte(rng.Uint32())} // no frames at all
			e.p = &p
		default:
			e.at += time.Duration(rng.Int64N(int64(60 * time.Millisecond)))
		}
		out = append(out, e)
	}
	return out
}

// A seat that stops talking a moment before it says goodbye misses nothing.
func TestSilenceBeforeGoodbyeIsNoGap(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	const bye = 5200 * time.Millisecond
	o := record(t, twoTracks, bye, agentSender().events(a, 250, 0), customerSender().events(c, 252, 0),
		[]event{closing(bye, earshot.SideAgent), closing(bye, earshot.SideCustomer)})
	wantParts(t, o.call, "1 both 0+5200")
	wantGaps(t, o.call)
}

// A device takes over while the last packet of the one before still lasts.
func TestTakeoverIsNoAbsence(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	again, other := agentSender(), customerSender()
	again.ssrc, again.ts, again.seq = 7, 5, 5
	other.ssrc, other.ts, other.seq = 8, 5, 5
	const over = 4985 * time.Millisecond
	o := begin(t, Options{})
	o.play(10*time.Second,
		[]event{o.open(0, twoTracks...)},
		agentSender().events(a, 250, 0), customerSender().events(c, 250, 0),
		[]event{closing(over, earshot.SideAgent), closing(over, earshot.SideCustomer), o.open(over, twoTracks...)},
		again.events(a, 250, over), other.events(c, 250, over))
	o.end(10 * time.Second)
	wantParts(t, o.call, "1 both 0+5000", "2 both 4985+5000")
	wantGaps(t, o.call)
}
