package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"earshot"
)

// Viewer is somebody at a wall, who was let in.
type Viewer struct {
	Since   string                          // the last event they have; empty: none
	Message func(kind string) error         // whether they may say that
	Still   func(ctx context.Context) error // whether they may still be here
}

// How a line is kept.
const (
	queueLength  = 256
	writeTimeout = 10 * time.Second
	pingSilence  = 5 * time.Second  // a text ping after so much silence
	pingEvery    = 15 * time.Second // a ping of the protocol, whose answer is awaited
	deadAfter    = 45 * time.Second
	replayWithin = 5 * time.Second
	messageLimit = 4096
)

var errServerEnds = earshot.Fail(earshot.Unavailable, "going_away", "the server is ending or not up yet")

// upgrader leaves the origin to the gate, which has looked at it already.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: 5 * time.Second,
	ReadBufferSize:   1024,
	WriteBufferSize:  4096,
	Subprotocols:     []string{"earshot"},
	CheckOrigin:      func(*http.Request) bool { return true },
}

// leaver is a line that can be told to end.
type leaver interface{ leave(code int, why string) }

// line is a WebSocket with one writer and one reader.
type line struct {
	conn *websocket.Conn
	once sync.Once
	left chan struct{} // closed when the line is to end
	code int           // why, for the other end; set before left is closed
	why  string
}

func newLine(conn *websocket.Conn) *line { return &line{conn: conn, left: make(chan struct{})} }

// leave ends the line with a code; the first one counts.
func (l *line) leave(code int, why string) {
	l.once.Do(func() {
		l.code, l.why = code, why
		close(l.left)
	})
}

func (l *line) write(m *websocket.PreparedMessage) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return l.conn.WritePreparedMessage(m)
}

func (l *line) ping() error {
	return l.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout))
}

// close says why and closes; the writer calls it as its last act.
func (l *line) close() {
	l.leave(websocket.CloseNormalClosure, "")
	// Whether the other end still hears it does not matter.
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(l.code, l.why), time.Now().Add(time.Second))
	_ = l.conn.Close()
}

// read hands each text message to fn until the line breaks, and then ends it.
func (l *line) read(fn func(data []byte)) {
	defer l.leave(websocket.CloseNormalClosure, "")
	l.conn.SetReadLimit(messageLimit)
	alive := func(string) error { return l.conn.SetReadDeadline(time.Now().Add(deadAfter)) }
	if alive("") != nil {
		return
	}
	l.conn.SetPongHandler(alive)
	for {
		kind, data, err := l.conn.ReadMessage()
		if err != nil || alive("") != nil {
			return
		}
		if kind == websocket.TextMessage {
			fn(data)
		} else {
			fn(nil)
		}
	}
}

// client is one wall.
type client struct {
	*line
	viewer Viewer
	queue  chan *websocket.PreparedMessage
	levels atomic.Bool
}

// Serve keeps one wall told until it leaves, is cut off, or the hub ends. Only
// what goes wrong before the WebSocket stands is answered as an error.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, viewer Viewer) error {
	if !h.open() {
		return errServerEnds
	}
	defer h.lines.Done()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	c := &client{line: newLine(conn), viewer: viewer, queue: make(chan *websocket.PreparedMessage, queueLength)}
	c.levels.Store(true)
	h.viewers.Inc()
	defer h.viewers.Dec()

	first, replay := h.join(c)
	defer h.part(c)
	var reader sync.WaitGroup
	reader.Go(func() { c.read(func(data []byte) { h.hearClient(c, data) }) })
	defer reader.Wait()
	defer c.close()
	h.serveClient(r.Context(), c, first, replay)
	return nil
}

// open counts a line in; it says false while the hub does not run.
func (h *Hub) open() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.lines.Add(1)
	return true
}

// missed is what of the stream a client is to be told before its queue.
type missed struct{ since, until string }

// join counts c in: from here on every event comes to its queue. first is what
// it is told before, replay what must be fetched from the stream for that.
func (h *Hub) join(c *client) (first []*websocket.PreparedMessage, replay *missed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first = []*websocket.PreparedMessage{text(helloMessage{"hello", h.Version, earshot.At(h.Now())})}
	since := c.viewer.Since
	switch events, held := h.since(since); {
	case since == "" || !h.state.known:
		first = append(first, h.state.message(h.Now()))
	case held:
		first = append(first, events...)
	default:
		replay = &missed{since, h.state.last}
	}
	if h.closed {
		c.leave(websocket.CloseGoingAway, "the server ends")
	}
	h.clients[c] = struct{}{}
	h.send(c, h.state.rosterMessage())
	if !h.stale.IsZero() {
		h.send(c, text(staleMessage{"stale", earshot.At(h.stale)}))
	}
	return first, replay
}

func (h *Hub) part(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
}

// since are the events after id, if they are all at hand; h.mu is held.
func (h *Hub) since(id string) ([]*websocket.PreparedMessage, bool) {
	if id == h.state.last {
		return nil, true
	}
	for i := len(h.recent) - 1; i >= 0; i-- {
		if h.recent[i].id == id {
			var missed []*websocket.PreparedMessage
			for _, t := range h.recent[i+1:] {
				missed = append(missed, t.message)
			}
			return missed, true
		}
	}
	return nil, false
}

var pingText = text(plainMessage{"ping"})

// serveClient is the writer.
func (h *Hub) serveClient(ctx context.Context, c *client, first []*websocket.PreparedMessage, replay *missed) {
	for _, m := range first {
		if c.write(m) != nil {
			return
		}
	}
	if replay != nil && h.replay(ctx, c, *replay) != nil {
		return
	}
	silence := time.NewTimer(pingSilence)
	defer silence.Stop()
	pings := time.NewTicker(pingEvery)
	defer pings.Stop()
	for {
		var err error
		select {
		case <-c.left:
			return
		default:
		}
		select {
		case m := <-c.queue:
			err = c.write(m)
			silence.Reset(pingSilence)
		case <-silence.C:
			err = c.write(pingText)
			silence.Reset(pingSilence)
		case <-pings.C:
			err = c.ping()
		case <-c.left:
			return
		}
		if err != nil {
			return
		}
	}
}

// replay tells c what it missed from the stream itself, or, if that is no longer
// there, all that is known now.
func (h *Hub) replay(ctx context.Context, c *client, m missed) error {
	ctx, cancel := context.WithTimeout(ctx, replayWithin)
	defer cancel()
	select {
	case h.replays <- struct{}{}:
		defer func() { <-h.replays }()
	case <-ctx.Done():
		return c.write(h.again(c))
	}
	var broken error
	reached := false
	errEnough := errors.New("enough")
	_ = h.Store.Follow(ctx, m.since, func(e earshot.Event) error {
		if broken = c.write(text(eventMessage{Type: "event", ID: e.ID, Event: public(e)})); broken != nil {
			return broken
		}
		if reached = e.ID == m.until; reached {
			return errEnough
		}
		return nil
	}) // how it ended is in reached and broken
	if reached || broken != nil {
		return broken
	}
	return c.write(h.again(c))
}

// again is a snapshot for c in place of all that waits for it.
func (h *Hub) again(c *client) *websocket.PreparedMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(c.queue) > 0 {
		<-c.queue
	}
	if _, in := h.clients[c]; in {
		h.send(c, h.state.rosterMessage())
		if !h.stale.IsZero() {
			h.send(c, text(staleMessage{"stale", earshot.At(h.stale)}))
		}
	}
	return h.state.message(h.Now())
}

// hearClient takes what a client says.
func (h *Hub) hearClient(c *client, data []byte) {
	var m clientMessage
	code := "bad_message"
	if json.Unmarshal(data, &m) == nil && m.Type == "levels" {
		err := c.viewer.Message(m.Type)
		if err == nil {
			c.levels.Store(m.On)
			return
		}
		code = earshot.AsError(err).Code
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, in := h.clients[c]; in {
		h.send(c, text(errorMessage{"error", code}))
	}
}
