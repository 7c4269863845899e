package session

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

func snapshot(t *testing.T, s *Store) Snapshot {
	t.Helper()
	shot, err := s.Snapshot(t.Context())
	must(t, err)
	return shot
}

func TestSeatAndNodeAreSeen(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if shot := snapshot(t, s); len(shot.Seats) != 0 || len(shot.Nodes) != 0 || shot.ID == "" {
			t.Errorf("in the beginning: %+v", shot)
		}
		f := following(t, s, "")
		seat, node := liveSeat("hall-1", "n1"), earshot.LiveNode{Name: "n1", Since: earshot.At(start), Seats: 1, Version: "1", Alarms: []earshot.Alarm{{Code: earshot.AlarmDiskLow, Severity: earshot.Warning, Since: earshot.At(start), Detail: "1 GiB"}}}
		must(t, s.PutSeat(ctx, seat))
		must(t, s.PutNode(ctx, node, []string{"hall-1"}))
		bare := earshot.LiveSeat{Seat: "hall-2", Node: "n1", State: earshot.SeatOffline}
		must(t, s.PutSeat(ctx, bare))
		bare.Streams, bare.Listeners = []earshot.Stream{}, []string{} // a page gets lists, not null

		shot := snapshot(t, s)
		if diff := cmp.Diff([]earshot.LiveSeat{seat, bare}, shot.Seats); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]earshot.LiveNode{node}, shot.Nodes); diff != "" {
			t.Error(diff)
		}
		for _, want := range []earshot.Event{
			{Kind: earshot.EventSeat, Seat: &seat}, {Kind: earshot.EventNode, Node: &node}, {Kind: earshot.EventSeat, Seat: &bare},
		} {
			got := f.next(t)
			if got.ID == "" || got.At.IsZero() {
				t.Errorf("an event without id or time: %+v", got)
			}
			want.ID, want.At = got.ID, got.At
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}

		// Put again as they are, they tell nothing; changed, they do.
		must(t, s.PutSeat(ctx, seat))
		must(t, s.PutNode(ctx, node, []string{"hall-1", "hall-2"}))
		node.Calls = 1
		must(t, s.PutNode(ctx, node, []string{"hall-1", "hall-2"}))
		if e := f.next(t); e.Kind != earshot.EventNode || e.Node.Calls != 1 {
			t.Errorf("an unchanged state told %+v", e)
		}
	})
}

func TestTimeOfEventsIsPassedIn(t *testing.T) {
	onBoth(t, Options{Now: func() time.Time { return start }}, func(t *testing.T, s *Store) {
		f := following(t, s, "")
		must(t, s.Tell(t.Context(), earshot.Event{ID: "forged", Kind: earshot.EventRoster}))
		if e := f.next(t); !e.At.Equal(start) || e.ID == "forged" {
			t.Errorf("got %+v", e)
		}
		then := earshot.At(start.Add(-time.Hour))
		must(t, s.Tell(t.Context(), earshot.Event{Kind: earshot.EventRoster, At: then}))
		if e := f.next(t); e.At != then {
			t.Errorf("got %+v", e)
		}
	})
}

// The lease in these tests: long enough to outlast their steps on a busy
// machine, short enough to wait for its end.
const lease = time.Second

func TestLostNode(t *testing.T) {
	onBoth(t, Options{Lease: lease}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		other := beside(t, s)
		f := following(t, s, "")
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutSeat(ctx, offlineSeat("b", "n1")))
		must(t, s.PutSeat(ctx, liveSeat("c", "n2")))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a", "b"}))
		must(t, s.ClaimCall(ctx, "call", "n1"))
		for range 4 {
			f.next(t)
		}
		keep := func() { must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n2"}, []string{"c"})) }

		want := map[string]earshot.SeatState{"a": earshot.SeatUnknown, "b": earshot.SeatOffline, "c": earshot.SeatOnCall}
		states := func() map[string]earshot.SeatState {
			all := make(map[string]earshot.SeatState)
			for _, seat := range snapshot(t, s).Seats {
				all[seat.Seat] = seat.State
			}
			return all
		}
		eventually(t, "a snapshot without the node", func() bool { keep(); return cmp.Equal(want, states()) })

		// Reaped by many at once, it is told once.
		var reapers sync.WaitGroup
		for n := range 8 {
			reapers.Go(func() {
				if err := []*Store{s, other}[n%2].Reap(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		reapers.Wait()
		must(t, s.Reap(ctx))
		must(t, s.Tell(ctx, earshot.Event{Kind: earshot.EventRoster}))
		got := f.until(t, func(e earshot.Event) bool { return e.Kind == earshot.EventRoster })
		var told []string
		for _, e := range got {
			switch {
			case e.Seat != nil:
				told = append(told, fmt.Sprintf("%s %s %s call=%t", e.Seat.Seat, e.Seat.State, e.Seat.Attention, e.Seat.Call != nil))
			case e.Node != nil:
				told = append(told, fmt.Sprintf("%s gone=%t", e.Node.Name, e.Gone))
			}
		}
		if diff := cmp.Diff([]string{"n2 gone=false", "n1 gone=true", "a unknown node_lost call=true"}, told); diff != "" {
			t.Error(diff)
		}
		shot := snapshot(t, s)
		if diff := cmp.Diff(want, states()); diff != "" {
			t.Error(diff)
		}
		if len(shot.Nodes) != 1 || shot.Nodes[0].Name != "n2" {
			t.Errorf("nodes: %+v", shot.Nodes)
		}

		// The node was only cut off: it is told to put everything again.
		wantIs(t, "PutNode after the loss", s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a", "b"}), ErrForgotten)
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutSeat(ctx, offlineSeat("b", "n1")))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a", "b"}))
		keep()
		if got := states()["a"]; got != earshot.SeatOnCall {
			t.Errorf("after the return a is %s", got)
		}
	})
}

// However a node orders its heartbeat and its seats, it comes to an end.
func TestHeartbeatBeforeSeats(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		node := earshot.LiveNode{Name: "n1"}
		must(t, s.PutNode(ctx, node, []string{"a"})) // a is on its way
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutNode(ctx, node, []string{"a"}))
		must(t, s.client.FlushAll(ctx).Err())
		wantIs(t, "PutNode", s.PutNode(ctx, node, []string{"a"}), ErrForgotten)
		must(t, s.PutNode(ctx, node, []string{"a"}))
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.client.FlushAll(ctx).Err())
		wantIs(t, "PutNode after another loss", s.PutNode(ctx, node, []string{"a"}), ErrForgotten)
	})
}

func TestHeartbeatKeepsALease(t *testing.T) {
	onBoth(t, Options{Lease: lease}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		for begun := time.Now(); time.Since(begun) < 2*lease; {
			must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}))
			must(t, s.Reap(ctx))
		}
		if shot := snapshot(t, s); len(shot.Nodes) != 1 || shot.Seats[0].State != earshot.SeatOnCall {
			t.Errorf("lost in spite of heartbeats: %+v", shot)
		}
	})
}

func TestNodeThatEnds(t *testing.T) {
	onBoth(t, Options{Now: func() time.Time { return start }}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutSeat(ctx, offlineSeat("b", "n1")))
		must(t, s.PutSeat(ctx, liveSeat("c", "n2")))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a", "b"}))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n2"}, []string{"c"}))
		must(t, s.ClaimCall(ctx, "call", "n1"))
		f := following(t, s, "")
		must(t, s.DropNode(ctx, "n1"))
		must(t, s.DropNode(ctx, "n1")) // twice is as good as once
		must(t, s.Tell(ctx, earshot.Event{Kind: earshot.EventRoster}))
		got := f.until(t, func(e earshot.Event) bool { return e.Kind == earshot.EventRoster })
		want := offlineSeat("a", "")
		if len(got) != 3 || got[0].Seat == nil || got[1].Node == nil || !got[1].Gone || got[1].Node.Name != "n1" {
			t.Fatalf("told %+v", got)
		}
		if diff := cmp.Diff(want, *got[0].Seat); diff != "" {
			t.Error(diff)
		}
		shot := snapshot(t, s)
		if len(shot.Seats) != 1 || shot.Seats[0].Seat != "c" || len(shot.Nodes) != 1 || shot.Nodes[0].Name != "n2" {
			t.Errorf("left: %+v", shot)
		}
		must(t, s.ClaimCall(ctx, "call", "n2"))
	})
}

// A node that comes again under its name, within the lease of its earlier life.
func TestNodeThatComesAgain(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutSeat(ctx, liveSeat("back", "n1")))
		must(t, s.PutSeat(ctx, liveSeat("left", "n1")))
		must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"back", "left"}))

		again := beside(t, s)
		f := following(t, s, "")
		must(t, again.PutSeat(ctx, liveSeat("back", "n1")))
		must(t, again.PutSeat(ctx, liveSeat("new", "n1")))
		must(t, again.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"back"})) // listed before "new" came
		must(t, again.Tell(ctx, earshot.Event{Kind: earshot.EventRoster}))
		var told []string
		for _, e := range f.until(t, func(e earshot.Event) bool { return e.Kind == earshot.EventRoster }) {
			if e.Seat != nil {
				told = append(told, e.Seat.Seat+" "+string(e.Seat.State))
			}
		}
		if diff := cmp.Diff([]string{"new live", "left offline"}, told); diff != "" {
			t.Error(diff)
		}
		var left []string
		for _, seat := range snapshot(t, s).Seats {
			left = append(left, seat.Seat)
		}
		if diff := cmp.Diff([]string{"back", "new"}, left); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSeatThatMoves(t *testing.T) {
	onBoth(t, Options{Lease: lease}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		node := func() string { return snapshot(t, s).Seats[0].Node }
		must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
		must(t, s.PutSeat(ctx, liveSeat("a", "n2")))
		must(t, s.PutSeat(ctx, offlineSeat("a", "n1"))) // the old node notices at last
		if got := node(); got != "n2" {
			t.Errorf("the seat that moved to n2 is at %s", got)
		}
		wantIs(t, "PutNode of the old node", s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}), nil)
		must(t, s.PutSeat(ctx, liveSeat("a", "n1"))) // and back
		if got := node(); got != "n1" {
			t.Errorf("the seat that moved back is at %s", got)
		}
		eventually(t, "an offline seat replaces that of a lost node", func() bool {
			must(t, s.PutSeat(ctx, offlineSeat("a", "n3")))
			return node() == "n3"
		})
	})
}

func TestCallHasOneOwner(t *testing.T) {
	onBoth(t, Options{Lease: lease}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.ClaimCall(ctx, "call", "n1"))
		must(t, s.ClaimCall(ctx, "call", "n1"))
		err := s.ClaimCall(ctx, "call", "n2")
		wantIs(t, "claimed by two", err, ErrCallOwned)
		if err == nil || !strings.Contains(err.Error(), "n1") {
			t.Errorf("the error does not name the owner: %v", err)
		}
		must(t, s.ReleaseCall(ctx, "call", "n2")) // not its to release
		wantIs(t, "claimed by two", s.ClaimCall(ctx, "call", "n2"), ErrCallOwned)
		must(t, s.ReleaseCall(ctx, "call", "n1"))
		must(t, s.ClaimCall(ctx, "call", "n2"))

		// Taken over when the owner's lease is over, and not given back.
		eventually(t, "takeover", func() bool { return s.ClaimCall(ctx, "call", "n1") == nil })
		wantIs(t, "the old owner comes back", s.ClaimCall(ctx, "call", "n2"), ErrCallOwned)
	})
}

func TestManyClaimOneCall(t *testing.T) {
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		for round := range 5 {
			var nodes sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for n := range 8 {
				nodes.Go(func() {
					if err := s.ClaimCall(ctx, fmt.Sprint("call", round), fmt.Sprint("n", n)); err == nil {
						mu.Lock()
						won++
						mu.Unlock()
					}
				})
			}
			nodes.Wait()
			if won != 1 {
				t.Errorf("round %d: %d nodes own the call", round, won)
			}
		}
	})
}

func TestUnreadableStateIsPassedOver(t *testing.T) {
	onBoth(t, Options{Lease: lease}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		must(t, s.PutSeat(ctx, liveSeat("good", "n1")))
		must(t, s.client.HSet(ctx, keySeats, "bad", "{").Err())
		must(t, s.client.HSet(ctx, keyOwners, "bad", "n1", "empty", "n1").Err())
		if shot := snapshot(t, s); len(shot.Seats) != 1 || shot.Seats[0].Seat != "good" {
			t.Errorf("got %+v", shot)
		}
		eventually(t, "reaped beside the unreadable one", func() bool {
			must(t, s.Reap(ctx))
			owners, err := s.client.HLen(ctx, keyOwners).Result()
			must(t, err)
			return owners == 0
		})
	})
}
