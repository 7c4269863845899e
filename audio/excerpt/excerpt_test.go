package excerpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/wav"
)

// recording makes n packets for two sides, 50 to a page; each packet says its
// number.
func recording(n int) []byte {
	w := ogg.NewWriter(3)
	file := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{Vendor: "Earshot", Comments: []string{"CALL=c"}})
	for i := range n {
		p, err := opus.SelfDelimit(nil, []byte{0x78, byte(i >> 8), byte(i)})
		if err != nil {
			panic(err)
		}
		file = w.Packet(file, append(p, 0x78, byte(i>>8), byte(i)), int64(i+1)*960)
		if w.Pending() == 50 && i < n-1 {
			file = w.Flush(file)
		}
	}
	return w.Finish(file)
}

// numbers reads an excerpt: its pre-skip, the packets' numbers (−1 for a
// filler) and the last granule.
func numbers(t interface{ Fatal(...any) }, file []byte) (head ogg.OpusHead, tags ogg.OpusTags, got []int, last int64) {
	o, err := ogg.NewOpusReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := o.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || p.Lost {
			t.Fatal(err, p.Lost)
		}
		if p.Granule != ogg.NoGranule {
			last = p.Granule
		}
		if len(p.Data) == 3 {
			got = append(got, -1)
			continue
		}
		first, rest, err := opus.SplitSelfDelimited(p.Data)
		if err != nil || !bytes.Equal(first, rest) {
			t.Fatal(first, rest, err)
		}
		got = append(got, int(binary.BigEndian.Uint16(rest[1:])))
	}
	if len(o.Damage()) > 0 {
		t.Fatal(o.Damage())
	}
	return o.Head, o.Tags, got, last
}

// TestOpusIsExact cuts at any place: the packets are those in whose middle the
// span lies, from 80 ms before, and pre-skip and end are exact to the sample.
func TestOpusIsExact(t *testing.T) {
	const packets = 1500
	file := recording(packets)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, 29_990).Draw(t, "fromMs")
		to := from + rapid.Int64Range(1, 40_000).Draw(t, "ms")
		var out bytes.Buffer
		length, err := Opus(&out, bytes.NewReader(file), int64(len(file)), time.Duration(from)*time.Millisecond, time.Duration(to)*time.Millisecond, "EXCERPT=1")
		if err != nil {
			t.Fatal(err)
		}
		first, end := from*48+312, min(to*48+312, packets*960)
		if want := time.Duration(end-first) * time.Second / 48000; length != want {
			t.Fatalf("%v instead of %v", length, want)
		}
		head, tags, got, last := numbers(t, out.Bytes())
		firstPacket := max(first-3840, 0) / 960
		lastPacket := (end - 1) / 960
		if int64(got[0]) != firstPacket || int64(got[len(got)-1]) != lastPacket || int64(len(got)) != lastPacket-firstPacket+1 {
			t.Fatalf("packets %d to %d instead of %d to %d", got[0], got[len(got)-1], firstPacket, lastPacket)
		}
		if int64(head.PreSkip) != first-firstPacket*960 || last-int64(head.PreSkip) != end-first {
			t.Fatalf("pre-skip %d, end %d", head.PreSkip, last)
		}
		if tags.Get("CALL") != "c" || tags.Get("EXCERPT") != "1" {
			t.Fatal(tags)
		}
	})
}

func TestOpusOverDamage(t *testing.T) {
	file := recording(500)
	at := bytes.Index(file, []byte{0x78, 0, 170}) // in the page of packets 150 to 199
	file[at] ^= 1
	var out bytes.Buffer
	length, err := Opus(&out, bytes.NewReader(file), int64(len(file)), 2*time.Second, 6*time.Second)
	if err != nil || length != 4*time.Second {
		t.Fatal(length, err)
	}
	_, _, got, _ := numbers(t, out.Bytes())
	var want []int
	for i := 96; i <= 300; i++ {
		if i >= 150 && i < 200 {
			want = append(want, -1)
			continue
		}
		want = append(want, i)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// The damage lies under the very start.
	out.Reset()
	length, err = Opus(&out, bytes.NewReader(file), int64(len(file)), 3500*time.Millisecond, 5*time.Second)
	if err != nil || length != 1500*time.Millisecond {
		t.Fatal(length, err)
	}
	head, _, got, last := numbers(t, out.Bytes())
	if got[0] != -1 || got[len(got)-1] != 250 || last-int64(head.PreSkip) != 1500*48 {
		t.Errorf("%v, pre-skip %d, end %d", got, head.PreSkip, last)
	}
}

func TestNothingThere(t *testing.T) {
	file := recording(100)
	for _, c := range [][2]time.Duration{{3 * time.Second, 4 * time.Second}, {time.Second, time.Second}, {time.Second, time.Millisecond}, {1999 * time.Millisecond, 0}} {
		var out bytes.Buffer
		if n, err := Opus(&out, bytes.NewReader(file), int64(len(file)), c[0], c[1]); !errors.Is(err, ErrEmpty) {
			t.Errorf("%v: %v, %v", c, n, err)
		}
	}
	var out bytes.Buffer
	if _, err := Opus(&out, bytes.NewReader(nil), 0, 0, 0); !errors.Is(err, ogg.ErrNotOgg) {
		t.Errorf("no file: %v", err)
	}
}

func TestWAV(t *testing.T) {
	left, right := make([]byte, 16000), make([]byte, 16000)
	for i := range left {
		left[i], right[i] = byte(i), byte(i>>8)
	}
	file := wav.Interleave(wav.AppendHeader(nil, wav.ALaw, 2, 32000), left, right)
	var out bytes.Buffer
	length, err := WAV(&out, bytes.NewReader(file), int64(len(file)), 500*time.Millisecond, 1500*time.Millisecond)
	if err != nil || length != time.Second {
		t.Fatal(length, err)
	}
	want := wav.Interleave(wav.AppendHeader(nil, wav.ALaw, 2, 16000), left[4000:12000], right[4000:12000])
	if !bytes.Equal(out.Bytes(), want) {
		t.Error("other bytes")
	}
	// A recording still being written has zeros for sizes.
	growing := append(wav.AppendHeader(nil, wav.ALaw, 2, 0), file[wav.HeaderBytes:]...)
	out.Reset()
	if length, err := WAV(&out, bytes.NewReader(growing), int64(len(growing)), 1900*time.Millisecond, 0); err != nil || length != 100*time.Millisecond {
		t.Error(length, err)
	}
	if _, err := WAV(&out, bytes.NewReader(file), int64(len(file)), 3*time.Second, 0); !errors.Is(err, ErrEmpty) {
		t.Error(err)
	}
}

// TestOpusSoundsTheSame decodes an excerpt of real audio with ffmpeg and
// compares it with the same span of the whole file.
func TestOpusSoundsTheSame(t *testing.T) {
	for _, tool := range []string{"ffmpeg", "opusenc"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(tool + " is missing")
			}
			t.Skip(tool + " is missing")
		}
	}
	dir := t.TempDir()
	run := func(name string, args ...string) []byte {
		t.Helper()
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			t.Fatalf("%s %v: %v", name, args, err)
		}
		return out
	}
	source, whole, part := filepath.Join(dir, "a.wav"), filepath.Join(dir, "a.opus"), filepath.Join(dir, "b.opus")
	run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300+50*sin(3*t))*t)*(0.5+0.5*sin(7*t))':s=48000:d=12", source)
	run("opusenc", "--quiet", "--bitrate", "24", source, whole)
	file, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Opus(&out, bytes.NewReader(file), int64(len(file)), 4321*time.Millisecond, 7654*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	all := run("ffmpeg", "-v", "error", "-i", whole, "-f", "s16le", "-")
	got := run("ffmpeg", "-v", "error", "-i", part, "-f", "s16le", "-")
	want := all[4321*48*2 : 7654*48*2]
	if len(got) != len(want) {
		t.Fatalf("%d bytes instead of %d", len(got), len(want))
	}
	if corr := likeness(got, want); corr < 0.999 {
		t.Errorf("correlation %.4f", corr)
	}
}

func FuzzOpus(f *testing.F) {
	f.Add(recording(3), uint16(0), uint16(40))
	f.Add(recording(60), uint16(500), uint16(1200))
	f.Fuzz(func(t *testing.T, b []byte, from, to uint16) {
		var out bytes.Buffer
		length, err := Opus(&out, bytes.NewReader(b), int64(len(b)), time.Duration(from)*time.Millisecond, time.Duration(to)*time.Millisecond)
		if err == nil && length <= 0 {
			t.Fatal(length)
		}
	})
}
