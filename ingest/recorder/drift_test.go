package recorder

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"earshot"
)

// drifting are packets of a sender whose clock runs fast by ppm, with jitter.
func drifting(s sender, packets [][]byte, long time.Duration, ppm float64, jitter time.Duration, rng *rand.Rand) []event {
	every := float64(s.every) / (1 + ppm*1e-6)
	n := int(float64(long) / every)
	events := s.events(packets, n, 0)
	for i := range events {
		events[i].at = time.Duration(float64(i) * every)
		if jitter > 0 {
			// Most come soon, some much later.
			d := rng.ExpFloat64() * float64(jitter) / 4
			events[i].at = min(events[i].at+min(time.Duration(d), 10*jitter), long)
		}
	}
	return events
}

func TestDrift(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	for _, row := range []struct {
		name     string
		ppm      [2]float64
		jitter   time.Duration
		long     time.Duration
		fillers  [2]int // at least, and one more at most
		seconds  float64
		tolerate time.Duration // between a packet's true time and its place, with the clock's points
	}{
		{"none", [2]float64{0, 0}, 0, 10 * time.Minute, [2]int{0, 0}, 600, 25 * time.Millisecond},
		{"none, with jitter", [2]float64{0, 0}, 60 * time.Millisecond, 10 * time.Minute, [2]int{0, 0}, 600, 45 * time.Millisecond},
		{"agent fast", [2]float64{300, 0}, 0, time.Hour, [2]int{0, 52}, 3601.08, 45 * time.Millisecond},
		{"agent slow", [2]float64{-300, 0}, 0, 20 * time.Minute, [2]int{16, 0}, 1200, 45 * time.Millisecond},
		{"apart", [2]float64{300, -300}, 40 * time.Millisecond, 30 * time.Minute, [2]int{0, 51}, 1800.54, 60 * time.Millisecond},
		{"both slow", [2]float64{-300, -300}, 40 * time.Millisecond, 20 * time.Minute, [2]int{0, 0}, 1199.64, 60 * time.Millisecond},
		{"both fast", [2]float64{300, 280}, 40 * time.Millisecond, 20 * time.Minute, [2]int{0, 0}, 1200.36, 60 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			events := [2][]event{
				drifting(agentSender(), a, row.long, row.ppm[0], row.jitter, rng),
				drifting(customerSender(), c, row.long, row.ppm[1], row.jitter, rng),
			}
			o := record(t, twoTracks, row.long, events[0], events[1])
			agent, customer := sides(t, o.file(1))
			p := o.call.Parts[0]
			if d := float64(p.DurationMs)/1000 - row.seconds; d > 0.06 || d < -0.06 {
				t.Errorf("%d ms long, want %.2f s", p.DurationMs, row.seconds)
			}
			for i, got := range [][][]byte{agent, customer} {
				want := looped([][][]byte{a, c}[i], len(events[i]))
				var fillers int
				next := 0
				for place, packet := range got {
					if bytes.Equal(packet, fill) {
						fillers++
						continue
					}
					if !bytes.Equal(packet, want[next]) {
						t.Fatalf("side %d, slot %d: not packet %d", i, place, next)
					}
					every := float64(20*time.Millisecond) / (1 + row.ppm[i]*1e-6)
					sent := start.Add(time.Duration(float64(next) * every))
					wall := wallAt(p, int64(place)*20)
					if d := wall.Sub(sent); max(d, -d) > row.tolerate {
						t.Fatalf("side %d, slot %d: at %v, sent at %v", i, place, wall, sent)
					}
					next++
				}
				if next != len(want) {
					t.Errorf("side %d: %d of %d packets", i, next, len(want))
				}
				if fillers < row.fillers[i] || fillers > row.fillers[i]+3 {
					t.Errorf("side %d: %d fillers, want %d", i, fillers, row.fillers[i])
				}
			}
			for _, g := range o.call.Gaps {
				if g.Cause != earshot.CauseDrift || g.EndMs-g.StartMs != 20 {
					t.Fatalf("gap %+v", g)
				}
			}
		})
	}
}

// wallAt is the wall time of a place in a part's file by its clock.
func wallAt(p earshot.Part, ms int64) time.Time {
	c := p.Clock
	for len(c) > 2 && c[1].FileMs < ms {
		c = c[1:]
	}
	share := float64(ms-c[0].FileMs) / float64(c[1].FileMs-c[0].FileMs)
	return c[0].At.Add(time.Duration(share * float64(c[1].At.Sub(c[0].At.Time))))
}

// A part with one side follows its clock, and says so.
func TestOneSidedDrift(t *testing.T) {
	a := fixture(t, "agent")
	for _, ppm := range []float64{-300, 300} {
		rng := rand.New(rand.NewPCG(3, 4))
		events := drifting(agentSender(), a, time.Hour, ppm, 30*time.Millisecond, rng)
		o := record(t, twoTracks[:1], time.Hour, events)
		_, packets := readOgg(t, o.file(1))
		want := looped(a, len(events))
		if len(packets) > len(want) && len(packets) <= len(want)+2 {
			packets = packets[:len(want)] // filled up to the end
		}
		same(t, "packets", packets, want)
		p := o.call.Parts[0]
		for ms := int64(0); ms < p.DurationMs; ms += 10_000 {
			sent := start.Add(time.Duration(float64(ms) * 1e6 / (1 + ppm*1e-6)))
			if d := wallAt(p, ms).Sub(sent); max(d, -d) > 50*time.Millisecond {
				t.Fatalf("%v ppm: %d ms is %v, want %v", ppm, ms, wallAt(p, ms), sent)
			}
		}
		if n := len(p.Clock); n < 12 || n > 70 {
			t.Errorf("%d points", n)
		}
		wantGaps(t, o.call)
	}
}

// Sender reports align the tracks of one peer, whose packets began to arrive
// at different delays.
func TestSenderReports(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	for _, reports := range []bool{false, true} {
		// The customer's first second is held up by 100 ms: it lies that much late.
		customer := customerSender().events(c, 3000, 0)
		for i := range 50 {
			customer[i].at += 100 * time.Millisecond
		}
		var told []event
		for s := 5; reports && s < 60; s += 5 {
			told = append(told, event{at: time.Duration(s) * time.Second, do: func(r *Recording, at time.Time) {
				r.SenderReport(earshot.SideAgent, 0xA, at.Add(time.Hour), 0xFFFFF000+uint32(s)*48000)
				r.SenderReport(earshot.SideCustomer, 0xC, at.Add(time.Hour), 90000+uint32(s)*48000)
			}})
		}
		o := record(t, twoTracks, time.Minute, agentSender().events(a, 3000, 0), customer, told)
		gotA, gotC := sides(t, o.file(1))
		last := len(gotC) - 1
		for bytes.Equal(gotC[last], fill) {
			last--
		}
		lastA := len(gotA) - 1
		for bytes.Equal(gotA[lastA], fill) {
			lastA--
		}
		if d := last - lastA; reports != (d <= 1) || d > 5 {
			t.Errorf("with reports %v the customer lies %d slots late", reports, d)
		}
	}
}

// Delay that comes and goes is no drift.
func TestQueueIsNoDrift(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	events := agentSender().events(a, 60*50*10, 0)
	for i := range events {
		if s := i / 50 % 60; s < 20 {
			events[i].at += 300 * time.Millisecond
		}
	}
	o := record(t, twoTracks, 10*time.Minute, events, customerSender().events(c, 60*50*10, 0))
	wantGaps(t, o.call)
}

// TestMadClocks: a clock that is wrong by more than any quartz makes a file of another
// length than the call. All that was said is in it, and the call says that the file is
// not right.
func TestMadClocks(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	const long = 2 * time.Minute
	for _, row := range []struct {
		name    string
		tracks  []Track
		ppm     [2]float64
		damaged bool
	}{
		{"as quartzes are", twoTracks, [2]float64{300, -300}, false},
		{"as the worst of them are", twoTracks[:1], [2]float64{3000, 0}, false},
		{"one twice too fast", twoTracks, [2]float64{1e6, 0}, true},
		{"both a tenth too fast", twoTracks, [2]float64{1e5, 1e5}, true},
		{"one side alone, a tenth too fast", twoTracks[:1], [2]float64{1e5, 0}, true},
		{"one side alone, a tenth too slow", twoTracks[:1], [2]float64{-1e5, 0}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			events := [][]event{drifting(agentSender(), a, long, row.ppm[0], 0, rng)}
			if len(row.tracks) == 2 {
				events = append(events, drifting(customerSender(), c, long, row.ppm[1], 0, rng))
			}
			o := record(t, row.tracks, long, events...)
			p := o.call.Parts[0]
			if got := o.call.Flagged(earshot.FlagDamaged); got != row.damaged {
				t.Errorf("flags %v of a file of %d ms", o.call.Flags, p.DurationMs)
			}
			if stats := o.r.Stats(); stats.Lost+stats.Late+stats.Garbage > 0 {
				t.Errorf("%+v", stats)
			}
		})
	}
}
