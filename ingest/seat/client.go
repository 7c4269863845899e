package seat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// EventKind says what happened to a seat.
type EventKind string

// What happens to seats.
const (
	Connected EventKind = "connected"
	Lost      EventKind = "lost"     // Err says how; a reconnect may follow
	Waiting   EventKind = "waiting"  // for After, before the next attempt or the next pass
	Finished  EventKind = "finished" // the script was played to its end once
	Closed    EventKind = "closed"   // the stream was ended with DELETE
)

// Event is told of a seat.
type Event struct {
	Kind  EventKind
	Seat  string
	Err   error
	After time.Duration
}

// Client is a seat that plays a script.
type Client struct {
	Engine *Engine
	Target
	Script Script

	// Loop begins anew at the script's end; without it Run returns there.
	Loop bool
	// Rest ends the stream after each pass and waits so long before the next:
	// each pass is a call of its own where streams cut calls. 0 loops in one stream.
	Rest time.Duration
	// Reconnect tries again when the server cannot be reached or the connection
	// breaks. The script goes on meanwhile, as people do.
	Reconnect bool
	// Offset is where in the script the first pass begins.
	Offset time.Duration
	// Events is called for what happens, from Run's goroutine; nil is nobody.
	Events func(Event)
}

// Backoff between attempts to connect: it doubles from the first to the last,
// and is spread so that many seats do not come at once.
const (
	firstWait = 500 * time.Millisecond
	lastWait  = 10 * time.Second
)

// closeWithin is how long the goodbye to the server may take.
const closeWithin = 5 * time.Second

// Run connects and plays until the script ends, a fault comes that is not to be
// retried, or ctx ends (which is no error). The stream is ended with DELETE.
func (c *Client) Run(ctx context.Context) error {
	if len(c.Script.Clips) == 0 {
		return errors.New("the seat has nothing to say")
	}
	if err := c.run(ctx); ctx.Err() == nil {
		return err
	}
	return nil // it was told to stop
}

func (c *Client) run(ctx context.Context) error {
	play := newPlayer(c.Script, c.Loop && c.Rest == 0)
	play.begin(time.Now(), c.Offset)
	wait := firstWait
	for {
		pub, err := c.Engine.Publish(ctx, c.Target, c.Script.Tracks())
		if err == nil {
			wait = firstWait
			c.tell(Event{Kind: Connected})
			err = c.play(ctx, pub, play)
		}
		var refused *Refused
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && !c.Loop:
			return nil
		case err == nil:
			c.tell(Event{Kind: Waiting, After: c.Rest})
			if !sleep(ctx, c.Rest) {
				return ctx.Err()
			}
			play.begin(time.Now(), 0)
			continue
		case !c.Reconnect, errors.As(err, &refused) && refused.Final():
			return fmt.Errorf("seat %s: %w", c.Seat, err)
		}
		after := wait/2 + rand.N(wait/2)
		wait = min(2*wait, lastWait)
		c.tell(Event{Kind: Lost, Err: err})
		c.tell(Event{Kind: Waiting, After: after})
		if !sleep(ctx, after) {
			return ctx.Err()
		}
	}
}

// lastWords is how long the goodbye, which goes another way, lets the last packets
// go ahead: what comes behind it is no part of the call.
const lastWords = 250 * time.Millisecond

// play sends until the script or the connection ends; nil is the script's end.
func (c *Client) play(ctx context.Context, pub *Publisher, play *player) error {
	err := play.run(ctx, pub)
	if errors.Is(err, ErrDisconnected) {
		return errors.Join(err, pub.Abandon())
	}
	if err == nil {
		c.tell(Event{Kind: Finished})
		sleep(ctx, lastWords)
	}
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	closed := pub.Close(bye)
	c.tell(Event{Kind: Closed, Err: closed})
	// A goodbye that did not arrive is told, and no reason to say it again: the
	// server notices by itself.
	return err
}

func (c *Client) tell(e Event) {
	if c.Events != nil {
		e.Seat = c.Seat
		c.Events(e)
	}
}

// sleep waits and says whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
