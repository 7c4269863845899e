package recorder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"earshot"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// notebook is a journal in memory.
type notebook struct {
	records []Record
	damage  map[int]bool // before these records some were lost
}

func (n *notebook) Append(kind uint8, call uint32, payload ...[]byte) {
	n.records = append(n.records, Record{kind, call, bytes.Join(payload, nil)})
}

func (n *notebook) Read(each func(Record) error, damaged func(Damage) error) error {
	for i, r := range n.records {
		if n.damage[i] {
			if err := damaged(Damage{File: "00000001", Why: "for a test"}); err != nil {
				return err
			}
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// copied is the shelf as it is now; its files go their own way.
func (s *shelf) copied() *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := newShelf()
	for name, p := range s.files {
		c.files[name] = &page{s: c, name: name, data: slices.Clone(p.data), sealed: p.sealed}
	}
	return c
}

func (s *shelf) contents() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	for name, p := range s.files {
		all[name] = fmt.Sprintf("sealed %v %x", p.sealed, p.data)
	}
	return all
}

// step is something a call is told.
type step struct {
	at       time.Duration
	do       func(j *Journaled, at time.Time)
	timeless bool // it does not say when it is told
}

// life is all that a call is told, in order.
type life []step

func (l *life) add(at time.Duration, do func(j *Journaled, at time.Time)) {
	*l = append(*l, step{at: at, do: do})
}

// say adds a sender's packets.
func (l *life) say(events []event) {
	for _, e := range events {
		l.add(e.at, func(j *Journaled, at time.Time) {
			p := *e.p
			p.Arrival = at
			_ = j.Packet(p)
		})
	}
}

const lifeLong = 16 * time.Second

// drawLife is a call with anything that can happen to one.
func drawLife(rt *rapid.T, a, c [][]byte) life {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
	var l life
	agent, customer := agentSender(), customerSender()
	tracks := slices.Clone(twoTracks)
	switch rapid.IntRange(0, 3).Draw(rt, "tracks") {
	case 1: // G.711
		a, c = ulaw(20), ulaw(20)
		for i := range tracks {
			tracks[i].Codec = earshot.PCMU
		}
		agent.ticks, customer.ticks = 160, 160
	case 2: // one side alone
		tracks = tracks[:1]
	case 3: // a side of each codec
		c, tracks[1].Codec, customer.ticks = ulaw(20), earshot.PCMU, 160
	}
	if rapid.Bool().Draw(rt, "clocks drift") {
		customer.every = 20*time.Millisecond + 40*time.Microsecond
	}
	n := int(lifeLong / (20 * time.Millisecond))
	said, heard := agent.events(a, n, 30*time.Millisecond), customer.events(c, n, 45*time.Millisecond)
	if rapid.Bool().Draw(rt, "no levels") {
		for i := range heard {
			heard[i].p.Level = NoLevel
		}
	}
	if rapid.Bool().Draw(rt, "rough") {
		said, heard = rough(rng, said), slices.Concat(heard[:20], rough(rng, heard[20:]))
	}
	if from := rapid.IntRange(9, 2*n).Draw(rt, "outage from"); from < len(said) {
		said = cut(said, from, min(from+rapid.IntRange(0, 300).Draw(rt, "outage"), len(said)))
	}
	open := func(j *Journaled, at time.Time) { _ = j.Open(at, tracks) }
	l.add(0, open)
	l.say(said)
	if len(tracks) > 1 {
		l.say(heard)
	}
	if at := rapid.IntRange(0, 30).Draw(rt, "tracks change at"); at < 16 {
		l.add(time.Duration(at)*time.Second+time.Millisecond, func(j *Journaled, at time.Time) { _ = j.Open(at, tracks[:1]) })
		l.add(time.Duration(at)*time.Second+1700*time.Millisecond, open)
	}
	if at := rapid.IntRange(0, 30).Draw(rt, "side closes at"); at < 16 {
		l.add(time.Duration(at)*time.Second+2*time.Millisecond, func(j *Journaled, at time.Time) { j.Close(at, earshot.SideAgent) })
	}
	if at := rapid.IntRange(0, 30).Draw(rt, "pause at"); at < 16 {
		l.add(time.Duration(at)*time.Second+3*time.Millisecond, func(j *Journaled, at time.Time) {
			j.Facts(func(call *earshot.Call) {
				call.Marks = append(call.Marks, earshot.Mark{ID: "m", Kind: earshot.MarkPause, StartMs: 5, EndMs: 5, Text: "密码"})
			})
			j.Pause(at)
		})
		l.add(time.Duration(at+3)*time.Second, func(j *Journaled, at time.Time) { j.Resume(at) })
	}
	l.add(4*time.Second, func(j *Journaled, at time.Time) { j.Overflow(at, earshot.SideAgent, 3) })
	for at := time.Second; at < lifeLong; at += 2 * time.Second {
		for _, s := range []sender{agent, customer} {
			l.add(at, func(j *Journaled, at time.Time) {
				j.SenderReport(s.side, s.ssrc, at, s.ts+uint32(at.Sub(start)/s.every)*s.ticks)
			})
			l[len(l)-1].timeless = true
		}
	}
	for at := 100 * time.Millisecond; at < lifeLong; at += 100 * time.Millisecond {
		l.add(at, func(j *Journaled, at time.Time) { _ = j.Advance(at) })
	}
	if rapid.Bool().Draw(rt, "ends") {
		l.add(lifeLong-500*time.Millisecond, func(j *Journaled, at time.Time) { _ = j.End(at) })
	}
	slices.SortStableFunc(l, func(a, b step) int { return int(a.at - b.at) })
	return l
}

func ulaw(n int) [][]byte {
	packets := make([][]byte, n)
	for i := range packets {
		packets[i] = bytes.Repeat([]byte{byte(i*7 + 1), byte(i)}, 80)
	}
	return packets
}

// A crash at any instant: what is replayed from the newest state on is, byte for
// byte, what would have been if the call had ended there.
func TestReplayMakesTheSameFiles(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLife(rt, a, c)
		crash := rapid.IntRange(1, len(l)).Draw(rt, "crash")
		state := rapid.IntRange(0, crash-1).Draw(rt, "state")
		call := earshot.Call{ID: callID, Seat: "window-3", StartedAt: earshot.At(start)}
		book, files := &notebook{}, newShelf()
		j := NewJournaled(&call, files, Options{Software: "earshot test"}, book, 7)
		last := start
		for i, s := range l[:crash] {
			if i == state {
				*book = notebook{}
				j.WriteState()
				j.WriteName()
				if size := len(book.records[0].Payload); size > 100_000 {
					rt.Fatalf("a state of %d bytes", size)
				}
			}
			if !s.timeless {
				last = latest(last, start.Add(s.at))
			}
			s.do(j, start.Add(s.at))
		}
		left := files.copied()
		out, err := Replay(book, left)
		if err != nil || len(out.Calls) != 1 || out.Calls[0].Err != nil || len(out.Calls[0].Lost) > 0 {
			rt.Fatalf("replay: %v, %+v", err, out)
		}
		ended := j.ended
		if !ended {
			j.Facts(func(call *earshot.Call) {
				call.SetFlag(earshot.FlagInterrupted)
				if j.paused {
					endPause(call, call.OffsetMs(last))
				}
			})
			_ = j.End(last)
		}
		j.WaitSealed()
		if out.Calls[0].Ended != ended {
			rt.Errorf("ended: %v", out.Calls[0].Ended)
		}
		want := j.Call()
		want.State = earshot.CallStored
		sameCall(rt, out.Calls[0].Call, want)
		sameFiles(rt, left, files)
	})
}

type failer interface{ Fatalf(string, ...any) }

func sameCall(t failer, got, want earshot.Call) {
	text := func(c earshot.Call) string {
		b, err := json.MarshalIndent(c, "", " ")
		if err != nil {
			t.Fatalf("%v", err)
		}
		return string(b)
	}
	if diff := cmp.Diff(text(want), text(got)); diff != "" {
		t.Fatalf("the call differs (-uninterrupted +replayed):\n%s", diff)
	}
}

func sameFiles(t failer, got, want *shelf) {
	a, b := got.contents(), want.contents()
	if !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) {
		t.Fatalf("files %v, want %v", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	}
	for name := range b {
		if a[name] != b[name] {
			t.Fatalf("%s differs: %d and %d bytes, %.60s %.60s", name, len(a[name]), len(b[name]), a[name], b[name])
		}
	}
}
