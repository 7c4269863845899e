package monitor

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"earshot"
)

// changed writes a change of branches, seats or users down and has everybody
// read them again.
func (s *Server) changed(ctx context.Context, action, target, reason string) {
	s.didTo(ctx, action, target, reason)
	s.rosterChanged()
}

func (s *Server) rosterChanged() {
	s.hub.Changed()
	select {
	case s.roster <- struct{}{}:
	default: // it is about to be told anyway
	}
}

const (
	tellTimeout = 3 * time.Second
	tellAgain   = time.Second
)

// tellRoster tells the live state of each change, until it has taken it: ingest
// nodes and other monitors learn of new seats by it.
func (s *Server) tellRoster(ctx context.Context) {
	retry := time.NewTimer(0)
	retry.Stop()
	defer retry.Stop()
	for {
		select {
		case <-s.roster:
		case <-retry.C:
		case <-ctx.Done():
			return
		}
		telling, cancel := context.WithTimeout(ctx, tellTimeout)
		err := s.Live.Tell(telling, earshot.Event{Kind: earshot.EventRoster, At: earshot.At(s.Now())})
		cancel()
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("a change of seats is not told yet", "err", err)
			retry.Reset(tellAgain)
		}
	}
}

// directory is the list of seats as it was last read: what seat pages and the
// wall are shown while the index is away.
type directory struct {
	read func(context.Context) ([]earshot.Seat, error)
	log  *slog.Logger

	mu    sync.Mutex
	seats map[string]earshot.Seat
}

func newDirectory(read func(context.Context) ([]earshot.Seat, error), log *slog.Logger) *directory {
	return &directory{read: read, log: log, seats: map[string]earshot.Seat{}}
}

// ids reads the list and answers the seats' ids.
func (d *directory) ids(ctx context.Context) ([]string, error) {
	seats, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(seats))
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.seats)
	for i, seat := range seats {
		ids[i] = seat.ID
		d.seats[seat.ID] = seat
	}
	return ids, nil
}

// known is a seat as it was last read.
func (d *directory) known(id string) (earshot.Seat, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seat, ok := d.seats[id]
	return seat, ok
}

// changes are the names of the fields that a patch changed.
type changes []string

func (c changes) String() string { return strings.Join(c, " ") }

// set writes a patch's field, if it has it.
func set[T any](c *changes, name string, field *T, to *T) {
	if to != nil {
		*field = *to
		*c = append(*c, name)
	}
}

// listOf is list, or an empty one: JSON has no null lists.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
