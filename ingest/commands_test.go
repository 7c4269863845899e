package ingest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"earshot"
)

func TestPauseAndResume(t *testing.T) {
	h := newHall(t)
	h.device("s1", agentTrack, customerTrack)
	h.run(2 * time.Second)
	id := h.openCall("s1")
	paused, err := h.floor.PauseCall(t.Context(), id, "密码", "u1")
	if err != nil || len(paused.Marks) != 1 {
		t.Fatalf("pause: %v, marks %+v", err, paused.Marks)
	}
	h.run(3 * time.Second)
	h.expect("s1", earshot.SeatPaused, "")
	if again, err := h.floor.PauseCall(t.Context(), id, "twice", "u2"); err != nil || len(again.Marks) != 1 {
		t.Errorf("a second pause: %v, marks %+v", err, again.Marks)
	}
	resumed, err := h.floor.ResumeCall(t.Context(), id, "u1")
	if err != nil {
		t.Fatal(err)
	}
	m := resumed.Marks[0]
	if m.Kind != earshot.MarkPause || m.By != "u1" || m.Text != "密码" || m.EndMs-m.StartMs != 3000 {
		t.Errorf("the pause is marked as %+v", m)
	}
	if _, err := h.floor.ResumeCall(t.Context(), id, "u1"); err != nil {
		t.Errorf("resuming what runs: %v", err)
	}
	h.run(6 * time.Second)
	ended, err := h.floor.EndCall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		gap, ok := gapOf(ended, side, earshot.CausePaused)
		if long := gap.EndMs - gap.StartMs; !ok || long < 2900 || long > 3100 {
			t.Errorf("%s: gaps %+v do not tell of the pause", side, ended.Gaps)
		}
	}
	if notes := h.tapes.tape(0).said(); !slices.Equal(notes, []string{"open agent customer", "pause", "resume", "end"}) {
		t.Errorf("the recording was told %q", notes)
	}
}

func TestPausedVoiceCallDoesNotEndBySilence(t *testing.T) {
	h := newHall(t, func(o *Options) { o.Voice = earshot.DefaultVoiceCut; o.Voice.Silence = 5 * time.Second })
	d := h.device("v1", agentTrack)
	h.run(2 * time.Second)
	id := h.openCall("v1")
	if _, err := h.floor.PauseCall(t.Context(), id, "", "u1"); err != nil {
		t.Fatal(err)
	}
	d.talk(90)
	h.run(20 * time.Second)
	if _, err := h.floor.ResumeCall(t.Context(), id, "u1"); err != nil {
		t.Fatal(err)
	}
	h.run(4 * time.Second)
	h.openCall("v1")
	h.run(2 * time.Second)
	h.expect("v1", earshot.SeatIdle, "")
}

func TestAgentsFactsAndMarks(t *testing.T) {
	h := newHall(t)
	wang := earshot.Agent{ID: "A07", Name: "王芳"}
	if err := h.floor.SetAgent(t.Context(), "s1", wang); err != nil {
		t.Fatal(err)
	}
	h.news.until(t, "the agent is kept", func() bool {
		h.shelf.mu.Lock()
		defer h.shelf.mu.Unlock()
		return h.shelf.agents["A07"] == wang
	})
	h.device("s1", agentTrack)
	h.run(time.Second)
	id := h.openCall("s1")
	if call, _ := h.floor.LiveCall(id); call.Agent == nil || *call.Agent != wang {
		t.Errorf("the call's agent is %+v", call.Agent)
	}
	li := earshot.Agent{ID: "A08", Name: "李强"}
	if err := h.floor.SetAgent(t.Context(), "s1", li); err != nil {
		t.Fatal(err)
	}
	ticket, business := "T-1", "过户"
	updated, err := h.floor.UpdateCall(t.Context(), id, earshot.CallPatch{Ticket: &ticket, Business: &business})
	if err != nil || updated.Ticket != ticket || updated.Business != business || *updated.Agent != li {
		t.Errorf("update: %v, %+v", err, updated)
	}
	mark, err := h.floor.AddMark(t.Context(), id, earshot.Mark{Kind: earshot.MarkNote, StartMs: 300, Text: "听这里", By: "u1"})
	if err != nil || mark.ID == "" || mark.EndMs != 300 {
		t.Errorf("mark: %v, %+v", err, mark)
	}
	live := h.seat("s1")
	if *live.Agent != li || live.Call.Ticket != ticket || live.Call.Business != business {
		t.Errorf("live: %+v %+v", live.Agent, live.Call)
	}
	h.news.until(t, "the board has the facts", func() bool {
		c := h.board.seat("s1").Call
		return c != nil && c.Ticket == ticket
	})
	h.news.until(t, "the index has the mark", func() bool {
		marks := h.shelf.call(id).Marks
		return len(marks) == 1 && marks[0].Text == "听这里"
	})
	for range 2 { // the second time there is none, and that is fine
		if err := h.floor.RemoveMark(t.Context(), id, mark.ID); err != nil {
			t.Errorf("remove the mark: %v", err)
		}
	}
	h.news.until(t, "the index has the mark no more", func() bool { return len(h.shelf.call(id).Marks) == 0 })
	for name, err := range map[string]error{
		"unmark": h.floor.RemoveMark(t.Context(), "none", mark.ID),
		"update": second(h.floor.UpdateCall(t.Context(), "none", earshot.CallPatch{})),
		"end":    second(h.floor.EndCall(t.Context(), "none")),
		"pause":  second(h.floor.PauseCall(t.Context(), "none", "", "")),
		"resume": second(h.floor.ResumeCall(t.Context(), "none", "")),
		"mark":   second(h.floor.AddMark(t.Context(), "none", earshot.Mark{})),
		"levels": second(h.floor.LiveLevels("none")),
	} {
		if !errors.Is(err, earshot.ErrNotLive) {
			t.Errorf("%s of an unknown call: %v", name, err)
		}
	}
	if err := h.floor.SetAgent(t.Context(), "nowhere", li); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("agent of an unknown seat: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestLiveAudioAndLevels(t *testing.T) {
	h := newHall(t)
	d := h.device("s1", agentTrack, customerTrack)
	d.talk(20, 40)
	h.run(10 * time.Second)
	id := h.openCall("s1")
	audio, kind, err := h.floor.LiveAudio(t.Context(), id, 0)
	head := make([]byte, 4)
	if err == nil {
		_, err = io.ReadFull(audio, head)
	}
	if err != nil || kind != "audio/ogg" || string(head) != "OggS" {
		t.Fatalf("live audio: %v, %s, %q", err, kind, head)
	}
	levels, err := h.floor.LiveLevels(id)
	if err != nil || levels.StepMs != 100 || len(levels.Agent) < 80 || levels.Agent[40] != 20 || levels.Customer[40] != 40 {
		t.Errorf("levels: %v, %+v", err, levels)
	}
	if _, _, err := h.floor.LiveAudio(t.Context(), id, 7); !errors.Is(err, earshot.ErrNoPart) {
		t.Errorf("a part that is not there: %v", err)
	}
	d.broken()
	h.device("s1", agentTrack, customerTrack)
	h.run(5 * time.Second)
	if _, _, err := h.floor.LiveAudio(t.Context(), id, 0); !errors.Is(err, earshot.ErrManyParts) {
		t.Errorf("the only part of two: %v", err)
	}
}

func TestWatchSeat(t *testing.T) {
	h := newHall(t)
	var mu sync.Mutex
	var states []earshot.SeatState
	levels := 0
	var last earshot.SeatLevels
	ctx, cancel := context.WithCancel(t.Context())
	watching, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		ended <- h.floor.WatchSeat(ctx, "s1", func(live earshot.LiveSeat, l earshot.SeatLevels) {
			mu.Lock()
			defer mu.Unlock()
			if len(states) == 0 || states[len(states)-1] != live.State {
				states = append(states, live.State)
			}
			levels++
			last = l
			if first {
				first = false
				close(watching)
			}
		})
	}()
	<-watching
	d := h.device("s1", agentTrack, customerTrack)
	d.talk(25, 60)
	h.run(time.Second)
	mu.Lock()
	if !slices.Equal(states, []earshot.SeatState{earshot.SeatOffline, earshot.SeatOnCall}) {
		t.Errorf("states %v", states)
	}
	if levels < 10 || last.Agent != 25 || last.Customer != 60 {
		t.Errorf("%d calls, last levels %+v", levels, last)
	}
	mu.Unlock()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("watch ended with %v", err)
	}
	mu.Lock()
	before := levels
	mu.Unlock()
	h.run(time.Second)
	mu.Lock()
	defer mu.Unlock()
	if levels != before {
		t.Error("the watcher was called after its end")
	}
	if err := h.floor.WatchSeat(t.Context(), "nowhere", nil); !errors.Is(err, earshot.ErrNoSeat) {
		t.Errorf("watch of an unknown seat: %v", err)
	}
}

func TestCommandsEndWithTheirContext(t *testing.T) {
	h := newHall(t)
	busy, free := make(chan struct{}), make(chan struct{})
	h.floor.post(func(time.Time) { close(busy); <-free })
	<-busy
	defer close(free)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := h.floor.StartCall(ctx, "e1", earshot.CallPatch{}, "u1")
	if e := earshot.AsError(err); e.Kind != earshot.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command to a busy loop: %v", err)
	}
}

func TestReadingLiveAudioHoldsNobodyUp(t *testing.T) {
	h := newHall(t)
	h.files.slow = make(chan struct{})
	d := h.device("s1", agentTrack)
	h.run(10 * time.Second)
	id := h.openCall("s1")
	got := make(chan error)
	go func() {
		file, _, err := h.floor.LiveAudio(t.Context(), id, 1)
		if err == nil {
			var audio []byte
			if audio, err = io.ReadAll(file); err == nil && len(audio) == 0 {
				err = errors.New("no audio")
			}
		}
		got <- err
	}()
	h.run(5 * time.Second)
	h.expect("s1", earshot.SeatOnCall, "")
	everyPacketOnce(t, h.tapes, earshot.SideAgent, 1000, d.tracks[0].sent)
	select {
	case err := <-got:
		t.Fatalf("audio was answered before the disk read it: %v", err)
	default:
	}
	close(h.files.slow)
	if err := <-got; err != nil {
		t.Error(err)
	}
}
