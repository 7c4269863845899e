package opus

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestFrameSamples(t *testing.T) {
	for _, c := range []struct {
		config, samples int
		mode            Mode
	}{
		{0, 480, SILK}, {1, 960, SILK}, {2, 1920, SILK}, {3, 2880, SILK}, {11, 2880, SILK},
		{12, 480, Hybrid}, {13, 960, Hybrid}, {14, 480, Hybrid}, {15, 960, Hybrid},
		{16, 120, CELT}, {17, 240, CELT}, {18, 480, CELT}, {19, 960, CELT}, {31, 960, CELT},
	} {
		toc := TOC(c.config << 3)
		if toc.FrameSamples() != c.samples || toc.Mode() != c.mode || toc.Config() != c.config {
			t.Errorf("config %d: %d samples, mode %d, config %d", c.config, toc.FrameSamples(), toc.Mode(), toc.Config())
		}
	}
}

// TestParse walks through the requirements R1 to R7 of RFC 6716 section 3.4.
func TestParse(t *testing.T) {
	big := make([]byte, MaxFrameBytes+1)
	for _, c := range []struct {
		name    string
		packet  []byte
		frames  []string // nil: malformed
		padding int
	}{
		{"nothing", nil, nil, 0},
		{"one empty frame", []byte{0xF8}, []string{""}, 0},
		{"code 0", []byte{0xF8, 1, 2}, []string{"\x01\x02"}, 0},
		{"code 0, a frame too large", append([]byte{0xF8}, big...), nil, 0},
		{"code 1", []byte{0xF9, 1, 2}, []string{"\x01", "\x02"}, 0},
		{"code 1, odd", []byte{0xF9, 1, 2, 3}, nil, 0},
		{"code 1, frames too large", append([]byte{0xF9}, append(big, big...)...), nil, 0},
		{"code 2", []byte{0xFA, 1, 7, 8, 9}, []string{"\x07", "\x08\x09"}, 0},
		{"code 2, no length", []byte{0xFA}, nil, 0},
		{"code 2, half a length", []byte{0xFA, 252}, nil, 0},
		{"code 2, first frame runs out", []byte{0xFA, 3, 1, 2}, nil, 0},
		{"code 2, second frame too large", append([]byte{0xFA, 0}, big...), nil, 0},
		{"code 3, no count", []byte{0xFB}, nil, 0},
		{"code 3, count 0", []byte{0xFB, 0}, nil, 0},
		{"code 3, 140 ms", []byte{0xFB, 7}, nil, 0},
		{"code 3, equal", []byte{0xFB, 3, 1, 2, 3}, []string{"\x01", "\x02", "\x03"}, 0},
		{"code 3, not divisible", []byte{0xFB, 3, 1, 2}, nil, 0},
		{"code 3, padded", []byte{0xFB, 0x41, 2, 9, 0, 0}, []string{"\x09"}, 2},
		{"code 3, padding runs out", []byte{0xFB, 0x41, 2, 0}, nil, 0},
		{"code 3, padding not said", []byte{0xFB, 0x41, 255}, nil, 0},
		{"code 3, unequal", []byte{0xFB, 0x83, 1, 0, 5, 6, 7}, []string{"\x05", "", "\x06\x07"}, 0},
		{"code 3, unequal, runs out", []byte{0xFB, 0x83, 9, 0, 5}, nil, 0},
	} {
		p, err := Parse(c.packet)
		if c.frames == nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v instead of malformed", c.name, err)
			}
			continue
		}
		if err != nil || len(p.Frames) != len(c.frames) || p.Padding != c.padding {
			t.Errorf("%s: %d frames, padding %d, %v", c.name, len(p.Frames), p.Padding, err)
			continue
		}
		for i, f := range p.Frames {
			if string(f) != c.frames[i] {
				t.Errorf("%s: frame %d is %x", c.name, i, f)
			}
		}
	}
}

func TestFiller(t *testing.T) {
	for _, samples := range []int{120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760} {
		p, err := AppendFiller(nil, samples)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := Parse(p)
		if err != nil || parsed.Samples() != samples || parsed.TOC.Mode() != CELT || parsed.TOC.Stereo() {
			t.Errorf("%d: %x is %+v, %v", samples, p, parsed, err)
		}
	}
	if p, _ := AppendFiller(nil, 960); !bytes.Equal(p, []byte{Filler}) {
		t.Errorf("20 ms: %x", p)
	}
	for _, samples := range []int{0, -960, 100, 1440, 6720} {
		if _, err := AppendFiller(nil, samples); !errors.Is(err, ErrIndivisible) {
			t.Errorf("%d: %v", samples, err)
		}
	}
}

// drawPacket makes any lawful packet, padding included.
func drawPacket(t *rapid.T) []byte {
	toc := TOC(rapid.Byte().Draw(t, "toc") &^ 3)
	most := min(MaxPacketSamples/toc.FrameSamples(), 8)
	frames := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 600), 1, most).Draw(t, "frames")
	if rapid.Bool().Draw(t, "equal") {
		for i := range frames {
			frames[i] = frames[0]
		}
	}
	packet := join(toc, frames)
	if pad := rapid.IntRange(-1, 600).Draw(t, "padding"); pad >= 0 && packet[0]&3 == 3 {
		packet = addPadding(packet, pad)
	}
	return packet
}

func addPadding(packet []byte, pad int) []byte {
	out := []byte{packet[0], packet[1] | 0x40}
	left := pad
	for ; left > 254; left -= 254 {
		out = append(out, 255)
	}
	out = append(out, byte(left))
	out = append(out, packet[2:]...)
	return append(out, make([]byte, pad)...)
}

func TestSplitThenMergeIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		packet := drawPacket(t)
		p, err := Parse(packet)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := Samples(packet); err != nil || n != p.Samples() {
			t.Fatalf("%d samples, %v, instead of %d", n, err, p.Samples())
		}
		pieces, err := Split(packet)
		if err != nil {
			t.Fatal(err)
		}
		merged, err := Merge(pieces)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(merged, join(p.TOC, p.Frames)) {
			t.Fatalf("%x became %x", packet, merged)
		}
		if p.Padding == 0 && packet[0]&3 != 3 && !bytes.Equal(merged, packet) {
			t.Fatalf("%x became %x", packet, merged)
		}
	})
}

func TestSelfDelimitThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		packet := drawPacket(t)
		rest := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "rest")
		multi, err := SelfDelimit([]byte("x"), packet)
		if err != nil {
			t.Fatal(err)
		}
		first, left, err := SplitSelfDelimited(append(multi, rest...)[1:])
		if err != nil || !bytes.Equal(first, packet) || !bytes.Equal(left, rest) {
			t.Fatalf("%x came back as %x and %x, %v", packet, first, left, err)
		}
	})
}

func TestSplitTo(t *testing.T) {
	sixty := []byte{0x7B, 3, 1, 2, 3} // hybrid 20 ms, three frames
	pieces, err := SplitTo(sixty, 960)
	if err != nil || len(pieces) != 3 || !bytes.Equal(pieces[1], []byte{0x78, 2}) {
		t.Fatalf("%x, %v", pieces, err)
	}
	tens := []byte{0x73, 4, 1, 2, 3, 4} // hybrid 10 ms, four frames
	pieces, err = SplitTo(tens, 960)
	if err != nil || len(pieces) != 2 || !bytes.Equal(pieces[1], []byte{0x71, 3, 4}) {
		t.Fatalf("%x, %v", pieces, err)
	}
	for _, c := range [][]byte{{0x18, 1, 2}, {0x73, 3, 1, 2, 3}} { // SILK 60 ms; 30 ms of 10 ms frames
		if _, err := SplitTo(c, 960); !errors.Is(err, ErrIndivisible) {
			t.Errorf("%x: %v", c, err)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	if _, err := Merge([][]byte{{0x78, 1}, {0x58, 1}}); !errors.Is(err, ErrDiffer) {
		t.Errorf("different configurations: %v", err)
	}
	if _, err := Merge([][]byte{{0x78, 1}, {0x7C, 1}}); !errors.Is(err, ErrDiffer) {
		t.Errorf("mono and stereo: %v", err)
	}
	if _, err := Merge(make([][]byte, 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("nothing: %v", err)
	}
	seven := make([][]byte, 7)
	for i := range seven {
		seven[i] = []byte{0x78, 1}
	}
	if _, err := Merge(seven); !errors.Is(err, ErrMalformed) {
		t.Errorf("140 ms: %v", err)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	packet := append([]byte{0x78}, make([]byte, 60)...)
	dst := make([]byte, 0, 200)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Samples(packet); err != nil {
			t.Fatal(err)
		}
		if _, err := SelfDelimit(dst, packet); err != nil {
			t.Fatal(err)
		}
		if _, err := SelfDelimit(dst, []byte{0xFA}); err == nil {
			t.Fatal("no error")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "\xF8", "\xFB\x03abc", "\xFB\xC3\x02\x01\x01abcd\x00\x00", "\xFA\xFC\x01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Parse(b); err == nil {
			if n, err := Samples(b); err != nil || n != p.Samples() {
				t.Fatalf("%d samples, %v", n, err)
			}
			multi, err := SelfDelimit(nil, b)
			if err != nil {
				t.Fatal(err)
			}
			if first, rest, err := SplitSelfDelimited(multi); err != nil || len(rest) != 0 || !bytes.Equal(first, b) {
				t.Fatalf("%x came back as %x, %x, %v", b, first, rest, err)
			}
		}
		if first, rest, err := SplitSelfDelimited(b); err == nil {
			if _, err := Parse(first); err != nil {
				t.Fatalf("%x: first is %x: %v", b, first, err)
			}
			if len(rest) >= len(b) {
				t.Fatal("nothing was taken off")
			}
		}
	})
}
