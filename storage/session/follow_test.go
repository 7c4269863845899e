package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

// told makes events that can be told apart.
func told(writer, n int) earshot.Event {
	return earshot.Event{Kind: earshot.EventCall, Call: &earshot.Call{ID: fmt.Sprintf("%d", writer), DurationMs: int64(n)}}
}

func TestOrderUnderConcurrentWriters(t *testing.T) {
	const writers, each = 6, 100
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		stores := []*Store{s, beside(t, s)}
		one, two := following(t, stores[0], ""), following(t, stores[1], "")
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for n := range each {
					if err := stores[w%2].Tell(t.Context(), told(w, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		read := func(f *follow) (ids []string) {
			next := make(map[string]int64)
			for range writers * each {
				e := f.next(t)
				if e.Call.DurationMs != next[e.Call.ID] {
					t.Fatalf("writer %s: event %d came where %d was due", e.Call.ID, e.Call.DurationMs, next[e.Call.ID])
				}
				next[e.Call.ID]++
				ids = append(ids, e.ID)
			}
			return ids
		}
		if diff := cmp.Diff(read(one), read(two)); diff != "" {
			t.Errorf("two followers saw different orders: %s", diff)
		}
	})
}

// A follower that breaks off again and again, and goes on from its last id.
func TestResumeLosesNothing(t *testing.T) {
	const events = 1000
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		since := snapshot(t, s).ID
		var writer sync.WaitGroup
		defer writer.Wait()
		writer.Go(func() {
			for n := range events {
				if err := s.Tell(t.Context(), told(0, n)); err != nil {
					t.Error(err)
				}
			}
		})
		enough := errors.New("enough")
		due, breaks := int64(0), 0
		for due < events {
			until := min(due+1+due%37, events)
			err := s.Follow(t.Context(), since, func(e earshot.Event) error {
				if e.Call.DurationMs != due {
					t.Fatalf("event %d came where %d was due", e.Call.DurationMs, due)
				}
				due++
				since = e.ID
				if due == until {
					return enough
				}
				return nil
			})
			wantIs(t, "Follow", err, enough)
			breaks++
		}
		if breaks < 10 {
			t.Errorf("only %d breaks", breaks)
		}
	})
}

// A snapshot taken among changes, with the events since, makes the last state.
func TestSnapshotAndEventsAgree(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		var writer sync.WaitGroup
		for seat := range 3 {
			writer.Go(func() {
				for n := range 100 {
					live := liveSeat(fmt.Sprint("seat", seat), "n1")
					live.Streams[0].Quality = n
					if err := s.PutSeat(ctx, live); err != nil {
						t.Error(err)
					}
				}
			})
		}
		shots := make([]Snapshot, 10)
		for i := range shots {
			shots[i] = snapshot(t, s)
		}
		writer.Wait()
		must(t, s.Tell(ctx, earshot.Event{Kind: earshot.EventRoster}))
		for _, shot := range shots {
			got := make(map[string]int)
			for _, seat := range shot.Seats {
				got[seat.Seat] = seat.Streams[0].Quality
			}
			for _, e := range following(t, s, shot.ID).until(t, func(e earshot.Event) bool { return e.Kind == earshot.EventRoster }) {
				if e.Seat == nil {
					continue
				}
				was, known := got[e.Seat.Seat]
				if now := e.Seat.Streams[0].Quality; known && now != was+1 || !known && now != 0 {
					t.Fatalf("%s went from %d to %d", e.Seat.Seat, was, now)
				}
				got[e.Seat.Seat] = e.Seat.Streams[0].Quality
			}
			if diff := cmp.Diff(map[string]int{"seat0": 99, "seat1": 99, "seat2": 99}, got); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestGone(t *testing.T) {
	onBoth(t, Options{Events: 100}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		never := func(earshot.Event) error { return errors.New("told an event") }
		old := snapshot(t, s).ID
		epoch, _, _ := strings.Cut(old, ":")
		for _, since := range []string{
			"x", ":", "1-1", epoch + ":", epoch + ":1-1", epoch + ":x", epoch + ":$", epoch + ":-", epoch + ":+",
			"0123456789abcdef" + strings.TrimPrefix(old, epoch),
		} {
			wantIs(t, "Follow "+since, s.Follow(ctx, since, never), ErrGone)
		}
		for n := range 1000 {
			must(t, s.Tell(ctx, told(0, n)))
		}
		kept, err := s.client.XLen(ctx, keyEvents).Result()
		must(t, err)
		if kept < 100 || kept > 300 {
			t.Errorf("%d events are kept, want about 100", kept)
		}
		wantIs(t, "Follow from what was cut off", s.Follow(ctx, old, never), ErrGone)
		// The next snapshot is a place to go on from.
		f := following(t, s, snapshot(t, s).ID)
		must(t, s.Tell(ctx, told(0, 1000)))
		if e := f.next(t); e.Call.DurationMs != 1000 {
			t.Errorf("got %+v", e)
		}
	})
}

// One that is so slow that events are cut off before it has read them is told.
func TestGoneWhileFollowing(t *testing.T) {
	onBoth(t, Options{Events: 100}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		since := snapshot(t, s).ID
		must(t, s.Tell(ctx, told(0, 0)))
		due := int64(0)
		err := s.Follow(ctx, since, func(e earshot.Event) error {
			if e.Call.DurationMs != due {
				return fmt.Errorf("event %d came where %d was due", e.Call.DurationMs, due)
			}
			due++
			if due == 1 {
				for n := range 1000 {
					must(t, s.Tell(ctx, told(0, n+1)))
				}
			}
			return nil
		})
		wantIs(t, "Follow", err, ErrGone)
	})
}

func TestFlushedMemoryIsAnotherEpoch(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}))
		before := snapshot(t, s).ID
		quiet, busy := following(t, s, before), following(t, s, before)
		must(t, s.client.FlushAll(ctx).Err())
		must(t, s.Tell(ctx, told(0, 1)))
		wantIs(t, "one who followed", busy.end(t), ErrGone)
		wantIs(t, "another who followed", quiet.end(t), ErrGone)
		wantIs(t, "one who comes back", s.Follow(ctx, before, nil), ErrGone)

		was, _, _ := strings.Cut(before, ":")
		shot := snapshot(t, s)
		if is, _, _ := strings.Cut(shot.ID, ":"); is == was {
			t.Errorf("the epoch is still %s", is)
		}
		if len(shot.Seats) != 0 {
			t.Errorf("flushed, and there is %+v", shot.Seats)
		}
		wantIs(t, "PutNode", s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}), ErrForgotten)
	})
}

func TestFlushedWithoutAnEventIsNoticed(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		f := following(t, s, "")
		must(t, s.Tell(t.Context(), told(0, 0)))
		f.next(t)
		must(t, s.client.FlushAll(t.Context()).Err())
		wantIs(t, "one who followed", f.end(t), ErrGone)
	})
}

func TestFollowersEnd(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		levels := func(s *Store, ctx context.Context) chan error {
			ended := make(chan error, 1)
			go func() { ended <- s.FollowLevels(ctx, func(string, time.Time, []earshot.SeatLevels) {}) }()
			return ended
		}
		f, l := following(t, s, ""), levels(s, ctx)
		cancelled := time.Now()
		f.cancel()
		cancel()
		wantIs(t, "Follow after its context", f.end(t), context.Canceled)
		wantIs(t, "FollowLevels after its context", <-l, context.Canceled)
		if took := time.Since(cancelled); took > 900*time.Millisecond {
			t.Errorf("ending took %s: the reads were waited for", took)
		}

		other := beside(t, s)
		f, l = following(t, other, ""), levels(other, t.Context())
		must(t, other.Close())
		wantIs(t, "Follow after Close", f.end(t), ErrClosed)
		wantIs(t, "FollowLevels after Close", <-l, ErrClosed)
		wantIs(t, "Tell after Close", other.Tell(t.Context(), told(0, 0)), ErrClosed)
		must(t, other.Close())
	})
}
