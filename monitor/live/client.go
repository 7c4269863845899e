package live

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
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
	endWithin    = 500 * time.Millisecond // what is being written when the server ends
	pingSilence  = 5 * time.Second        // a text ping after so much silence
	pingEvery    = 15 * time.Second       // a ping of the protocol, whose answer is awaited
	deadAfter    = 45 * time.Second
	replayWithin = 5 * time.Second
	noticeEvery  = 20 * time.Millisecond
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

// end ends the line because the server does: a write that waits for a reader who
// does not read is broken off.
func (l *line) end() {
	l.leave(websocket.CloseGoingAway, "the server ends")
	// Where it fails the connection is gone already.
	_ = l.conn.NetConn().SetWriteDeadline(time.Now().Add(endWithin))
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

// join counts c in: from here on every event comes to its queue. first is what
// it is told before; replay, that what it missed must be fetched from the stream.
func (h *Hub) join(c *client) (first []*websocket.PreparedMessage, replay bool) {
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
		replay = true
	}
	if h.closed {
		c.end()
	}
	h.clients[c] = struct{}{}
	h.connected[c.line] = struct{}{}
	h.greet(c)
	return first, replay
}

// greet puts the order of levels, and that the state is stale if it is, into c's
// queue; h.mu is held.
func (h *Hub) greet(c *client) {
	h.send(c, h.state.rosterMessage())
	if h.Alarms != nil {
		h.send(c, h.alarmsMessage())
	}
	if !h.stale.IsZero() {
		h.send(c, text(staleMessage{"stale", earshot.At(h.stale)}))
	}
}

func (h *Hub) part(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
	delete(h.connected, c.line)
}

// since are the events after id, if they are all at hand; h.mu is held.
func (h *Hub) since(id string) ([]*websocket.PreparedMessage, bool) {
	from := 0
	if id != h.base {
		i := slices.IndexFunc(h.recent, func(t told) bool { return t.id == id })
		if i < 0 {
			return nil, false
		}
		from = i + 1
	}
	var events []*websocket.PreparedMessage
	for _, t := range h.recent[from:] {
		events = append(events, t.message)
	}
	return events, true
}

// holds says whether the events after id are all at hand.
func (h *Hub) holds(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, held := h.since(id)
	return held
}

var pingText = text(plainMessage{"ping"})

// serveClient is the writer.
func (h *Hub) serveClient(ctx context.Context, c *client, first []*websocket.PreparedMessage, replay bool) {
	for _, m := range first {
		if c.write(m) != nil {
			return
		}
	}
	if replay && h.replay(ctx, c) != nil {
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

// replay tells c what it missed from the stream itself, until it has come to
// where the hub's own events begin; those follow. It may be the hub that is
// behind, where c comes from another server: then the hub gets there. Where
// neither happens c is told all that is known now.
func (h *Hub) replay(ctx context.Context, c *client) error {
	ctx, cancel := context.WithTimeout(ctx, replayWithin)
	defer cancel()
	var seen atomic.Value
	seen.Store(c.viewer.Since)
	var broken error
	if h.takeTurn(ctx) {
		var noticing sync.WaitGroup
		noticing.Go(func() { h.notice(ctx, cancel, &seen) })
		// How it ended, but for a broken line, does not matter: see rest.
		_ = h.Store.Follow(ctx, c.viewer.Since, func(e earshot.Event) error {
			if broken = c.write(text(eventMessage{Type: "event", ID: e.ID, Event: public(e)})); broken != nil {
				return broken
			}
			seen.Store(e.ID)
			if h.holds(e.ID) {
				cancel()
			}
			return ctx.Err()
		})
		cancel()
		noticing.Wait()
		<-h.replays
	}
	if broken != nil {
		return broken
	}
	for _, m := range h.rest(c, seen.Load().(string)) {
		if err := c.write(m); err != nil {
			return err
		}
	}
	return nil
}

// takeTurn waits for room to read the stream.
func (h *Hub) takeTurn(ctx context.Context) bool {
	select {
	case h.replays <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// notice cancels once the hub itself holds all after what was seen.
func (h *Hub) notice(ctx context.Context, cancel context.CancelFunc, seen *atomic.Value) {
	ticker := time.NewTicker(noticeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if h.holds(seen.Load().(string)) {
				cancel()
			}
		case <-ctx.Done():
			return
		}
	}
}

// rest is, in place of all that waits for c, what came after the event seen, or
// if that is not at hand a snapshot.
func (h *Hub) rest(c *client, seen string) []*websocket.PreparedMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(c.queue) > 0 {
		<-c.queue
	}
	if _, in := h.clients[c]; in {
		h.greet(c)
	}
	if events, held := h.since(seen); held {
		return events
	}
	return []*websocket.PreparedMessage{h.state.message(h.Now())}
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
