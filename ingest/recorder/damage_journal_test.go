package recorder

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/opus"
)

// journalOf records two calls of 20 s each, whose states are written at 10 s.
// The crash comes at 20 s.
func journalOf(t *testing.T) (book *notebook, files *shelf, agent, customer [][]byte) {
	t.Helper()
	agent, customer = fixture(t, "agent"), fixture(t, "customer")
	book, files = &notebook{}, newShelf()
	var calls []*Journaled
	for n := range uint32(2) {
		call := earshot.Call{ID: callID[:len(callID)-1] + string(rune('1'+n)), Seat: "window-3", StartedAt: earshot.At(start)}
		j := NewJournaled(&call, files, Options{Software: "earshot test"}, book, n+1)
		if err := j.Open(start, twoTracks); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, j)
	}
	said, heard := agentSender().events(agent, 1000, 0), customerSender().events(customer, 1000, 0)
	for i := range said {
		at := start.Add(said[i].at)
		for _, j := range calls {
			for _, e := range []event{said[i], heard[i]} {
				p := *e.p
				p.Arrival = at
				if err := j.Packet(p); err != nil {
					t.Fatal(err)
				}
			}
			if i%5 == 4 {
				if err := j.Advance(at); err != nil {
					t.Fatal(err)
				}
			}
		}
		if i == 500 {
			book.records = nil
			for _, j := range calls {
				j.WriteState()
			}
			for _, j := range calls {
				j.WriteName()
			}
		}
	}
	return book, files, agent, customer
}

// lose takes the records of which drop says so out of the journal, as damage does.
func (n *notebook) lose(drop func(i int, r Record) bool) {
	kept := &notebook{damage: map[int]bool{}}
	for i, r := range n.records {
		if drop(i, r) {
			kept.damage[len(kept.records)] = true
			continue
		}
		kept.records = append(kept.records, r)
	}
	*n = *kept
}

// What each damage of the journal or of a file costs, and what survives. Call 2
// is never touched, and always comes back whole.
func TestDamagedJournal(t *testing.T) {
	first := func(r Record) bool { return r.Call == 1 }
	audio := earshot.PartFile(callID, 1, earshot.Opus)
	rows := []struct {
		name   string
		damage func(b *notebook, s *shelf)
		check  func(t *testing.T, got Replayed, s *shelf, agent [][]byte)
	}{
		{"nothing", func(*notebook, *shelf) {}, func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
			if got.Call.Flagged(earshot.FlagDamaged) || len(got.Call.Gaps) > 0 {
				t.Errorf("flags %v, gaps %+v", got.Call.Flags, got.Call.Gaps)
			}
			slots(t, s, got.Call, 1, looped(agent, 1000))
		}},
		{"two seconds in the middle", func(b *notebook, _ *shelf) {
			seen := 0
			b.lose(func(_ int, r Record) bool {
				if first(r) && r.Kind == recordPacket {
					seen++
				}
				return first(r) && seen > 400 && seen <= 600
			})
		}, func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
			if !got.Call.Flagged(earshot.FlagDamaged) {
				t.Errorf("flags %v", got.Call.Flags)
			}
			for _, side := range bothSides {
				gap, n := gapOf(got.Call, side)
				if n != 1 || gap.Cause != earshot.CauseDamaged || gap.EndMs-gap.StartMs != 2000 || gap.StartMs != 14_020 {
					t.Errorf("%s: gaps %+v", side, got.Call.Gaps)
				}
			}
			want := looped(agent, 1000)
			for i := 701; i < 801; i++ {
				want[i] = fill
			}
			slots(t, s, got.Call, 1, want)
		}},
		{"the last second", func(b *notebook, _ *shelf) {
			last := len(b.records)
			b.lose(func(i int, r Record) bool { return first(r) && i >= last-210 })
		}, func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
			if !got.Call.Flagged(earshot.FlagDamaged) {
				t.Errorf("flags %v", got.Call.Flags)
			}
			got.Call.Parts[0].DurationMs = 0 // only so much is known
			slots(t, s, got.Call, 1, looped(agent, 953))
		}},
		{"a state", func(b *notebook, _ *shelf) {
			b.lose(func(_ int, r Record) bool { return first(r) && r.Kind == recordState })
		}, func(t *testing.T, got Replayed, _ *shelf, _ [][]byte) {
			if got.Err == nil || got.Call.ID != callID || got.Last.Sub(start) < 19*time.Second {
				t.Errorf("a call without a state: %+v", got)
			}
		}},
		{"a state that says nonsense", func(b *notebook, _ *shelf) {
			for i := range b.records {
				if r := &b.records[i]; first(*r) && r.Kind == recordState {
					r.Payload = append(slices.Clone(r.Payload[:len(r.Payload)/2]), bytes.Repeat([]byte{0xff}, 64)...)
				}
			}
		}, func(t *testing.T, got Replayed, _ *shelf, _ [][]byte) {
			if got.Err == nil || got.Call.ID != callID {
				t.Errorf("a call without a state: %+v", got)
			}
		}},
		{"the file is shorter than the state", func(_ *notebook, s *shelf) {
			p := s.files[audio]
			p.data = p.data[:len(p.data)/4]
		}, lostFile(audio)},
		{"the file is gone", func(_ *notebook, s *shelf) { delete(s.files, audio) }, lostFile(audio)},
		{"the levels are gone", func(_ *notebook, s *shelf) { delete(s.files, earshot.LevelsFile(callID, 1)) },
			func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
				slots(t, s, got.Call, 1, looped(agent, 1000))
				if s.files[earshot.LevelsFile(callID, 1)] != nil {
					t.Error("levels with a hole were written: nobody would measure them again")
				}
			}},
		{"the file is complete already, and something else is in it", func(_ *notebook, s *shelf) {
			p := s.files[audio]
			p.data, p.sealed = p.data[:len(p.data)-1], true
		}, func(t *testing.T, got Replayed, _ *shelf, _ [][]byte) {
			if !got.Call.Flagged(earshot.FlagDamaged) || !slices.Equal(got.Lost, []int{1}) || got.Call.Parts[0].SHA256 != "" {
				t.Errorf("flags %v, parts %+v", got.Call.Flags, got.Call.Parts)
			}
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			book, files, agent, _ := journalOf(t)
			row.damage(book, files)
			out, err := Replay(book, files)
			if err != nil || len(out.Calls) != 2 {
				t.Fatalf("replay: %v, %+v", err, out)
			}
			whole := out.Calls[1].Call
			if whole.Flagged(earshot.FlagDamaged) || !whole.Flagged(earshot.FlagInterrupted) || len(whole.Gaps) > 0 {
				t.Errorf("the other call: flags %v, gaps %+v", whole.Flags, whole.Gaps)
			}
			slots(t, files, whole, 1, looped(agent, 1000))
			row.check(t, out.Calls[0], files, agent)
		})
	}
}

// lostFile demands that what follows the state is in a part of its own.
func lostFile(audio string) func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
	return func(t *testing.T, got Replayed, s *shelf, agent [][]byte) {
		if !slices.Equal(got.Lost, []int{1}) || len(got.Call.Parts) != 1 || got.Call.Parts[0].N != 2 {
			t.Fatalf("lost %v, parts %+v", got.Lost, got.Call.Parts)
		}
		if p := s.files[audio]; p != nil && p.sealed {
			t.Error("the file with a hole was completed")
		}
		p := got.Call.Parts[0]
		slots(t, s, got.Call, 2, looped(agent, 1000)[p.StartMs/20:])
		if !got.Call.Flagged(earshot.FlagDamaged) {
			t.Errorf("flags %v", got.Call.Flags)
		}
	}
}

// slots demands that part n holds these packets of the agent's.
func slots(t *testing.T, s *shelf, call earshot.Call, n int, want [][]byte) {
	t.Helper()
	for _, p := range call.Parts {
		if p.N != n {
			continue
		}
		f := s.files[p.File]
		if f == nil || !f.sealed {
			t.Fatalf("%s is not complete: %v", p.File, slices.Sorted(maps.Keys(s.files)))
		}
		_, packets := readOgg(t, f.data)
		var got [][]byte
		for _, packet := range packets {
			a, _, err := opus.SplitSelfDelimited(packet)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a)
		}
		same(t, "agent", got, want)
		return
	}
	t.Fatalf("no part %d in %+v", n, call.Parts)
}

func gapOf(call earshot.Call, side earshot.Side) (gap earshot.Gap, n int) {
	for _, g := range call.Gaps {
		if g.Side == side {
			gap = g
			n++
		}
	}
	return gap, n
}

// Whatever a state's bytes are: they are refused or make a recording, and never
// more.
func FuzzRestore(f *testing.F) {
	files := newShelf()
	call := earshot.Call{ID: callID, Seat: "window-3", StartedAt: earshot.At(start)}
	r := New(&call, files, Options{})
	f.Add(r.AppendState(nil))
	if err := r.Open(start, twoTracks); err != nil {
		f.Fatal(err)
	}
	f.Add(r.AppendState(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		restored, err := Restore(state, newShelf(), Options{})
		if err != nil {
			return
		}
		_ = restored.Advance(start.Add(time.Second))
		_ = restored.End(start.Add(2 * time.Second))
		restored.WaitSealed()
	})
}

// Whatever a record's bytes are.
func FuzzRecord(f *testing.F) {
	book := &notebook{}
	call := earshot.Call{ID: callID, Seat: "window-3", StartedAt: earshot.At(start)}
	j := NewJournaled(&call, newShelf(), Options{}, book, 1)
	if err := j.Open(start, twoTracks); err != nil {
		f.Fatal(err)
	}
	for _, e := range agentSender().events([][]byte{{0xf8, 1, 2}}, 3, 0) {
		p := *e.p
		p.Arrival = start.Add(e.at)
		_ = j.Packet(p)
	}
	j.SenderReport(earshot.SideAgent, 1, start, 2)
	j.Facts(func(call *earshot.Call) { call.Number = "1" })
	for _, r := range book.records {
		f.Add(r.Kind, r.Payload)
	}
	f.Fuzz(func(t *testing.T, kind uint8, payload []byte) {
		book := &notebook{}
		call := earshot.Call{ID: callID, Seat: "window-3", StartedAt: earshot.At(start)}
		NewJournaled(&call, newShelf(), Options{}, book, 1)
		book.Append(kind, 1, payload)
		if _, err := Replay(book, newShelf()); err != nil {
			t.Fatal(err)
		}
	})
}
