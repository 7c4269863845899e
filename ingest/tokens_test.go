package ingest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"earshot"
)

// renew gives the seat a new token, as the monitor does.
func (h *hall) renew(seat string) string {
	token := earshot.NewSeatToken()
	h.shelf.change(func() {
		for i := range h.shelf.seats {
			if h.shelf.seats[i].ID == seat {
				h.shelf.seats[i].RenewToken(earshot.HashToken(token), h.clock.now())
			}
		}
	})
	return token
}

func (h *hall) tokens(seat string) []earshot.SeatToken {
	h.shelf.mu.Lock()
	defer h.shelf.mu.Unlock()
	for _, s := range h.shelf.seats {
		if s.ID == seat {
			return s.Tokens
		}
	}
	return nil
}

func (h *hall) tokenIs(token, seat string) {
	h.t.Helper()
	got, ok := h.floor.SeatOfToken(token)
	if got != seat || ok != (seat != "") {
		h.t.Errorf("the token is seat %q's, %v; want %q", got, ok, seat)
	}
}

func TestTokens(t *testing.T) {
	h := newHall(t)
	old := h.renew("s1")
	h.tokenIs(old, "s1") // although nobody said that it was made
	h.tokenIs(earshot.NewSeatToken(), "")
	h.tokenIs("nonsense", "")
	h.news.until(t, "the use is kept", func() bool { return !h.tokens("s1")[0].UsedAt.IsZero() })

	next := h.renew("s1")
	h.board.rosterChanged()
	h.tokenIs(old, "s1")
	h.tokenIs(next, "s1")
	h.tokenIs(old, "")
	h.tokenIs(next, "s1")
	h.news.until(t, "the old token is gone from the shelf", func() bool {
		tokens := h.tokens("s1")
		return len(tokens) == 1 && tokens[0].Hash == earshot.HashToken(next) && !tokens[0].UsedAt.IsZero()
	})

	unused := h.renew("s1")
	h.floor.roster.readSoon(t.Context())
	h.tokenIs(next, "s1")
	h.clock.add(earshot.TokenOverlap + time.Hour)
	h.tokenIs(next, "")
	h.tokenIs(unused, "s1")
}

// The loop reads the table it is told of at its leisure, without the roster's lock.
func TestFirstUseLeavesTheTableThatWasToldAlone(t *testing.T) {
	h := newHall(t)
	h.renew("s1")
	token := h.renew("s1")
	var told map[string]earshot.Seat
	r := newRoster(h.floor.opts, h.floor.keeper, func(_ context.Context, seats map[string]earshot.Seat) { told = seats })
	if err := r.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seat, ok := r.seatOf(earshot.HashToken(token)); seat != "s1" || !ok {
		t.Fatalf("the token is %q's, %v", seat, ok)
	}
	if n := len(told["s1"].Tokens); n != 2 {
		t.Errorf("the table that was told has %d tokens of the seat now, had 2", n)
	}
}

func TestALateFirstUseDoesNotUndoANewerToken(t *testing.T) {
	h := newHall(t)
	one := h.renew("s1")
	h.floor.roster.want()
	h.tokenIs(one, "s1")
	h.news.until(t, "the use is kept", func() bool { return !h.tokens("s1")[0].UsedAt.IsZero() })
	two := h.renew("s1")
	h.tokenIs(two, "s1") // read because nobody knew it
	h.news.until(t, "the use is kept", func() bool { return !h.tokens("s1")[0].UsedAt.IsZero() })
	used := h.tokens("s1")[0]
	three := h.renew("s1")
	used.UsedAt = time.Time{}
	if err := h.floor.roster.saveUse(t.Context(), "s1", used); err != nil { // tried again after an outage
		t.Fatal(err)
	}
	h.tokenIs(three, "s1")
}

func TestTokensWhileTheShelfIsAway(t *testing.T) {
	copyOf := t.TempDir() + "/seats.json"
	withCopy := func(o *Options) {
		o.KeepSeats = func(data []byte) error { return os.WriteFile(copyOf, data, 0o600) }
		o.KeptSeats = func() ([]byte, error) { return os.ReadFile(copyOf) }
	}
	h := newHall(t, withCopy)
	token := h.renew("s1")
	h.tokenIs(token, "s1")
	h.shelf.change(func() { h.shelf.away = true })
	h.tokenIs(token, "s1")
	h.device("s1", agentTrack)
	h.run(time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	h.shelf.change(func() { h.shelf.away = false })
	h.close()

	h.shelf.change(func() { h.shelf.away = true })
	h.open(withCopy)
	h.tokenIs(token, "s1")
	h.device("s1", agentTrack)
	h.run(time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	h.shelf.change(func() { h.shelf.away = false })
}

func TestTickets(t *testing.T) {
	h := newHall(t)
	ticket, expires, err := h.floor.Ticket("s1", "u1")
	if err != nil || expires.Sub(h.clock.now()) != 12*time.Hour {
		t.Fatalf("ticket: %v, until %s", err, expires)
	}
	h.tokenIs(ticket, "s1")
	h.clock.add(12*time.Hour - time.Second)
	h.tokenIs(ticket, "s1")
	h.clock.add(2 * time.Second)
	h.tokenIs(ticket, "")
	if _, _, err := h.floor.Ticket("nowhere", "u1"); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("a ticket for an unknown seat: %v", err)
	}
}

func TestSeatsComeChangeAndGo(t *testing.T) {
	h := newHall(t)
	h.shelf.change(func() {
		h.shelf.seats = append(h.shelf.seats, earshot.Seat{ID: "new", Name: "新窗口", Branch: "east", Kind: earshot.Counter, Cut: earshot.CutEvent})
	})
	d := h.device("new", agentTrack) // a moment after it was made
	h.run(time.Second)
	h.expect("new", earshot.SeatIdle, "")

	h.shelf.change(func() { h.shelf.seats[3].Cut = earshot.CutSession })
	h.board.rosterChanged()
	h.news.until(t, "the seat cuts by session", func() bool {
		again := h.device("new", agentTrack)
		h.run(100 * time.Millisecond)
		d.ended, d = true, again
		live := h.seat("new")
		if live.Call == nil {
			h.news.ring()
		}
		return live.Call != nil
	})
	id := h.openCall("new")

	h.shelf.change(func() { h.shelf.seats = h.shelf.seats[:3] })
	h.board.rosterChanged()
	if why := d.wasKicked(); why != KickSeatGone {
		t.Errorf("kicked for %q", why)
	}
	h.stored(id)
	if _, err := h.floor.Seat("new"); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("the deleted seat: %v", err)
	}
}
