package mp3

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needFFmpeg fails in CI and skips elsewhere where ffmpeg is missing.
func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("ffmpeg is missing")
		}
		t.Skip("ffmpeg is missing")
	}
}

func ffmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...).Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v", args, err)
	}
	return out
}

// encode makes an MP3 file of two seconds of moving tones.
func encode(t *testing.T, args ...string) []byte {
	t.Helper()
	needFFmpeg(t)
	name := filepath.Join(t.TempDir(), "a.mp3")
	all := append([]string{"-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300+100*sin(3*t))*t)+0.05*random(0)|0.3*sin(2*PI*800*t)':s=48000:d=2"}, args...)
	ffmpeg(t, append(all, name)...)
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func decodeAll(t *testing.T, file []byte) ([]int16, *Decoder) {
	t.Helper()
	d, err := NewDecoder(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	buf := make([]int16, 1000)
	for {
		n, err := d.Read(buf)
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return out, d
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAgainstFFmpeg decodes what lame makes, and compares every sample and the
// length with ffmpeg's.
func TestAgainstFFmpeg(t *testing.T) {
	for _, c := range []struct {
		args      string
		untrusted bool
	}{
		{"-ar 44100 -b:a 128k", false},
		{"-ar 44100 -b:a 64k -ac 1", false},
		{"-ar 48000 -q:a 4", false},
		{"-ar 32000 -b:a 96k -write_xing 0", false},
		{"-ar 16000 -b:a 24k -ac 1", false},
		{"-ar 24000 -q:a 5 -ac 1", false},
		{"-ar 22050 -b:a 64k -ac 1", false},
		{"-ar 22050 -b:a 32k -ac 1", true},
		{"-ar 22050 -b:a 80k", true},
		{"-ar 8000 -b:a 16k -ac 1", true},
		{"-ar 11025 -b:a 16k -ac 1", true},
	} {
		t.Run(c.args, func(t *testing.T) {
			file := encode(t, strings.Fields(c.args)...)
			info, err := Scan(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if d := info.Duration - 2*time.Second; d < -time.Millisecond || d > 110*time.Millisecond {
				t.Errorf("it lasts %v", info.Duration)
			}
			if !strings.Contains(c.args, "-write_xing 0") && (info.Duration-2*time.Second).Abs() > time.Millisecond {
				t.Errorf("it lasts %v in spite of what lame says", info.Duration)
			}
			if info.VBR != strings.Contains(c.args, "-q:a") {
				t.Errorf("VBR %v", info.VBR)
			}
			if c.untrusted {
				if _, err := NewDecoder(bytes.NewReader(file)); !errors.Is(err, ErrUntrusted) {
					t.Errorf("trusted: %v", err)
				}
				return
			}
			got, d := decodeAll(t, file)
			name := filepath.Join(t.TempDir(), "a.mp3")
			if err := os.WriteFile(name, file, 0o600); err != nil {
				t.Fatal(err)
			}
			want := samples(ffmpeg(t, "-i", name, "-f", "s16le", "-"))
			if d.Damaged() != 0 {
				t.Errorf("%d frames damaged", d.Damaged())
			}
			compare(t, got, want, 40)
		})
	}
}

func samples(b []byte) []int16 {
	out := make([]int16, len(b)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

// compare wants a signal-to-noise ratio of at least so many dB.
func compare(t *testing.T, got, want []int16, db float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d samples instead of %d", len(got), len(want))
	}
	signal, noise := 1.0, 1.0
	for i := range min(len(got), len(want)) {
		w, d := float64(want[i]), float64(want[i])-float64(got[i])
		signal, noise = signal+w*w, noise+d*d
	}
	if snr := 10 * math.Log10(signal/noise); snr < db {
		t.Errorf("%.1f dB", snr)
	}
}

func id3v2(n int) []byte {
	tag := []byte{'I', 'D', '3', 4, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
	// A picture in a tag may well have bytes that look like frames.
	return append(tag, bytes.Repeat([]byte{0xff, 0xfb, 0x90, 0x00}, n/4+1)[:n]...)
}

func ape(body int) []byte {
	head := func(flags byte) []byte {
		b := make([]byte, 32)
		copy(b, "APETAGEX\xd0\x07\x00\x00")
		binary.LittleEndian.PutUint32(b[12:], uint32(body+32))
		b[23] = flags
		return b
	}
	tag := append(head(0xa0), bytes.Repeat([]byte{0xff, 0xfb, 0x90, 0x00}, body/4)...)
	return append(tag, head(0x80)...)
}

// TestWhatLiesAround puts tags, garbage and damage into a file: the frames that
// are left are found, and the decoder keeps the time.
func TestWhatLiesAround(t *testing.T) {
	file := encode(t, "-ar", "44100", "-b:a", "64k", "-ac", "1", "-id3v2_version", "0", "-write_xing", "0")
	good, err := Scan(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	middle := len(file) / 2
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tag := append([]byte("TAG"), make([]byte, 125)...)
	for _, c := range []struct {
		name string
		file []byte
		lost int // frames, at most
	}{
		{"a tag in front", join(id3v2(3000), file), 0},
		{"a large tag in front", join(id3v2(300000), file), 0},
		{"two tags in front", join(id3v2(10), id3v2(20), file), 0},
		{"ID3v1 and APE behind", join(file, ape(400), tag), 0},
		{"zeros in front", join(make([]byte, 10000), file), 0},
		{"noise in front", join(noise, file), 1},
		{"noise behind", join(file, noise), 0},
		{"noise inside", join(file[:middle], noise, file[middle:]), 2},
		{"a tag inside", join(file[:middle], id3v2(8)[:10], make([]byte, 8), file[middle:]), 2},
		{"a piece missing", join(file[:middle], file[middle+777:]), 7},
		{"torn", file[:len(file)-100], 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			info, err := Scan(bytes.NewReader(c.file))
			if err != nil {
				t.Fatal(err)
			}
			if lost := good.Frames - info.Frames; lost < 0 || lost > c.lost {
				t.Errorf("%d frames of %d", info.Frames, good.Frames)
			}
			if info.Torn != (c.name == "torn") {
				t.Errorf("torn: %v", info.Torn)
			}
			out, d := decodeAll(t, c.file)
			if len(out) != info.Frames*1152 || d.Damaged() > 8 {
				t.Errorf("%d samples of %d frames, %d of them damaged", len(out), info.Frames, d.Damaged())
			}
		})
	}
}

func TestNotMP3(t *testing.T) {
	free := bytes.Repeat(append([]byte{0xff, 0xfb, 0x00, 0xc0}, make([]byte, 600)...), 20)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":     {nil, ErrNotMP3},
		"text":        {[]byte(strings.Repeat("no music here; ", 1000)), ErrNotMP3},
		"only a tag":  {id3v2(100), ErrNotMP3},
		"one header":  {append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 3000)...), ErrNotMP3},
		"free format": {free, ErrFreeFormat},
	} {
		if _, err := Scan(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !errors.Is(ErrFreeFormat, ErrUntrusted) {
		t.Error("free format could be trusted")
	}
}

func TestRateChangeIsNotTrusted(t *testing.T) {
	a := encode(t, "-ar", "44100", "-b:a", "64k", "-id3v2_version", "0", "-write_xing", "0")
	b := encode(t, "-ar", "48000", "-b:a", "64k", "-id3v2_version", "0", "-write_xing", "0")
	info, err := Scan(bytes.NewReader(append(a, b...)))
	if err != nil {
		t.Fatal(err)
	}
	if info.Duration < 4*time.Second || info.Duration > 4200*time.Millisecond || !errors.Is(info.Trusted(), ErrUntrusted) {
		t.Errorf("%v, %v", info.Duration, info.Trusted())
	}
}

// TestDamageIsNoPanic flips bytes all over: every frame still takes its time.
func TestDamageIsNoPanic(t *testing.T) {
	file := encode(t, "-t", "1", "-ar", "44100", "-b:a", "64k", "-id3v2_version", "0", "-write_xing", "0")
	damaged := 0
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		broken := bytes.Clone(file)
		for range 1 + rnd.IntN(40) {
			broken[rnd.IntN(len(broken))] = byte(rnd.Uint32())
		}
		d, err := NewDecoder(bytes.NewReader(broken))
		if err != nil {
			if !errors.Is(err, ErrUntrusted) && !errors.Is(err, ErrNotMP3) {
				t.Fatalf("%d: %v", seed, err)
			}
			continue
		}
		n, buf := int64(0), make([]int16, 4096)
		for {
			k, err := d.Read(buf)
			n += int64(k)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%d: %v", seed, err)
			}
		}
		if want := d.Info().Samples() * int64(d.Info().Channels); n != want {
			t.Errorf("%d: %d samples instead of %d", seed, n, want)
		}
		damaged += d.Damaged()
	}
	if damaged == 0 {
		t.Error("no damage was noticed at all")
	}
}

func FuzzScan(f *testing.F) {
	head := []byte{0xff, 0xfb, 0x10, 0xc0}
	f.Add(bytes.Repeat(append(head, make([]byte, 100)...), 3))
	f.Add(id3v2(8))
	f.Add(ape(16))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Scan(bytes.NewReader(b))
		if err != nil {
			return
		}
		if info.Frames < 1 || info.Duration <= 0 || info.Skipped > int64(len(b)) {
			t.Fatalf("%+v", info)
		}
		d, err := NewDecoder(bytes.NewReader(b))
		if err != nil {
			return
		}
		buf := make([]int16, 1024)
		for {
			if _, err := d.Read(buf); err != nil {
				return
			}
		}
	})
}
