package ingest

import (
	"testing"
	"time"

	"earshot"
)

func TestVoiceCuts(t *testing.T) {
	h := newHall(t)
	d := h.device("v1", agentTrack, customerTrack)
	d.talk(70, 70)
	h.run(10 * time.Second)
	h.expect("v1", earshot.SeatIdle, "")
	d.talk(70, 30)
	h.run(200 * time.Millisecond) // a cough
	d.talk(70, 70)
	h.run(5 * time.Second)
	if h.tapes.count() != 0 {
		t.Fatal("200 ms of noise began a call")
	}
	d.talk(70, 30)
	speech := h.clock.now().Add(20 * time.Millisecond)
	h.run(time.Second)
	id := h.openCall("v1")
	if call, ok := h.floor.LiveCall(id); !ok || call.StartedAt.Sub(speech.Add(-3*time.Second)).Abs() > 20*time.Millisecond {
		t.Errorf("the call began at %s, speech at %s", call.StartedAt, speech)
	}
	for _, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		if n := len(h.tapes.tape(0).seqs(side)); n < 199 || n > 201 {
			t.Errorf("%s: %d packets of 3 s pre-roll and 1 s", side, n)
		}
	}
	d.talk(70, 70)
	h.run(59 * time.Second)
	d.talk(30, 70) // just in time
	h.run(200 * time.Millisecond)
	d.talk(70, 70)
	h.run(59 * time.Second)
	h.openCall("v1")
	h.run(1500 * time.Millisecond)
	h.expect("v1", earshot.SeatIdle, "")
	call := h.stored(id)
	if long := call.EndedAt.Sub(speech); long < 119*time.Second || long > 122*time.Second {
		t.Errorf("the call ended %v after the first word", long)
	}
	h.run(10 * time.Second)
	if h.tapes.count() != 1 {
		t.Error("silence began another call")
	}
	if h.tapes.tape(0).back {
		t.Error("the recording's time went back")
	}
}

func TestVoiceCallSaysNothingTwice(t *testing.T) {
	h := newHall(t, func(o *Options) { o.Voice = earshot.DefaultVoiceCut; o.Voice.Silence = time.Second })
	d := h.device("v1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	d.talk(70, 70)
	h.run(2 * time.Second)
	d.talk(30, 70) // pre-roll would reach into the call before
	h.run(2 * time.Second)
	if h.tapes.count() != 2 {
		t.Fatalf("%d calls", h.tapes.count())
	}
	one, two := h.tapes.tape(0).seqs(earshot.SideAgent), h.tapes.tape(1).seqs(earshot.SideAgent)
	if two[0] != one[len(one)-1]+1 {
		t.Errorf("the first call ends with packet %d, the second begins with %d", one[len(one)-1], two[0])
	}
	h.news.until(t, "both calls are kept", func() bool { return len(h.shelf.all()) == 2 && !h.shelf.all()[0].EndedAt.IsZero() })
	first, second := h.shelf.all()[0], h.shelf.all()[1]
	if second.StartedAt.Before(first.EndedAt.Time) {
		t.Errorf("the second call begins %v before the first ends", first.EndedAt.Sub(second.StartedAt.Time))
	}
}

// Nobody there is not silence: the call waits for its seat as any other does.
func TestVoiceCallOutlivesABreak(t *testing.T) {
	h := newHall(t)
	d := h.device("v1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	id := h.openCall("v1")
	d.talk(70, 70)
	h.run(40 * time.Second)
	d.broken()
	h.run(50 * time.Second)
	d = h.device("v1", agentTrack, customerTrack)
	d.talk(70, 70)
	h.run(10 * time.Second)
	if now := h.openCall("v1"); now != id {
		t.Fatalf("the seat came back within a minute, and began call %s", now)
	}
	h.run(12 * time.Second) // with the 40 s before that is a minute of silence
	h.expect("v1", earshot.SeatIdle, "")
	if call := h.stored(id); call.Flagged(earshot.FlagInterrupted) || len(call.Parts) != 2 {
		t.Errorf("flags %v, parts %+v", call.Flags, call.Parts)
	}
}

// What a device said in another codec before it was replaced is no pre-roll.
func TestPreRollIsOfOneKindOfTrack(t *testing.T) {
	h := newHall(t)
	d := h.device("v1", agentTrack)
	d.talk(70)
	h.run(2 * time.Second)
	law := agentTrack
	law.Codec = earshot.PCMU
	next := h.device("v1", law)
	d.mute = true
	h.run(time.Second)
	h.openCall("v1")
	if got := h.tapes.tape(0).seqs(earshot.SideAgent); len(got) != next.tracks[0].sent || got[0] != 1000 {
		t.Errorf("%d packets from %v on, the second device sent %d", len(got), got[:1], next.tracks[0].sent)
	}
}
