package ingest

import (
	"sync/atomic"
	"testing"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// The wall clock is set while calls are open: their audio and their timeline
// stay whole, a mark says by how much, nothing ends falsely; the next call goes
// by the new clock.
func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 5 * time.Hour, -30 * 24 * time.Hour, 600 * time.Millisecond} {
		t.Run(step.String(), func(t *testing.T) {
			var ahead atomic.Int64
			alarms := new(earshot.Alarms)
			h := newHall(t, func(o *Options) {
				o.Alarms = alarms
				o.Ahead = func() time.Duration { return time.Duration(ahead.Load()) }
				o.newRecording = func(call *earshot.Call, opts recorder.Options) recording {
					return recorder.New(call, o.Files, opts)
				}
			})
			session := h.device("s1", agentTrack, customerTrack)
			voice := h.device("v1", agentTrack, customerTrack)
			session.talk(20, 20)
			voice.talk(20, 20)
			h.run(5 * time.Second)
			ahead.Store(int64(step))
			h.run(5 * time.Second)
			if list := alarms.List(); len(list) != 1 || list[0].Code != earshot.AlarmClockStepped {
				t.Errorf("alarms %+v", list)
			}
			session.end()
			voice.end()
			h.run(70 * time.Second)
			h.news.until(t, "both calls are kept", func() bool {
				all := h.shelf.all()
				return len(all) == 2 && all[0].State == earshot.CallStored && all[1].State == earshot.CallStored
			})
			for _, call := range h.shelf.all() {
				length := time.Duration(call.DurationMs) * time.Millisecond
				if length < 9500*time.Millisecond || length > 10100*time.Millisecond || call.EndedAt.Sub(call.StartedAt.Time) != length {
					t.Errorf("%s: %s from %s to %s", call.Seat, length, call.StartedAt, call.EndedAt)
				}
				if call.StartedAt.Before(dawn) || call.StartedAt.After(dawn.Add(time.Second)) {
					t.Errorf("%s: it began at %s", call.Seat, call.StartedAt)
				}
				if len(call.Parts) != 1 || call.Parts[0].DurationMs < 9500 || call.Parts[0].DurationMs > 10100 {
					t.Errorf("%s: parts %+v", call.Seat, call.Parts)
				}
				for _, gap := range call.Gaps {
					if gap.EndMs-gap.StartMs > 200 {
						t.Errorf("%s: gap %+v", call.Seat, gap)
					}
				}
				if len(call.Marks) != 1 || call.Marks[0].Kind != earshot.MarkClock || call.Marks[0].StartMs < 4900 || call.Marks[0].StartMs > 5200 {
					t.Errorf("%s: marks %+v", call.Seat, call.Marks)
				}
			}
			next, err := h.floor.StartCall(t.Context(), "e1", earshot.CallPatch{}, "test")
			if err != nil {
				t.Fatal(err)
			}
			if want := h.clock.now().Add(step); next.StartedAt.Sub(want).Abs() > time.Second {
				t.Errorf("the next call begins at %s, want %s", next.StartedAt, want)
			}
			h.device("e1", agentTrack, customerTrack)
			h.run(10 * time.Second)
			stored, err := h.floor.EndCall(t.Context(), next.ID)
			if err != nil || stored.DurationMs < 9900 || stored.DurationMs > 10100 || len(stored.Marks) != 0 || len(stored.Parts) != 1 {
				t.Errorf("the next call: %+v, %v", stored, err)
			}
			h.run(stepShown)
			if list := alarms.List(); len(list) != 0 {
				t.Errorf("alarms %+v", list)
			}
		})
	}
}
