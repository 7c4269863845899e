package ingest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"earshot"
)

// While new calls are refused nothing begins, whatever would begin it; what is
// open goes on; and everything begins by itself once there is room.
func TestNewCallsAreRefused(t *testing.T) {
	var full atomic.Bool
	h := newHall(t, func(o *Options) {
		o.LongestCall = 20 * time.Second
		o.Admit = func() error {
			if full.Load() {
				return ErrDiskFull
			}
			return nil
		}
	})
	open := h.device("e1", agentTrack, customerTrack)
	h.run(time.Second)
	first, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "test")
	if err != nil {
		t.Fatal(err)
	}

	full.Store(true)
	h.run(200 * time.Millisecond)
	session := h.device("s1", agentTrack, customerTrack)
	voice := h.device("v1", agentTrack, customerTrack)
	session.talk(20, 20)
	voice.talk(20, 20)
	h.run(5 * time.Second)
	for _, seat := range []string{"s1", "v1"} {
		live, err := h.floor.Seat(seat)
		if err != nil || live.State != earshot.SeatIdle || live.Call != nil || live.Attention != earshot.AttentionRefused {
			t.Errorf("%s: %+v, %v", seat, live, err)
		}
	}
	if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "test"); !errors.Is(err, ErrDiskFull) || earshot.AsError(err).Kind != earshot.NoRoom {
		t.Errorf("a command: %v", err)
	}
	live, err := h.floor.Seat("e1")
	if err != nil || live.Call == nil || live.Call.ID != first.ID || live.State != earshot.SeatOnCall || live.Attention != "" {
		t.Errorf("the open call: %+v, %v", live, err)
	}
	// It even comes back from a lost connection, and is cut after its longest time.
	open.broken()
	h.run(time.Second)
	h.device("e1", agentTrack, customerTrack)
	h.run(time.Second)
	if live, err := h.floor.Seat("e1"); err != nil || live.Call == nil || live.Call.ID != first.ID || live.State != earshot.SeatOnCall {
		t.Errorf("the open call after a reconnect: %+v, %v", live, err)
	}
	h.run(20 * time.Second)
	if live, err := h.floor.Seat("e1"); err != nil || live.Call == nil || live.Call.ID == first.ID {
		t.Errorf("the open call after its cut: %+v, %v", live, err)
	}

	full.Store(false)
	h.run(time.Second)
	for _, seat := range []string{"s1", "v1"} {
		live, err := h.floor.Seat(seat)
		if err != nil || live.State != earshot.SeatOnCall || live.Call == nil || live.Attention != "" {
			t.Errorf("%s, with room: %+v, %v", seat, live, err)
		}
	}
	// A session whose call was ended by hand gets no other one.
	live, err = h.floor.Seat("s1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.floor.EndCall(t.Context(), live.Call.ID); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	h.run(time.Second)
	full.Store(false)
	h.run(time.Second)
	if live, err := h.floor.Seat("s1"); err != nil || live.Call != nil {
		t.Errorf("s1 after its call was ended: %+v, %v", live, err)
	}
}
