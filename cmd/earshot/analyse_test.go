package main

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
)

// TestSilenceIsMarked has a seat speak, be silent for four seconds and speak
// again, and finds that in the stored call; then has it judged by other
// thresholds, by the page's way and by the command, and everything still holds.
func TestSilenceIsMarked(t *testing.T) {
	s := openSite(t, nil)
	set := earshot.DefaultThresholds()
	set.Counter.SilenceMs, set.Hotline.SilenceMs = 3_000, 3_000
	s.call(http.MethodPut, "/api/v1/analysis/thresholds", set, nil)

	d := s.connect(s.target("hush", "session"), twoTracks)
	agent, customer := voices(t, 450)
	const from, to = 125, 325 // packets of 20 ms
	for i := range agent {
		if i >= from {
			agent[i].level = earshot.LevelSilence
		}
		if i < to {
			customer[i].level = earshot.LevelSilence
		}
	}
	sent := make(chan error, 1)
	go func() { sent <- d.send(agent, customer) }()
	id := s.liveCall("hush").ID
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	d.bye()
	read := func() (call earshot.Call) {
		s.call(http.MethodGet, "/api/v1/calls/"+id, nil, &call)
		return call
	}
	var call earshot.Call
	eventually(t, "the call to be judged", func() bool { call = read(); return call.Talk != nil })
	silence := marksOf(call, earshot.MarkSilence)
	if len(silence) != 1 || !call.Flagged(earshot.FlagSilence) {
		t.Fatalf("marks %+v, flags %v", call.Marks, call.Flags)
	}
	for what, off := range map[string]int64{"begins": silence[0].StartMs - from*20, "ends": silence[0].EndMs - to*20} {
		if off < -400 || off > 400 {
			t.Errorf("the silence %s %d ms off", what, off)
		}
	}
	if talk := call.Talk; talk.LongestSilence < 3_500 || talk.AgentShare < 150 || talk.CustomerShare < 150 || talk.OvertalkShare > 20 {
		t.Errorf("talk %+v", talk)
	}

	set.Counter.SilenceMs, set.Hotline.SilenceMs = 30_000, 30_000
	s.call(http.MethodPut, "/api/v1/analysis/thresholds", set, nil)
	var state struct {
		Judged storage.Judged
		Run    struct{ State string }
	}
	s.call(http.MethodGet, "/api/v1/analysis", nil, &state)
	if state.Judged.Older != 1 || len(marksOf(read(), earshot.MarkSilence)) != 1 {
		t.Errorf("a call was judged anew though nobody asked: %+v", state)
	}
	var out bytes.Buffer
	remote := analyseCommand{serverFlags: serverFlags{URL: s.url, User: "admin", Password: testPassword}, Zone: "Asia/Shanghai", Quiet: true}
	if err := remote.Run(t.Context(), &out); err != nil || !strings.Contains(out.String(), "1 通电话") {
		t.Errorf("analyse --url: %v, %s", err, &out)
	}
	if call = read(); len(marksOf(call, earshot.MarkSilence)) != 0 || call.Flagged(earshot.FlagSilence) {
		t.Errorf("the silence is still marked: %+v", call.Marks)
	}
	s.call(http.MethodGet, "/api/v1/analysis", nil, &state)
	if state.Judged != (storage.Judged{Now: 1}) || state.Run.State != index.AnalysisIdle {
		t.Errorf("after the run %+v", state)
	}

	local := []string{"analyse", "--data", s.settings.Data, "--all", "--quiet"}
	var complaint bytes.Buffer
	if status := run(t.Context(), local, &out, &complaint); status == 0 || !strings.Contains(complaint.String(), "--url") {
		t.Errorf("analyse --data beside the server: %d %s", status, &complaint)
	}
	eventually(t, "the part to be in the ledger", func() bool {
		var l struct{ Pending int64 }
		s.call(http.MethodGet, "/api/v1/ledger", nil, &l)
		return l.Pending == 0
	})
	s.stop()
	for _, args := range [][]string{local, {"verify", "--data", s.settings.Data}} {
		out.Reset()
		complaint.Reset()
		if status := run(t.Context(), args, &out, &complaint); status != 0 {
			t.Errorf("earshot %s: %d\n%s%s", strings.Join(args, " "), status, &out, &complaint)
		}
	}
	if status := run(t.Context(), append(local, "--from", "yesterday"), &out, &complaint); status == 0 {
		t.Error("a day that is none was taken")
	}
}

func marksOf(c earshot.Call, kind earshot.MarkKind) []earshot.Mark {
	return slices.DeleteFunc(slices.Clone(c.Marks), func(m earshot.Mark) bool { return m.Kind != kind })
}
