package recorder

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"earshot"

	"github.com/google/go-cmp/cmp"
)

// cut takes the events i to j, j excluded, out.
func cut(events []event, i, j int) []event { return slices.Delete(slices.Clone(events), i, j) }

// change works on copies of the packets from i on.
func change(events []event, from, to int, with func(i int, e *event)) []event {
	out := slices.Clone(events)
	for i := from; i < min(to, len(out)); i++ {
		p := *out[i].p
		out[i].p = &p
		with(i, &out[i])
	}
	return out
}

const all = 1 << 30

func lostGap(from, to int64) []earshot.Gap {
	return []earshot.Gap{{Side: earshot.SideAgent, StartMs: from, EndMs: to, Cause: earshot.CauseLost}}
}

func stalledGap(from, to int64) []earshot.Gap {
	return []earshot.Gap{{Side: earshot.SideAgent, StartMs: from, EndMs: to, Cause: earshot.CauseStalled}}
}

// blank puts fillers into the slots i to j, j excluded.
func blank(slots [][]byte, i, j int) [][]byte {
	for ; i < j; i++ {
		slots[i] = fill
	}
	return slots
}

func TestDamage(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	const n = 750 // 15 s
	for _, row := range []struct {
		name   string
		damage func(e []event) []event
		want   func(slots [][]byte) [][]byte // nil: nothing is missing
		gaps   []earshot.Gap
	}{
		{name: "none", damage: func(e []event) []event { return e }},
		{
			name:   "one lost",
			damage: func(e []event) []event { return cut(e, 100, 101) },
			want:   func(s [][]byte) [][]byte { return blank(s, 100, 101) },
			gaps:   lostGap(2000, 2020),
		},
		{
			name:   "a burst lost",
			damage: func(e []event) []event { return cut(e, 100, 150) },
			want:   func(s [][]byte) [][]byte { return blank(s, 100, 150) },
			gaps:   lostGap(2000, 3000),
		},
		{
			name: "swapped",
			damage: func(e []event) []event {
				return change(e, 100, 101, func(_ int, e *event) { e.at += 25 * time.Millisecond })
			},
		},
		{
			name: "the first two swapped",
			damage: func(e []event) []event {
				return change(e, 0, 1, func(_ int, e *event) { e.at += 25 * time.Millisecond })
			},
			want: func(s [][]byte) [][]byte { return s },
		},
		{name: "doubled", damage: func(e []event) []event { return append(slices.Clone(e), e...) }},
		{
			name: "doubled while one is missing",
			damage: func(e []event) []event {
				return append(cut(e, 100, 101), e[101], e[102], e[103])
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 101) },
			gaps: lostGap(2000, 2020),
		},
		{
			name: "sent again after 3 s",
			damage: func(e []event) []event {
				return change(e, 100, 120, func(_ int, e *event) { e.at += 3 * time.Second })
			},
		},
		{
			name: "sent again too late",
			damage: func(e []event) []event {
				return change(e, 100, 101, func(_ int, e *event) { e.at += 4500 * time.Millisecond })
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 101) },
			gaps: lostGap(2000, 2020),
		},
		{
			name: "lost at the very end",
			damage: func(e []event) []event {
				return cut(e, n-2, n-1)
			},
			want: func(s [][]byte) [][]byte { return blank(s, n-2, n-1) },
			gaps: lostGap(14_960, 14_980),
		},
		{
			name: "discontinuous transmission",
			damage: func(e []event) []event {
				e = change(e, 120, all, func(_ int, e *event) { e.p.Seq -= 20 })
				return cut(e, 100, 120)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 120) },
		},
		{
			name: "stalled for less than the wait",
			damage: func(e []event) []event {
				e = change(e, 175, all, func(_ int, e *event) { e.p.Seq -= 75 })
				return cut(e, 100, 175)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 175) },
			gaps: stalledGap(2000, 3500),
		},
		{
			name: "stalled for longer than the wait",
			damage: func(e []event) []event {
				e = change(e, 450, all, func(_ int, e *event) { e.p.Seq -= 350 })
				return cut(e, 100, 450)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 450) },
			gaps: stalledGap(2000, 9000),
		},
		{
			name: "nothing more comes",
			damage: func(e []event) []event {
				return e[:100]
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, n) },
			gaps: stalledGap(2000, 15_000),
		},
		{
			name:   "the network away for longer than the wait",
			damage: func(e []event) []event { return cut(e, 100, 400) },
			want:   func(s [][]byte) [][]byte { return blank(s, 100, 400) },
			gaps:   lostGap(2000, 8000),
		},
		{
			name: "the network away, then the last 3 s sent again",
			damage: func(e []event) []event {
				e = change(e, 250, 400, func(i int, e *event) { e.at = 8*time.Second + time.Duration(i-250)*time.Millisecond })
				return cut(e, 100, 250)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 250) },
			gaps: lostGap(2000, 5000),
		},
		{
			name: "held up for 6 s and then all at once",
			damage: func(e []event) []event {
				return change(e, 100, 400, func(i int, e *event) { e.at = 8*time.Second + time.Duration(i-100)*100*time.Microsecond })
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 200) },
			gaps: lostGap(2000, 4000),
		},
		{
			name: "probes",
			damage: func(e []event) []event {
				e = change(e, 100, all, func(_ int, e *event) { e.p.Seq += 5 })
				for i := range 5 {
					p := *e[99].p
					p.Seq, p.Payload, p.Level = p.Seq+uint16(i)+1, nil, NoLevel
					e = append(e, event{at: e[99].at, p: &p})
				}
				return e
			},
		},
		{
			name: "probes lost",
			damage: func(e []event) []event {
				return change(e, 100, all, func(_ int, e *event) { e.p.Seq += 5 })
			},
		},
		{
			name: "a probe at the start",
			damage: func(e []event) []event {
				p := *e[0].p
				p.Payload, p.Seq = nil, p.Seq-1
				return append([]event{{at: 0, p: &p}}, e...)
			},
		},
		{
			name: "garbage",
			damage: func(e []event) []event {
				return change(e, 100, 102, func(_ int, e *event) { e.p.Payload = []byte{0xFF} })
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 102) },
			gaps: lostGap(2000, 2040),
		},
		{
			name: "another SSRC",
			damage: func(e []event) []event {
				return change(e, 300, all, func(_ int, e *event) { e.p.SSRC++; e.p.Seq += 30000; e.p.Timestamp += 1 << 31 })
			},
		},
		{
			name: "another SSRC after 2 s",
			damage: func(e []event) []event {
				e = change(e, 300, all, func(_ int, e *event) { e.p.SSRC++; e.p.Seq += 30000; e.p.Timestamp += 1 << 31 })
				return cut(e, 300, 400)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 300, 400) },
			gaps: lostGap(6000, 8000),
		},
		{
			name: "a stray packet of another source",
			damage: func(e []event) []event {
				p := *e[300].p
				p.SSRC, p.Seq, p.Timestamp = 99, 1, 1
				return append(slices.Clone(e), event{at: e[300].at, p: &p})
			},
		},
		{
			name: "time jumps an hour ahead",
			damage: func(e []event) []event {
				return change(e, 300, all, func(_ int, e *event) { e.p.Timestamp += 3600 * 48000 })
			},
		},
		{
			name: "time jumps an hour back",
			damage: func(e []event) []event {
				return change(e, 300, all, func(_ int, e *event) { e.p.Timestamp -= 3600 * 48000 })
			},
		},
		{
			name: "one absurd time",
			damage: func(e []event) []event {
				return change(e, 300, 301, func(_ int, e *event) { e.p.Timestamp += 3600 * 48000 })
			},
			want: func(s [][]byte) [][]byte { return blank(s, 300, 301) },
			gaps: lostGap(6000, 6020),
		},
		{
			name: "sequence numbers begin anew",
			damage: func(e []event) []event {
				return change(e, 300, all, func(_ int, e *event) { e.p.Seq += 20000 })
			},
		},
		{
			name: "the sender's clock stood still for 6 s",
			damage: func(e []event) []event {
				e = change(e, 100, all, func(_ int, e *event) { e.at += 6 * time.Second })
				return e[:450]
			},
			want: func(s [][]byte) [][]byte {
				return slices.Concat(s[:100], blank(make([][]byte, 300), 0, 300), s[100:450])
			},
			gaps: stalledGap(2000, 8000),
		},
		{
			name: "overflow before the recorder",
			damage: func(e []event) []event {
				e = append(e, event{at: e[149].at, do: func(r *Recording, at time.Time) { r.Overflow(at, earshot.SideAgent, 50) }})
				return cut(e, 100, 150)
			},
			want: func(s [][]byte) [][]byte { return blank(s, 100, 150) },
			gaps: []earshot.Gap{{Side: earshot.SideAgent, StartMs: 2000, EndMs: 3000, Cause: earshot.CauseOverflow}},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			agentEvents := row.damage(agentSender().events(a, n, 0))
			o := record(t, twoTracks, 15*time.Second, agentEvents, customerSender().events(c, n, 0))
			want := looped(a, n)
			if row.want != nil {
				want = row.want(want)
			}
			agent, customer := sides(t, o.file(1))
			same(t, "agent", agent, want)
			same(t, "customer", customer, looped(c, n))
			if d := cmp.Diff(append([]earshot.Gap{}, row.gaps...), o.call.Gaps); d != "" {
				t.Errorf("gaps (-want +got):\n%s", d)
			}
			if p := o.call.Parts[0]; p.DurationMs != 15_000 || p.StartMs != 0 {
				t.Errorf("part from %d ms, %d ms long", p.StartMs, p.DurationMs)
			}
			silentWhereBlank(t, o, want)
		})
	}
}

// silentWhereBlank checks the levels against the slots: a gap where a whole
// step is missing, and a level wherever there is audio.
func silentWhereBlank(t *testing.T, o *outcome, slots [][]byte) {
	t.Helper()
	levels := o.r.Levels()
	for step, level := range levels.Agent {
		heard := false
		for _, s := range slots[min(step*5, len(slots)):min(step*5+5, len(slots))] {
			heard = heard || len(s) > 1
		}
		if heard != (level < earshot.LevelSilence) {
			t.Fatalf("step %d has level %d, audio there: %v", step, level, heard)
		}
	}
}

// A disk that is away for long takes all again that had room to wait, in pieces;
// what had none is a gap in its place, and so is what never gets to the disk.
func TestFileRefusesForLong(t *testing.T) {
	const seconds, downFrom, downTo = 2200, 10, 2180 // at 8,000 bytes a second 16 MiB wait
	full := errors.New("disk full")
	for _, row := range []struct {
		name  string
		comes bool // back
		gap   [2]int64
		bytes int
	}{
		{"and comes back", true, [2]int64{2100, 2182}, seconds * 8000},
		{"to the end", false, [2]int64{8, seconds}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := begin(t, Options{})
			var sealing error
			call := earshot.Call{ID: callID, StartedAt: earshot.At(start)}
			o.r = New(&call, o.shelf, Options{SealedPart: func(_ int, _ earshot.Part, err error) { sealing = err }})
			if err := o.r.Open(start, []Track{{Side: earshot.SideAgent, Codec: earshot.PCMU}}); err != nil {
				t.Fatal(err)
			}
			said := func(i int) []byte { return bytes.Repeat([]byte{byte(i%100 + 1)}, 8000) }
			for i := range seconds {
				p := Packet{Side: earshot.SideAgent, Arrival: start.Add(time.Duration(i) * time.Second), SSRC: 1, Seq: uint16(i), Timestamp: uint32(i) * 8000, Level: 30, Payload: said(i)}
				_ = o.r.Packet(p) // its failures are what this is about
				_ = o.r.Advance(p.Arrival)
				for _, f := range o.shelf.files {
					f.most = 8 << 20
					switch i {
					case downFrom:
						f.refuse = full
					case downTo:
						if row.comes {
							f.refuse = nil
						}
					}
				}
			}
			err := o.r.End(start.Add(seconds * time.Second))
			o.shelf.wg.Wait()
			if row.comes != (err == nil) || row.comes != (sealing == nil) {
				t.Errorf("end: %v; sealed: %v", err, sealing)
			}
			call = o.r.Call()
			o.call = call
			if len(call.Gaps) != 1 || call.Gaps[0].Cause != earshot.CauseOverflow || !call.Flagged(earshot.FlagGaps) {
				t.Fatalf("gaps %+v, flags %v", call.Gaps, call.Flags)
			}
			from, to := call.Gaps[0].StartMs/1000, call.Gaps[0].EndMs/1000
			if from < row.gap[0] || to > row.gap[1] || to < row.gap[1]-3 {
				t.Errorf("the gap is %d to %d s, want about %v", from, to, row.gap)
			}
			if !row.comes {
				return
			}
			data := wavData(t, o.file(1))
			if len(data) != row.bytes {
				t.Fatalf("%d bytes, want %d", len(data), row.bytes)
			}
			for i := range seconds {
				want := said(i)
				if int64(i) >= from && int64(i) < to {
					want = bytes.Repeat([]byte{silenceULaw}, 8000)
				}
				if i != int(from) && i != int(to) && !bytes.Equal(data[8000*i:8000*(i+1)], want) {
					t.Fatalf("second %d is not what was said", i)
				}
			}
		})
	}
}

// A file that a crash left, and that could not be completed, keeps its name.
func TestFileOfThatNameExists(t *testing.T) {
	o := begin(t, Options{})
	o.shelf.refuse = func(name string) error {
		if name == earshot.PartFile(callID, 1, earshot.Opus) || name == earshot.PartFile(callID, 2, earshot.Opus) {
			return earshot.Fail(earshot.Conflict, "file_exists", "there is a file of that name")
		}
		return nil
	}
	a := fixture(t, "agent")
	o.play(2*time.Second, []event{o.open(0, twoTracks[0])}, agentSender().events(a, 100, 0))
	o.end(2 * time.Second)
	wantGaps(t, o.call)
	if len(o.call.Parts) != 1 || o.call.Parts[0].N != 3 || len(o.file(3)) == 0 {
		t.Errorf("parts %+v", o.call.Parts)
	}
}
