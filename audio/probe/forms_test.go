package probe

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/audio/audiotest"
)

func probeFile(t testing.TB, name string) (Audio, error) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return File(file, info.Size())
}

// near is how far a duration may be from that of ffprobe or mpg123.
const near = 50 * time.Millisecond

// durations are what ffprobe says, and what mpg123 and ffmpeg decode.
func durations(t testing.TB, name string, a Audio) map[string]time.Duration {
	t.Helper()
	said := map[string]time.Duration{}
	text := strings.TrimSpace(string(audiotest.Run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", name)))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		said["ffprobe"] = time.Duration(seconds * float64(time.Second))
	}
	if a.Container == "mp3" {
		raw := audiotest.Run(t, "mpg123", "-q", "-s", "-r", strconv.Itoa(a.Rate), "-e", "s16", "--mono", name)
		said["mpg123"] = time.Duration(len(raw)/2) * time.Second / time.Duration(a.Rate)
	}
	if a.Container == "wav" && a.Codec == earshot.ADPCM { // of small blocks ffprobe only guesses
		raw := audiotest.Run(t, "ffmpeg", "-v", "error", "-nostdin", "-i", name, "-ac", "1", "-f", "s16le", "-")
		said["ffmpeg"] = time.Duration(len(raw)/2) * time.Second / time.Duration(a.Rate)
	}
	return said
}

func agrees(a Audio, said map[string]time.Duration) bool {
	for _, d := range said {
		if (a.Duration - d).Abs() <= near {
			return true
		}
	}
	return false
}

// TestForms makes a file of every form and holds what we say against what ffprobe
// and mpg123 say.
func TestForms(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "ffprobe", "mpg123", "lame", "sox")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, form := range slices.Concat(audiotest.MP3Forms(), audiotest.WAVForms()) {
		t.Run(form.Name(), func(t *testing.T) {
			t.Parallel()
			name := form.Make(t, source, dir)
			a, err := probeFile(t, name)
			if err != nil {
				t.Fatal(err)
			}
			said := durations(t, name, a)
			t.Logf("%+v, %v", a, said)
			if !agrees(a, said) {
				t.Errorf("%v, others say %v", a.Duration, said)
			}
			if d := a.Duration - audiotest.SourceSeconds*time.Second; d < -30*time.Millisecond || d > 250*time.Millisecond {
				t.Errorf("%v of a source of 4 s", a.Duration)
			}
		})
	}
}

// TestOpusForms holds what we say of Opus files of odd lengths, of long and short
// pages and packets, against ffprobe: the last page counts to its end.
func TestOpusForms(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "ffprobe", "sox", "opusenc")
	dir := t.TempDir()
	for _, seconds := range []string{"0.31", "3", "3.1", "9.9"} {
		source := dir + "/" + seconds + ".wav"
		audiotest.Run(t, "sox", "-n", "-r", "48000", "-c", "1", "-b", "16", source, "synth", seconds, "pinknoise", "gain", "-6")
		for program, variants := range map[string][]string{
			"ffmpeg":  {"-b:a 24k", "-b:a 16k -frame_duration 60", "-b:a 24k -page_duration 200000", "-b:a 64k -ac 2"},
			"opusenc": {"--bitrate 24", "--bitrate 16 --framesize 60", "--bitrate 24 --max-delay 200"},
		} {
			for i, variant := range variants {
				name := dir + "/" + program + seconds + strconv.Itoa(i) + ".opus"
				args := append([]string{"-v", "error", "-y", "-i", source, "-c:a", "libopus"}, append(strings.Fields(variant), name)...)
				if program == "opusenc" {
					args = append([]string{"--quiet"}, append(strings.Fields(variant), source, name)...)
				}
				audiotest.Run(t, program, args...)
				a, err := probeFile(t, name)
				if err != nil {
					t.Fatal(err)
				}
				if said := durations(t, name, a); !agrees(a, said) || a.Torn || len(a.Remarks) > 0 {
					t.Errorf("%s %s of %s s: %v %v, others say %v", program, variant, seconds, a.Duration, a.Remarks, said)
				}
			}
		}
	}
}
