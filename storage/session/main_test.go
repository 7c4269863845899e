package session

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"earshot"
	"earshot/storage/session/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onBoth runs a test on the embedded Redis and on a real one.
func onBoth(t *testing.T, opts Options, test func(t *testing.T, s *Store)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, opts))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		if server, ok := redistest.Start(t); ok {
			real := opts
			real.URL = server.URL()
			test(t, open(t, real))
		}
	})
}

func open(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), opts)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// beside is another store on the Redis of s, as another process would have it.
func beside(t *testing.T, s *Store) *Store {
	t.Helper()
	if s.embedded == nil {
		return open(t, s.opts)
	}
	other := &Store{opts: s.opts, levels: s.levels, mine: make(map[string]bool)}
	other.ended, other.end = context.WithCancel(context.Background())
	options := *s.client.Options()
	options.Dialer = func(context.Context, string, string) (net.Conn, error) { return s.embedded.Dial() }
	other.client = redis.NewClient(&options)
	t.Cleanup(func() { must(t, other.Close()) })
	return other
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func liveSeat(seat, node string) earshot.LiveSeat {
	return earshot.LiveSeat{
		Seat: seat, Node: node, State: earshot.SeatOnCall, Since: earshot.At(start),
		Agent: &earshot.Agent{ID: "A1", Name: "王芳"}, Call: &earshot.LiveCall{ID: "call-" + seat, StartedAt: earshot.At(start)},
		Streams:   []earshot.Stream{{ID: "s", Sides: []earshot.Side{earshot.SideAgent}, Codec: earshot.Opus, LossPct: 0.5}},
		Listeners: []string{},
	}
}

func offlineSeat(seat, node string) earshot.LiveSeat {
	return earshot.LiveSeat{
		Seat: seat, Node: node, State: earshot.SeatOffline, Since: earshot.At(start),
		Streams: []earshot.Stream{}, Listeners: []string{},
	}
}

// follow collects events in the background until the test ends.
type follow struct {
	events chan earshot.Event
	ended  chan error
	cancel context.CancelFunc
}

func following(t *testing.T, s *Store, since string) *follow {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f := &follow{events: make(chan earshot.Event, 20_000), ended: make(chan error, 1), cancel: cancel}
	if since == "" {
		id, err := s.head(ctx) // so that what the test does next is after it
		must(t, err)
		since = id
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ended <- s.Follow(ctx, since, func(e earshot.Event) error {
			f.events <- e
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

// patience bounds only how long a test that fails takes: machines may be busy.
const patience = 2 * time.Minute

// next is the next event, which must come.
func (f *follow) next(t *testing.T) earshot.Event {
	t.Helper()
	select {
	case e := <-f.events:
		return e
	case err := <-f.ended:
		t.Fatalf("following ended: %v", err)
	case <-time.After(patience):
		t.Fatal("no event came")
	}
	panic("not reached")
}

// until is every event up to the first of which is holds.
func (f *follow) until(t *testing.T, is func(earshot.Event) bool) []earshot.Event {
	t.Helper()
	var all []earshot.Event
	for {
		e := f.next(t)
		all = append(all, e)
		if is(e) {
			return all
		}
	}
}

func (f *follow) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(patience):
		t.Fatal("following did not end")
	}
	return nil
}

// eventually asks again until is holds; for what only Redis's clock brings about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never: " + what)
		}
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
