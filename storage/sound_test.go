package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// tone is a sine's Opus packets of 20 ms, as ffmpeg makes them.
func tone(t *testing.T, hz, seconds int, volume float64, channels int) [][]byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tone.opus")
	ffmpeg(t, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:duration=%d,volume=%g", hz, seconds, volume),
		"-ac", fmt.Sprint(channels), "-c:a", "libopus", "-b:a", "24k", "-frame_duration", "20", file)
	data, err := os.ReadFile(file)
	must(t, err)
	r, err := ogg.NewOpusReader(bytes.NewReader(data))
	must(t, err)
	var packets [][]byte
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return packets[:seconds*50]
		}
		must(t, err)
		packets = append(packets, append([]byte(nil), p.Data...))
	}
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("ffmpeg is not installed")
	}
	must(t, err)
	out, err := exec.Command(program, append([]string{"-hide_banner", "-v", "error", "-y"}, args...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
}

// playable decodes audio as a player would and wants no complaint.
func playable(t *testing.T, audio []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audio")
	must(t, os.WriteFile(file, audio, 0o600))
	ffmpeg(t, "-i", file, "-f", "null", "-")
}

// twoSided is a file of two sides as the recorder writes it, a page a second;
// unfinished, it lacks what comes at the end.
func twoSided(t *testing.T, c earshot.Call, n int, at time.Time, left, right [][]byte, finished bool) []byte {
	t.Helper()
	w := ogg.NewWriter(7)
	out := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{Vendor: "earshot", Comments: []string{
		"EARSHOT_CALL=" + c.ID, fmt.Sprintf("EARSHOT_PART=%d", n), "EARSHOT_SEAT=" + c.Seat,
		"EARSHOT_START=" + at.UTC().Format("2006-01-02T15:04:05.000Z"),
	}})
	for i := range left {
		if i > 0 && i%50 == 0 {
			out = w.Flush(out)
		}
		packet, err := opus.SelfDelimit(nil, left[i])
		must(t, err)
		out = w.Packet(out, append(packet, right[i]...), int64(i+1)*960)
	}
	if finished {
		return w.Finish(out)
	}
	return w.Flush(out)
}

// stereoWAV is a G.711 recording whose sizes have not been filled in.
func stereoWAV(t *testing.T, codec earshot.Codec, ms int) []byte {
	t.Helper()
	encoding, err := wav.Of(codec)
	must(t, err)
	silence := map[earshot.Codec]byte{earshot.PCMA: 0xD5, earshot.PCMU: 0xFF}[codec]
	out := wav.AppendHeader(nil, encoding, 2, 0)
	for i := range ms * 8 {
		left := byte(0x2A) // a loud square in either law
		if i/8%2 == 0 {
			left = 0xAA
		}
		out = append(out, left, silence)
	}
	return out
}
