package ogg

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"earshot/audio/ogg/oggtest"
)

// FuzzPages reads pages whose checksums are right whatever they say: every byte
// is in a page or told of as damage, once, and packets have no byte that the
// file has not.
func FuzzPages(f *testing.F) {
	file, _ := stream(4, 2)
	f.Add(file)
	f.Add(file[:len(file)-7])
	f.Add(append(bytes.Clone(file), file...))
	w := NewWriter(7)
	f.Add(w.Finish(w.Packet(w.Headers(nil, TwoMono(), OpusTags{Comments: []string{"A=b"}}), make([]byte, 70_000), 960)))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = oggtest.Reseal(b)
		covered, last := int64(0), Mark{Granule: NoGranule}
		s := NewScanner(bytes.NewReader(b))
		serial, seen := uint32(0), false
		for {
			page, err := s.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				break
			}
			if !seen {
				serial, seen = page.Serial, true
			}
			covered += int64(page.Size)
			if page.Serial == serial && page.Granule != NoGranule {
				last = Mark{Offset: page.Offset, Granule: page.Granule}
			}
		}
		for _, d := range s.Damage() {
			covered += d.To - d.From
		}
		if covered != int64(len(b)) {
			t.Fatalf("%d of %d bytes are told of", covered, len(b))
		}
		granule, offset, err := LastGranule(bytes.NewReader(b), int64(len(b)), serial)
		if found := last.Granule != NoGranule; found != (err == nil) || found && (granule != last.Granule || offset != last.Offset) {
			t.Fatalf("the last granule is %d at %d: %v; page by page it is %+v", granule, offset, err, last)
		}
		checkPackets(t, b)
	})
}

func checkPackets(t *testing.T, b []byte) {
	t.Helper()
	r, total := NewPacketReader(NewScanner(bytes.NewReader(b))), 0
	for {
		p, err := r.Next()
		if err != nil {
			break
		}
		if total += len(p.Data); total > len(b) || p.Page < 0 || p.Page >= int64(len(b)) {
			t.Fatalf("a packet of %d bytes on the page at %d, %d bytes in all, of %d", len(p.Data), p.Page, total, len(b))
		}
	}
	if r, err := NewOpusReader(bytes.NewReader(b)); err == nil && (r.Head.Streams < 1 || len(r.Head.Mapping) != r.Head.Channels) {
		t.Fatalf("%+v", r.Head)
	}
}

// FuzzSeek looks for an instant in a long recording with anything in its midst:
// where that has no pages of the recording, the search finds the same page as
// reading from the start.
func FuzzSeek(f *testing.F) {
	file, _ := stream(8000, 50) // 340 KB: enough for a bisection, little enough for many tries
	starts := pagesOf(f, file)
	f.Add([]byte("OggS"), uint16(100), uint32(99*48_000))
	f.Add([]byte{}, uint16(0), uint32(0))
	f.Add(bytes.Repeat([]byte("OggS\x00"), 200), uint16(80), uint32(80*48_000))
	f.Add(file[200:1000], uint16(120), uint32(121*48_000))
	f.Fuzz(func(t *testing.T, between []byte, page uint16, granule uint32) {
		if has := pagesOf(t, between); len(has) > 0 {
			return
		}
		at := starts[int(page)%len(starts)]
		b := slices.Concat(file[:at], between, file[at:])
		want, wanted := seekAlong(bytes.NewReader(b), 0, int64(len(b)), 7, int64(granule))
		got, err := SeekGranule(bytes.NewReader(b), int64(len(b)), 7, int64(granule))
		if got != want || !errors.Is(err, wanted) {
			t.Fatalf("found %+v, %v; page by page it is %+v, %v", got, err, want, wanted)
		}
	})
}

// pagesOf is where the pages of a file begin.
func pagesOf(t testing.TB, file []byte) (starts []int) {
	t.Helper()
	s := NewScanner(bytes.NewReader(file))
	for {
		page, err := s.Next()
		if errors.Is(err, io.EOF) {
			return starts
		}
		if err != nil {
			t.Fatal(err)
		}
		starts = append(starts, int(page.Offset))
	}
}

// FuzzHeaders reads heads and tags: what is taken is written again as it was.
func FuzzHeaders(f *testing.F) {
	f.Add(TwoMono().Append(nil))
	f.Add(Mono(2).Append(nil))
	f.Add(OpusTags{Vendor: "v", Comments: []string{"A=b", "C"}}.Append(nil))
	f.Add([]byte("OpusTags\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := ParseOpusHead(b); err == nil {
			again := h.Append(nil)
			version := bytes.Clone(b)
			version[8] = 1 // minor versions say nothing more
			if !bytes.HasPrefix(version, again) {
				t.Fatalf("%x became %x", b, again)
			}
		}
		if tags, err := ParseOpusTags(b); err == nil {
			if again := tags.Append(nil); !bytes.HasPrefix(b, again) {
				t.Fatalf("%q became %q", b, again)
			}
		}
	})
}

// FuzzWriterState takes any bytes for the state of a writer: what is taken is
// given again, and the writer that goes on writes a page that is read again.
func FuzzWriterState(f *testing.F) {
	w := NewWriter(7)
	f.Add(w.AppendState(nil), []byte("a packet"))
	w.Packet(nil, make([]byte, 300), 960)
	f.Add(w.AppendState(nil), []byte{})
	f.Add([]byte("0123456789012345678901"), make([]byte, 1000))
	f.Fuzz(func(t *testing.T, state, packet []byte) {
		var w Writer
		if w.SetState(state) != nil {
			return
		}
		again := w.AppendState(nil)
		var twin Writer
		if err := twin.SetState(again); err != nil || !bytes.Equal(twin.AppendState(nil), again) {
			t.Fatalf("%x does not come back: %v", state, err)
		}
		file := w.Finish(w.Packet(nil, packet, 960))
		if other := twin.Finish(twin.Packet(nil, packet, 960)); !bytes.Equal(other, file) {
			t.Fatalf("its twin writes %x instead of %x", other, file)
		}
		s := NewScanner(bytes.NewReader(file))
		for at := int64(0); at < int64(len(file)); {
			page, err := s.Next()
			if err != nil || page.Offset != at {
				t.Fatalf("behind %d of %d bytes: %v", at, len(file), err)
			}
			at += int64(page.Size)
		}
	})
}
