package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"earshot"
)

const (
	heartbeatEvery  = 2 * time.Second
	boardTimeout    = 2 * time.Second // for one message to the board
	boardPause      = 250 * time.Millisecond
	boardPauseMax   = 2 * time.Second
	boardMaxEvents  = 4096 // call events that wait; beyond it the oldest go
	boardCloseGrace = 2 * time.Second
)

// publisher puts seat states, call events, levels and heartbeats on the board,
// behind the loop. Of a seat's state and of the levels only the newest counts.
// After a failure everything is put again, for the board may have lost it all.
type publisher struct {
	board  Board
	log    *slog.Logger
	now    func() time.Time
	alarms earshot.AlarmSource

	wake   chan struct{}
	ending context.Context // ends run, and what it has under way
	end    context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	seats   map[string]earshot.LiveSeat // as last told, of all seats that are not offline
	pending []string                    // seats to be put, in order
	events  []earshot.Event
	dropped int // events that found no room since the last were told
	levels  []earshot.SeatLevels
	spare   []earshot.SeatLevels
	fresh   bool // levels have not been sent
	node    earshot.LiveNode
	leases  []string
	beat    time.Time // when the heartbeat was last due
	beatDue bool
}

func newPublisher(opts Options) *publisher {
	ending, end := context.WithCancel(context.Background())
	return &publisher{
		board: opts.Board, log: opts.Log, now: opts.Now, alarms: opts.Alarms.From("publisher"), seats: map[string]earshot.LiveSeat{},
		wake: make(chan struct{}, 1), ending: ending, end: end, done: make(chan struct{}),
	}
}

func (p *publisher) awaken() {
	select {
	case p.wake <- struct{}{}:
	default: // already awake
	}
}

// tellSeat puts a seat's state.
func (p *publisher) tellSeat(live earshot.LiveSeat) {
	p.mu.Lock()
	p.seats[live.Seat] = live
	p.pend(live.Seat)
	p.mu.Unlock()
	p.awaken()
}

func (p *publisher) pend(seat string) {
	if !slices.Contains(p.pending, seat) {
		p.pending = append(p.pending, seat)
	}
}

// tellCall tells that a call began, changed, or was stored.
func (p *publisher) tellCall(now time.Time, call earshot.Call) {
	p.mu.Lock()
	p.events = append(p.events, earshot.Event{Kind: earshot.EventCall, At: earshot.At(now), Call: &call})
	if over := len(p.events) - boardMaxEvents; over > 0 {
		p.events = slices.Delete(p.events, 0, over)
		p.dropped += over
	}
	p.mu.Unlock()
	p.awaken()
}

// tellLevels sends one tick of levels; the slice stays the caller's.
func (p *publisher) tellLevels(levels []earshot.SeatLevels) {
	p.mu.Lock()
	p.levels = append(p.levels[:0], levels...)
	p.fresh = len(levels) > 0
	p.mu.Unlock()
	p.awaken()
}

// tellNode gives what the heartbeat says from now on. What is the matter with the
// node does not wait for the next one.
func (p *publisher) tellNode(node earshot.LiveNode, leases []string, now time.Time) {
	p.mu.Lock()
	alarmed := !slices.Equal(node.Alarms, p.node.Alarms)
	p.node, p.leases = node, leases
	if alarmed || now.Sub(p.beat) >= heartbeatEvery || now.Before(p.beat) {
		p.beat, p.beatDue = now, true
	}
	p.mu.Unlock()
	p.awaken()
}

// run works until close.
func (p *publisher) run() {
	defer close(p.done)
	pause := boardPause
	var again <-chan time.Time
	for {
		select {
		case <-p.wake:
			if again != nil { // still backing off: the timer brings it along
				continue
			}
		case <-again:
		case <-p.ending.Done():
			return
		}
		again = nil
		if err := p.flush(p.ending); err != nil {
			if p.ending.Err() != nil {
				p.putAllAgain()
				return
			}
			p.log.Warn("the live state cannot be told", "again", pause, "err", err)
			p.alarms.Raise(earshot.AlarmRedisAway, earshot.Warning, p.now(), earshot.AsError(err).Text)
			p.putAllAgain()
			again = time.After(pause)
			pause = min(2*pause, boardPauseMax)
			continue
		}
		pause = boardPause
		p.alarms.Clear(earshot.AlarmRedisAway)
		p.sayDropped()
	}
}

// sayDropped says how many events a board that was away for long never had: a
// dashboard finds their calls by reading, none of them is lost.
func (p *publisher) sayDropped() {
	p.mu.Lock()
	n := p.dropped
	p.dropped = 0
	p.mu.Unlock()
	if n > 0 {
		p.log.Warn("the live state was away so long that events of calls were not told", "events", n)
	}
}

// flush puts all that waits: seats before the heartbeat, for a board refuses
// one that names seats it does not know.
func (p *publisher) flush(ctx context.Context) error {
	if err := p.flushSeats(ctx); err != nil {
		return err
	}
	if err := p.flushNode(ctx); err != nil {
		return err
	}
	if err := p.flushEvents(ctx); err != nil {
		return err
	}
	return p.flushLevels(ctx)
}

// put gives one message to the board, which has boardTimeout for it.
func put(ctx context.Context, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, boardTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		return fmt.Errorf("put %s: %w", what, err)
	}
	return nil
}

func (p *publisher) flushNode(ctx context.Context) error {
	p.mu.Lock()
	due, node, leases := p.beatDue, p.node, p.leases
	p.beatDue = false
	p.mu.Unlock()
	if !due {
		return nil
	}
	return put(ctx, "heartbeat", func(ctx context.Context) error { return p.board.PutNode(ctx, node, leases) })
}

func (p *publisher) flushSeats(ctx context.Context) error {
	for {
		live, ok := p.nextSeat()
		if !ok {
			return nil
		}
		err := put(ctx, "seat "+live.Seat, func(ctx context.Context) error { return p.board.PutSeat(ctx, live) })
		if err != nil {
			return err
		}
		p.forgetOffline(live)
	}
}

func (p *publisher) nextSeat() (earshot.LiveSeat, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		return earshot.LiveSeat{}, false
	}
	id := p.pending[0]
	p.pending = p.pending[1:]
	return p.seats[id], true
}

// forgetOffline drops a seat that has nothing more to tell: another node may
// have it next.
func (p *publisher) forgetOffline(told earshot.LiveSeat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if told.State == earshot.SeatOffline && !slices.Contains(p.pending, told.Seat) {
		delete(p.seats, told.Seat)
	}
}

func (p *publisher) flushEvents(ctx context.Context) error {
	for {
		p.mu.Lock()
		events := p.events
		p.events = nil
		p.mu.Unlock()
		if len(events) == 0 {
			return nil
		}
		for i, event := range events {
			err := put(ctx, "call "+event.Call.ID, func(ctx context.Context) error { return p.board.Tell(ctx, event) })
			if err != nil {
				p.mu.Lock()
				p.events = append(events[i:], p.events...)
				p.mu.Unlock()
				return err
			}
		}
	}
}

func (p *publisher) flushLevels(ctx context.Context) error {
	p.mu.Lock()
	fresh, levels := p.fresh, p.levels
	if fresh {
		p.levels, p.spare, p.fresh = p.spare, nil, false
	}
	node := p.node.Name
	p.mu.Unlock()
	if !fresh {
		return nil
	}
	err := put(ctx, "levels", func(ctx context.Context) error { return p.board.PutLevels(ctx, node, levels) })
	p.mu.Lock()
	p.spare = levels
	p.mu.Unlock()
	return err
}

// putAllAgain has every seat and the node put at the next attempt.
func (p *publisher) putAllAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beatDue = p.node.Name != ""
	for id := range p.seats {
		p.pend(id)
	}
}

// close tells what waits, takes the node and its seats off the board, and ends
// run. A board that is away is not waited for: the leases end by themselves.
func (p *publisher) close(ctx context.Context, node string) {
	p.end()
	<-p.done
	ctx, cancel := context.WithTimeout(ctx, boardCloseGrace)
	defer cancel()
	if err := p.flushSeats(ctx); err != nil {
		p.log.Warn("the last live state was not told", "err", err)
		return
	}
	if err := p.flushEvents(ctx); err != nil {
		p.log.Warn("the last events were not told", "err", err)
		return
	}
	if err := put(ctx, "end of node", func(ctx context.Context) error { return p.board.DropNode(ctx, node) }); err != nil {
		p.log.Warn("the node was not taken off the board; its lease ends", "err", err)
	}
}
