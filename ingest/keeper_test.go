package ingest

import (
	"slices"
	"testing"
	"time"

	"earshot"
)

func TestCallsWaitForTheShelf(t *testing.T) {
	h := newHall(t)
	h.shelf.change(func() { h.shelf.away = true })
	d := h.device("s1", agentTrack)
	h.run(time.Second)
	id := h.openCall("s1")
	number := "1"
	for _, n := range []string{"12", "123", "1234"} {
		number = n
		if _, err := h.floor.UpdateCall(t.Context(), id, earshot.CallPatch{Number: &number}); err != nil {
			t.Fatal(err)
		}
	}
	d.end()
	h.news.until(t, "the keeper has tried", func() bool {
		h.shelf.mu.Lock()
		defer h.shelf.mu.Unlock()
		return h.shelf.saves > 1
	})
	call, ok := h.floor.LiveCall(id)
	if !ok || call.Number != "1234" {
		t.Errorf("an ended call that is not in the index yet is known as %+v, %v", call, ok)
	}
	account := "88"
	if _, err := h.floor.UpdateCall(t.Context(), id, earshot.CallPatch{Account: &account}); err != nil {
		t.Errorf("it cannot be changed: %v", err)
	}
	h.shelf.change(func() { h.shelf.away = false })
	if call := h.stored(id); call.Number != "1234" || call.Account != "88" {
		t.Errorf("kept as %+v", call)
	}
	h.news.until(t, "the floor forgets what is kept", func() bool {
		_, ok := h.floor.LiveCall(id)
		if ok {
			h.news.ring()
		}
		return !ok
	})
}

func TestOneBadCallHoldsUpNoOther(t *testing.T) {
	h := newHall(t)
	h.device("e1", agentTrack)
	h.run(time.Second)
	bad, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "u1")
	if err != nil {
		t.Fatal(err)
	}
	h.shelf.change(func() { h.shelf.refuse = bad.ID })
	h.run(time.Second)
	var good []string
	for range 5 {
		call, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "u1")
		if err != nil {
			t.Fatal(err)
		}
		good = append(good, call.ID)
		h.run(time.Second)
	}
	for _, id := range good[:4] {
		h.stored(id)
	}
	h.shelf.change(func() { h.shelf.refuse = "" })
	h.stored(bad.ID)
}

func TestCallFileIsWrittenWhileTheShelfIsAway(t *testing.T) {
	h := newHall(t)
	h.shelf.change(func() { h.shelf.away = true })
	h.files.change(func() { h.files.full = true })
	call := earshot.Call{ID: earshot.NewID(h.clock.now()), State: earshot.CallStored}
	kept := make(chan struct{})
	h.floor.keeper.keepCall(call, nil, func() { close(kept) })
	h.files.change(func() { h.files.full = false })
	h.news.until(t, "the file is written", func() bool {
		h.files.mu.Lock()
		defer h.files.mu.Unlock()
		return h.files.whole[earshot.CallFile(call.ID)] != nil
	})
	select {
	case <-kept:
		t.Error("a call that is not in the index counts as kept")
	default:
	}
	h.shelf.change(func() { h.shelf.away = false })
	<-kept
	h.files.call(t, call.ID)
}

func TestBoardIsToldAllAgain(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.device("e1", agentTrack)
	h.run(3 * time.Second)
	h.news.until(t, "the board knows both and the node", func() bool {
		h.board.mu.Lock()
		defer h.board.mu.Unlock()
		return h.board.seats["s1"].State == earshot.SeatOnCall && h.board.seats["e1"].State == earshot.SeatIdle && h.board.nodes["n1"].Calls == 1
	})
	h.board.change(func() { // it loses everything, and is away for a while
		h.board.away = true
		clear(h.board.seats)
		clear(h.board.nodes)
	})
	h.run(3 * time.Second)
	id := h.openCall("s1")
	if _, err := h.floor.EndCall(t.Context(), id); err != nil {
		t.Fatalf("seat commands fail while the board is away: %v", err)
	}
	h.news.until(t, "the board has refused something", func() bool {
		h.board.mu.Lock()
		defer h.board.mu.Unlock()
		return h.board.refused > 0
	})
	h.board.change(func() { h.board.away = false })
	h.news.until(t, "the board knows all again", func() bool {
		h.board.mu.Lock()
		defer h.board.mu.Unlock()
		n := h.board.nodes["n1"]
		return h.board.seats["s1"].State == earshot.SeatIdle && h.board.seats["e1"].State == earshot.SeatIdle && n.Seats == 2 &&
			slices.ContainsFunc(h.board.calls, func(c earshot.Call) bool { return c.ID == id && c.State == earshot.CallStored })
	})
}

func TestBoardThatForgotIsToldAllAgain(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(3 * time.Second)
	h.news.until(t, "the board knows the seat", func() bool { return h.board.seat("s1").State == earshot.SeatOnCall })
	h.board.change(func() { clear(h.board.seats) })
	h.run(4 * time.Second)
	h.news.until(t, "the board knows the seat again", func() bool { return h.board.seat("s1").State == earshot.SeatOnCall })
}

func TestHeartbeats(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	for range 10 {
		before := 0
		h.board.change(func() { before = h.board.beats })
		h.run(2 * time.Second)
		h.news.until(t, "a heartbeat comes each two seconds", func() bool {
			h.board.mu.Lock()
			defer h.board.mu.Unlock()
			return h.board.beats > before
		})
	}
	h.board.change(func() {
		if h.board.beats > 12 {
			t.Errorf("%d heartbeats in 20 s", h.board.beats)
		}
		if !slices.Equal(h.board.leases, []string{"s1"}) {
			t.Errorf("leases %v", h.board.leases)
		}
	})
}
