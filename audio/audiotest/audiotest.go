// Package audiotest makes files of audio for tests, as other programs write them.
// It starts no goroutine.
package audiotest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Need fails in CI and skips elsewhere where one of the programs is missing.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is missing", name)
			}
			t.Skipf("%s is missing", name)
		}
	}
}

// Run runs a program and answers what it prints.
func Run(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, &stderr)
	}
	return out
}

// SourceRate, in Hz, and SourceSeconds are those of the source.
const (
	SourceRate    = 44100
	SourceSeconds = 4
)

// Source writes what is encoded: a WAVE file of 16 bits and two channels, in
// which the left and the right take turns to speak, and are silent in between.
func Source(t testing.TB, dir string) string {
	t.Helper()
	n := SourceRate * SourceSeconds
	file := make([]byte, 0, 44+4*n)
	le := binary.LittleEndian
	file = append(file, "RIFF"...)
	file = le.AppendUint32(file, uint32(36+4*n))
	file = append(file, "WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00"...)
	file = le.AppendUint32(file, SourceRate)
	file = le.AppendUint32(file, SourceRate*4)
	file = append(file, "\x04\x00\x10\x00data"...)
	file = le.AppendUint32(file, uint32(4*n))
	for i := range n {
		file = le.AppendUint16(file, uint16(voice(i, 0)))
		file = le.AppendUint16(file, uint16(voice(i, 1)))
	}
	name := filepath.Join(dir, "source.wav")
	Write(t, name, file)
	return name
}

// voice is a vowel in bursts of 0.6 s of each 1.6 s; the right comes 0.8 s later.
func voice(i, side int) int16 {
	at := float64(i)/SourceRate - 0.8*float64(side) + 1.6
	phase := math.Mod(at, 1.6)
	if phase > 0.6 {
		return 0
	}
	pitch := 110 + 60*float64(side)
	sum := 0.0
	for k := 1.0; k <= 12; k++ {
		sum += math.Sin(2*math.Pi*pitch*k*at) / (1 + math.Abs(k*pitch-700)/300)
	}
	return int16(4000 * sum * math.Sin(math.Pi*phase/0.6))
}

// Write writes a file.
func Write(t testing.TB, name string, file []byte) {
	t.Helper()
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Form is a form in which recorders write.
type Form struct {
	Program string // lame, sox, ffmpeg
	Args    string // between source and target
	Ending  string // of the target's name
}

// Name is the form's name in a test.
func (f Form) Name() string { return f.Program + " " + strings.TrimSpace(f.Args) + " " + f.Ending }

// Make encodes the source as f into dir.
func (f Form) Make(t testing.TB, source, dir string) string {
	t.Helper()
	Need(t, f.Program)
	file, err := os.CreateTemp(dir, "*"+f.Ending)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	target, args := file.Name(), strings.Fields(f.Args)
	switch f.Program {
	case "lame":
		Run(t, "lame", append(append([]string{"--quiet"}, args...), source, target)...)
	case "sox":
		Run(t, "sox", append(append([]string{"-V1", "-D", source}, args...), target)...)
	default:
		Run(t, "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y", "-i", source}, args...), target)...)
	}
	return target
}

// MP3Forms are MP3 files as they are met.
func MP3Forms() []Form {
	return forms(".mp3", map[string][]string{
		"lame": {
			"-b 128", "-b 320 -m s", "-b 64 -m m", "-b 128 -t", "-b 64 -m d -p", "-V 2", "-V 6 -m m", "-V 9 -m m", "--abr 56 -m m",
			"--resample 48 -b 96", "--resample 32 -b 48 -m m", "--resample 24 -b 32 -m m", "--resample 22.05 -b 32 -m m",
			"--resample 22.05 -b 80", "--resample 16 -b 24 -m m", "--resample 16 -V 7", "--resample 12 -b 16 -m m",
			"--resample 11.025 -b 16 -m m", "--resample 8 -b 8 -m m", "--resample 8 -b 16 -m m -t", "--resample 8 -b 32 -m s",
			"--resample 8 -V 6 -m m", "--resample 8 --abr 16 -m m", "-b 64 -m j -p", "-b 32 --resample 16 -m s -t", "--tt title --ta artist --id3v2-only", "--tt title --id3v1-only", "--tt 标题 --add-id3v2",
		},
		"ffmpeg": {"-ar 8000 -ac 1 -b:a 8k -write_xing 0", "-ar 44100 -q:a 4 -write_xing 0", "-metadata title=x -id3v2_version 4 -write_id3v1 1"},
	})
}

// WAVForms are WAVE files as they are met.
func WAVForms() []Form {
	return forms(".wav", map[string][]string{
		"sox": {
			"-b 8 -e unsigned", "-b 16", "-b 24", "-b 32 -e signed", "-b 32 -e floating-point", "-b 64 -e floating-point",
			"-r 8000 -e a-law", "-r 8000 -c 1 -e u-law", "-r 6000 -c 1 -e a-law", "-r 16000 -e u-law", "-r 8000 -c 1 -e ms-adpcm",
			"-r 11025 -e ms-adpcm", "-r 8000 -c 1 -e ima-adpcm", "-r 8000 -e ima-adpcm", "-r 8000 -c 1 -e gsm-full-rate", "-r 11025 -c 1 -e gsm-full-rate",
		},
		"ffmpeg": {
			"-c:a pcm_s16le", "-c:a pcm_s16le -rf64 always", "-c:a pcm_s24le -ar 48000", "-c:a pcm_alaw -ar 8000", "-c:a pcm_mulaw -ar 8000 -ac 1",
			"-c:a adpcm_ms -ar 8000 -ac 1", "-c:a adpcm_ima_wav -ar 8000", "-c:a adpcm_ima_wav -ar 8000 -ac 1 -block_size 256",
			"-c:a adpcm_ms -ar 8000 -block_size 256", "-c:a adpcm_ima_wav -ar 11025 -block_size 2048", "-c:a pcm_u8 -ar 8000 -ac 1", "-c:a pcm_f32le",
			"-c:a pcm_f64le -ac 1", "-c:a pcm_s32le", "-c:a pcm_alaw -ar 8000 -rf64 always",
			"-c:a libmp3lame -b:a 64k", "-c:a libmp3lame -ar 8000 -ac 1 -b:a 8k", "-c:a pcm_s16le -metadata title=x -metadata artist=y",
		},
	})
}

func forms(ending string, by map[string][]string) (all []Form) {
	for _, program := range []string{"lame", "sox", "ffmpeg"} {
		for _, args := range by[program] {
			all = append(all, Form{program, args, ending})
		}
	}
	return all
}
