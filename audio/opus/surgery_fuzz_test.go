package opus

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzSurgery splits packets, merges them and puts two into one multistream
// packet: every frame comes out as it went in, and nothing is read or written
// beyond where it may.
func FuzzSurgery(f *testing.F) {
	for _, pair := range [][2]string{
		{"\xF8", "\xF8"},
		{"\xF9abcd", "\xF8xy"},
		{"\xFB\x03abc", "\x7Babc"},
		{"\xFB\xC3\x02\x01\x01abcd\x00\x00", "\xFA\x01ab"},
		{"\x0B\x02abcd", "\x08ab"},
		{"\xE3\x30", "\xE3\x83\x00\x00"},
		{"\xF8" + string(make([]byte, 1275)), "\xFB\x41\xFF\x01"},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]), uint16(960))
	}
	f.Fuzz(func(t *testing.T, a, b []byte, samples uint16) {
		pa, err := Parse(a)
		if err != nil {
			return
		}
		if len(pa.Frames) == 0 || len(pa.Frames) > MaxFrames || pa.Samples() > MaxPacketSamples {
			t.Fatalf("%d frames, %d samples", len(pa.Frames), pa.Samples())
		}
		if n := bytesOf(pa.Frames); n+pa.Padding >= len(a) {
			t.Fatalf("%d bytes of frames and %d of padding in %d", n, pa.Padding, len(a))
		}
		checkSplit(t, a, pa)
		checkSplitTo(t, a, pa, int(samples))
		pb, err := Parse(b)
		if err != nil {
			return
		}
		checkMerge(t, a, b, pa, pb)
		checkStreams(t, a, b)
	})
}

func bytesOf(frames [][]byte) (n int) {
	for _, frame := range frames {
		n += len(frame)
	}
	return n
}

// framesOf parses all packets and gives their frames in order.
func framesOf(t *testing.T, packets ...[]byte) (frames [][]byte) {
	t.Helper()
	for _, packet := range packets {
		p, err := Parse(packet)
		if err != nil {
			t.Fatalf("we made %x: %v", packet, err)
		}
		frames = append(frames, p.Frames...)
	}
	return frames
}

func sameFrames(t *testing.T, what string, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%s: frames %x instead of %x", what, got, want)
	}
}

func checkSplit(t *testing.T, packet []byte, p Packet) {
	t.Helper()
	pieces, err := Split(packet)
	if err != nil || len(pieces) != len(p.Frames) {
		t.Fatalf("%d pieces of %d frames: %v", len(pieces), len(p.Frames), err)
	}
	sameFrames(t, "split", framesOf(t, pieces...), p.Frames)
	again, err := Merge(pieces)
	if err != nil {
		t.Fatal(err)
	}
	sameFrames(t, "merged again", framesOf(t, again), p.Frames)
	if len(again) > len(packet) {
		t.Fatalf("%d bytes became %d", len(packet), len(again))
	}
}

func checkSplitTo(t *testing.T, packet []byte, p Packet, samples int) {
	t.Helper()
	pieces, err := SplitTo(packet, samples)
	if err != nil {
		return
	}
	sameFrames(t, "split to a length", framesOf(t, pieces...), p.Frames)
	for _, piece := range pieces {
		if n, err := Samples(piece); err != nil || n != samples {
			t.Fatalf("a piece of %d samples, not %d: %v", n, samples, err)
		}
	}
}

func checkMerge(t *testing.T, a, b []byte, pa, pb Packet) {
	t.Helper()
	merged, err := Merge([][]byte{a, b})
	fit := pa.TOC>>2 == pb.TOC>>2 && pa.Samples()+pb.Samples() <= MaxPacketSamples
	if (err == nil) != fit {
		t.Fatalf("%x and %x: %v", a, b, err)
	}
	if err == nil {
		sameFrames(t, "merged", framesOf(t, merged), slices.Concat(pa.Frames, pb.Frames))
	}
}

// checkStreams makes a multistream packet of two and takes it apart.
func checkStreams(t *testing.T, a, b []byte) {
	t.Helper()
	before := []byte("before")
	both, err := SelfDelimit(slices.Clone(before), a)
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := bytes.CutPrefix(append(both, b...), before)
	if !ok {
		t.Fatal("what was there is changed")
	}
	first, second, err := SplitSelfDelimited(rest)
	if err != nil || !bytes.Equal(first, a) || !bytes.Equal(second, b) {
		t.Fatalf("%x and %x came back as %x and %x: %v", a, b, first, second, err)
	}
}

// FuzzDecoder decodes one packet after another of what seats may send: never
// more comes out than the packet says, and a good packet is still decoded
// behind a bad one.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("\xF8"), []byte("\x78abc"))
	f.Add([]byte("\x08abcdefgh"), []byte("\xFB\x03abc"))
	f.Add([]byte("\x4Babc"), []byte("\x0F\x02abcd"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d, err := NewDecoder(8000, 1)
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, d.MaxSamples())
		for _, packet := range [][]byte{a, b} {
			n, err := d.Decode(packet, pcm)
			if want, bad := Samples(packet); err == nil && (bad != nil || n > want*8000/SampleRate) {
				t.Fatalf("%d samples of %x", n, packet)
			}
		}
		if n, err := d.Decode([]byte{Filler}, pcm); err != nil || n != 160 {
			t.Fatalf("behind it a good packet has %d samples: %v", n, err)
		}
	})
}
