package excerpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"earshot/audio/audiotest"
	"earshot/audio/ogg"
)

func restOf(t interface{ Fatal(...any) }, file []byte, from time.Duration) []byte {
	rest, err := Rest(bytes.NewReader(file), int64(len(file)), from)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(rest)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// TestRestIsExact takes a file up at any place: no packet is missing from 80 ms
// before it on, granules begin at 0, and pre-skip leads to the very sample. It can be
// read from any place.
func TestRestIsExact(t *testing.T) {
	const packets = 1500
	file := recording(packets)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 29_990).Draw(t, "fromMs")
		rest := restOf(t, file, time.Duration(from)*time.Millisecond)
		o, err := ogg.NewOpusReader(bytes.NewReader(rest))
		if err != nil {
			t.Fatal(err)
		}
		first := from*48 + 312
		at := max(first-3840, 0) / 960
		zero := at * 960
		if int64(o.Head.PreSkip) != first-at*960 {
			t.Fatalf("pre-skip %d", o.Head.PreSkip)
		}
		for ; ; at++ {
			p, err := o.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || p.Lost {
				t.Fatal(err, p.Lost)
			}
			if got := int64(binary.BigEndian.Uint16(p.Data[len(p.Data)-2:])); got != at {
				t.Fatalf("packet %d instead of %d", got, at)
			}
			if p.Granule != ogg.NoGranule && p.Granule != (at+1)*960-zero {
				t.Fatalf("granule %d at packet %d", p.Granule, at)
			}
		}
		if at != packets || len(o.Damage()) > 0 {
			t.Fatal(at, o.Damage())
		}
		again, err := Rest(bytes.NewReader(file), int64(len(file)), time.Duration(from)*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		place := rapid.Int64Range(0, int64(len(rest))).Draw(t, "place")
		if _, err := again.Seek(place, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(again); err != nil || !bytes.Equal(b, rest[place:]) {
			t.Fatalf("other bytes from %d on, %v", place, err)
		}
	})
}

// broken is a recording with a page cut out or torn.
func broken(packet int) []byte {
	file := recording(500)
	file[bytes.Index(file, []byte{0x78, byte(packet >> 8), byte(packet)})] ^= 1
	return file
}

// withLong is a recording of 4 s with a packet amid it that goes on for pages.
func withLong(bytes int) []byte {
	w := ogg.NewWriter(3)
	file := w.Headers(nil, ogg.Mono(1), ogg.OpusTags{})
	for i := range 200 {
		p := []byte{0x78, 0, byte(i)}
		if i == 100 {
			p = append(p, make([]byte, bytes)...)
		}
		file = w.Packet(file, p, int64(i+1)*960)
		if w.Pending() == 50 {
			file = w.Flush(file)
		}
	}
	return w.Finish(file)
}

func TestRestOfDamagedFiles(t *testing.T) {
	for _, row := range []struct {
		what  string
		file  []byte
		from  time.Duration
		first int // packet; −1: a filler
		err   error
	}{
		{"whole", recording(500), 5 * time.Second, 246, nil},
		{"the page at the place is torn", broken(270), 5500 * time.Millisecond, -1, nil},
		{"the page before the place is torn", broken(220), 5 * time.Second, 250, nil},
		{"a later page is torn", broken(400), 5 * time.Second, 246, nil},
		{"the last page", recording(500), 9990 * time.Millisecond, 495, nil},
		{"behind the end", recording(500), 10 * time.Second, 0, ErrEmpty},
		{"far behind the end", recording(500), 200 * time.Hour, 0, ErrEmpty},
		{"no page begins with a packet for long", withLong(2 << 20), 2500 * time.Millisecond, 0, ErrNoRest},
		{"not an Ogg file", []byte("RIFF"), time.Second, 0, ogg.ErrNotOgg},
		{"nothing", nil, 0, 0, ogg.ErrNotOgg},
	} {
		t.Run(row.what, func(t *testing.T) {
			rest, err := Rest(bytes.NewReader(row.file), int64(len(row.file)), row.from)
			if !errors.Is(err, row.err) {
				t.Fatal(err)
			}
			if row.err != nil {
				return
			}
			o, err := ogg.NewOpusReader(rest)
			if err != nil {
				t.Fatal(err)
			}
			p, err := o.Next()
			if err != nil {
				t.Fatal(err)
			}
			got := -1
			if len(p.Data) > 3 {
				got = int(binary.BigEndian.Uint16(p.Data[len(p.Data)-2:]))
			}
			if got != row.first {
				t.Errorf("begins with packet %d", got)
			}
		})
	}
}

// TestRestSoundsTheSame decodes it with ffmpeg, as browsers do.
func TestRestSoundsTheSame(t *testing.T) {
	audiotest.Need(t, "ffmpeg", "opusenc")
	dir := t.TempDir()
	source, whole, part := filepath.Join(dir, "a.wav"), filepath.Join(dir, "a.opus"), filepath.Join(dir, "b.opus")
	audiotest.Run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300+50*sin(3*t))*t)*(0.5+0.5*sin(7*t))':s=48000:d=12", source)
	audiotest.Run(t, "opusenc", "--quiet", "--bitrate", "24", source, whole)
	file, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	rest := restOf(t, file, 4321*time.Millisecond)
	audiotest.Write(t, part, rest)
	all := audiotest.Run(t, "ffmpeg", "-v", "error", "-i", whole, "-f", "s16le", "-")
	got := audiotest.Run(t, "ffmpeg", "-v", "error", "-i", part, "-f", "s16le", "-")
	want := all[4321*48*2:]
	if len(got) != len(want) {
		t.Fatalf("%d bytes instead of %d", len(got), len(want))
	}
	const seconds = 5 * 48000 * 2 // what a decoder has heard long before may count in places of little sound
	if corr := likeness(got[:seconds], want[:seconds]); corr < 0.999 {
		t.Errorf("correlation %.4f", corr)
	}
}

// likeness is the correlation of 16-bit samples.
func likeness(a, b []byte) float64 {
	var ab, aa, bb float64
	for i := 0; i+1 < len(a); i += 2 {
		x, y := float64(int16(binary.LittleEndian.Uint16(a[i:]))), float64(int16(binary.LittleEndian.Uint16(b[i:])))
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}
