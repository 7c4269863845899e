package ogg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// stream writes n packets of 20 ms, perPage to a page, and says what each was.
func stream(n, perPage int) (file []byte, packets [][]byte) {
	w := NewWriter(7)
	file = w.Headers(nil, Mono(1), OpusTags{Vendor: "v"})
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		p := make([]byte, 1+rnd.IntN(80))
		for k := range p {
			p[k] = byte(rnd.Uint32())
		}
		p[0] = 0x78
		packets = append(packets, p)
		file = w.Packet(file, p, int64(i+1)*960)
		if w.Pending() == perPage && i < n-1 {
			file = w.Flush(file)
		}
	}
	return w.Finish(file), packets
}

func TestWrittenPacketsAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 600), rapid.SampledFrom([]int{255, 510, 65025, 65026, 140000})), 1, 8).Draw(t, "sizes")
		flush := rapid.SliceOfN(rapid.Bool(), len(sizes), len(sizes)).Draw(t, "flush")
		w := NewWriter(9)
		var file []byte
		for i, size := range sizes {
			file = w.Packet(file, bytes.Repeat([]byte{byte(i)}, size), int64(i+1))
			if flush[i] {
				file = w.Flush(file)
			}
		}
		file = w.Finish(file)

		s := NewScanner(iotest{bytes.NewReader(file)})
		r := NewPacketReader(s)
		for i, size := range sizes {
			p, err := r.Next()
			if err != nil || p.Lost || !bytes.Equal(p.Data, bytes.Repeat([]byte{byte(i)}, size)) {
				t.Fatalf("packet %d: %d bytes, lost %v, %v", i, len(p.Data), p.Lost, err)
			}
			if p.Granule != NoGranule && p.Granule != int64(i+1) {
				t.Fatalf("packet %d: granule %d", i, p.Granule)
			}
			if i == len(sizes)-1 && p.Granule != int64(i+1) {
				t.Fatalf("the last packet has granule %d", p.Granule)
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) || len(s.Damage()) != 0 {
			t.Fatalf("%v, damage %v", err, s.Damage())
		}
	})
}

// iotest reads a few bytes at a time.
type iotest struct{ r io.Reader }

func (r iotest) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), 1000)]) }

func TestPagesAreMarked(t *testing.T) {
	file, _ := stream(120, 50)
	s := NewScanner(bytes.NewReader(file))
	var got []string
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d flags %d granule %d", page.Sequence, page.Flags, page.Granule))
	}
	want := []string{"0 flags 2 granule 0", "1 flags 0 granule 0", "2 flags 0 granule 48000", "3 flags 0 granule 96000", "4 flags 4 granule 115200"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	w := NewWriter(1)
	w.Packet(nil, []byte("abc"), 960)
	c := w.Clone()
	tail := c.Finish(c.Packet(nil, []byte("xyz"), 1920))
	w.Packet(nil, []byte("def"), 1920)
	rest := w.Finish(nil)
	if !bytes.Contains(tail, []byte("abcxyz")) || !bytes.Contains(rest, []byte("abcdef")) {
		t.Errorf("%q and %q", tail, rest)
	}
	if got := w.Finish(nil); len(got) != 0 {
		t.Errorf("an empty last page: %x", got)
	}
}

func TestHeaders(t *testing.T) {
	for _, h := range []OpusHead{Mono(1), Mono(2), TwoMono(), {Channels: 3, PreSkip: 9, Gain: -256, Family: 1, Streams: 2, Coupled: 1, Mapping: []byte{0, 255, 1}}} {
		got, err := ParseOpusHead(h.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(h, got); d != "" {
			t.Error(d)
		}
	}
	tags := OpusTags{Vendor: "声鉴", Comments: []string{"CALL=1", "Start=2026"}}
	got, err := ParseOpusTags(tags.Append(nil))
	if err != nil || cmp.Diff(tags, got) != "" || got.Get("start") != "2026" || got.Get("x") != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if head := TwoMono().Append(nil); !bytes.Equal(head[18:], []byte{1, 2, 0, 0, 1}) {
		t.Errorf("%x", head)
	}
}

func TestBadHeaders(t *testing.T) {
	good := string(TwoMono().Append(nil))
	for name, p := range map[string]string{
		"nothing": "", "another": "OpusTags...........", "version 2.0": strings.Replace(good, "\x01", "\x20", 1),
		"no mapping": good[:21], "family 255": good[:18] + "\xff" + good[19:], "stream out of reach": good[:22] + "\x02",
		"no streams": good[:19] + "\x00" + good[20:], "coupled": good[:20] + "\x03" + good[21:],
	} {
		if h, err := ParseOpusHead([]byte(p)); !errors.Is(err, ErrNotOpus) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	for _, p := range []string{"", "OpusTags", "OpusTags\x05\x00\x00\x00ab", "OpusTags\x00\x00\x00\x00\xff\xff\xff\xff", "OpusTags\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00"} {
		if _, err := ParseOpusTags([]byte(p)); !errors.Is(err, ErrNotOpus) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestDamageIsPassedOver(t *testing.T) {
	good, packets := stream(500, 50) // ten pages of audio
	pages := offsets(t, good)
	for _, c := range []struct {
		name  string
		spoil func([]byte) []byte
		lost  []int // pages of audio
	}{
		{"nothing", func(b []byte) []byte { return b }, nil},
		{"a flipped bit", func(b []byte) []byte { b[pages[4]+100] ^= 1; return b }, []int{2}},
		{"a broken capture pattern", func(b []byte) []byte { b[pages[4]] = 'o'; return b }, []int{2}},
		{"a wrong segment count", func(b []byte) []byte { b[pages[4]+26] = 255; return b }, []int{2}},
		{"a torn tail", func(b []byte) []byte { return b[:len(b)-10] }, []int{9}},
		{"a zeroed tail", func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, nil},
		{"garbage inside", func(b []byte) []byte {
			return append(append(append([]byte{}, b[:pages[6]]...), "OggOggSS garbage OggS"...), b[pages[6]:]...)
		}, nil},
		{"a page gone", func(b []byte) []byte { return append(b[:pages[5]:pages[5]], b[pages[6]:]...) }, []int{3}},
		{"a page twice", func(b []byte) []byte {
			return append(append([]byte{}, b[:pages[6]]...), b[pages[5]:]...)
		}, []int{-3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want [][]byte
			for page := range 10 {
				times := 1
				for _, l := range c.lost {
					if l == page {
						times = 0
					} else if l == -page && l != 0 {
						times = 2
					}
				}
				for range times {
					want = append(want, packets[page*50:page*50+50]...)
				}
			}
			r, err := NewOpusReader(bytes.NewReader(c.spoil(bytes.Clone(good))))
			if err != nil {
				t.Fatal(err)
			}
			var got [][]byte
			for {
				p, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, bytes.Clone(p.Data))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%d packets instead of %d", len(got), len(want))
			}
			damaged := c.name != "nothing" && !strings.HasPrefix(c.name, "a page ")
			if (len(r.Damage()) > 0) != damaged {
				t.Errorf("damage: %v", r.Damage())
			}
		})
	}
}

func offsets(t *testing.T, file []byte) (at []int64) {
	t.Helper()
	s := NewScanner(bytes.NewReader(file))
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return at
		}
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, page.Offset)
	}
}

func TestLookup(t *testing.T) {
	file, _ := stream(50*600, 50)
	r, size := bytes.NewReader(file), int64(len(file))
	granule, offset, err := LastGranule(r, size, 7)
	if err != nil || granule != 600*48000 {
		t.Fatalf("last granule %d at %d, %v", granule, offset, err)
	}
	if g, _, err := LastGranule(bytes.NewReader(file[:size-20]), size-20, 7); err != nil || g != 599*48000 {
		t.Errorf("torn: %d, %v", g, err)
	}
	if _, _, err := LastGranule(r, size, 8); !errors.Is(err, ErrNotOgg) {
		t.Errorf("another stream: %v", err)
	}
	for _, at := range []int64{-1, 0, 1, 47999, 48000, 48001, 100 * 48000, 300*48000 - 1, 600*48000 - 1} {
		want := max(at, -1)/48000 + 1
		if at < 0 {
			want = 0 // the headers' granule is 0, and that is later than −1
		}
		m, err := SeekGranule(r, size, 7, at)
		if err != nil || m.Granule != want*48000 || (at >= 0 && m.Before != (want-1)*48000) {
			t.Errorf("%d: %+v, %v", at, m, err)
		}
	}
	if _, err := SeekGranule(r, size, 7, 600*48000); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
}

func TestTwoMonoPlaysElsewhere(t *testing.T) {
	if _, err := exec.LookPath("opusinfo"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("opusinfo is missing: install opus-tools")
		}
		t.Skip("opusinfo is missing: install opus-tools")
	}
	w := NewWriter(5)
	file := w.Headers(nil, TwoMono(), OpusTags{Vendor: "Earshot", Comments: []string{"SEAT=c1"}})
	for i := range 100 {
		file = w.Packet(file, []byte{0xF8, 0, 0xF8}, int64(i+1)*960)
		if w.Pending() == 50 && i < 99 {
			file = w.Flush(file)
		}
	}
	name := filepath.Join(t.TempDir(), "a.opus")
	if err := os.WriteFile(name, w.Finish(file), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("opusinfo", name).CombinedOutput()
	if err != nil || strings.Contains(string(out), "WARNING") || !strings.Contains(string(out), "SEAT=c1") {
		t.Errorf("%v\n%s", err, out)
	}
}

func FuzzScanner(f *testing.F) {
	file, _ := stream(4, 2)
	f.Add(file)
	f.Add(file[30:])
	f.Add([]byte("OggSOggOggS"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewScanner(bytes.NewReader(b))
		at := int64(0)
		for {
			page, err := s.Next()
			if err != nil {
				break
			}
			if page.Offset < at {
				t.Fatalf("page at %d after %d", page.Offset, at)
			}
			at = page.Offset + int64(page.Size)
		}
		covered := int64(0)
		for _, d := range s.Damage() {
			covered += d.To - d.From
		}
		if covered > int64(len(b)) {
			t.Fatalf("%d of %d bytes are damaged", covered, len(b))
		}
		if r, err := NewOpusReader(bytes.NewReader(b)); err == nil {
			for {
				if _, err := r.Next(); err != nil {
					break
				}
			}
		}
	})
}
