package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"earshot"
)

// childArgs has the test's own binary be the program itself: a process that can
// be killed.
const childArgs = "CHILD_OF_TEST_ARGS"

func init() {
	if args := os.Getenv(childArgs); args != "" {
		os.Exit(run(context.Background(), strings.Fields(args), os.Stdout, os.Stderr))
	}
}

// startChild starts a server as a process of its own and answers where it is.
func startChild(t *testing.T, data string) (child *exec.Cmd, url string) {
	t.Helper()
	child = exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(),
		childArgs+"=serve --http 127.0.0.1:0 --udp 127.0.0.1:0 --data "+data, "EARSHOT_ADMIN_PASSWORD="+testPassword)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		for _, word := range strings.Fields(lines.Text()) {
			if strings.HasPrefix(word, "http://") && url == "" {
				url = word
			}
		}
		if strings.Contains(lines.Text(), "Ctrl-C") { // the last line of the greeting
			return child, url
		}
	}
	t.Fatalf("the server did not start: %v, %v", lines.Err(), child.Wait())
	return nil, ""
}

// mostLostSlots is what a crash may cost: 300 ms.
const mostLostSlots = 15

// childSite is a site whose server is a process of its own.
func childSite(t *testing.T, data string) (*exec.Cmd, *site) {
	t.Helper()
	child, url := startChild(t, data)
	s := &site{testServer: &testServer{t: t, url: url}, engine: newEngine(t), doors: make(chan struct{}, 1)}
	var signedIn struct{ Token string }
	status, answer := s.ask(http.MethodPost, "/api/v1/login", map[string]string{"name": "admin", "password": testPassword})
	if err := json.Unmarshal(answer, &signedIn); err != nil || status != http.StatusOK {
		t.Fatalf("sign in: %d %s", status, answer)
	}
	s.token = signedIn.Token
	return child, s
}

// killNow ends the server as a power cut would, but for what the kernel has.
func killNow(t *testing.T, child *exec.Cmd) {
	t.Helper()
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the server was not killed")
	}
}

// TestKilledAtEveryStep kills the server at each step of a call's life, and
// compares what is on the shelf afterwards with what the seat sent.
func TestKilledAtEveryStep(t *testing.T) {
	const said = 60 // packets, each time the seat speaks
	rows := []struct {
		name        string
		live        func(s *site, speak func() *device) (call string) // until the kill
		parts       int
		interrupted bool
		mark        earshot.MarkKind
	}{
		{"its first second", func(s *site, speak func() *device) string {
			speak()
			return s.liveCall("counter").ID
		}, 1, true, ""},
		{"a pause", func(s *site, speak func() *device) string {
			speak()
			call := s.liveCall("counter").ID
			s.call(http.MethodPost, "/api/v1/calls/"+call+"/pause", map[string]string{"reason": "密码"}, nil)
			<-time.After(mostLostSlots * slotTime) // what was done before may not be lost
			return call
		}, 1, true, earshot.MarkPause},
		{"a seat that is gone", func(s *site, speak func() *device) string {
			speak().vanish()
			return s.liveCall("counter").ID
		}, 1, true, ""},
		{"a second part", func(s *site, speak func() *device) string {
			speak()
			speak()
			return s.liveCall("counter").ID
		}, 2, true, ""},
		{"its end", func(s *site, speak func() *device) string {
			d := speak()
			call := s.liveCall("counter").ID
			d.bye()
			return call
		}, 1, false, ""},
		{"the shelf", func(s *site, speak func() *device) string {
			d := speak()
			call := s.liveCall("counter").ID
			d.bye()
			s.storedOf(call)
			return call
		}, 1, false, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			data := t.TempDir()
			child, dead := childSite(t, data)
			target := dead.target("counter", "session")
			agent, customer := voices(t, said)
			var last *device
			id := row.live(dead, func() *device {
				last = dead.join(target, twoTracks)
				pub := last.pub
				t.Cleanup(func() { _ = pub.Abandon() }) // whatever became of it
				last.play(agent, customer)
				return last
			})
			killNow(t, child)

			s := openSite(t, func(c *serveCommand) { c.Data = data })
			call := s.callOf(id)
			if call.State != earshot.CallStored || len(call.Parts) != row.parts || call.Flagged(earshot.FlagDamaged) {
				t.Fatalf("after the crash the call is %s, %v, parts %+v", call.State, call.Flags, call.Parts)
			}
			if row.interrupted && !call.Flagged(earshot.FlagInterrupted) {
				t.Errorf("flags %v", call.Flags)
			}
			if row.mark != "" && (len(call.Marks) != 1 || call.Marks[0].Kind != row.mark) {
				t.Errorf("marks %+v", call.Marks)
			}
			for n := range call.Parts {
				part := s.open(call, n+1)
				for track, sent := range [][]shot{agent, customer} {
					from, to := part.runOf(t, track, laid(t, earshot.Opus, sent))
					if from != 0 || to < said-mostLostSlots-last.few() || n+1 < row.parts && to != said {
						t.Errorf("part %d, track %d: packets %d to %d outlived the crash", n+1, track, from, to)
					}
				}
			}
		})
	}
}

// TestKilledServerGoesOn kills the server in the middle of a call. Started
// again, it has the call on the shelf, and the seat goes on with it.
func TestKilledServerGoesOn(t *testing.T) {
	data := t.TempDir()
	child, dead := childSite(t, data)
	target := dead.target("counter", "session")
	agent, customer := voices(t, 250)
	d := dead.connect(target, twoTracks)
	d.play(agent, customer)
	call := dead.liveCall("counter")
	killNow(t, child)
	killed := time.Now()
	d.vanish()

	s := openSite(t, func(c *serveCommand) { c.Data = data })
	left := s.callOf(call.ID)
	if left.State != earshot.CallStored || !left.Flagged(earshot.FlagInterrupted) || len(left.Parts) != 1 {
		t.Fatalf("after the crash the call is %s, %v, parts %+v", left.State, left.Flags, left.Parts)
	}
	target.URL = s.url
	again := s.connect(target, twoTracks)
	more, other := agentLine(fixture(t, "celt20")).shots(150), customerLine(fixture(t, "silk20")).shots(150)
	again.play(more, other)
	if live := s.liveCall("counter"); live.ID != call.ID {
		t.Fatalf("the seat came back, and began call %s", live.ID)
	}
	again.bye()
	call = s.storedOf(call.ID)
	if len(call.Parts) != 2 || !call.Flagged(earshot.FlagInterrupted) {
		t.Fatalf("flags %v, parts %+v", call.Flags, call.Parts)
	}
	before, after := s.open(call, 1), s.open(call, 2)
	for track, sent := range [][]shot{agent, customer} {
		from, to := before.runOf(t, track, laid(t, earshot.Opus, sent))
		if from != 0 || to < 250-mostLostSlots-d.few() {
			t.Errorf("track %d: packets %d to %d outlived the crash", track, from, to)
		}
	}
	for track, sent := range [][]shot{more, other} {
		after.holds(t, track, laid(t, earshot.Opus, sent))
	}
	began := again.began(0).Sub(call.StartedAt.Time)
	within(t, "the second part begins", time.Duration(after.StartMs)*time.Millisecond, began, began, again.slack())
	for _, side := range sideOf {
		gap := theGap(t, call, side, earshot.CauseRecorderDown, again.began(0).Sub(killed)+time.Second, 1500*time.Millisecond)
		if abs(gap.EndMs-after.StartMs) > 60 {
			t.Errorf("%s: gap %+v, and the second part begins at %d ms", side, gap, after.StartMs)
		}
	}
}
