package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"earshot"
	"earshot/storage/session"
	"earshot/storage/session/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSnapshotEventsAndLevels(t *testing.T) {
	store := openStore(t, session.Options{})
	must(t, store.PutNode(t.Context(), earshot.LiveNode{Name: "n1", Seats: 1}, nil))
	must(t, store.PutSeat(t.Context(), earshot.LiveSeat{Seat: "s2", Node: "n1", State: earshot.SeatIdle}))
	w := openWall(t, store, "s2", "s1")
	v := w.view("/")
	v.want("hello")
	snap := v.want("snapshot")
	seats := snap.liveSeats(t)
	if len(seats) != 2 || seats["s1"].State != earshot.SeatOffline || seats["s2"].State != earshot.SeatIdle || len(snap.Nodes) != 1 || snap.ID == "" {
		t.Errorf("snapshot %+v", snap)
	}
	if roster := v.want("roster"); string(roster.Seats) != `["s1","s2"]` {
		t.Errorf("roster %s", roster.Seats)
	}

	private := earshot.Mark{ID: "m", By: "li", Text: "kept to oneself"}
	must(t, store.PutSeat(t.Context(), earshot.LiveSeat{Seat: "s2", Node: "n1", State: earshot.SeatOnCall}))
	must(t, store.Tell(t.Context(), earshot.Event{Kind: earshot.EventCall, Call: &earshot.Call{ID: "c", Marks: []earshot.Mark{private, {ID: "n", Shared: true}}}}))
	if e := v.want("event"); e.Event.Seat == nil || e.Event.Seat.State != earshot.SeatOnCall || e.ID == "" || e.ID != e.Event.ID {
		t.Errorf("event %+v", e)
	}
	if e := v.want("event"); e.Event.Call == nil || len(e.Event.Call.Marks) != 1 {
		t.Errorf("event %+v", e)
	}
	again := w.view("/")
	again.want("hello")
	if seats := again.want("snapshot").liveSeats(t); seats["s2"].State != earshot.SeatOnCall {
		t.Errorf("a later snapshot has %+v", seats["s2"])
	}

	levels := func(v *viewer, holds func([]byte) bool) {
		t.Helper()
		for {
			must(t, store.PutLevels(t.Context(), "n1", []earshot.SeatLevels{{Seat: "s2", Agent: 20, Customer: 30}}))
			m, err := v.read()
			must(t, err)
			if m.binary != nil && holds(m.binary) {
				return
			}
		}
	}
	levels(v, func(b []byte) bool { return string(b) == string([]byte{1, 0, 1, 255, 255, 20, 30}) })

	// Then it is silent: said once, and no more.
	for {
		m, err := v.read()
		must(t, err)
		if string(m.binary) == string([]byte{1, 0, 1, 255, 255, 255, 255}) {
			break
		}
	}
	// A change of seats changes the order of levels.
	w.mu.Lock()
	w.seats = []string{"s2"}
	w.mu.Unlock()
	must(t, store.Tell(t.Context(), earshot.Event{Kind: earshot.EventRoster}))
	v.want("event")
	if roster := v.want("roster"); string(roster.Seats) != `["s2"]` || string(roster.Version) != "2" {
		t.Errorf("roster %s %s", roster.Version, roster.Seats)
	}
	levels(v, func(b []byte) bool { return string(b) == string([]byte{1, 0, 2, 20, 30}) })
}

// tell appends n events, numbered from first on, and answers when they are told.
func tell(t *testing.T, store *session.Store, first, n int) {
	t.Helper()
	for i := range n {
		must(t, store.Tell(t.Context(), earshot.Event{Kind: earshot.EventCall, Call: &earshot.Call{ID: fmt.Sprint(first + i)}}))
	}
}

// counted reads events numbered from first on, without a gap, up to last.
func (v *viewer) counted(first, last int) (id string) {
	v.t.Helper()
	for i := first; i <= last; i++ {
		e := v.want("event")
		if e.Event.Call == nil || e.Event.Call.ID != fmt.Sprint(i) {
			v.t.Fatalf("event %+v, want number %d", e.Event, i)
		}
		id = e.ID
	}
	return id
}

func TestResume(t *testing.T) {
	store := openStore(t, session.Options{})
	w := openWall(t, store, "s1")
	v := w.view("/")
	v.want("hello")
	start := v.want("snapshot").ID
	v.want("roster")
	tell(t, store, 1, 3)
	second := func() string { return v.counted(1, 2) }()
	third := v.counted(3, 3)

	t.Run("what was missed, from memory", func(t *testing.T) {
		v := w.view("/?since=" + second)
		v.t = t
		v.want("hello")
		v.counted(3, 3)
		v.want("roster")
	})
	t.Run("nothing was missed", func(t *testing.T) {
		v := w.view("/?since=" + third)
		v.t = t
		v.want("hello")
		v.want("roster")
	})
	t.Run("what was missed, from the stream", func(t *testing.T) {
		other := openWall(t, store, "s1") // a server that has seen none of it
		for _, since := range []string{start, second} {
			v := other.view("/?since=" + since)
			v.want("hello")
			v.counted(map[string]int{start: 1, second: 3}[since], 3)
			v.want("roster")
		}
	})
	t.Run("its place is gone", func(t *testing.T) {
		for _, since := range []string{"nonsense", "0123456789abcdef:1-1"} {
			v := w.view("/?since=" + since)
			v.t = t
			v.want("hello")
			if snap := v.want("snapshot"); snap.ID != third {
				t.Errorf("a snapshot of %s, want %s", snap.ID, third)
			}
			v.want("roster")
		}
	})
}

// However often a viewer comes and goes while events are told, it sees each one
// once and in order; so does one who takes up at a server that was just started.
func TestResumeUnderLoad(t *testing.T) {
	store := openStore(t, session.Options{})
	w, fresh := openWall(t, store, "s1"), openWall(t, store, "s1")
	v := w.view("/")
	v.want("hello")
	since := v.want("snapshot").ID
	must(t, v.conn.Close())
	const events = 600
	var telling sync.WaitGroup
	telling.Go(func() { tell(t, store, 1, events) })
	defer telling.Wait()
	for next, visit := 1, 0; next <= events; visit++ {
		v := []*wall{w, fresh}[visit%2].view("/?since=" + since)
		v.want("hello")
		for seen := 0; seen < 30 && next <= events; {
			m := v.next()
			if m.Type != "event" {
				if m.Type == "snapshot" {
					t.Fatal("a snapshot, although the place is not gone")
				}
				continue
			}
			if m.Event.Call.ID != fmt.Sprint(next) {
				t.Fatalf("event %s, want %d", m.Event.Call.ID, next)
			}
			since, next, seen = m.ID, next+1, seen+1
		}
		must(t, v.conn.Close())
	}
}

// laggingStore holds back what its first follower, the hub, is told.
type laggingStore struct {
	*session.Store
	once sync.Once
	let  chan struct{}
}

func (l *laggingStore) Follow(ctx context.Context, since string, fn func(earshot.Event) error) error {
	first := false
	l.once.Do(func() { first = true })
	return l.Store.Follow(ctx, since, func(e earshot.Event) error {
		if first {
			select {
			case <-l.let:
			case <-ctx.Done():
			}
		}
		return fn(e)
	})
}

// A viewer that comes from another server, which was ahead of this one, is told
// nothing twice and given no snapshot.
func TestResumeAhead(t *testing.T) {
	store := &laggingStore{Store: openStore(t, session.Options{}), let: make(chan struct{})}
	other, w := openWall(t, store.Store, "s1"), openWall(t, store, "s1")
	first := other.view("/")
	first.want("hello")
	first.want("snapshot")
	first.want("roster")
	tell(t, store.Store, 1, 3)
	since := first.counted(1, 3)
	v := w.view("/?since=" + since)
	v.want("hello")
	tell(t, store.Store, 4, 1)
	close(store.let)
	v.counted(4, 4)
	v.want("roster")
	tell(t, store.Store, 5, 1)
	v.counted(5, 5)
}

// Who does not read is cut off with 1013, and takes up where it was; nobody
// else notices.
func TestSlowViewerIsCutOff(t *testing.T) {
	store := openStore(t, session.Options{})
	w := openWall(t, store, "s1")
	slow, quick := w.viewBy("/", smallBuffers), w.view("/")
	for _, v := range []*viewer{slow, quick} {
		v.want("hello")
		v.want("snapshot")
		v.want("roster")
	}
	told := 0
	eventually(t, "the slow one is cut off", func() bool {
		tell(t, store, told+1, 20)
		told += 20
		quick.counted(told-19, told)
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return len(w.hub.clients) == 1
	})
	first, last, since := 1, 0, ""
	for {
		m, err := slow.read()
		if err != nil {
			var c *websocket.CloseError
			if !errors.As(err, &c) || c.Code != websocket.CloseTryAgainLater {
				t.Fatalf("cut off by %v", err)
			}
			break
		}
		if m.Type == "event" {
			last++
			if m.Event.Call.ID != fmt.Sprint(last) {
				t.Fatalf("event %s, want %d", m.Event.Call.ID, last)
			}
			since = m.ID
		}
	}
	if last < first {
		t.Fatal("nothing was read before the cut")
	}
	back := w.view("/?since=" + since)
	back.want("hello")
	back.counted(last+1, told)
}

// The server's end does not wait for one who does not read, cut off or not.
func TestServerEndsThoughAViewerDoesNotRead(t *testing.T) {
	store := openStore(t, session.Options{})
	w := openWall(t, store, "s1")
	slow := w.viewBy("/", smallBuffers)
	slow.want("hello")
	quick := w.view("/")
	for _, kind := range []string{"hello", "snapshot", "roster"} {
		quick.want(kind)
	}
	told := 0
	eventually(t, "the slow one is cut off", func() bool {
		tell(t, store, told+1, 20)
		told += 20
		quick.counted(told-19, told)
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return len(w.hub.clients) == 1
	})
	began := time.Now()
	w.end()
	if took := time.Since(began); took > writeTimeout/2 {
		t.Errorf("the end took %v", took)
	}
}

// When Redis goes the wall says so and keeps what it shows; when it is back,
// having forgotten everything, the wall gets a new snapshot.
func TestRedisGoesAndComesBack(t *testing.T) {
	server, ok := redistest.Start(t)
	if !ok {
		return
	}
	store := openStore(t, session.Options{URL: server.URL()})
	must(t, store.PutSeat(t.Context(), earshot.LiveSeat{Seat: "s1", Node: "n1", State: earshot.SeatIdle}))
	w := openWall(t, store, "s1")
	v := w.view("/")
	v.want("hello")
	v.want("snapshot")
	v.want("roster")
	server.Stop()
	v.want("stale")
	if !w.hub.Stale() {
		t.Error("the hub does not know it")
	}
	late := w.view("/") // comes while it is away
	late.want("hello")
	if seats := late.want("snapshot").liveSeats(t); seats["s1"].State != earshot.SeatIdle {
		t.Errorf("the state is not kept: %+v", seats["s1"])
	}
	late.want("roster")
	late.want("stale")
	server.Start()
	for _, v := range []*viewer{v, late} {
		snap := v.want("snapshot")
		if seats := snap.liveSeats(t); seats["s1"].State != earshot.SeatOffline {
			t.Errorf("after a new beginning: %+v", seats["s1"])
		}
		v.want("fresh")
	}
	must(t, store.PutSeat(t.Context(), earshot.LiveSeat{Seat: "s1", Node: "n1", State: earshot.SeatOnCall}))
	v.want("event")
}

func TestWhatViewersSay(t *testing.T) {
	store := openStore(t, session.Options{})
	w := openWall(t, store, "s1")
	v := w.view("/")
	v.want("hello")
	v.want("snapshot")
	v.want("roster")
	for _, bad := range []string{`{"type":"dance"}`, `nonsense`, `{"type":"levels","on":7}`} {
		must(t, v.conn.WriteMessage(websocket.TextMessage, []byte(bad)))
		if m := v.want("error"); m.Code != "bad_message" {
			t.Errorf("%s: %s", bad, m.Code)
		}
	}
	must(t, v.conn.WriteJSON(clientMessage{"levels", false}))
	must(t, v.conn.WriteJSON(clientMessage{"dance", false}))
	v.want("error") // so the levels are off now
	must(t, store.PutLevels(t.Context(), "n1", []earshot.SeatLevels{{Seat: "s1", Agent: 20, Customer: 30}}))
	w.mu.Lock()
	w.still = earshot.ErrForbidden
	w.mu.Unlock()
	must(t, v.conn.WriteJSON(clientMessage{"levels", true}))
	for {
		m, err := v.read()
		must(t, err)
		if m.binary != nil {
			t.Fatal("levels, although they are off")
		}
		if m.Type == "error" {
			if m.Code != "forbidden" {
				t.Errorf("code %s", m.Code)
			}
			break
		}
	}
	w.hub.Changed()
	if code := v.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("who may no longer be here is closed with %d", code)
	}
}

func TestSilenceIsBrokenByPings(t *testing.T) {
	w := openWall(t, openStore(t, session.Options{}), "s1")
	v := w.view("/")
	v.want("hello")
	v.want("snapshot")
	v.want("roster")
	if m := v.next(); m.Type != "ping" {
		t.Errorf("got %+v", m)
	}
}

func TestServerEnds(t *testing.T) {
	store := openStore(t, session.Options{})
	hub := New(Options{Store: store, Log: slog.New(slog.DiscardHandler), Now: time.Now, Registry: prometheus.NewRegistry(),
		Seats: func(context.Context) ([]string, error) { return nil, errors.New("away") }})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := hub.Serve(w, r, Viewer{}); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http")
	_, refused, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil || refused.StatusCode != http.StatusServiceUnavailable {
		t.Error("let in before the hub runs")
	}
	must(t, refused.Body.Close())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); hub.Run(ctx) }()
	eventually(t, "the hub runs", func() bool {
		hub.mu.Lock()
		defer hub.mu.Unlock()
		return !hub.closed
	})
	conn, resp, err := websocket.DefaultDialer.Dial(url, nil)
	must(t, err)
	must(t, resp.Body.Close())
	v := &viewer{t, conn}
	defer func() { _ = conn.Close() }()
	v.want("hello")
	cancel()
	if code := v.closed(); code != websocket.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
	<-ended
}

func TestSeatLine(t *testing.T) {
	w := openWall(t, openStore(t, session.Options{}), "s1")
	states := make(chan earshot.LiveSeat)
	gone := make(chan struct{})
	w.watch = func(ctx context.Context, fn func(earshot.LiveSeat, earshot.SeatLevels)) error {
		for {
			select {
			case s := <-states:
				fn(s, earshot.SeatLevels{Seat: "s1", Agent: 33, Customer: 44})
			case <-gone:
				return earshot.ErrNoSeat
			case <-ctx.Done():
				return nil
			}
		}
	}
	v := w.view("/seat")
	states <- earshot.LiveSeat{Seat: "s1", State: earshot.SeatOffline}
	if m := v.want("state"); m.Seat.State != earshot.SeatOffline || m.Info.Name != "一号" || m.Seat.Streams == nil {
		t.Errorf("state %+v", m)
	}
	up := earshot.LiveSeat{Seat: "s1", State: earshot.SeatIdle, Streams: []earshot.Stream{{ID: "x"}}}
	states <- up
	v.want("state")
	if m := v.want("levels"); m.Agent != 33 {
		t.Errorf("levels %+v", m)
	}
	states <- up // nothing but levels is new
	v.want("levels")
	close(gone)
	if code := v.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d", code)
	}
}
