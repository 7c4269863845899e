package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"earshot"
)

// gapOf finds a gap of the side and cause.
func gapOf(call earshot.Call, side earshot.Side, cause earshot.Cause) (earshot.Gap, bool) {
	i := slices.IndexFunc(call.Gaps, func(g earshot.Gap) bool { return g.Side == side && g.Cause == cause })
	if i < 0 {
		return earshot.Gap{}, false
	}
	return call.Gaps[i], true
}

func TestCloseInterruptsAndASeatGoesOn(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack, customerTrack)
	h.run(5 * time.Second)
	if err := h.floor.SetAgent(t.Context(), "s1", earshot.Agent{ID: "A07", Name: "王芳"}); err != nil {
		t.Fatal(err)
	}
	id := h.openCall("s1")
	h.close()
	call := h.shelf.call(id)
	if call.State != earshot.CallStored || !call.Flagged(earshot.FlagInterrupted) || len(call.Parts) != 1 || call.Parts[0].SHA256 == "" {
		t.Fatalf("after close the call is %s, %v, %+v", call.State, call.Flags, call.Parts)
	}
	if len(h.board.nodes) != 0 {
		t.Error("the node is still on the board")
	}

	h.clock.add(30 * time.Second)
	h.open()
	h.run(time.Second)
	h.expect("s1", earshot.SeatOffline, "")
	h.device("s1", agentTrack, customerTrack)
	h.run(5 * time.Second)
	if now := h.openCall("s1"); now != id {
		t.Fatalf("the seat came back within a minute, and began call %s", now)
	}
	h.news.until(t, "the call is live again on the shelf", func() bool { return h.shelf.call(id).State == earshot.CallLive })
	if a := h.seat("s1").Agent; a == nil || a.ID != "A07" {
		t.Errorf("who sits there was forgotten: %+v", a)
	}
	ended, err := h.floor.EndCall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(ended.Parts) != 2 || ended.Parts[1].N != 2 || !ended.Flagged(earshot.FlagInterrupted) {
		t.Errorf("parts %+v, flags %v", ended.Parts, ended.Flags)
	}
	for _, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		gap, ok := gapOf(ended, side, earshot.CauseRecorderDown)
		if long := gap.EndMs - gap.StartMs; !ok || long < 30_000 || long > 32_000 {
			t.Errorf("%s: gaps %+v do not tell of the outage", side, ended.Gaps)
		}
	}
}

func TestASeatThatComesBackLateBeginsAnew(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(5 * time.Second)
	id := h.openCall("s1")
	h.close()
	h.clock.add(50 * time.Second)
	h.open()
	h.run(11 * time.Second)
	h.device("s1", agentTrack)
	h.run(time.Second)
	if h.openCall("s1") == id {
		t.Error("a call goes on more than a minute after its interruption")
	}
}

func TestPauseOutlivesARestart(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(5 * time.Second)
	id := h.openCall("s1")
	if _, err := h.floor.PauseCall(t.Context(), id, "银行卡号", "seat:s1"); err != nil {
		t.Fatal(err)
	}
	h.run(time.Second)
	h.close()
	h.clock.add(10 * time.Second)
	h.open()
	h.device("s1", agentTrack)
	h.run(3 * time.Second)
	h.expect("s1", earshot.SeatPaused, "")
	if live := h.seat("s1").Call; live.ID != id || !live.Paused || live.PauseReason != "银行卡号" {
		t.Errorf("the call goes on as %+v", live)
	}
	if _, err := h.floor.ResumeCall(t.Context(), id, "seat:s1"); err != nil {
		t.Fatal(err)
	}
	h.run(time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
}

// The agent hands in the ticket before the microphone is back.
func TestFactsBetweenTwoLivesAreKept(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(time.Second)
	id := h.openCall("s1")
	h.close()
	h.clock.add(10 * time.Second)
	h.open()
	ticket := "A017"
	if _, err := h.floor.UpdateCall(t.Context(), id, earshot.CallPatch{Ticket: &ticket}); !errors.Is(err, earshot.ErrNotLive) {
		t.Fatalf("a stored call is not the floor's: %v", err)
	}
	h.device("s1", agentTrack)
	h.run(time.Second)
	if call, ok := h.floor.LiveCall(id); !ok || call.Ticket != ticket {
		t.Errorf("the call goes on, %v, with ticket %q", ok, call.Ticket)
	}
}

// crashed puts a call on the shelf as a node that died left it.
func (h *hall) crashed(seat string, ago time.Duration) string {
	at := h.clock.now().Add(-ago)
	call := earshot.Call{
		ID: earshot.NewID(at), Seat: seat, Branch: "east", Kind: earshot.Counter, Direction: earshot.NoDirection,
		State: earshot.CallLive, StartedAt: earshot.At(at), Node: "n1", Channels: 1,
	}
	h.shelf.change(func() { h.shelf.calls[call.ID] = call })
	return call.ID
}

func TestCrashedCallsAreStoredAtOnce(t *testing.T) {
	h := newHall(t)
	h.close()
	lately, long := h.crashed("s1", 90*time.Second), h.crashed("e1", 10*time.Hour)
	bad := h.crashed("v1", time.Minute)
	h.open(func(o *Options) {
		o.Recover = func(call earshot.Call) (earshot.Call, error) {
			if call.ID == bad {
				return call, errors.New("the disk is damaged")
			}
			call.Parts = []earshot.Part{{N: 1, Track: earshot.TrackAgent, Codec: earshot.Opus, Channels: 1, DurationMs: 60_000, SHA256: "ab"}}
			return call, nil
		}
	})
	one := h.stored(lately)
	if !one.Flagged(earshot.FlagInterrupted) || one.DurationMs != 60_000 || !one.EndedAt.Equal(one.StartedAt.Add(time.Minute)) {
		t.Errorf("recovered as %v, %d ms, ended %s", one.Flags, one.DurationMs, one.EndedAt)
	}
	h.stored(long)
	if two := h.stored(bad); !two.Flagged(earshot.FlagDamaged) || !two.Flagged(earshot.FlagInterrupted) {
		t.Errorf("what could not be recovered has flags %v", two.Flags)
	}

	h.device("s1", agentTrack)
	h.device("e1", agentTrack)
	h.run(4 * time.Second)
	if now := h.openCall("s1"); now != lately {
		t.Errorf("the seat went on with %s, not with its call of half a minute ago", now)
	}
	h.expect("e1", earshot.SeatIdle, "")
	ended, err := h.floor.EndCall(t.Context(), lately)
	if err != nil {
		t.Fatal(err)
	}
	if len(ended.Parts) != 2 || ended.Parts[1].N != 2 {
		t.Errorf("parts %+v", ended.Parts)
	}
}

func TestCrashedCallsWaitForTheShelf(t *testing.T) {
	h := newHall(t)
	h.close()
	id := h.crashed("s1", 30*time.Second)
	h.shelf.change(func() { h.shelf.away = true })
	h.open()
	h.shelf.change(func() { h.shelf.away = false })
	h.floor.roster.want()
	if call := h.stored(id); !call.Flagged(earshot.FlagInterrupted) {
		t.Errorf("flags %v", call.Flags)
	}
}

func TestCloseEndsInTime(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack)
	h.run(time.Second)
	h.shelf.change(func() { h.shelf.away = true })
	h.board.change(func() { h.board.away = true })
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	h.closed = true
	if err := h.floor.Close(ctx); err == nil {
		t.Error("a call that could not be kept is not in the error")
	}
	call := h.files.call(t, h.tapes.tape(0).Call().ID)
	if call.State != earshot.CallStored {
		t.Errorf("the call's file says %s: it would not come into the index later", call.State)
	}
	if err := h.floor.SetAgent(t.Context(), "s1", earshot.Agent{}); !errors.Is(err, ErrClosing) {
		t.Errorf("a command after close: %v", err)
	}
}
