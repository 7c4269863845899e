package session

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/storage/session/redistest"
)

func TestOpenWithoutRedis(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	silent := l.Addr().String() // takes connections and never answers
	defer func() { must(t, l.Close()) }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := free.Addr().String()
	must(t, free.Close())
	for _, c := range []struct {
		url  string
		want error
	}{
		{"redis://:secret@" + nobody, ErrUnreachable},
		{"redis://:secret@" + silent, ErrUnreachable},
		{"unix:///nowhere/redis.sock", ErrUnreachable},
		{"http://:secret@" + nobody, ErrBadURL},
		{"redis://:secret@host:port", ErrBadURL},
		{"host:6379", ErrBadURL},
	} {
		begun := time.Now()
		_, err := Open(t.Context(), Options{URL: c.url})
		wantIs(t, c.url, err, c.want)
		if took := time.Since(begun); took > 2*answerWithin {
			t.Errorf("%s: took %s", c.url, took)
		}
		if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(earshot.AsError(err).Text, "secret") {
			t.Errorf("not one clear line: %q", text)
		}
	}
}

// A patient store opens without Redis, and works once it is there.
func TestPatientStore(t *testing.T) {
	server, ok := redistest.Start(t)
	if !ok {
		return
	}
	server.Stop()
	ctx := t.Context()
	s := open(t, Options{URL: server.URL(), Patient: true})
	wantIs(t, "PutSeat", s.PutSeat(ctx, liveSeat("a", "n1")), ErrAway)
	wantIs(t, "Follow", s.Follow(ctx, "", nil), ErrAway)
	server.Start()
	eventually(t, "it heals", func() bool { return s.Healthy(ctx) == nil })
	must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
	must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}))
	if shot := snapshot(t, s); len(shot.Seats) != 1 || len(shot.Nodes) != 1 {
		t.Errorf("after the return: %+v", shot)
	}
	_, err := Open(ctx, Options{URL: "host:6379", Patient: true})
	wantIs(t, "a bad URL", err, ErrBadURL)
}

// calls is every method that asks Redis.
func calls(s *Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"PutSeat":      func(ctx context.Context) error { return s.PutSeat(ctx, liveSeat("a", "n1")) },
		"PutNode":      func(ctx context.Context) error { return s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, nil) },
		"DropNode":     func(ctx context.Context) error { return s.DropNode(ctx, "n1") },
		"Tell":         func(ctx context.Context) error { return s.Tell(ctx, told(0, 0)) },
		"PutLevels":    func(ctx context.Context) error { return s.PutLevels(ctx, "n1", nil) },
		"ClaimCall":    func(ctx context.Context) error { return s.ClaimCall(ctx, "call", "n1") },
		"ReleaseCall":  func(ctx context.Context) error { return s.ReleaseCall(ctx, "call", "n1") },
		"Snapshot":     func(ctx context.Context) error { _, err := s.Snapshot(ctx); return err },
		"Reap":         func(ctx context.Context) error { return s.Reap(ctx) },
		"Healthy":      func(ctx context.Context) error { return s.Healthy(ctx) },
		"Follow":       func(ctx context.Context) error { return s.Follow(ctx, "", nil) },
		"FollowLevels": func(ctx context.Context) error { return s.FollowLevels(ctx, nil) },
	}
}

func TestOutage(t *testing.T) {
	for _, c := range []struct {
		name      string
		away      func(*redistest.Server)
		back      func(*redistest.Server)
		forgotten bool
	}{
		{"stopped", (*redistest.Server).Stop, (*redistest.Server).Start, true},
		{"frozen", (*redistest.Server).Freeze, (*redistest.Server).Thaw, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, ok := redistest.Start(t)
			if !ok {
				return
			}
			ctx := t.Context()
			s := open(t, Options{URL: server.URL()})
			must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
			must(t, s.PutNode(ctx, earshot.LiveNode{Name: "n1"}, []string{"a"}))
			f := following(t, s, "")
			must(t, s.Tell(ctx, told(0, 0)))
			last := f.next(t).ID
			levels := make(chan error, 1)
			stands := make(chan struct{}, 1000)
			go func() {
				levels <- s.FollowLevels(ctx, func(string, time.Time, []earshot.SeatLevels) { stands <- struct{}{} })
			}()
			eventually(t, "a subscription", func() bool {
				must(t, s.PutLevels(ctx, "n1", nil))
				return len(stands) > 0
			})

			c.away(server)
			lost := time.Now()
			wantIs(t, "Follow", f.end(t), ErrAway)
			wantIs(t, "FollowLevels", <-levels, ErrAway)
			if took := time.Since(lost); took > 5*answerWithin {
				t.Errorf("followers noticed after %s", took)
			}
			var waiting sync.WaitGroup
			for name, call := range calls(s) {
				waiting.Go(func() {
					begun := time.Now()
					wantIs(t, name, call(ctx), ErrAway)
					if took := time.Since(begun); took > 2*answerWithin { // it was tried twice
						t.Errorf("%s waited %s", name, took)
					}
				})
			}
			waiting.Wait()
			gone, cancel := context.WithCancel(ctx)
			cancel()
			wantIs(t, "with a context that is over", s.Tell(gone, told(0, 0)), context.Canceled)

			c.back(server)
			eventually(t, "healthy again", func() bool { return s.Healthy(ctx) == nil })
			node := earshot.LiveNode{Name: "n1"}
			if c.forgotten {
				wantIs(t, "Follow", s.Follow(ctx, last, nil), ErrGone)
				wantIs(t, "PutNode", s.PutNode(ctx, node, []string{"a"}), ErrForgotten)
				must(t, s.PutSeat(ctx, liveSeat("a", "n1")))
			}
			must(t, s.PutNode(ctx, node, []string{"a"}))
			if shot := snapshot(t, s); len(shot.Seats) != 1 || shot.Seats[0].State != earshot.SeatOnCall {
				t.Errorf("after the return: %+v", shot)
			}
			if c.forgotten {
				last = ""
			}
			f = following(t, s, last)
			must(t, s.Tell(ctx, told(0, 7)))
			f.until(t, func(e earshot.Event) bool { return e.Call != nil && e.Call.DurationMs == 7 })
		})
	}
}

func TestDatabasesAreApart(t *testing.T) {
	server, ok := redistest.Start(t)
	if !ok {
		return
	}
	ctx := t.Context()
	one := open(t, Options{URL: "redis://" + server.Addr() + "/1"})
	two := open(t, Options{URL: "redis://" + server.Addr() + "/2"})
	got := make(chan tick, 1)
	followLevels(t, two, func(l tick) { got <- l })
	must(t, one.PutSeat(ctx, liveSeat("a", "n1")))
	must(t, one.PutLevels(ctx, "one", nil))
	must(t, two.PutLevels(ctx, "two", nil))
	if shot := snapshot(t, two); len(shot.Seats) != 0 {
		t.Errorf("another database's seats are seen: %+v", shot.Seats)
	}
	if l := <-got; l.Node != "two" {
		t.Errorf("another database's levels are seen: %+v", l)
	}
}

func TestEmbeddedStoresAreApart(t *testing.T) {
	one, two := open(t, Options{}), open(t, Options{URL: Embedded})
	must(t, one.PutSeat(t.Context(), liveSeat("a", "n1")))
	if shot := snapshot(t, two); len(shot.Seats) != 0 {
		t.Errorf("got %+v", shot.Seats)
	}
	must(t, one.Close())
	if err := one.Healthy(t.Context()); err == nil || !errors.Is(err, ErrClosed) {
		t.Errorf("healthy after Close: %v", err)
	}
}
