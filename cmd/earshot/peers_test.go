package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"earshot"
	"earshot/ingest/seat"
)

// The WebRTC stacks here are neither pion's nor Chromium's: aiortc (Python) and
// werift (TypeScript).

const peersDir = "../../web/e2e/peers/"

// needs fails the test where CI must have the programs, and else skips it.
func needs(t *testing.T, programs ...[]string) {
	t.Helper()
	for _, program := range programs {
		if out, err := exec.Command(program[0], program[1:]...).CombinedOutput(); err != nil {
			why := fmt.Sprintf("%s does not work here (%v: %s); scripts/setup-test installs it", strings.Join(program, " "), err, out)
			if os.Getenv("CI") == "true" {
				t.Fatal(why)
			}
			t.Skip(why)
		}
	}
}

var (
	ffmpeg = []string{"ffmpeg", "-version"}
	aiortc = []string{"/usr/bin/python3", "-c", "import aiortc"}
	werift = []string{"node", "--input-type=module", "-e", `import { createRequire } from "node:module"; createRequire(process.cwd() + "/../../web/e2e/peers/")("werift")`}
)

// peer runs a program to its end.
func peer(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args[:2], " "), err, out)
	}
}

// speak makes a WAV of tones that come and go, at 48 kHz: each seed has a
// rhythm of its own.
func speak(t *testing.T, seed int, seconds float64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), fmt.Sprintf("voice%d.wav", seed))
	rhythm := fmt.Sprintf("0.4*sin(%d*2*PI*t)*gt(sin(2*PI*t*%g)+sin(2*PI*t*%g),0.2)", 300+170*seed, 0.7+0.31*float64(seed), 1.9-0.23*float64(seed))
	peer(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc='%s':s=48000:d=%g", rhythm, seconds), file)
	return file
}

// envelopes are the loudnesses of a file's channels, one value each 50 ms.
func envelopes(t *testing.T, file string) [][]float64 {
	t.Helper()
	count, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=channels", "-of", "csv=p=0", file).Output()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var channels int
	if _, err := fmt.Sscan(string(count), &channels); err != nil {
		t.Fatal(err)
	}
	raw, err := exec.Command("ffmpeg", "-v", "error", "-i", file, "-f", "f32le", "-ar", "48000", "-").Output()
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	const step = 2400
	all := make([][]float64, channels)
	for at := 0; at+step*channels*4 <= len(raw); at += step * channels * 4 {
		sums := make([]float64, channels)
		for i := range step * channels {
			sample := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[at+i*4:])))
			sums[i%channels] += sample * sample
		}
		for c, sum := range sums {
			all[c] = append(all[c], math.Sqrt(sum/step))
		}
	}
	return all
}

// likeness is the best correlation of a with any equally long stretch of b.
func likeness(a, b []float64) float64 {
	n := min(len(a), len(b)) * 3 / 4
	best := -1.0
	for from := 0; from+n <= len(a); from++ {
		for to := 0; to+n <= len(b); to++ {
			best = max(best, correlation(a[from:from+n], b[to:to+n]))
		}
	}
	return best
}

func correlation(a, b []float64) float64 {
	var sa, sb, saa, sbb, sab float64
	for i := range a {
		sa, sb = sa+a[i], sb+b[i]
		saa, sbb, sab = saa+a[i]*a[i], sbb+b[i]*b[i], sab+a[i]*b[i]
	}
	n := float64(len(a))
	spread := math.Sqrt((n*saa - sa*sa) * (n*sbb - sb*sb))
	if spread == 0 {
		return 0
	}
	return (n*sab - sa*sb) / spread
}

// storedCall waits until the seat's call is on the shelf.
func (ts *testServer) storedCall(seat string) earshot.Call {
	ts.t.Helper()
	var page struct{ Calls []earshot.Call }
	eventually(ts.t, "the call on the shelf", func() bool {
		ts.call(http.MethodGet, "/api/v1/calls?state=stored&seat="+seat, nil, &page)
		return len(page.Calls) == 1
	})
	return page.Calls[0]
}

// audioFile fetches a part into a file.
func (ts *testServer) audioFile(call string, n int) string {
	ts.t.Helper()
	status, audio := ts.ask(http.MethodGet, fmt.Sprintf("/api/v1/calls/%s/parts/%d/audio", call, n), nil)
	if status != http.StatusOK {
		ts.t.Fatalf("audio: %d %s", status, audio)
	}
	file := filepath.Join(ts.t.TempDir(), "call.opus")
	if err := os.WriteFile(file, audio, 0o600); err != nil {
		ts.t.Fatal(err)
	}
	return file
}

// checkSides compares the stored call, side by side, with what was said.
func (ts *testServer) checkSides(call earshot.Call, agent, customer string) {
	ts.t.Helper()
	if len(call.Parts) != 1 || call.Parts[0].Track != earshot.TrackBoth {
		ts.t.Fatalf("parts %+v, want one with both sides", call.Parts)
	}
	stored := envelopes(ts.t, ts.audioFile(call.ID, 1))
	said := [][]float64{envelopes(ts.t, agent)[0], envelopes(ts.t, customer)[0]}
	for i, side := range []string{"agent", "customer"} {
		if r := likeness(stored[i], said[i]); r < 0.9 {
			ts.t.Errorf("%s: the stored side is like what was said by %.2f only", side, r)
		}
		if r := likeness(stored[i], said[1-i]); r > 0.7 {
			ts.t.Errorf("%s: the stored side is like what the other said, by %.2f", side, r)
		}
	}
}

func TestAiortcPublishesAndIsRecorded(t *testing.T) {
	needs(t, ffmpeg, aiortc)
	ts := startServer(t, nil)
	token := ts.makeSeat("counter", "counter", "session")
	agent, customer := speak(t, 1, 9), speak(t, 2, 9)
	peer(t, aiortc[0], peersDir+"aiortc_peer.py", "publish", ts.url+"/whip/counter", token, agent, customer, "7")
	ts.checkSides(ts.storedCall("counter"), agent, customer)
}

func TestWeriftPublishesAndIsRecorded(t *testing.T) {
	needs(t, ffmpeg, werift)
	ts := startServer(t, nil)
	token := ts.makeSeat("hotline", "hotline", "session")
	agent, customer := speak(t, 3, 8), speak(t, 4, 8)
	opus := func(wav string) string {
		peer(t, "ffmpeg", "-v", "error", "-i", wav, "-c:a", "libopus", "-b:a", "24k", "-frame_duration", "20", wav+".opus")
		return wav + ".opus"
	}
	peer(t, "node", peersDir+"werift-seat.mjs", ts.url+"/whip/hotline", token, opus(agent), opus(customer), "6")
	ts.checkSides(ts.storedCall("hotline"), agent, customer)
}

func TestAiortcListens(t *testing.T) {
	needs(t, ffmpeg, aiortc)
	ts := startServer(t, nil)
	token := ts.makeSeat("counter", "counter", "session")
	agent, customer := speak(t, 5, 8), speak(t, 6, 8)
	script, err := seat.LoadPaths(earshot.PCMA, agent, customer)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := seat.NewEngine(seat.EngineOptions{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	played := make(chan error, 1)
	connected := make(chan struct{}, 1)
	go func() {
		client := seat.Client{Engine: engine, Target: seat.Target{URL: ts.url, Seat: "counter", Token: token}, Script: script, Loop: true,
			Events: func(e seat.Event) {
				if e.Kind == seat.Connected {
					connected <- struct{}{}
				}
			}}
		played <- client.Run(ctx)
	}()
	<-connected
	heard := []string{filepath.Join(t.TempDir(), "agent.wav"), filepath.Join(t.TempDir(), "customer.wav")}
	peer(t, aiortc[0], peersDir+"aiortc_peer.py", "listen", ts.url+"/whep/counter", ts.token, heard[0], heard[1], "6")
	stop()
	if err := <-played; err != nil {
		t.Errorf("the seat: %v", err)
	}
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
	said := [][]float64{envelopes(t, agent)[0], envelopes(t, customer)[0]}
	for i, file := range heard {
		got := envelopes(t, file)[0]
		if len(got) < 80 {
			t.Fatalf("%s: heard only %d ms", filepath.Base(file), len(got)*50)
		}
		own, other := likeness(got, append(said[i], said[i]...)), likeness(got, append(said[1-i], said[1-i]...))
		if own < 0.85 || other > 0.7 {
			t.Errorf("%s: heard is like what that side said by %.2f, like the other side by %.2f", filepath.Base(file), own, other)
		}
	}
	var audit struct{ Audit []earshot.Audit }
	eventually(t, "the audit row of the listening", func() bool {
		ts.call(http.MethodGet, "/api/v1/audit?action=listen", nil, &audit)
		return len(audit.Audit) == 1
	})
	if row := audit.Audit[0]; row.Who != "admin" || row.Call == "" || row.ToMs-row.FromMs < 4000 || row.ToMs-row.FromMs > 9000 {
		t.Errorf("audited %+v, want admin, a call, and about six seconds", row)
	}
}

// TestSeatCommandSpeaksAsManySeats runs the command as a person would.
func TestSeatCommandSpeaksAsManySeats(t *testing.T) {
	needs(t, ffmpeg)
	ts := startServer(t, nil)
	voice := speak(t, 7, 2)
	mp3 := strings.TrimSuffix(voice, ".wav") + ".mp3"
	peer(t, "ffmpeg", "-v", "error", "-i", voice, "-ar", "44100", "-ac", "1", mp3)
	play := func(flags ...string) {
		t.Helper()
		var out, complaint bytes.Buffer
		if status := run(t.Context(), append([]string{"seat", "--url", ts.url}, flags...), &out, &complaint); status != 0 {
			t.Fatalf("%v: %s", flags, complaint.String())
		}
	}
	play("--seat", "many", "--token", ts.token, "--agent", mp3, "--customer", mp3, "--count", "3")
	for _, seat := range []string{"many-1", "many-2", "many-3"} {
		if call := ts.storedCall(seat); call.Parts[0].Track != earshot.TrackBoth || call.DurationMs < 1500 {
			t.Errorf("%s: %d ms, parts %+v", seat, call.DurationMs, call.Parts)
		}
	}
	token := ts.makeSeat("alone", "counter", "session")
	play("--seat", "alone", "--token", token, "--customer", voice)
	if call := ts.storedCall("alone"); call.Parts[0].Track != earshot.TrackCustomer {
		t.Errorf("a customer alone is stored as %+v", call.Parts)
	}
	var complaint bytes.Buffer
	if status := run(t.Context(), []string{"seat", "--url", ts.url, "--seat", "x", "--token", token, "--agent", mp3, "--count", "2"}, io.Discard, &complaint); status != 1 || !strings.Contains(complaint.String(), "administrator") {
		t.Errorf("making seats with a seat's token: %d, %s", status, complaint.String())
	}
}
