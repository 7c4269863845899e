package ingest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// stored waits until the call is on the shelf as stored, and answers it.
func (h *hall) stored(id string) earshot.Call {
	h.t.Helper()
	h.news.until(h.t, "call "+id+" is stored", func() bool { return h.shelf.call(id).State == earshot.CallStored })
	return h.shelf.call(id)
}

// seat is a seat's state as its floor knows it.
func (h *hall) seat(id string) earshot.LiveSeat {
	h.t.Helper()
	live, err := h.floor.Seat(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return live
}

// open is the id of the seat's open call.
func (h *hall) openCall(id string) string {
	h.t.Helper()
	live := h.seat(id)
	if live.Call == nil {
		h.t.Fatalf("seat %s has no call: %s", id, live.State)
	}
	return live.Call.ID
}

func (h *hall) expect(id string, state earshot.SeatState, attention earshot.Attention) {
	h.t.Helper()
	if live := h.seat(id); live.State != state || live.Attention != attention {
		h.t.Errorf("seat %s is %s %q, want %s %q", id, live.State, live.Attention, state, attention)
	}
}

// everyPacketOnce says whether the tapes have every packet that the track sent
// from the first on, in order and none twice.
func everyPacketOnce(t *testing.T, ts *tapes, side earshot.Side, first uint16, sent int) {
	t.Helper()
	var got []uint16
	for i := range ts.count() {
		got = append(got, ts.tape(i).seqs(side)...)
	}
	if len(got) != sent {
		t.Errorf("%s: %d packets reached recordings, %d were sent", side, len(got), sent)
	}
	for i, seq := range got {
		if seq != first+uint16(i) {
			t.Fatalf("%s: packet %d has number %d, want %d", side, i, seq, first+uint16(i))
		}
	}
}

func TestSessionIsACall(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	d.mute = true
	h.run(500 * time.Millisecond)
	h.expect("s1", earshot.SeatOffline, "")
	d.stream.Connected(true)
	h.run(200 * time.Millisecond)
	h.expect("s1", earshot.SeatIdle, "")
	if h.tapes.count() != 0 {
		t.Fatal("a call began before a packet came")
	}
	d.mute = false
	first := h.clock.now().Add(20 * time.Millisecond)
	h.run(2 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	id := h.openCall("s1")
	d.end()
	h.expect("s1", earshot.SeatOffline, "")

	call := h.stored(id)
	if !call.StartedAt.Equal(first) {
		t.Errorf("the call began at %s, its first packet came at %s", call.StartedAt, first)
	}
	if want := h.clock.now(); !call.EndedAt.Equal(want) {
		t.Errorf("the call ended at %s, its DELETE came at %s", call.EndedAt, want)
	}
	if call.Seat != "s1" || call.Branch != "east" || call.Kind != earshot.Counter || call.Node != "n1" || call.Direction != earshot.NoDirection {
		t.Errorf("facts of the call: %+v", call)
	}
	if len(call.Parts) != 1 || call.Parts[0].SHA256 == "" || call.Parts[0].Track != earshot.TrackBoth || call.Channels != 2 {
		t.Errorf("parts of the call: %+v", call.Parts)
	}
	if call.Flagged(earshot.FlagInterrupted) {
		t.Error("a call that was ended by DELETE is marked as interrupted")
	}
	everyPacketOnce(t, h.tapes, earshot.SideAgent, 1000, d.tracks[0].sent)
	everyPacketOnce(t, h.tapes, earshot.SideCustomer, 2000, d.tracks[1].sent)
	if file := h.files.call(t, id); file.State != earshot.CallStored || file.ID != id {
		t.Errorf("the call's file says %s of %s", file.State, file.ID)
	}
	h.news.until(t, "the board says offline", func() bool { return h.board.seat("s1").State == earshot.SeatOffline })
}

func TestEndedSessionStaysEnded(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", mixedTrack)
	h.run(time.Second)
	ended, err := h.floor.EndCall(t.Context(), h.openCall("s1"))
	if err != nil || ended.State != earshot.CallStored {
		t.Fatalf("end: %v, %s", err, ended.State)
	}
	if found := h.shelf.call(ended.ID); found.State != earshot.CallStored {
		t.Errorf("the end is answered while the index has the call as %q", found.State)
	}
	h.run(time.Second)
	h.expect("s1", earshot.SeatIdle, "")
	if _, err := h.floor.EndCall(t.Context(), ended.ID); !errors.Is(err, earshot.ErrNotLive) {
		t.Errorf("ending it again: %v", err)
	}
	d.end()
	h.device("s1", mixedTrack)
	h.run(time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	if h.tapes.count() != 2 {
		t.Errorf("%d calls, want a second for the second session", h.tapes.count())
	}
}

func TestBrokenStreamGoesOnWithinAMinute(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	id := h.openCall("s1")
	d.broken()
	h.run(time.Second)
	h.expect("s1", earshot.SeatFaulty, earshot.AttentionDisconnected)
	h.run(57 * time.Second)
	h.device("s1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	if now := h.openCall("s1"); now != id {
		t.Fatalf("call %s goes on as %s", id, now)
	}
	call, err := h.floor.EndCall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(call.Parts) != 2 {
		t.Errorf("%d parts, want 2", len(call.Parts))
	}
	want := earshot.Gap{Side: earshot.SideCustomer, Cause: earshot.CauseDisconnected}
	if !slices.ContainsFunc(call.Gaps, func(g earshot.Gap) bool {
		return g.Side == want.Side && g.Cause == want.Cause && g.EndMs-g.StartMs > 57_000 && g.EndMs-g.StartMs < 59_000
	}) {
		t.Errorf("gaps %+v do not tell of the break", call.Gaps)
	}
	if notes := h.tapes.tape(0).said(); !slices.Equal(notes, []string{
		"open agent customer", "close agent", "close customer", "open agent customer", "end",
	}) {
		t.Errorf("the recording was told %q", notes)
	}
}

func TestBrokenStreamEndsAfterAMinute(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack)
	h.run(2 * time.Second)
	id := h.openCall("s1")
	d.broken()
	h.run(61 * time.Second)
	h.expect("s1", earshot.SeatOffline, "")
	if call := h.stored(id); !call.Flagged(earshot.FlagInterrupted) {
		t.Error("the call is not marked as interrupted")
	}
	h.device("s1", agentTrack)
	h.run(time.Second)
	if h.openCall("s1") == id {
		t.Error("the ended call goes on")
	}
}

func TestTwoOneSidedDevicesMakeOneCall(t *testing.T) {
	h := newHall(t)
	a := h.device("s1", agentTrack)
	h.run(time.Second)
	id := h.openCall("s1")
	c := h.device("s1", customerTrack)
	h.run(time.Second)
	if now := h.openCall("s1"); now != id {
		t.Fatalf("the second device began call %s beside %s", now, id)
	}
	if live := h.seat("s1"); len(live.Streams) != 2 {
		t.Errorf("streams %+v", live.Streams)
	}
	a.end()
	h.run(time.Second)
	if now := h.openCall("s1"); now != id {
		t.Fatal("the call ended with one of its two devices")
	}
	c.end()
	call := h.stored(id)
	if call.Channels != 2 {
		t.Errorf("%d channels", call.Channels)
	}
	everyPacketOnce(t, h.tapes, earshot.SideAgent, 1000, a.tracks[0].sent)
	everyPacketOnce(t, h.tapes, earshot.SideCustomer, 1000, c.tracks[0].sent)
	if notes := h.tapes.tape(0).said(); !slices.Equal(notes, []string{
		"open agent", "open agent customer", "close agent", "close customer", "end",
	}) {
		t.Errorf("the recording was told %q", notes)
	}
}

func TestNewerStreamTakesOver(t *testing.T) {
	h := newHall(t)
	first := h.device("s1", agentTrack, customerTrack)
	h.run(time.Second)
	id := h.openCall("s1")

	never := h.device("s1", agentTrack, customerTrack) // is answered, but never connects
	never.mute = true
	h.run(time.Second)
	if len(first.kicked) != 0 {
		t.Fatal("a stream that is not connected took over")
	}

	second := h.device("s1", agentTrack, customerTrack)
	h.run(time.Second)
	if why := first.wasKicked(); why != KickTakeover {
		t.Errorf("kicked for %q", why)
	}
	if why := never.wasKicked(); why != KickTakeover {
		t.Errorf("kicked for %q", why)
	}
	first.stream.End() // as the wire does after a kick: no DELETE of the seat's
	if now := h.openCall("s1"); now != id {
		t.Fatal("the take-over began another call")
	}
	h.expect("s1", earshot.SeatOnCall, "")

	for range 2 {
		last := second
		second = h.device("s1", agentTrack, customerTrack)
		h.run(time.Second)
		last.wasKicked()
	}
	h.expect("s1", earshot.SeatOnCall, earshot.AttentionTakeover)
	h.run(time.Minute)
	h.expect("s1", earshot.SeatOnCall, "")
}

func TestTakeOverLosesNothing(t *testing.T) {
	h := newHall(t)
	first := h.device("s1", agentTrack)
	h.run(time.Second)
	second := h.device("s1", agentTrack)
	second.mute = true
	second.stream.Connected(true)
	h.run(100 * time.Millisecond)
	first.wasKicked()
	if got := h.tapes.tape(0).seqs(earshot.SideAgent); len(got) != first.tracks[0].sent {
		t.Errorf("%d of %d packets that came before the take-over were recorded", len(got), first.tracks[0].sent)
	}
}

func TestOneSidedDeviceLeavesTheOtherSideAlone(t *testing.T) {
	h := newHall(t)
	a, c := h.device("s1", agentTrack), h.device("s1", customerTrack)
	h.run(time.Second)
	again := h.device("s1", agentTrack)
	h.run(time.Second)
	a.wasKicked()
	if len(c.kicked) != 0 {
		t.Error("the customer's device was kicked by the agent's")
	}
	if live := h.seat("s1"); len(live.Streams) != 2 {
		t.Errorf("streams %+v", live.Streams)
	}
	again.end()
}

func TestEventCuts(t *testing.T) {
	h := newHall(t)
	d := h.device("e1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	h.expect("e1", earshot.SeatIdle, "")
	if h.tapes.count() != 0 {
		t.Fatal("audio outside calls was recorded")
	}
	number := "13800138000"
	one, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{Number: &number}, "seat:e1")
	if err != nil || one.Number != number || one.State != earshot.CallLive {
		t.Fatalf("start: %v, %+v", err, one)
	}
	h.run(time.Second)
	two, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "seat:e1")
	if err != nil || two.ID == one.ID {
		t.Fatalf("second start: %v, %s", err, two.ID)
	}
	h.stored(one.ID)
	h.run(time.Second)
	d.end()
	h.expect("e1", earshot.SeatFaulty, earshot.AttentionDisconnected)
	h.run(2 * time.Second)
	h.device("e1", agentTrack, customerTrack)
	h.run(time.Second)
	if now := h.openCall("e1"); now != two.ID {
		t.Errorf("the call did not go on after a reload of the seat page")
	}
	if _, err := h.floor.EndCall(t.Context(), two.ID); err != nil {
		t.Fatal(err)
	}
	n := len(h.tapes.tape(1).seqs(earshot.SideAgent))
	h.run(time.Second)
	if len(h.tapes.tape(1).seqs(earshot.SideAgent)) != n || h.tapes.count() != 2 {
		t.Error("audio after the end was recorded")
	}
	if n := len(h.tapes.tape(0).seqs(earshot.SideAgent)); n != 50 {
		t.Errorf("%d packets in a call of one second", n)
	}
}

func TestEventStartOfAnOfflineSeat(t *testing.T) {
	h := newHall(t)
	call, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "u1")
	if err != nil {
		t.Fatal(err)
	}
	h.run(5 * time.Second)
	h.expect("e1", earshot.SeatFaulty, earshot.AttentionDisconnected)
	h.run(2 * time.Minute)
	h.device("e1", agentTrack)
	h.run(3 * time.Second)
	h.expect("e1", earshot.SeatOnCall, "")
	ended, err := h.floor.EndCall(t.Context(), call.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(ended.Gaps, func(g earshot.Gap) bool {
		return g.Side == earshot.SideAgent && g.Cause == earshot.CauseDisconnected && g.StartMs == 0 && g.EndMs > 120_000
	}) {
		t.Errorf("gaps %+v do not tell that the seat was offline", ended.Gaps)
	}
	if _, err := h.floor.StartCall(t.Context(), "nowhere", earshot.CallPatch{}, "u1"); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("start at an unknown seat: %v", err)
	}
	bad := 9
	if _, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{Rating: &bad}, "u1"); earshot.AsError(err).Kind != earshot.Invalid {
		t.Errorf("start with a bad fact: %v", err)
	}
}

func TestLongCallGoesOnInANewOne(t *testing.T) {
	h := newHall(t, func(o *Options) { o.LongestCall = 10 * time.Second })
	d := h.device("s1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	account := "88001"
	if _, err := h.floor.UpdateCall(t.Context(), h.openCall("s1"), earshot.CallPatch{Account: &account}); err != nil {
		t.Fatal(err)
	}
	h.run(23 * time.Second)
	d.end()
	if h.tapes.count() != 3 {
		t.Fatalf("%d calls of 25 s at 10 s each", h.tapes.count())
	}
	everyPacketOnce(t, h.tapes, earshot.SideAgent, 1000, d.tracks[0].sent)
	everyPacketOnce(t, h.tapes, earshot.SideCustomer, 2000, d.tracks[1].sent)
	h.news.until(t, "three calls are stored", func() bool {
		calls := h.shelf.all()
		return len(calls) == 3 && !slices.ContainsFunc(calls, func(c earshot.Call) bool { return c.State != earshot.CallStored })
	})
	calls := h.shelf.all()
	for i := 1; i < 3; i++ {
		if !calls[i].StartedAt.Equal(calls[i-1].EndedAt.Time) || calls[i].Account != account {
			t.Errorf("call %d begins at %s for %q, the one before ended at %s", i, calls[i].StartedAt, calls[i].Account, calls[i-1].EndedAt)
		}
	}
}

func TestUnknownSeatIsRefused(t *testing.T) {
	h := newHall(t)
	_, err := h.floor.Attach(t.Context(), StreamInfo{ID: "x", Seat: "nowhere", Tracks: []recorder.Track{agentTrack}}, nil)
	if !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("attach: %v", err)
	}
	h.close()
	ctx, cancel := context.WithTimeout(t.Context(), waitFor)
	defer cancel()
	_, err = h.floor.Attach(ctx, StreamInfo{ID: "x", Seat: "s1", Tracks: []recorder.Track{agentTrack}}, nil)
	if !errors.Is(err, ErrClosing) {
		t.Errorf("attach at a closed floor: %v", err)
	}
}

// A call whose seat is away when its time is up is cut when the seat is back;
// where events cut calls nobody else would begin the next.
func TestLongCallIsCutWhenItsSeatIsBack(t *testing.T) {
	h := newHall(t, func(o *Options) { o.LongestCall = 30 * time.Second })
	d := h.device("e1", agentTrack)
	h.run(time.Second)
	first, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "seat:e1")
	if err != nil {
		t.Fatal(err)
	}
	h.run(20 * time.Second)
	d.broken()
	h.run(20 * time.Second)
	d = h.device("e1", agentTrack)
	h.run(5 * time.Second)
	second := h.openCall("e1")
	if second == first.ID {
		t.Fatal("the call goes on beyond its time")
	}
	one := h.stored(first.ID)
	two, _ := h.floor.LiveCall(second)
	if one.Flagged(earshot.FlagInterrupted) || !two.StartedAt.Equal(one.EndedAt.Time) {
		t.Errorf("the first ended at %s, flags %v; the second began at %s", one.EndedAt, one.Flags, two.StartedAt)
	}
	if got := len(h.tapes.tape(1).seqs(earshot.SideAgent)); got != d.tracks[0].sent {
		t.Errorf("%d packets after the break were recorded, %d sent", got, d.tracks[0].sent)
	}
}
