package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/audio/opus"
	"earshot/audio/wav"
	"earshot/ingest/seat"
)

// What is allowed between the wall's clock and the file's, on an idle machine.
const timeTolerance = 40 * time.Millisecond

// site is the application with an engine for seats.
type site struct {
	*testServer
	engine *seat.Engine
	doors  chan struct{} // so many seats connect and begin to speak at once
}

// openSite opens the application, where two seconds of silence end a call that
// voice cuts.
func openSite(t *testing.T, change func(*serveCommand)) *site {
	t.Helper()
	needs(t, ffmpeg, []string{"opusinfo", "-h"}, []string{"opusdec", "--version"})
	engine := newEngine(t)
	return &site{startServer(t, func(c *serveCommand) {
		c.VoiceEnd = 2 * time.Second
		if change != nil {
			change(c)
		}
	}), engine, make(chan struct{}, 2)}
}

func newEngine(t *testing.T) *seat.Engine {
	t.Helper()
	engine, err := seat.NewEngine(seat.EngineOptions{Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

// in is the site for a test beside others.
func (s *site) in(t *testing.T) *site {
	server := *s.testServer
	server.t = t
	return &site{&server, s.engine, s.doors}
}

// target makes a seat and answers where to publish.
func (s *site) target(id, cut string) seat.Target {
	s.t.Helper()
	return seat.Target{URL: s.url, Seat: id, Token: s.makeSeat(id, "counter", cut)}
}

// call is a call by its id, as the API tells it.
func (s *site) callOf(id string) earshot.Call {
	s.t.Helper()
	var c earshot.Call
	s.call(http.MethodGet, "/api/v1/calls/"+id, nil, &c)
	return c
}

// storedOf waits until the call is stored.
func (s *site) storedOf(id string) earshot.Call {
	s.t.Helper()
	var c earshot.Call
	eventually(s.t, "call "+id+" to be stored", func() bool {
		c = s.callOf(id)
		return c.State == earshot.CallStored
	})
	return c
}

// liveCall waits until the seat has an open call.
func (s *site) liveCall(seat string) earshot.Call {
	s.t.Helper()
	var page struct{ Calls []earshot.Call }
	eventually(s.t, "an open call of "+seat, func() bool {
		s.call(http.MethodGet, "/api/v1/calls?state=live&seat="+seat, nil, &page)
		return len(page.Calls) == 1
	})
	return page.Calls[0]
}

// levels are the call's by the API.
func (s *site) levels(call earshot.Call) [2][]byte {
	s.t.Helper()
	var l earshot.Levels
	s.call(http.MethodGet, "/api/v1/calls/"+call.ID+"/levels", nil, &l)
	if l.StepMs != earshot.LevelStepMs || len(l.Agent) != len(l.Customer) {
		s.t.Errorf("levels of %d ms, %d and %d steps", l.StepMs, len(l.Agent), len(l.Customer))
	}
	return [2][]byte{l.Agent, l.Customer}
}

// partFile is a stored part, taken apart.
type partFile struct {
	earshot.Part
	tracks [][][]byte // of each stream in the file: its slots; nil is a filler
}

// open fetches a part, has other programs play it, and takes it apart.
func (s *site) open(call earshot.Call, n int) partFile {
	s.t.Helper()
	i := slices.IndexFunc(call.Parts, func(p earshot.Part) bool { return p.N == n })
	if i < 0 {
		s.t.Fatalf("no part %d among %+v", n, call.Parts)
	}
	p := partFile{Part: call.Parts[i]}
	name := s.audioFile(call.ID, n)
	file, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != p.SHA256 || int64(len(file)) != p.Bytes {
		s.t.Errorf("part %d: the file is not the one that the call tells of", n)
	}
	if p.Codec == earshot.Opus {
		p.tracks = s.takeApart(call, p.Part, file)
	} else {
		p.tracks = takeWAVApart(s.t, p.Part, file)
	}
	s.plays(p, name)
	return p
}

func (s *site) takeApart(call earshot.Call, part earshot.Part, file []byte) [][][]byte {
	s.t.Helper()
	in, packets := readOgg(s.t, file)
	if id := in.Tags.Get("EARSHOT_CALL"); id != call.ID {
		s.t.Errorf("the file says it is of call %q", id)
	}
	two := in.Head.Streams == 2
	if in.Head.Channels != part.Channels || two != (part.Channels == 2 && in.Head.Coupled == 0) || two && in.Head.Family != 1 {
		s.t.Fatalf("head %+v of a part with %d channels", in.Head, part.Channels)
	}
	tracks := make([][][]byte, in.Head.Streams)
	for _, packet := range packets {
		sides := [][]byte{packet}
		if two {
			agent, customer, err := opus.SplitSelfDelimited(packet)
			if err != nil {
				s.t.Fatal(err)
			}
			sides = [][]byte{agent, customer}
		}
		for i, data := range sides {
			if len(data) == 1 && data[0]&^4 == opus.Filler {
				data = nil
			}
			tracks[i] = append(tracks[i], data)
		}
	}
	return tracks
}

func takeWAVApart(t *testing.T, part earshot.Part, file []byte) [][][]byte {
	t.Helper()
	in, err := wav.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if in.Channels != part.Channels || int64(len(file)) != wav.HeaderBytes+in.DataBytes {
		t.Fatalf("%+v in a file of %d bytes and %d channels", in.Info, len(file), part.Channels)
	}
	silence := byte(0xFF)
	if part.Codec == earshot.PCMA {
		silence = 0xD5
	}
	tracks := make([][][]byte, part.Channels)
	for slot := range slices.Chunk(file[wav.HeaderBytes:], 160*part.Channels) {
		for c := range tracks {
			var data []byte
			for i := c; i < len(slot); i += part.Channels {
				data = append(data, slot[i])
			}
			if bytes.Equal(data, bytes.Repeat([]byte{silence}, len(data))) {
				data = nil
			}
			tracks[c] = append(tracks[c], data)
		}
	}
	return tracks
}

// plays has ffmpeg decode the file without a word of complaint, and opusinfo
// look at it.
func (s *site) plays(p partFile, name string) {
	s.t.Helper()
	rate, skip := 8000, 0
	if p.Codec == earshot.Opus {
		rate, skip = 48000, 312
	}
	cmd := exec.CommandContext(s.t.Context(), "ffmpeg", "-v", "error", "-xerror", "-i", name, "-f", "s16le", "-ar", fmt.Sprint(rate), "pipe:1")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		s.t.Errorf("part %d: ffmpeg: %v: %s", p.N, err, said.String())
	}
	if want := int(p.DurationMs)*rate/1000 - skip; out.Len() != 2*p.Channels*want {
		s.t.Errorf("part %d: ffmpeg makes %d bytes of it, want %d samples of %d channels", p.N, out.Len(), want, p.Channels)
	}
	if p.Codec != earshot.Opus {
		return
	}
	info, err := exec.CommandContext(s.t.Context(), "opusinfo", name).CombinedOutput()
	if err != nil || bytes.Contains(info, []byte("WARNING")) || bytes.Contains(info, []byte("ERROR")) {
		s.t.Errorf("part %d: opusinfo: %v: %s", p.N, err, info)
	}
}

// opusdec has the reference decoder play a part.
func (s *site) opusdec(call earshot.Call, n int) {
	s.t.Helper()
	name := s.audioFile(call.ID, n)
	said, err := exec.CommandContext(s.t.Context(), "opusdec", "--quiet", name, filepath.Join(s.t.TempDir(), "played.wav")).CombinedOutput()
	if err != nil || len(said) > 0 {
		s.t.Errorf("part %d: opusdec: %v: %s", n, err, said)
	}
}

// lead is how many fillers a track begins with.
func lead(slots [][]byte) int {
	if i := slices.IndexFunc(slots, func(data []byte) bool { return data != nil }); i >= 0 {
		return i
	}
	return len(slots)
}

// holds fails unless the track holds exactly what was laid, then nothing more.
// It answers where it begins.
func (p partFile) holds(t *testing.T, track int, want []sound) (from int) {
	t.Helper()
	got := p.tracks[track]
	from = lead(got)
	for i, data := range got[from:] {
		var wanted []byte
		if i < len(want) {
			wanted = want[i].data
		}
		if !bytes.Equal(data, wanted) {
			t.Fatalf("track %d: slot %d after its first has %d bytes %.8x, want %d bytes %.8x", track, i, len(data), data, len(wanted), wanted)
		}
	}
	if len(got)-from < len(want) {
		t.Fatalf("track %d: %d slots after its first, want %d", track, len(got)-from, len(want))
	}
	return from
}

// stepsOf are the levels, a byte each 100 ms, of a file of so many slots in
// which what was laid begins at from.
func stepsOf(want []sound, from, slots int) []byte {
	const each = earshot.LevelStepMs / 20
	steps := bytes.Repeat([]byte{earshot.LevelGap}, (slots+each-1)/each)
	for i, s := range want {
		step := (from + i) / each
		steps[step] = min(steps[step], s.level)
	}
	return steps
}

// within fails unless got lies between the two, give or take.
func within(t *testing.T, what string, got, from, to, tolerance time.Duration) {
	t.Helper()
	if got < from-tolerance || got > to+tolerance {
		t.Errorf("%s: %v, want %v to %v, give or take %v", what, got, from, to, tolerance)
	}
}
