package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"earshot"
)

type tick struct {
	Node   string
	At     time.Time
	Levels []earshot.SeatLevels
}

// followLevels passes ticks on; it returns once the subscription stands.
func followLevels(t *testing.T, s *Store, fn func(tick)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	stands := make(chan struct{}, 1)
	go func() {
		defer close(done)
		_ = s.FollowLevels(ctx, func(node string, at time.Time, levels []earshot.SeatLevels) {
			if node == "probe" {
				select {
				case stands <- struct{}{}:
				default: // one is enough
				}
				return
			}
			fn(tick{node, at, levels})
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	eventually(t, "a subscription", func() bool {
		must(t, s.PutLevels(t.Context(), "probe", nil))
		return len(stands) > 0
	})
}

func TestLevelsReachEveryFollower(t *testing.T) {
	onBoth(t, Options{Now: func() time.Time { return start }}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		one, two := make(chan tick, 10), make(chan tick, 10)
		followLevels(t, s, func(l tick) { one <- l })
		followLevels(t, beside(t, s), func(l tick) { two <- l })
		want := []tick{
			{"n1", start, []earshot.SeatLevels{{Seat: "a", Agent: 0, Customer: 127}, {Seat: "b", Agent: 255, Customer: 13}}},
			{"n2", start, nil},
			{strings.Repeat("n", 255), start, []earshot.SeatLevels{{Seat: strings.Repeat("s", 64), Agent: 10, Customer: 1}}},
		}
		for _, l := range want {
			must(t, s.PutLevels(ctx, l.Node, l.Levels))
		}
		for _, got := range []chan tick{one, two} {
			for _, want := range want {
				if diff := cmp.Diff(want, <-got); diff != "" {
					t.Error(diff)
				}
			}
		}
		if err := s.PutLevels(ctx, strings.Repeat("n", 256), nil); err == nil {
			t.Error("a name that does not fit was sent")
		}
	})
}

// A follower that does not keep up holds nobody up and gets the newest.
func TestSlowFollowerOfLevels(t *testing.T) {
	const ticks = 500
	onBoth(t, Options{}, func(t *testing.T, s *Store) {
		release := make(chan struct{})
		got := make(chan byte, ticks)
		followLevels(t, s, func(l tick) {
			<-release
			got <- l.Levels[0].Agent
		})
		quick := make(chan struct{})
		followLevels(t, beside(t, s), func(l tick) {
			if l.Levels[0].Agent == 255 {
				close(quick)
			}
		})
		for n := range ticks {
			must(t, s.PutLevels(t.Context(), "n1", []earshot.SeatLevels{{Seat: "a", Agent: byte(n % 250)}}))
		}
		must(t, s.PutLevels(t.Context(), "n1", []earshot.SeatLevels{{Seat: "a", Agent: 255}}))
		select {
		case <-quick:
		case <-time.After(patience):
			t.Fatal("the other follower was held up")
		}
		close(release)
		for n := 1; ; n++ {
			if last := <-got; last == 255 {
				if n > ticks/2 { // the queue, and what came while it was emptied
					t.Errorf("%d ticks were kept for a slow follower", n)
				}
				return
			}
		}
	})
}

func TestMalformedLevels(t *testing.T) {
	good, err := packLevels("node", start, []earshot.SeatLevels{{Seat: "a", Agent: 1, Customer: 2}})
	must(t, err)
	if node, at, levels, err := unpackLevels(string(good)); err != nil || node != "node" || !at.Equal(start) || len(levels) != 1 {
		t.Fatalf("a good one: %s %s %v %v", node, at, levels, err)
	}
	bare := 10 + len("node") // without seats it is complete
	for n := range len(good) {
		if _, _, _, err := unpackLevels(string(good[:n])); (err == nil) != (n == bare) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	other := append([]byte{levelsVersion + 1}, good[1:]...)
	if _, _, _, err := unpackLevels(string(other)); err == nil {
		t.Error("a message of another version was read")
	}
}

func FuzzUnpackLevels(f *testing.F) {
	good, err := packLevels("node", start, []earshot.SeatLevels{{Seat: "a", Agent: 1, Customer: 2}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Fuzz(func(t *testing.T, m string) {
		node, at, levels, err := unpackLevels(m)
		if err != nil {
			return
		}
		again, err := packLevels(node, at, levels)
		if err != nil || string(again) != m {
			t.Errorf("%q became %q, %v", m, again, err)
		}
	})
}
