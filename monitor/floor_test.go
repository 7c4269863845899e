package monitor

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"earshot"
)

// testFloor is a floor in memory: calls open, change and end as the interface
// says, without audio.
type testFloor struct {
	now func() time.Time

	mu       sync.Mutex
	tokens   map[string]string // token to seat
	seats    map[string]earshot.LiveSeat
	calls    map[string]earshot.Call
	audio    []byte
	watchers map[chan struct{}]bool
	heard    time.Duration // what a listening that ends has heard
}

func newTestFloor(now func() time.Time) *testFloor {
	return &testFloor{now: now, tokens: map[string]string{}, seats: map[string]earshot.LiveSeat{}, calls: map[string]earshot.Call{},
		watchers: map[chan struct{}]bool{}}
}

// open puts a seat with a token onto the floor.
func (f *testFloor) open(seat, token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[token] = seat
	f.seats[seat] = earshot.LiveSeat{Seat: seat, State: earshot.SeatOffline}
}

func (f *testFloor) revoke(token string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tokens, token)
}

func (f *testFloor) SeatOfToken(token string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seat, ok := f.tokens[token]
	return seat, ok
}

func (f *testFloor) Ticket(seat, user string) (string, time.Time, error) {
	if _, err := f.Seat(seat); err != nil {
		return "", time.Time{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	token := "ticket_" + seat + "_" + user
	f.tokens[token] = seat
	return token, f.now().Add(time.Hour), nil
}

func (f *testFloor) change(seat string, fn func(*earshot.LiveSeat)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.seats[seat]
	if !ok {
		return earshot.ErrNoSeat
	}
	fn(&s)
	f.seats[seat] = s
	for w := range f.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
	return nil
}

func (f *testFloor) SetAgent(_ context.Context, seat string, agent earshot.Agent) error {
	return f.change(seat, func(s *earshot.LiveSeat) {
		s.Agent = &agent
		if agent == (earshot.Agent{}) {
			s.Agent = nil
		}
	})
}

func (f *testFloor) StartCall(_ context.Context, seat string, facts earshot.CallPatch, _ string) (earshot.Call, error) {
	call := earshot.Call{ID: earshot.NewID(f.now()), Seat: seat, Branch: "hall", Kind: earshot.Counter, Direction: earshot.NoDirection,
		State: earshot.CallLive, StartedAt: earshot.At(f.now()), Channels: 2, Node: "n1"}.Clone()
	facts.Apply(&call)
	err := f.change(seat, func(s *earshot.LiveSeat) {
		s.Call = &earshot.LiveCall{ID: call.ID, StartedAt: call.StartedAt}
		s.State = earshot.SeatFaulty
	})
	if err != nil {
		return earshot.Call{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[call.ID] = call
	return call, nil
}

func (f *testFloor) update(id string, fn func(*earshot.Call)) (earshot.Call, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call, ok := f.calls[id]
	if !ok {
		return earshot.Call{}, earshot.ErrNotLive
	}
	fn(&call)
	f.calls[id] = call
	return call.Clone(), nil
}

func (f *testFloor) UpdateCall(_ context.Context, id string, facts earshot.CallPatch) (earshot.Call, error) {
	return f.update(id, facts.Apply)
}

func (f *testFloor) EndCall(_ context.Context, id string) (earshot.Call, error) {
	call, err := f.update(id, func(c *earshot.Call) { c.EndedAt = earshot.At(f.now()) })
	if err != nil {
		return call, err
	}
	f.mu.Lock()
	delete(f.calls, id)
	f.mu.Unlock()
	return call, f.change(call.Seat, func(s *earshot.LiveSeat) { s.Call, s.State = nil, earshot.SeatOffline })
}

func (f *testFloor) PauseCall(_ context.Context, id, reason, by string) (earshot.Call, error) {
	return f.update(id, func(c *earshot.Call) {
		c.Marks = append(c.Marks, earshot.Mark{ID: earshot.NewID(f.now()), Kind: earshot.MarkPause, By: by, Text: reason, Shared: true})
	})
}

func (f *testFloor) ResumeCall(_ context.Context, id, _ string) (earshot.Call, error) {
	return f.update(id, func(*earshot.Call) {})
}

func (f *testFloor) AddMark(_ context.Context, id string, mark earshot.Mark) (earshot.Mark, error) {
	_, err := f.update(id, func(c *earshot.Call) { c.Marks = append(c.Marks, mark) })
	return mark, err
}

func (f *testFloor) ChangeMark(_ context.Context, id string, mark earshot.Mark) error {
	_, err := f.update(id, func(c *earshot.Call) {
		for i := range c.Marks {
			if c.Marks[i].ID == mark.ID {
				c.Marks[i] = mark
			}
		}
	})
	return err
}

func (f *testFloor) RemoveMark(_ context.Context, id, mark string) error {
	_, err := f.update(id, func(c *earshot.Call) {
		c.Marks = slices.DeleteFunc(c.Marks, func(m earshot.Mark) bool { return m.ID == mark })
	})
	return err
}

func (f *testFloor) LiveCall(id string) (earshot.Call, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call, ok := f.calls[id]
	return call.Clone(), ok
}

func (f *testFloor) LiveAudio(_ context.Context, id string, _ int) (io.ReadSeeker, string, error) {
	if _, ok := f.LiveCall(id); !ok {
		return nil, "", earshot.ErrNotLive
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.NewReader(f.audio), "audio/ogg", nil
}

func (f *testFloor) LiveLevels(id string) (earshot.Levels, error) {
	if _, ok := f.LiveCall(id); !ok {
		return earshot.Levels{}, earshot.ErrNotLive
	}
	return earshot.Levels{StepMs: earshot.LevelStepMs, Agent: []byte{30}, Customer: []byte{earshot.LevelGap}}, nil
}

func (f *testFloor) Seat(seat string) (earshot.LiveSeat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.seats[seat]
	if !ok {
		return s, earshot.ErrNoSeat
	}
	return s, nil
}

func (f *testFloor) WatchSeat(ctx context.Context, seat string, fn func(earshot.LiveSeat, earshot.SeatLevels)) error {
	news := make(chan struct{}, 1)
	f.mu.Lock()
	f.watchers[news] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watchers, news)
	}()
	for {
		s, err := f.Seat(seat)
		if err != nil {
			return err
		}
		fn(s, earshot.SeatLevels{Seat: seat, Agent: 20, Customer: 40})
		select {
		case <-news:
		case <-ctx.Done():
			return nil
		}
	}
}

// ServeListen ends a listening on DELETE.
func (f *testFloor) ServeListen(w http.ResponseWriter, r *http.Request, who Listener) {
	seat, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/whep/"), "/")
	if r.Method != http.MethodDelete {
		w.Header().Set("Location", r.URL.Path+"/1")
		w.WriteHeader(http.StatusCreated)
		return
	}
	heard := earshot.Listened{Seat: seat, Since: f.now().Add(-f.heard), Heard: f.heard}
	if s, err := f.Seat(seat); err == nil && s.Call != nil {
		heard.Call = s.Call.ID
	}
	who.Ended(heard)
}
