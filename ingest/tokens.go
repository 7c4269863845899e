package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"earshot"
)

const (
	rosterEvery   = time.Minute            // the seats are read anew so often without being told
	rosterRetry   = 2 * time.Second        // after a failure
	rosterSpacing = 100 * time.Millisecond // between two readings, however many want one
	rosterTimeout = 5 * time.Second        // for reading them
	rosterWait    = 500 * time.Millisecond // who names an unknown seat waits so long for a reading
	followPause   = time.Second            // before the board's events are followed again
	ticketFor     = 12 * time.Hour
)

// roster is the table of seats in memory: who they are, and whose tokens are
// whose. It is read from the shelf at the start, when somebody says that it
// changed, each minute, and when an unknown seat or token comes; while the shelf
// is away what was read last holds.
type roster struct {
	shelf   Shelf
	keeper  *keeper
	now     func() time.Time
	log     *slog.Logger
	save    func([]byte) error
	saved   func() ([]byte, error)
	changed func(ctx context.Context, seats map[string]earshot.Seat)
	asked   chan struct{} // has a token while a reading is wanted

	mu      sync.Mutex
	seats   map[string]earshot.Seat
	byHash  map[string]string // seat by token hash
	tickets map[string]ticket // by hash
	reading chan struct{}     // closed when the next reading is done
	started int               // readings begun
	done    int               // the newest of them that is in the table
}

// ticket lets somebody publish as a seat without its token.
type ticket struct {
	seat    string
	expires time.Time
}

func newRoster(opts Options, keeper *keeper, changed func(context.Context, map[string]earshot.Seat)) *roster {
	return &roster{
		shelf: opts.Shelf, keeper: keeper, now: opts.wallNow, log: opts.Log,
		save: opts.KeepSeats, saved: opts.KeptSeats, changed: changed,
		asked: make(chan struct{}, 1), reading: make(chan struct{}),
		seats: map[string]earshot.Seat{}, byHash: map[string]string{}, tickets: map[string]ticket{},
	}
}

// load reads the seats for the start, from the copy if the shelf is away.
func (r *roster) load(ctx context.Context) {
	err := r.read(ctx)
	if err == nil {
		return
	}
	r.log.Error("the seats cannot be read from the index", "err", err)
	r.want()
	if r.saved == nil {
		return
	}
	seats, err := r.readCopy()
	if err != nil {
		r.log.Error("nor from their copy", "err", err)
		return
	}
	r.replace(ctx, seats, 0)
}

// run reads the seats anew when somebody asks for it, and each minute, until
// ctx ends.
func (r *roster) run(ctx context.Context) {
	timer := time.NewTimer(rosterEvery)
	defer timer.Stop()
	for {
		select {
		case <-r.asked:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		next := rosterEvery
		if err := r.read(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("the seats cannot be read from the index; the last ones known hold", "err", err)
			next = rosterRetry
		}
		timer.Reset(next)
		select {
		case <-time.After(rosterSpacing):
		case <-ctx.Done():
			return
		}
	}
}

// follow waits for the board to tell that seats were changed, until ctx ends.
func (r *roster) follow(ctx context.Context, board Board) {
	for ctx.Err() == nil {
		err := board.Follow(ctx, "", func(event earshot.Event) error {
			if event.Kind == earshot.EventRoster {
				r.want()
			}
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("the board's events cannot be followed", "err", err)
		select {
		case <-time.After(followPause):
		case <-ctx.Done():
		}
		r.want() // what was told meanwhile was missed
	}
}

// want has the seats read anew soon.
func (r *roster) want() {
	select {
	case r.asked <- struct{}{}:
	default: // a reading is already wanted
	}
}

// read takes the seats from the shelf.
func (r *roster) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rosterTimeout)
	defer cancel()
	r.mu.Lock()
	r.started++
	nth := r.started
	r.mu.Unlock()
	list, err := r.shelf.Seats(ctx)
	if err != nil {
		return fmt.Errorf("read seats: %w", err)
	}
	r.replace(ctx, list, nth)
	if r.save != nil {
		if err := r.writeCopy(list); err != nil {
			r.log.Warn("the copy of the seats cannot be written", "err", err)
		}
	}
	return nil
}

// replace makes list, of the nth reading, the table. The first use of a token that the shelf does
// not know of yet stays known.
func (r *roster) replace(ctx context.Context, list []earshot.Seat, nth int) {
	seats, byHash := make(map[string]earshot.Seat, len(list)), map[string]string{}
	r.mu.Lock()
	for _, s := range list {
		s.Tokens = keepUse(s.Tokens, r.seats[s.ID].Tokens)
		seats[s.ID] = s
		for _, t := range s.Tokens {
			byHash[t.Hash] = s.ID
		}
	}
	r.seats, r.byHash = seats, byHash
	for hash, t := range r.tickets {
		if _, ok := seats[t.seat]; !ok || r.now().After(t.expires) {
			delete(r.tickets, hash)
		}
	}
	r.done = nth
	close(r.reading)
	r.reading = make(chan struct{})
	theirs := maps.Clone(seats) // read by another goroutine, while tokens' uses change ours
	r.mu.Unlock()
	r.changed(ctx, theirs)
}

// keepUse carries over that a token was used before.
func keepUse(now, before []earshot.SeatToken) []earshot.SeatToken {
	for i, t := range now {
		for _, b := range before {
			if t.Hash == b.Hash && t.UsedAt.IsZero() {
				now[i].UsedAt = b.UsedAt
			}
		}
	}
	return now
}

// get is a seat of the table.
func (r *roster) get(seat string) (earshot.Seat, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.seats[seat]
	return s, ok
}

// find is a seat of the table, read anew if it is not there: it may have been
// made a moment ago.
func (r *roster) find(ctx context.Context, seat string) (earshot.Seat, bool) {
	if s, ok := r.get(seat); ok {
		return s, true
	}
	r.readSoon(ctx)
	return r.get(seat)
}

// readSoon has the seats read and waits a moment for it. A reading that was
// already under way does not count: it may miss what is looked for.
func (r *roster) readSoon(ctx context.Context) {
	timer := time.NewTimer(rosterWait)
	defer timer.Stop()
	r.mu.Lock()
	need := r.started + 1
	r.mu.Unlock()
	for {
		r.want()
		r.mu.Lock()
		reading, done := r.reading, r.done
		r.mu.Unlock()
		if done >= need {
			return
		}
		select {
		case <-reading:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// SeatOfToken names the seat that a seat's token, or a ticket, is for. The
// first use of a new token ends the one it replaces. A token never seen is
// waited for, half a second at most, for it may have been made a moment ago.
func (f *Floor) SeatOfToken(token string) (seat string, ok bool) {
	hash := earshot.HashToken(token)
	if seat, ok := f.roster.seatOf(hash); ok {
		return seat, true
	}
	if !earshot.IsSeatToken(token) {
		return "", false
	}
	f.roster.readSoon(context.Background())
	return f.roster.seatOf(hash)
}

func (r *roster) seatOf(hash string) (string, bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.tickets[hash]; ok {
		return t.seat, now.Before(t.expires)
	}
	id, ok := r.byHash[hash]
	if !ok {
		return "", false
	}
	s := r.seats[id]
	switch s.TokenIndex(hash, now) {
	case -1:
		return "", false
	case 0:
		if s.Tokens[0].UsedAt.IsZero() {
			r.firstUse(s, now)
		}
	}
	return id, true
}

// firstUse retires the token that s's newest replaces. r.mu is held.
func (r *roster) firstUse(s earshot.Seat, now time.Time) {
	for _, old := range s.Tokens[1:] {
		delete(r.byHash, old.Hash)
	}
	used := s.Tokens[0]
	used.UsedAt = now
	s.Tokens = []earshot.SeatToken{used}
	r.seats[s.ID] = s
	r.keeper.put("tokens "+s.ID, &chore{do: func(ctx context.Context) error { return r.saveUse(ctx, s.ID, used) }})
}

// saveUse brings the first use of a token to the shelf, where the seat may have
// got another by now.
func (r *roster) saveUse(ctx context.Context, seat string, used earshot.SeatToken) error {
	list, err := r.shelf.Seats(ctx)
	if err != nil {
		return fmt.Errorf("read tokens of seat %s: %w", seat, err)
	}
	for _, s := range list {
		if s.ID != seat {
			continue
		}
		for i, t := range s.Tokens {
			if t.Hash == used.Hash && t.UsedAt.IsZero() {
				tokens := slices.Clone(s.Tokens[:i+1])
				tokens[i] = used
				return r.shelf.SaveTokens(ctx, seat, tokens)
			}
		}
	}
	return nil // the token or its seat is no more, or its use is known
}

// Ticket makes a bearer token with which user may publish as seat, for twelve
// hours or until this node ends.
func (f *Floor) Ticket(seat, user string) (token string, expires time.Time, err error) {
	if _, ok := f.roster.find(context.Background(), seat); !ok {
		return "", time.Time{}, earshot.ErrNoSeat
	}
	token, expires = earshot.NewSeatToken(), f.opts.wallNow().Add(ticketFor)
	f.log.Info("a ticket was made", "seat", seat, "for", user)
	f.roster.mu.Lock()
	defer f.roster.mu.Unlock()
	f.roster.tickets[earshot.HashToken(token)] = ticket{seat: seat, expires: expires}
	return token, expires, nil
}

// seatCopy is a seat as it lies in the copy of the table, with token hashes.
type seatCopy struct {
	earshot.Seat
	Tokens []earshot.SeatToken `json:"tokens"`
}

func (r *roster) writeCopy(list []earshot.Seat) error {
	copies := make([]seatCopy, 0, len(list))
	for _, s := range list {
		copies = append(copies, seatCopy{Seat: s, Tokens: s.Tokens})
	}
	data, err := json.MarshalIndent(copies, "", "  ")
	if err != nil {
		return fmt.Errorf("encode seats: %w", err)
	}
	return r.save(data)
}

func (r *roster) readCopy() ([]earshot.Seat, error) {
	data, err := r.saved()
	if err != nil {
		return nil, err
	}
	var copies []seatCopy
	if err := json.Unmarshal(data, &copies); err != nil {
		return nil, errors.Join(errors.New("the copy of the seats is damaged"), err)
	}
	seats := make([]earshot.Seat, 0, len(copies))
	for _, c := range copies {
		c.Seat.Tokens = c.Tokens
		seats = append(seats, c.Seat)
	}
	return seats, nil
}
