package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"earshot"
	"earshot/storage/session"
)

// Store is the live state; session.Store satisfies it.
type Store interface {
	Snapshot(ctx context.Context) (session.Snapshot, error)
	Follow(ctx context.Context, since string, fn func(earshot.Event) error) error
	FollowLevels(ctx context.Context, fn func(node string, at time.Time, levels []earshot.SeatLevels)) error
	Reap(ctx context.Context) error
	Healthy(ctx context.Context) error
}

// Options are what a Hub is made of.
type Options struct {
	Store    Store
	Seats    func(ctx context.Context) ([]string, error) // all seats' ids; the order of levels
	Version  string
	Node     string          // this process's node
	Alarms   *earshot.Alarms // what is the matter with it, told without the store; nil: not told
	Log      *slog.Logger
	Now      func() time.Time
	Registry prometheus.Registerer
}

// How patient the hub is.
const (
	retryEvery   = 500 * time.Millisecond
	watchEvery   = time.Second
	watchTimeout = 2 * time.Second
	settled      = 300 * time.Millisecond // events that have come in for so long come in
	lookEvery    = time.Minute
	lookTimeout  = 10 * time.Second
	keepEvents   = 4096
	replaying    = 8 // clients that read the stream at once; more wait
)

// Hub follows the live state once and tells it to any number of clients.
type Hub struct {
	Options
	look    chan struct{} // something about seats or users changed
	replays chan struct{} // has room for those who may read the stream
	lines   sync.WaitGroup

	viewers prometheus.Gauge
	cut     prometheus.Counter

	mu        sync.Mutex
	state     *state
	meters    *meters
	recent    []told // the last events, oldest first
	base      string // the event, or snapshot, before the first of recent
	clients   map[*client]struct{}
	seatLines map[*seatLine]struct{}
	connected map[*line]struct{} // of clients, seat lines, and clients cut off that do not know it yet
	following time.Time          // since when events are followed; zero while they are not
	stale     time.Time          // since when the store does not answer; zero while it does
	closed    bool
}

// told is an event and the message that tells it.
type told struct {
	id      string
	message *websocket.PreparedMessage
}

// New makes a hub. It starts nothing; until Run runs it refuses everybody.
func New(o Options) *Hub {
	h := &Hub{
		Options: o,
		look:    make(chan struct{}, 1),
		replays: make(chan struct{}, replaying),
		viewers: prometheus.NewGauge(prometheus.GaugeOpts{Name: "earshot_viewers", Help: "Dashboards connected by WebSocket."}),
		cut:     prometheus.NewCounter(prometheus.CounterOpts{Name: "earshot_viewers_cut_off_total", Help: "Dashboards cut off because they did not keep up."}),
		state:   newState(), meters: newMeters(),
		clients: map[*client]struct{}{}, seatLines: map[*seatLine]struct{}{}, connected: map[*line]struct{}{},
		closed: true,
	}
	stale := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "earshot_live_state_stale", Help: "1 while the live state cannot be reached."},
		func() float64 {
			if h.Stale() {
				return 1
			}
			return 0
		})
	o.Registry.MustRegister(h.viewers, h.cut, stale)
	return h
}

// Run follows the live state until ctx ends; then it closes every WebSocket and
// waits for them.
func (h *Hub) Run(ctx context.Context) {
	h.mu.Lock()
	h.closed = false
	h.mu.Unlock()
	h.readRoster(ctx)
	var all sync.WaitGroup
	for _, run := range []func(context.Context){h.follow, h.hear, h.tick, h.watch, h.lookAgain, h.tellAlarms} {
		all.Go(func() { run(ctx) })
	}
	all.Wait()
	h.closeAll()
	h.lines.Wait()
}

// Changed says that seats, branches or users are not what they were: the order
// of levels is read again, and whether each client may stay.
func (h *Hub) Changed() {
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// Stale says whether the live state cannot be reached.
func (h *Hub) Stale() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.stale.IsZero()
}

// follow takes events: from a snapshot on, and from a new one whenever the old
// place in the stream is gone.
func (h *Hub) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := h.followOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		h.mu.Lock()
		h.following = time.Time{}
		if errors.Is(err, session.ErrGone) {
			h.state.known = false
			h.mu.Unlock()
			continue
		}
		h.mu.Unlock()
		h.lost(err)
		wait(ctx, retryEvery)
	}
}

func (h *Hub) followOnce(ctx context.Context) error {
	h.mu.Lock()
	known := h.state.known
	h.mu.Unlock()
	if !known {
		snap, err := h.Store.Snapshot(ctx)
		if err != nil {
			return err
		}
		h.take(snap)
	}
	h.mu.Lock()
	since := h.state.last
	h.following = h.Now()
	h.mu.Unlock()
	return h.Store.Follow(ctx, since, h.event)
}

// take replaces all that is known by snap, and tells everybody.
func (h *Hub) take(snap session.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state.replace(snap.ID, snap.Seats, snap.Nodes)
	h.recent, h.base = nil, snap.ID
	h.tell(h.state.message(h.Now()))
}

// event applies e and hands it to everybody.
func (h *Hub) event(e earshot.Event) error {
	message := text(eventMessage{Type: "event", ID: e.ID, Event: public(e)})
	h.mu.Lock()
	h.state.apply(e)
	if len(h.recent) == keepEvents {
		h.base = h.recent[keepEvents/4-1].id
		h.recent = append(h.recent[:0], h.recent[keepEvents/4:]...)
	}
	h.recent = append(h.recent, told{e.ID, message})
	h.tell(message)
	h.mu.Unlock()
	if e.Kind == earshot.EventRoster {
		h.Changed()
	}
	return nil
}

// tell hands a message to every client; h.mu is held. Who has no room left is
// cut off.
func (h *Hub) tell(m *websocket.PreparedMessage) {
	for c := range h.clients {
		h.send(c, m)
	}
}

func (h *Hub) send(c *client, m *websocket.PreparedMessage) {
	select {
	case c.queue <- m:
	default:
		delete(h.clients, c)
		h.cut.Inc()
		c.leave(websocket.CloseTryAgainLater, "too slow")
	}
}

// hear takes levels from the store.
func (h *Hub) hear(ctx context.Context) {
	for ctx.Err() == nil {
		// Whether the store answers is watch's to find out and to say.
		_ = h.Store.FollowLevels(ctx, func(_ string, _ time.Time, levels []earshot.SeatLevels) {
			h.mu.Lock()
			h.meters.put(levels, h.Now())
			h.mu.Unlock()
		})
		wait(ctx, retryEvery)
	}
}

// tick sends the levels, computed once, to everybody who wants them.
func (h *Hub) tick(ctx context.Context) {
	ticker := time.NewTicker(levelsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.sendLevels()
		case <-ctx.Done():
			return
		}
	}
}

func (h *Hub) sendLevels() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.clients) == 0 {
		return
	}
	data := h.meters.message(h.state.roster, h.state.version, h.Now())
	if data == nil {
		return
	}
	m := prepared(websocket.BinaryMessage, data)
	for c := range h.clients {
		if c.levels.Load() {
			h.send(c, m)
		}
	}
}

// watch reaps lapsed leases and tells when the store stops or starts to answer.
func (h *Hub) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.watchOnce(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (h *Hub) watchOnce(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	err := h.Store.Healthy(asking)
	if err == nil {
		err = h.Store.Reap(asking)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.lost(err)
	default:
		h.found()
	}
}

func (h *Hub) lost(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.stale.IsZero() {
		return
	}
	h.stale = h.Now()
	h.Log.Warn("the live state cannot be reached; dashboards are stale", "err", err)
	h.tell(text(staleMessage{"stale", earshot.At(h.stale)}))
	if h.Alarms != nil {
		h.Alarms.From("hub").Raise(earshot.AlarmRedisAway, earshot.Warning, h.stale, earshot.AsError(err).Text)
	}
}

func (h *Hub) found() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stale.IsZero() || h.following.IsZero() || h.Now().Sub(h.following) < settled {
		return
	}
	h.Log.Info("the live state answers again", "after", h.Now().Sub(h.stale))
	h.stale = time.Time{}
	h.tell(text(plainMessage{"fresh"}))
	if h.Alarms != nil {
		h.Alarms.From("hub").Clear(earshot.AlarmRedisAway)
	}
}

// lookAgain reads the roster and asks whether each client may stay, when
// something changed and once in a while.
func (h *Hub) lookAgain(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.look:
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		h.readRoster(ctx)
		h.recheck(ctx)
	}
}

func (h *Hub) readRoster(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	seats, err := h.Seats(asking)
	if err != nil {
		if ctx.Err() == nil {
			h.Log.Warn("the list of seats cannot be read; the wall keeps the old one", "err", err)
		}
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state.setRoster(seats) {
		h.tell(h.state.rosterMessage())
	}
}

// recheck closes the lines of those who may no longer have them.
func (h *Hub) recheck(ctx context.Context) {
	h.mu.Lock()
	ends := map[leaver]func(context.Context) error{}
	for c := range h.clients {
		ends[c] = c.viewer.Still
	}
	for l := range h.seatLines {
		ends[l] = l.about.Still
	}
	h.mu.Unlock()
	for line, still := range ends {
		asking, cancel := context.WithTimeout(ctx, watchTimeout)
		err := still(asking)
		cancel()
		if refused(err) {
			line.leave(websocket.ClosePolicyViolation, earshot.AsError(err).Code)
		}
	}
}

// refused says whether err is a decision; that nobody could be asked is none.
func refused(err error) bool {
	if err == nil {
		return false
	}
	kind := earshot.AsError(err).Kind
	return kind == earshot.Unauthorized || kind == earshot.Forbidden || kind == earshot.NotFound
}

func (h *Hub) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for l := range h.connected {
		l.end()
	}
}

// wait waits for d or the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
