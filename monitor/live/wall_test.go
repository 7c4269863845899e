package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/storage/session"
)

// wall is a hub over a live state, served by HTTP.
type wall struct {
	t     *testing.T
	hub   *Hub
	store Store
	http  *httptest.Server
	end   func() // of the hub, and waits for it

	mu    sync.Mutex
	seats []string
	still error
	watch func(ctx context.Context, fn func(earshot.LiveSeat, earshot.SeatLevels)) error
}

func openStore(t *testing.T, opts session.Options) *session.Store {
	t.Helper()
	s, err := session.Open(t.Context(), opts)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func openWall(t *testing.T, store Store, seats ...string) *wall {
	t.Helper()
	return openAlarmedWall(t, store, nil, seats...)
}

// openAlarmedWall is the wall of node n1, of which alarms say what is the matter.
func openAlarmedWall(t *testing.T, store Store, alarms *earshot.Alarms, seats ...string) *wall {
	t.Helper()
	w := &wall{t: t, store: store, seats: seats}
	w.hub = New(Options{
		Node: "n1", Alarms: alarms,
		Store: store, Version: "test", Log: slog.New(slog.DiscardHandler), Now: time.Now, Registry: prometheus.NewRegistry(),
		Seats: func(context.Context) ([]string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.seats, nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); w.hub.Run(ctx) }()
	w.http = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.http.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew { // so that who does not read is noticed soon
			_ = conn.(*net.TCPConn).SetWriteBuffer(4096)
		}
	}
	w.http.Start()
	w.end = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		w.end()
		w.http.Close()
	})
	eventually(t, "the hub runs and knows the state", func() bool {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return w.hub.state.known && w.hub.state.version > 0
	})
	return w
}

func (w *wall) allowed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.still
}

func (w *wall) serve(rw http.ResponseWriter, r *http.Request) {
	still := func(context.Context) error { return w.allowed() }
	var err error
	if r.URL.Path == "/seat" {
		err = w.hub.ServeSeat(rw, r, SeatLine{Info: func() SeatInfo { return SeatInfo{ID: "s1", Name: "一号"} }, Watch: w.watch, Still: still})
	} else {
		err = w.hub.Serve(rw, r, Viewer{Since: r.URL.Query().Get("since"), Still: still,
			Message: func(string) error { return w.allowed() }})
	}
	if err != nil {
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
	}
}

// viewer is a client at the wall.
type viewer struct {
	t    *testing.T
	conn *websocket.Conn
}

// said is any message of the server's.
type said struct {
	Type    string             `json:"type"`
	ID      string             `json:"id"`
	Version json.RawMessage    `json:"version"`
	Seats   json.RawMessage    `json:"seats"`
	Nodes   []earshot.LiveNode `json:"nodes"`
	Event   earshot.Event      `json:"event"`
	Code    string             `json:"code"`
	Seat    earshot.LiveSeat   `json:"seat"`
	Info    SeatInfo           `json:"seatInfo"`
	Agent   int                `json:"agent"`
	Node    string             `json:"node"`
	Alarms  []earshot.Alarm    `json:"alarms"`
	binary  []byte
}

func (s said) liveSeats(t *testing.T) map[string]earshot.LiveSeat {
	t.Helper()
	var list []earshot.LiveSeat
	must(t, json.Unmarshal(s.Seats, &list))
	seats := map[string]earshot.LiveSeat{}
	for _, seat := range list {
		seats[seat.Seat] = seat
	}
	return seats
}

func (w *wall) view(path string) *viewer {
	w.t.Helper()
	return w.viewBy(path, websocket.DefaultDialer)
}

// smallBuffers dials connections on which little can wait unread.
var smallBuffers = &websocket.Dialer{NetDial: func(network, address string) (net.Conn, error) {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) }), err)
	}}
	return dialer.Dial(network, address)
}}

func (w *wall) viewBy(path string, dialer *websocket.Dialer) *viewer {
	w.t.Helper()
	conn, resp, err := dialer.Dial("ws"+strings.TrimPrefix(w.http.URL, "http")+path, nil)
	must(w.t, err)
	must(w.t, resp.Body.Close())
	w.t.Cleanup(func() { _ = conn.Close() })
	return &viewer{w.t, conn}
}

// next is the next message but levels, which must come.
func (v *viewer) next() said {
	v.t.Helper()
	m, err := v.read()
	must(v.t, err)
	if m.binary != nil {
		return v.next()
	}
	return m
}

func (v *viewer) read() (said, error) {
	must(v.t, v.conn.SetReadDeadline(time.Now().Add(patience)))
	kind, data, err := v.conn.ReadMessage()
	if err != nil {
		return said{}, err
	}
	if kind == websocket.BinaryMessage {
		return said{binary: data}, nil
	}
	var m said
	must(v.t, json.Unmarshal(data, &m))
	return m, nil
}

// want is the next message of a type; others before it fail, but pings.
func (v *viewer) want(kind string) said {
	v.t.Helper()
	m := v.next()
	for m.Type == "ping" {
		m = v.next()
	}
	if m.Type != kind {
		v.t.Fatalf("got %s %+v, want %s", m.Type, m, kind)
	}
	return m
}

// closed reads on to the end and answers the close code.
func (v *viewer) closed() int {
	v.t.Helper()
	for {
		if _, err := v.read(); err != nil {
			var c *websocket.CloseError
			if !errors.As(err, &c) {
				v.t.Fatalf("the connection ended without a code: %v", err)
			}
			return c.Code
		}
	}
}

// patience bounds only how long a test that fails takes: machines may be busy.
const patience = 2 * time.Minute

// eventually asks again until what other goroutines bring about holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
