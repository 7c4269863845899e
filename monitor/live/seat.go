package live

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"earshot"
)

// SeatLine is a seat page that was let in.
type SeatLine struct {
	Info  func() SeatInfo // what is known of the seat now
	Watch func(ctx context.Context, fn func(earshot.LiveSeat, earshot.SeatLevels)) error
	Still func(ctx context.Context) error // whether it may still be here
}

// seatLine is one seat page. What its watcher finds lies in a mailbox of one:
// a slow page skips states, it does not queue them.
type seatLine struct {
	*line
	about SeatLine
	news  chan struct{}

	mu     sync.Mutex
	seat   earshot.LiveSeat
	levels *earshot.SeatLevels // not sent yet
}

// ServeSeat keeps one seat page told until it leaves or the hub ends. Only what
// goes wrong before the WebSocket stands is answered as an error.
func (h *Hub) ServeSeat(w http.ResponseWriter, r *http.Request, about SeatLine) error {
	if !h.open() {
		return errServerEnds
	}
	defer h.lines.Done()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil // the upgrader has answered
	}
	l := &seatLine{line: newLine(conn), about: about, news: make(chan struct{}, 1)}
	h.joinSeat(l)
	defer h.partSeat(l)

	ctx, cancel := context.WithCancel(r.Context())
	var others sync.WaitGroup
	others.Go(func() { l.read(func([]byte) {}) })
	others.Go(func() { l.watch(ctx) })
	defer others.Wait()
	defer cancel()
	defer l.close()
	l.serve(h.Now)
	return nil
}

func (h *Hub) joinSeat(l *seatLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seatLines[l] = struct{}{}
	h.connected[l.line] = struct{}{}
	if h.closed {
		l.end()
	}
}

func (h *Hub) partSeat(l *seatLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.seatLines, l)
	delete(h.connected, l.line)
}

// watch puts what the floor says of the seat into the mailbox.
func (l *seatLine) watch(ctx context.Context) {
	err := l.about.Watch(ctx, func(seat earshot.LiveSeat, levels earshot.SeatLevels) {
		l.mu.Lock()
		l.seat, l.levels = seat, &levels
		l.mu.Unlock()
		select {
		case l.news <- struct{}{}:
		default:
		}
	})
	if err != nil && ctx.Err() == nil {
		l.leave(websocket.ClosePolicyViolation, earshot.AsError(err).Code)
	}
}

// serve is the writer.
func (l *seatLine) serve(now func() time.Time) {
	var said []byte
	silence := time.NewTimer(pingSilence)
	defer silence.Stop()
	pings := time.NewTicker(pingEvery)
	defer pings.Stop()
	for {
		var err error
		select {
		case <-l.news:
			said, err = l.say(said, now)
			silence.Reset(pingSilence)
		case <-silence.C:
			err = l.write(pingText)
			silence.Reset(pingSilence)
		case <-pings.C:
			err = l.ping()
		case <-l.left:
			return
		}
		if err != nil {
			return
		}
	}
}

// say sends the state if it is not what was said last, and the levels of a seat
// that has a stream. It answers what was said.
func (l *seatLine) say(said []byte, now func() time.Time) ([]byte, error) {
	l.mu.Lock()
	seat, levels := whole(l.seat), l.levels
	l.levels = nil
	l.mu.Unlock()
	info := l.about.Info()
	state, err := json.Marshal(stateMessage{Type: "state", Seat: seat, Info: info})
	if err != nil {
		return said, err
	}
	if !bytes.Equal(state, said) {
		err = l.write(text(stateMessage{Type: "state", Seat: seat, Info: info, At: earshot.At(now())}))
		if err != nil {
			return said, err
		}
	}
	if levels != nil && len(seat.Streams) > 0 {
		err = l.write(text(seatLevelsMessage{"levels", int(levels.Agent), int(levels.Customer)}))
	}
	return state, err
}
