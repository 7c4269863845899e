package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"earshot"
)

// How the keeper goes on when something does not take what it has.
const (
	keepPause    = 200 * time.Millisecond // before the first further attempt
	keepPauseMax = 10 * time.Second
	keepTimeout  = 10 * time.Second // for one attempt
	keepTries    = 3                // failures in a row that end a round
	keepAtOnce   = 8                // the disk, not the processor, is waited for
)

// keeper puts calls, agents and tokens on the shelf, behind the loop, and writes
// call files while the shelf is away. Of each only the newest state counts. What fails is tried
// again until the floor closes.
type keeper struct {
	shelf Shelf
	files Files
	log   *slog.Logger

	wake    chan struct{}
	ending  context.Context // ends the round under way
	end     context.CancelFunc
	closing chan context.Context
	done    chan error

	mu      sync.Mutex
	waiting map[string]*chore
	order   []string // of waiting, oldest first
}

// chore is one thing to be kept.
type chore struct {
	do   func(ctx context.Context) error
	kept func() // called once it is kept, if given; any goroutine may
}

func newKeeper(shelf Shelf, files Files, log *slog.Logger) *keeper {
	ending, end := context.WithCancel(context.Background())
	return &keeper{
		shelf: shelf, files: files, log: log, waiting: map[string]*chore{}, ending: ending, end: end,
		wake: make(chan struct{}, 1), closing: make(chan context.Context, 1), done: make(chan error, 1),
	}
}

// keepCall has the call's file and its place in the index brought to this
// state, and then calls kept. Both are the shelf's to do; while it cannot, the
// file at least is written, and wrote called. Either may be nil.
func (k *keeper) keepCall(call earshot.Call, wrote, kept func()) {
	written := false
	k.put("call "+call.ID, &chore{kept: kept, do: func(ctx context.Context) error {
		err := k.shelf.SaveCall(ctx, call)
		if err == nil || written {
			return err
		}
		fileErr := writeCall(k.files, call)
		written = fileErr == nil
		if written && wrote != nil {
			wrote()
		}
		return errors.Join(err, fileErr)
	}})
}

func writeCall(files Files, call earshot.Call) error {
	data, err := json.MarshalIndent(call, "", "  ")
	if err != nil {
		return fmt.Errorf("encode call %s: %w", call.ID, err)
	}
	return files.WriteWhole(earshot.CallFile(call.ID), append(data, '\n'))
}

// keepAgent has an agent's name kept.
func (k *keeper) keepAgent(agent earshot.Agent) {
	k.put("agent "+agent.ID, &chore{do: func(ctx context.Context) error { return k.shelf.SaveAgent(ctx, agent) }})
}

// put replaces what waits under key; it does not wait.
func (k *keeper) put(key string, c *chore) {
	k.mu.Lock()
	if k.waiting[key] == nil {
		k.order = append(k.order, key)
	}
	k.waiting[key] = c
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // already awake
	}
}

// run works until close.
func (k *keeper) run() {
	pause := keepPause
	var again <-chan time.Time
	for {
		select {
		case <-k.wake:
			if again != nil { // still backing off: the timer brings it along
				continue
			}
		case <-again:
		case ctx := <-k.closing:
			k.done <- k.drain(ctx)
			return
		}
		again = nil
		if err := k.round(k.ending); err != nil {
			if k.ending.Err() != nil {
				continue // it was broken off, and what waits is drained next
			}
			k.log.Warn("calls wait to be kept", "waiting", k.waitingCount(), "again", pause, "err", err)
			again = time.After(pause)
			pause = min(2*pause, keepPauseMax)
			continue
		}
		pause = keepPause
	}
}

// round tries all that waits once, several at the same time, giving up after a
// few failures in a row. What failed goes behind the rest, so that one bad call
// holds up no other; so does what comes meanwhile, so that no two states of a
// call are on their way at once.
func (k *keeper) round(ctx context.Context) error {
	r := keeping{left: k.waitingCount()}
	var workers sync.WaitGroup
	for range min(r.left, keepAtOnce) {
		workers.Go(func() {
			for r.more() {
				key, c := k.next()
				if c == nil {
					return
				}
				r.note(key, k.try(ctx, key, c))
			}
		})
	}
	workers.Wait()
	return r.failed
}

// keeping is how a round goes.
type keeping struct {
	mu     sync.Mutex
	left   int // attempts
	row    int // failures since something was kept
	failed error
}

// more says whether there is another attempt, and takes it.
func (r *keeping) more() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 || r.row >= keepTries {
		return false
	}
	r.left--
	return true
}

func (r *keeping) note(key string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.row = 0
		return
	}
	r.row++
	r.failed = fmt.Errorf("keep %s: %w", key, err)
}

// try does a chore, which waits again if it failed.
func (k *keeper) try(ctx context.Context, key string, c *chore) error {
	attempt, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	err := c.do(attempt)
	if err == nil && c.kept != nil {
		c.kept()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil && k.waiting[key] == nil { // no newer one has come
		k.waiting[key] = c
		k.order = append(k.order, key)
	}
	return err
}

func (k *keeper) next() (string, *chore) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.order) == 0 {
		return "", nil
	}
	key := k.order[0]
	k.order = k.order[1:]
	c := k.waiting[key]
	delete(k.waiting, key)
	return key, c
}

func (k *keeper) waitingCount() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.order)
}

// drain keeps what still waits, as long as ctx allows.
func (k *keeper) drain(ctx context.Context) error {
	for {
		err := k.round(ctx)
		if err == nil {
			if k.waitingCount() == 0 {
				return nil
			}
			continue
		}
		select {
		case <-time.After(keepPause):
		case <-ctx.Done():
			return fmt.Errorf("%d calls or agents were not kept in the index: %w", k.waitingCount(), err)
		}
	}
}

// close has everything that waits kept, within ctx, and ends run.
func (k *keeper) close(ctx context.Context) error {
	k.end()
	k.closing <- ctx
	return <-k.done
}
