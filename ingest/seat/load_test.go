package seat

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// wavFile writes 16-bit samples of each channel.
func wavFile(rate int, channels ...[]int16) File {
	info := wav.Info{Encoding: wav.PCM, Channels: len(channels), Rate: rate, Bits: 16}
	file := wav.AppendHeaderOf(nil, info, int64(len(channels[0])*info.FrameBytes()))
	for i := range channels[0] {
		for _, c := range channels {
			file = append(file, byte(c[i]), byte(uint16(c[i])>>8))
		}
	}
	return File{Name: "a.wav", Data: bytes.NewReader(file)}
}

func TestWAVBecomesG711(t *testing.T) {
	low, high := sine(44100, 440, 1), sine(44100, 1200, 1)
	for _, c := range []struct {
		name  string
		law   earshot.Codec
		files []File
		tones []float64
		codec earshot.Codec
	}{
		{"one side", "", []File{wavFile(44100, low)}, []float64{440}, earshot.PCMU},
		{"A-law", earshot.PCMA, []File{wavFile(44100, low)}, []float64{440}, earshot.PCMA},
		{"stereo is both sides", "", []File{wavFile(44100, low, high)}, []float64{440, 1200}, earshot.PCMU},
		{"two files", "", []File{wavFile(44100, high), wavFile(16000, sine(16000, 440, 1))}, []float64{1200, 440}, earshot.PCMU},
	} {
		s, err := Load(c.law, c.files...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(s.Clips) != len(c.tones) {
			t.Fatalf("%s: %d clips", c.name, len(s.Clips))
		}
		for i, clip := range s.Clips {
			if clip.Codec != c.codec || clip.Duration() != time.Second || clip.Packets() != 50 || len(clip.Payload(3)) != 160 {
				t.Errorf("%s: %s of %v in %d packets", c.name, clip.Codec, clip.Duration(), clip.Packets())
			}
			if share := matches(clip, c.tones[i]); share < 0.99 {
				t.Errorf("%s: track %d is the tone to %.3f", c.name, i, share)
			}
			if l := clip.Level(10); l < 14 || l > 16 { // 8000 of 32768, as a sine
				t.Errorf("%s: level −%d", c.name, l)
			}
		}
	}
}

// TestALawStaysAsItIs keeps every byte.
func TestALawStaysAsItIs(t *testing.T) {
	data := make([]byte, 320)
	for i := range data {
		data[i] = byte(i * 7)
	}
	file := append(wav.AppendHeader(nil, wav.ALaw, 1, 320), data...)
	s, err := Load("", File{Name: "a.wav", Data: bytes.NewReader(file)})
	if err != nil {
		t.Fatal(err)
	}
	if s.Clips[0].Codec != earshot.PCMA || !bytes.Equal(append(bytes.Clone(s.Clips[0].Payload(0)), s.Clips[0].Payload(1)...), data) {
		t.Error("other bytes")
	}
}

func TestMP3BecomesG711(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is missing")
		}
		t.Skip("ffmpeg is missing")
	}
	make := func(args ...string) string {
		name := filepath.Join(t.TempDir(), "a.mp3")
		all := append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=600:d=2:r=44100", "-af", "volume=4"}, args...)
		if err := exec.Command("ffmpeg", append(all, name)...).Run(); err != nil {
			t.Fatal(err)
		}
		return name
	}
	s, err := LoadPaths("", make("-b:a", "64k"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Clips) != 1 || s.Duration() != 2*time.Second || matches(s.Clips[0], 600) < 0.98 {
		t.Errorf("%d clips of %v, the tone to %.3f", len(s.Clips), s.Duration(), matches(s.Clips[0], 600))
	}
	if _, err := LoadPaths("", make("-ar", "8000", "-b:a", "16k")); err == nil || !strings.Contains(err.Error(), "ffmpeg") {
		t.Errorf("MPEG-2.5: %v", err)
	}
}

// opusFile has n packets of 20 ms whose second byte is tag; with both there are
// two streams.
func opusFile(n int, tag byte, both bool) File {
	w := ogg.NewWriter(1)
	head := ogg.Mono(1)
	if both {
		head = ogg.TwoMono()
	}
	file := w.Headers(nil, head, ogg.OpusTags{})
	for i := range n {
		p := []byte{0x78, tag, byte(i), 0}
		if both {
			first, err := opus.SelfDelimit(nil, p)
			if err != nil {
				panic(err)
			}
			p = append(first, 0x78, tag+1, byte(i), 0)
		}
		file = w.Packet(file, p, int64(i+1)*960)
	}
	return File{Name: "a.opus", Data: bytes.NewReader(w.Finish(file))}
}

func TestOpusIsReplayed(t *testing.T) {
	for name, files := range map[string][]File{
		"two files":     {opusFile(30, 1, false), opusFile(20, 2, false)},
		"a recording":   {opusFile(30, 1, true)},
		"a single side": {opusFile(30, 1, false)},
	} {
		s, err := Load("", files...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, clip := range s.Clips {
			if clip.Codec != earshot.Opus || clip.Duration() != 600*time.Millisecond || clip.Samples(0) != 960 {
				t.Errorf("%s: track %d is %s of %v", name, i, clip.Codec, clip.Duration())
			}
			if want := []byte{0x78, byte(i + 1), 5, 0}; !bytes.Equal(clip.Payload(5), want) {
				t.Errorf("%s: track %d has %x", name, i, clip.Payload(5))
			}
		}
		if want := map[string]int{"two files": 2, "a recording": 2, "a single side": 1}[name]; len(s.Clips) != want {
			t.Errorf("%s: %d tracks", name, len(s.Clips))
		}
	}
	// The shorter side was made as long as the other, by silence.
	s, err := Load("", opusFile(30, 1, false), opusFile(20, 2, false))
	if err != nil || !bytes.Equal(s.Clips[1].Payload(25), []byte{0xF8}) || s.Clips[1].Level(25) != 127 {
		t.Error(err)
	}
}

func TestLoadRefuses(t *testing.T) {
	text := func(name string) File { return File{Name: name, Data: strings.NewReader("this is no audio at all")} }
	for name, c := range map[string]struct {
		files []File
		want  error
		says  string
	}{
		"nothing":          {nil, nil, "one file or two"},
		"two codecs":       {[]File{opusFile(1, 1, false), wavFile(8000, sine(8000, 400, 1))}, ErrTwoCodecs, ".opus"},
		"both sides twice": {[]File{opusFile(1, 1, true), opusFile(1, 1, false)}, nil, "name it alone"},
		"no such kind":     {[]File{text("a.txt")}, nil, "must end in"},
		"no Opus":          {[]File{text("a.opus")}, ogg.ErrNotOgg, "a.opus"},
		"no WAVE":          {[]File{text("a.wav")}, wav.ErrNotWAV, "a.wav"},
		"no MP3":           {[]File{text("a.mp3")}, nil, "not an MP3"},
		"no packets":       {[]File{opusFile(0, 1, false)}, nil, "no audio"},
		"no samples":       {[]File{wavFile(8000, nil)}, nil, "no audio"},
	} {
		_, err := Load("", c.files...)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadPaths("", filepath.Join(t.TempDir(), "none.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Load("opus", wavFile(8000, sine(8000, 400, 1))); err == nil {
		t.Error("opus is a law of G.711")
	}
}

// TestDemos reads every conversation and wants two sides that take turns.
func TestDemos(t *testing.T) {
	demos := Demos()
	if len(demos) < 6 {
		t.Fatalf("%d conversations", len(demos))
	}
	seen := map[string]bool{}
	for _, d := range demos {
		if seen[d.ID] || seen[d.Seat] || !earshot.ValidID(d.Seat) || d.Title == "" || d.TitleEn == "" || d.SeatName == "" || d.Business == "" {
			t.Errorf("%+v", d)
		}
		seen[d.ID], seen[d.Seat] = true, true
		if err := d.Agent.Validate(); err != nil || d.Agent.ID == "" {
			t.Errorf("%s: %v", d.ID, err)
		}
		seat := earshot.Seat{ID: d.Seat, Name: d.SeatName, Branch: "b", Kind: d.Kind, Cut: earshot.CutSession}
		if err := seat.Validate(); err != nil {
			t.Errorf("%s: %v", d.ID, err)
		}
		if (d.Kind == earshot.Counter) != (d.Direction == earshot.NoDirection) || (d.Kind == earshot.Hotline) != (d.Number != "") {
			t.Errorf("%s: %s, %s, %q", d.ID, d.Kind, d.Direction, d.Number)
		}
		s, err := d.Script()
		if err != nil {
			t.Errorf("%s: %v", d.ID, err)
			continue
		}
		if len(s.Clips) != 2 || s.Duration() < 40*time.Second || s.Duration() > 90*time.Second || s.Clips[0].Duration() != s.Clips[1].Duration() {
			t.Errorf("%s: %d clips of %v", d.ID, len(s.Clips), s.Duration())
		}
		var speech [2]int
		both := 0
		for i := range s.Clips[0].Packets() {
			a, c := s.Clips[0].Level(i) < 40, s.Clips[1].Level(i) < 40
			if a {
				speech[0]++
			}
			if c {
				speech[1]++
			}
			if a && c {
				both++
			}
		}
		n := s.Clips[0].Packets()
		if speech[0] < n/10 || speech[1] < n/10 || both > n/10 {
			t.Errorf("%s: of %d packets the agent speaks in %d, the customer in %d, both in %d", d.ID, n, speech[0], speech[1], both)
		}
	}
}
