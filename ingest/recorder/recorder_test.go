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

// A loop that empties one track after the other ten times a second hands the
// second one's packets over late; that moves nothing.
func TestDrainedInTurns(t *testing.T) {
	a, c := fixture(t, "agent"), fixture(t, "customer")
	agent, customer := agentSender().events(a, 3000, 5*time.Millisecond), customerSender().events(c, 3000, 9*time.Millisecond)
	newest := time.Duration(0)
	for i := range customer {
		if i%5 == 0 {
			newest = agent[i+4].at
		}
		customer[i].at = max(customer[i].at, newest)
	}
	for i := range agent { // they are handed over first
		agent[i].at = min(agent[i].at, customer[i].at)
	}
	o := record(t, twoTracks, time.Minute, agent, customer)
	gotA, gotC := sides(t, o.file(1))
	same(t, "agent", gotA, looped(a, 3000))
	same(t, "customer", gotC, looped(c, 3000))
	wantGaps(t, o.call)
}
