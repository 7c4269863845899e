package mp3

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// lookahead is how far a reader must see: the largest frame and the header
// behind it, and the largest tag's head.
const lookahead = 4096

// frame is one frame as it was found.
type frame struct {
	header
	data   []byte // valid until the next one is looked for
	cut    bool   // bytes between the frame before and this one belong to no frame
	offset int64  // in the file
	tagged bool   // a tag lies between the frame before and this one
}

// scanner finds frames. The first must be followed by two like it, so that noise
// is not taken for audio; from then on frames follow one another, and wherever
// that breaks the search begins anew.
type scanner struct {
	r       *bufio.Reader
	size    int64 // of the file, if that is known: a tag cannot be longer
	at      int64 // in the file
	locked  bool
	last    header
	skipped int64 // bytes that belong to no frame and no tag
	zeros   int64 // of them, those that are zero
	free    bool  // free format was seen
	torn    bool  // the last frame ends too early
	cut     bool
	tagged  bool
	mostIn  int64 // bytes before the first frame that are looked through; 0: all
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: bufio.NewReaderSize(r, 16*lookahead), size: math.MaxInt64}
}

// next is the next whole frame; io.EOF after the last.
func (s *scanner) next() (frame, error) {
	for {
		b, err := s.peek(lookahead)
		if err != nil {
			return frame{}, err
		}
		if len(b) == 0 {
			return frame{}, io.EOF
		}
		if n := tagBytes(b); n > 0 && n <= s.size-s.at {
			s.tagged = s.last.rate != 0
			if err := s.discard(n); err != nil {
				return frame{}, err
			}
			continue
		}
		h, ok := s.accept(b)
		if !ok {
			if s.mostIn > 0 && s.last.rate == 0 && s.skipped > s.mostIn {
				return frame{}, io.EOF
			}
			if err := s.skip(b); err != nil {
				return frame{}, err
			}
			continue
		}
		f := frame{header: h, data: b[:h.size()], cut: s.cut, offset: s.at, tagged: s.tagged}
		s.locked, s.last, s.cut, s.tagged, s.torn = true, h, false, false, false
		// The bytes stay in the buffer until the next peek.
		return f, s.discard(int64(h.size()))
	}
}

// peek is what follows, up to n bytes.
func (s *scanner) peek(n int) ([]byte, error) {
	b, err := s.r.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("look for MP3 frames: %w", err)
	}
	return b, nil
}

// discard passes over n bytes, or to the end.
func (s *scanner) discard(n int64) error {
	for n > 0 {
		k, err := s.r.Discard(int(min(n, 1<<30)))
		n -= int64(k)
		s.at += int64(k)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for MP3 frames: %w", err)
		}
	}
	return nil
}

// accept says whether a whole frame begins here.
func (s *scanner) accept(b []byte) (header, bool) {
	h, ok := parseHeader(b)
	if !ok {
		return h, false
	}
	if h.bitrate == 0 {
		s.free = s.free || !s.locked && isFree(h, b)
		return h, false
	}
	size := h.size()
	if size < h.body()+h.sideInfo() {
		return h, false
	}
	known := s.last.rate != 0 && h.like(s.last)
	if size > len(b) {
		s.torn = s.torn || s.locked && known
		return h, false
	}
	if s.locked && known {
		return h, true
	}
	rest := b[size:]
	if len(rest) == 0 {
		return h, known
	}
	if tagBytes(rest) > 0 {
		return h, known
	}
	next, ok := parseHeader(rest)
	if !ok || !h.like(next) || next.bitrate == 0 {
		return h, false
	}
	return h, known || third(h, rest[min(next.size(), len(rest)):])
}

// third says whether what follows two frames like h lets one believe in them.
func third(h header, rest []byte) bool {
	if len(rest) < headerBytes {
		return true // the file ends
	}
	next, ok := parseHeader(rest)
	return ok && h.like(next) || tagBytes(rest) > 0
}

// isFree says whether frames in free format follow: two more headers like h, each
// as far from the one before.
func isFree(h header, b []byte) bool {
	like := func(at int) bool {
		if at+headerBytes > len(b) {
			return false
		}
		next, ok := parseHeader(b[at:])
		return ok && next.bitrate == 0 && h.like(next)
	}
	for d := h.body() + h.sideInfo(); 2*d < len(b); d++ {
		if like(d) && (like(2*d) || like(2*d-1) || like(2*d+1)) {
			return true
		}
	}
	return false
}

// skip goes to where the next frame might begin.
func (s *scanner) skip(b []byte) error {
	s.locked, s.cut = false, true
	n := len(b)
	if i := indexStart(b[1:]); i >= 0 {
		n = 1 + i
	} else if len(b) == lookahead {
		n = len(b) - 128 // a tag's head may be cut here
	}
	s.skipped += int64(n)
	s.zeros += int64(bytes.Count(b[:n], []byte{0}))
	return s.discard(int64(n))
}

// indexStart is where a frame or a tag might begin.
func indexStart(b []byte) int {
	at := -1
	for rest := b; at < 0; {
		i := bytes.IndexByte(rest, 0xff)
		if i < 0 || i+1 == len(rest) {
			break
		}
		if c := rest[i+1]; c >= 0xe0 && c&0x06 == 0x02 && c&0x18 != 0x08 { // Layer III
			at = len(b) - len(rest) + i
		}
		rest = rest[i+1:]
	}
	if at >= 0 {
		b = b[:min(at+16, len(b))]
	}
	for _, name := range []string{"ID3", "APETAGEX", "TAG"} {
		if i := bytes.Index(b, []byte(name)); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// tagBytes is the length of the ID3 or APE tag that begins here, or 0.
func tagBytes(b []byte) int64 {
	switch {
	case len(b) >= 10 && string(b[:3]) == "ID3" && b[3] < 0xff && b[4] < 0xff && (b[6]|b[7]|b[8]|b[9])&0x80 == 0:
		n := 10 + int64(b[6])<<21 + int64(b[7])<<14 + int64(b[8])<<7 + int64(b[9])
		if b[5]&0x10 != 0 {
			n += 10 // a footer
		}
		return n
	case len(b) >= 32 && string(b[:8]) == "APETAGEX":
		if b[23]&0x20 == 0 {
			return 32 // a footer: what it closes has been passed over
		}
		return 32 + int64(binary.LittleEndian.Uint32(b[12:]))
	case len(b) >= 128 && string(b[:3]) == "TAG":
		return 128
	}
	return 0
}

// xing is what the information frame at the head of many files says.
type xing struct {
	delay, padding int // samples the encoder put before and behind the audio
	frames         int // that follow; 0 where it does not say
}

// parseXing reads an information frame: Xing or Info of most encoders, VBRI of
// Fraunhofer's. Such a frame holds no audio.
func parseXing(f frame) (xing, bool) {
	if at := headerBytes + 32; len(f.data) >= at+4 && string(f.data[at:at+4]) == "VBRI" {
		return xing{}, true
	}
	// LAME always leaves room as if there were no checksum.
	b := f.data[headerBytes+f.sideInfo():]
	if len(b) < 8 || string(b[:4]) != "Xing" && string(b[:4]) != "Info" {
		return xing{}, false
	}
	flags := b[7]
	at := 8
	var x xing
	if flags&1 == 1 && len(b) >= 12 {
		x.frames = int(binary.BigEndian.Uint32(b[8:]) & math.MaxInt32)
	}
	for bit, size := range [4]int{4, 4, 100, 4} { // frames, bytes, table, quality
		if flags>>bit&1 == 1 {
			at += size
		}
	}
	if len(b) < at+24 || b[at] == 0 {
		return x, true
	}
	v := int(b[at+21])<<16 | int(b[at+22])<<8 | int(b[at+23])
	x.delay, x.padding = v>>12, v&0xfff
	return x, true
}
