package seat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"earshot"
)

// Clip is one track's audio, ready to be sent.
type Clip struct {
	Codec    earshot.Codec
	Channels int // 2 only for stereo Opus
	packets  []clipPacket
	samples  int64 // in all, by the codec's clock
}

type clipPacket struct {
	payload []byte
	samples uint32 // by the codec's clock
	level   uint8  // RFC 6464
}

// Duration is how long the clip is.
func (c Clip) Duration() time.Duration {
	return time.Duration(c.samples) * time.Second / time.Duration(c.Codec.ClockRate())
}

// Packets is how many packets the clip has.
func (c Clip) Packets() int { return len(c.packets) }

// Payload is packet i as it is sent.
func (c Clip) Payload(i int) []byte { return c.packets[i].payload }

// Level is the RFC 6464 level that is sent with packet i.
func (c Clip) Level(i int) uint8 { return c.packets[i].level }

// Samples is how long packet i is by the codec's clock.
func (c Clip) Samples(i int) uint32 { return c.packets[i].samples }

func (c *Clip) add(payload []byte, samples uint32, level uint8) {
	c.packets = append(c.packets, clipPacket{payload, samples, level})
	c.samples += int64(samples)
}

// Script is what a seat says: one track, or the agent's and the customer's.
// It is only read, so any number of seats can play one.
type Script struct{ Clips []Clip }

// Duration is that of the longer side.
func (s Script) Duration() time.Duration {
	longest := time.Duration(0)
	for _, c := range s.Clips {
		longest = max(longest, c.Duration())
	}
	return longest
}

// Tracks are the m-lines the script needs.
func (s Script) Tracks() []Track {
	tracks := make([]Track, len(s.Clips))
	for i, c := range s.Clips {
		tracks[i] = Track{Codec: c.Codec, Channels: c.Channels}
	}
	return tracks
}

// File is an audio file: its name says of which kind it is.
type File struct {
	Name string // ending in .opus, .ogg, .wav or .mp3

	Data io.ReadSeeker
	// Levels are the RFC 6464 levels of an Opus file's packets where they are
	// known; without them every packet is decoded once.
	Levels []byte
}

// ErrTwoCodecs means that the two sides cannot be sent together.
var ErrTwoCodecs = errors.New("both sides must be of one codec: two .opus files, or two of .wav and .mp3")

// Load makes a script of one file or of the agent's and the customer's. One
// file with two channels gives both sides, left the agent; a stereo Opus stream
// stays one track of two channels. WAVE and MP3 become G.711 at 8 kHz: law is
// earshot.PCMU or PCMA, or empty for µ-law unless all is A-law already.
func Load(law earshot.Codec, files ...File) (Script, error) {
	if len(files) < 1 || len(files) > 2 {
		return Script{}, fmt.Errorf("a seat plays one file or two, not %d", len(files))
	}
	var opusSides, pcmSides int
	for _, f := range files {
		if isOpus(f.Name) {
			opusSides++
		} else {
			pcmSides++
		}
	}
	if opusSides > 0 && pcmSides > 0 {
		return Script{}, fmt.Errorf("%s and %s: %w", files[0].Name, files[1].Name, ErrTwoCodecs)
	}
	if opusSides > 0 {
		return loadOpus(files)
	}
	return loadG711(law, files)
}

func isOpus(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".opus" || ext == ".ogg"
}

// LoadPaths is Load for files on disk. An empty path is left out.
func LoadPaths(law earshot.Codec, paths ...string) (Script, error) {
	var files []File
	for _, path := range paths {
		if path == "" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return Script{}, err
		}
		files = append(files, File{Name: path, Data: bytes.NewReader(data)})
	}
	return Load(law, files...)
}

// level makes both sides equally long, so that a loop keeps them together: the
// shorter one is silent at its end.
func (s *Script) level() {
	longest := s.Duration()
	for i := range s.Clips {
		c := &s.Clips[i]
		for c.Duration() < longest {
			payload, samples := silence(c.Codec)
			c.add(payload, samples, earshot.LevelSilence)
		}
	}
}
