package recorder

import (
	"strings"
	"testing"
	"time"

	"earshot"
)

func TestTwoTracks(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	o := record(t, twoTracks, 10*time.Second, agentSender().events(a, 500, 0), customerSender().events(c, 500, 7*time.Millisecond))
	agent, customer := sides(t, o.file(1))
	same(t, "agent", agent, looped(a, 500))
	same(t, "customer", customer, looped(c, 500))

	r, _ := readOgg(t, o.file(1))
	if h := r.Head; h.Channels != 2 || h.Family != 1 || h.Streams != 2 || h.Coupled != 0 {
		t.Errorf("head %+v", h)
	}
	for key, want := range map[string]string{"EARSHOT_CALL": callID, "EARSHOT_PART": "1", "EARSHOT_SEAT": "window-3", "EARSHOT_START": "2026-11-21T08:00:00.000Z", "ENCODER": "earshot test"} {
		if got := r.Tags.Get(key); got != want {
			t.Errorf("tag %s is %q, want %q", key, got, want)
		}
	}
	call := o.call
	if len(call.Parts) != 1 || len(call.Gaps) != 0 || call.Channels != 2 || call.DurationMs != 10_000 {
		t.Fatalf("call %+v", call)
	}
	p := call.Parts[0]
	if p.Track != earshot.TrackBoth || p.Channels != 2 || p.StartMs != 0 || p.DurationMs != 10_000 || p.SHA256 == "" || p.SHA256 != o.sealed[1].SHA256 || p.Bytes != int64(len(o.file(1))) {
		t.Errorf("part %+v", p)
	}
	if !strings.HasSuffix(p.File, callID+"-1.opus") {
		t.Errorf("file %s", p.File)
	}
	levels := o.r.Levels()
	if len(levels.Agent) != 100 || levels.Agent[50] != 20 || levels.Customer[50] != 20 {
		t.Errorf("levels %v", levels)
	}
}
