package wav

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

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"earshot"
	"earshot/audio/audiotest"
	"earshot/audio/g711"
)

func readAll(t testing.TB, file []byte) (Info, []int16) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var out []int16
	buf := make([]int16, 64*7)
	for {
		n, err := r.Read(buf)
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return r.Info, out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestHeaderThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encoding := rapid.SampledFrom([]Encoding{ALaw, ULaw}).Draw(t, "encoding")
		channels := rapid.IntRange(1, 2).Draw(t, "channels")
		data := rapid.SliceOfN(rapid.Byte(), 1, 500).Draw(t, "data")
		data = data[:len(data)/channels*channels]
		if len(data) == 0 {
			return
		}
		// As a recording grows: first without sizes, patched at the end.
		file := append(AppendHeader(nil, encoding, channels, 0), data...)
		for _, p := range Patches(channels, int64(len(data))) {
			copy(file[p.Offset:], p.Bytes)
		}
		file = append(file, Pad(int64(len(data)))...)
		if want := AppendHeader(nil, encoding, channels, int64(len(data))); !bytes.Equal(want, file[:HeaderBytes]) {
			t.Fatalf("%x patched instead of %x", file[:HeaderBytes], want)
		}
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		want := Info{encoding, channels, 8000, 8, HeaderBytes, int64(len(data))}
		if d := cmp.Diff(want, r.Info); d != "" {
			t.Fatal(d)
		}
		got := make([]int16, len(data)+10)
		n, err := r.Read(got)
		if err != nil || n != len(data) {
			t.Fatalf("%d samples of %d, %v", n, len(data), err)
		}
		for i, b := range data {
			s := g711.ULaw(b)
			if encoding == ALaw {
				s = g711.ALaw(b)
			}
			if got[i] != s {
				t.Fatalf("sample %d is %d", i, got[i])
			}
		}
	})
}

func TestCodecs(t *testing.T) {
	for codec, want := range map[earshot.Codec]Encoding{earshot.PCMA: ALaw, earshot.PCMU: ULaw, earshot.Opus: 0} {
		if got, err := Of(codec); got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d, %v", codec, got, err)
		}
	}
	if got := Interleave(nil, []byte{1, 2}, []byte{3, 4}); !bytes.Equal(got, []byte{1, 3, 2, 4}) {
		t.Error(got)
	}
}

// chunks builds a file by hand: RIFF, then each id with its body.
func chunks(pairs ...string) []byte {
	file := []byte("RIFF\x00\x00\x00\x00WAVE")
	for i := 0; i < len(pairs); i += 2 {
		body := pairs[i+1]
		file = append(file, pairs[i]...)
		file = append(file, byte(len(body)), byte(len(body)>>8), 0, 0)
		file = append(file, body...)
		if len(body)%2 == 1 {
			file = append(file, 0)
		}
	}
	return file
}

const pcm16 = "\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"

func TestOddFiles(t *testing.T) {
	extensible := "\xfe\xff\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00\x16\x00\x10\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
	streamed := chunks("fmt ", pcm16, "data", "")
	copy(streamed[len(streamed)-4:], "\xff\xff\xff\xff")
	rf64 := chunks("ds64", "\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "fmt ", pcm16, "data", "")
	copy(rf64, "RF64")
	copy(rf64[len(rf64)-4:], "\xff\xff\xff\xff")
	for _, c := range []struct {
		name string
		file []byte
		want []int16
	}{
		{"plain", chunks("fmt ", pcm16, "data", "\x01\x00\x02\x00"), []int16{1, 2}},
		{"extensible", chunks("fmt ", extensible, "data", "\x01\x00\x02\x00"), []int16{1, 2}},
		{"data of size zero", append(chunks("fmt ", pcm16, "data", ""), 1, 0, 2, 0), []int16{1, 2}},
		{"data without end", append(streamed, 1, 0, 2, 0, 9), []int16{1, 2}},
		{"RF64", append(rf64, 1, 0, 2, 0, 7, 7), []int16{1, 2}},
		{"what follows the data", chunks("LIST", "odd", "fmt ", pcm16, "data", "\x01\x00\x02\x00", "id3 ", "zzz"), []int16{1, 2}},
		{"torn", chunks("fmt ", pcm16, "data", "\x01\x00\x02\x00")[:47], []int16{1}},
	} {
		if _, got := readAll(t, c.file); cmp.Diff(c.want, got) != "" {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestNotWAV(t *testing.T) {
	for name, file := range map[string][]byte{
		"nothing": nil, "MP3": []byte("ID3\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "no chunks": []byte("RIFF\x00\x00\x00\x00WAVE"),
		"data first": chunks("data", "ab"), "short format": chunks("fmt ", "ab", "data", "ab"),
		"ADPCM": chunks("fmt ", "\x02"+pcm16[1:], "data", "ab"), "no channels": chunks("fmt ", pcm16[:2]+"\x00"+pcm16[3:], "data", "ab"),
		"no rate": chunks("fmt ", pcm16[:4]+"\x00\x00"+pcm16[6:], "data", "ab"), "40 bits": chunks("fmt ", pcm16[:14]+"\x28\x00", "data", "ab"),
		"torn chunk": chunks("LIST", "abcdefgh")[:22],
	} {
		if _, err := NewReader(bytes.NewReader(file)); !errors.Is(err, ErrNotWAV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAgainstFFmpeg reads what ffmpeg writes, in every encoding, and ffprobe
// reads what we write.
func TestAgainstFFmpeg(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "ffprobe")
	dir := t.TempDir()
	ffmpeg := func(args ...string) []byte {
		t.Helper()
		out, err := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out
	}
	source := filepath.Join(dir, "source.wav")
	ffmpeg("-f", "lavfi", "-i", "sine=440:r=8000:d=0.5", "-af", "volume=4", "-ac", "2", source)
	file, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	_, want := readAll(t, file)
	for codec, tolerance := range map[string]int{"pcm_u8": 256, "pcm_s24le": 1, "pcm_s32le": 1, "pcm_f32le": 1, "pcm_f64le": 1, "pcm_alaw": 600, "pcm_mulaw": 600} {
		name := filepath.Join(dir, codec+".wav")
		ffmpeg("-i", source, "-c:a", codec, name)
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		info, got := readAll(t, file)
		if len(got) != len(want) || info.Channels != 2 || info.Duration() != 500*time.Millisecond {
			t.Errorf("%s: %d samples, %+v", codec, len(got), info)
			continue
		}
		for i := range got {
			if d := int(got[i]) - int(want[i]); d > tolerance || d < -tolerance {
				t.Errorf("%s: sample %d is %d, not %d", codec, i, got[i], want[i])
				break
			}
		}
	}
	left, right := bytes.Repeat([]byte{0x10}, 4000), bytes.Repeat([]byte{0x90}, 4000)
	ours := Interleave(AppendHeader(nil, ULaw, 2, 8000), left, right)
	name := filepath.Join(dir, "ours.wav")
	if err := os.WriteFile(name, ours, 0o600); err != nil {
		t.Fatal(err)
	}
	raw := ffmpeg("-i", name, "-f", "s16le", "-")
	var expect []byte
	for range 4000 {
		l, r := uint16(g711.ULaw(0x10)), uint16(g711.ULaw(0x90))
		expect = append(expect, byte(l), byte(l>>8), byte(r), byte(r>>8))
	}
	if !bytes.Equal(raw, expect) {
		t.Error("ffmpeg reads other samples than were written")
	}
	probe, err := exec.Command("ffprobe", "-v", "warning", "-show_entries", "stream=codec_name,channels,duration", "-of", "csv=p=0", name).CombinedOutput()
	if want := fmt.Sprintln("pcm_mulaw,2,0.500000"); err != nil || string(probe) != want {
		t.Errorf("%q, %v", probe, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(AppendHeader(nil, ALaw, 2, 4))
	f.Add(chunks("fmt ", pcm16, "data", "\x01\x00\x02\x00"))
	f.Add([]byte("RIFF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrNotWAV) {
				t.Fatal(err)
			}
			return
		}
		buf := make([]int16, 64)
		for total := 0; ; {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			if total += n; n == 0 || total > len(b) {
				t.Fatalf("%d samples, %d in all, of %d bytes", n, total, len(b))
			}
		}
	})
}
