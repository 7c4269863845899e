package excerpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"earshot/audio/audiotest"
	"earshot/audio/mp3"
)

// samplesOf is what ffmpeg decodes of a file, one channel.
func samplesOf(t testing.TB, name string) []int16 {
	t.Helper()
	return toSamples(audiotest.Run(t, "ffmpeg", "-v", "error", "-nostdin", "-i", name, "-f", "s16le", "-ac", "1", "-"))
}

func toSamples(raw []byte) []int16 {
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}

// noiseDB is how far got lies below want, in dB.
func noiseDB(got, want []int16) float64 {
	signal, noise := 1.0, 1.0
	for i := range min(len(got), len(want)) {
		w, d := float64(want[i]), float64(want[i])-float64(got[i])
		signal, noise = signal+w*w, noise+d*d
	}
	return 10 * math.Log10(signal/noise)
}

// TestMP3 cuts files of all kinds and holds what is heard of a cut against what is
// heard of the whole there, to the sample.
func TestMP3(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "ffprobe", "lame", "mpg123")
	dir := t.TempDir()
	source := audiotest.Source(t, dir)
	for _, form := range audiotest.MP3Forms() {
		t.Run(form.Name(), func(t *testing.T) {
			t.Parallel()
			name := form.Make(t, source, dir)
			file := audiotest.Read(t, name)
			info, err := mp3.Scan(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			whole := samplesOf(t, name)
			for i, span := range [][2]time.Duration{
				{1234 * time.Millisecond, 2600 * time.Millisecond}, {0, time.Second}, {2880 * time.Millisecond, 0},
				{1680 * time.Millisecond, 1760 * time.Millisecond},
			} {
				var out bytes.Buffer
				long, err := MP3(&out, bytes.NewReader(file), int64(len(file)), span[0], span[1], "EARSHOT_EXCERPT=1-2")
				if err != nil {
					t.Fatalf("%v: %v", span, err)
				}
				cut := filepath.Join(dir, filepath.Base(name)+strconv.Itoa(i)+".mp3")
				audiotest.Write(t, cut, out.Bytes())
				got := samplesOf(t, cut)
				from := int(math.Round(span[0].Seconds() * float64(info.Rate)))
				to := len(whole)
				if end := int(math.Round(span[1].Seconds() * float64(info.Rate))); end > 0 {
					to = min(to, end)
				}
				want := whole[min(from, len(whole)):to]
				if d := len(got) - len(want); d < -2 || d > 2 {
					t.Errorf("%v: %d samples instead of %d", span, len(got), len(want))
				}
				if d := long - time.Duration(len(got))*time.Second/time.Duration(info.Rate); d.Abs() > time.Millisecond {
					t.Errorf("%v: it says %v, %d samples are heard", span, long, len(got))
				}
				if db := noiseDB(got, want); db < 40 {
					t.Errorf("%v: %.1f dB", span, db)
				}
				raw := audiotest.Run(t, "mpg123", "-q", "-s", "-r", strconv.Itoa(info.Rate), "-e", "s16", "--mono", cut)
				if d := len(raw)/2 - len(want); d < -2 || d > 2 {
					t.Errorf("%v: mpg123 gives %d samples instead of %d", span, len(raw)/2, len(want))
				}
				after, err := mp3.Scan(bytes.NewReader(out.Bytes()))
				if err != nil || (after.Duration-long).Abs() > time.Millisecond {
					t.Errorf("%v: %v of %v, %v", span, after.Duration, long, err)
				}
			}
		})
	}
}

// TestMP3KeepsFrames sees that what is cut is what was there, byte for byte.
func TestMP3KeepsFrames(t *testing.T) {
	audiotest.Need(t, "lame")
	dir := t.TempDir()
	file := audiotest.Read(t, audiotest.Form{Program: "lame", Args: "-V 5", Ending: ".mp3"}.Make(t, audiotest.Source(t, dir), dir))
	noisy := slices.Concat(file[:len(file)/2], bytes.Repeat([]byte("noise"), 99), file[len(file)/2:])
	for _, whole := range [][]byte{file, noisy} {
		var out bytes.Buffer
		if _, err := MP3(&out, bytes.NewReader(whole), int64(len(whole)), time.Second, 3*time.Second); err != nil {
			t.Fatal(err)
		}
		frames := mp3.NewFrames(bytes.NewReader(out.Bytes()), int64(out.Len()))
		n := 0
		for {
			f, err := frames.Next()
			if err != nil {
				break
			}
			if n++; n > 2 && !bytes.Contains(whole, f.Data) {
				t.Fatalf("frame %d is not of the file", n)
			}
		}
		if n < 70 {
			t.Errorf("%d frames", n)
		}
	}
	if _, err := MP3(&bytes.Buffer{}, bytes.NewReader(file), int64(len(file)), 5*time.Second, 6*time.Second); !errors.Is(err, ErrEmpty) {
		t.Errorf("behind the end: %v", err)
	}
	if _, err := MP3(&bytes.Buffer{}, strings.NewReader("none"), 4, 0, 0); !errors.Is(err, ErrEmpty) {
		t.Errorf("no MP3: %v", err)
	}
}

func FuzzMP3(f *testing.F) {
	frame := append([]byte{0xff, 0xe3, 0x18, 0xc4, 40}, make([]byte, 67)...)
	f.Add(bytes.Repeat(frame, 20), uint16(100), uint16(700))
	f.Add(append([]byte("ID3\x04\x00\x00\x00\x00\x00\x01z"), bytes.Repeat(frame, 5)...), uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, from, to uint16) {
		var out bytes.Buffer
		long, err := MP3(&out, bytes.NewReader(b), int64(len(b)), time.Duration(from)*time.Millisecond, time.Duration(to)*time.Millisecond)
		if err != nil {
			return
		}
		info, err := mp3.Scan(bytes.NewReader(out.Bytes()))
		if err != nil || long <= 0 {
			t.Fatalf("%v long: %v", long, err)
		}
		if !info.RateChanges && (info.Duration-long).Abs() > 2*time.Millisecond {
			t.Fatalf("%v long, it says %v", info.Duration, long)
		}
	})
}
