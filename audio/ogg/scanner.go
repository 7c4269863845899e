package ogg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Damage is a stretch of a file in which no good page lies.
type Damage struct {
	From, To int64 // byte offsets, To excluded
	Reason   string
}

// String says where and what.
func (d Damage) String() string {
	return fmt.Sprintf("bytes %d to %d: %s", d.From, d.To, d.Reason)
}

// Scanner yields a file's good pages in order. What lies between them is
// passed over and reported by Damage; a torn tail is damage like any other.
type Scanner struct {
	r      io.Reader
	buf    []byte
	at     int   // of the next page in buf
	base   int64 // offset of buf in the file
	err    error // what ended reading
	damage []Damage
	page   Page
}

// NewScanner begins at the reader's place, which counts as offset 0.
func NewScanner(r io.Reader) *Scanner { return NewScannerAt(r, 0) }

// NewScannerAt is NewScanner for a reader that stands at offset in its file.
func NewScannerAt(r io.Reader, offset int64) *Scanner {
	return &Scanner{r: r, base: offset}
}

// Damage is what has been passed over so far.
func (s *Scanner) Damage() []Damage { return s.damage }

// Next is the next good page, valid until Next is called again; io.EOF after
// the last, or the error of the reader.
func (s *Scanner) Next() (*Page, error) {
	lost, reason := s.base+int64(s.at), ""
	for {
		size, why := s.check()
		if size > 0 {
			s.note(lost, s.base+int64(s.at), reason)
			s.fill(size)
			s.at += size
			return &s.page, nil
		}
		if why == "" {
			s.note(lost, s.base+int64(s.at), reason)
			return nil, s.end()
		}
		if reason == "" {
			reason = why
		}
		s.skip()
	}
}

// end is the error to answer when there is no more to read.
func (s *Scanner) end() error {
	if errors.Is(s.err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("read Ogg pages: %w", s.err)
}

func (s *Scanner) note(from, to int64, reason string) {
	if to > from {
		s.damage = append(s.damage, Damage{from, to, reason})
	}
}

// check looks for a good page at the present place: its size, or why there is
// none. Neither means the end of the file.
func (s *Scanner) check() (size int, why string) {
	if !s.need(headerBytes) {
		if len(s.buf) == s.at {
			return 0, ""
		}
		return 0, "an unfinished page"
	}
	h := s.buf[s.at:]
	if !bytes.Equal(h[:4], capture) {
		return 0, "no page where one should be"
	}
	if h[4] != 0 {
		return 0, "a page of an unknown version"
	}
	segments := pageHeader(h).segments()
	if !s.need(headerBytes + segments) {
		return 0, "an unfinished page"
	}
	size = headerBytes + segments
	for _, l := range s.buf[s.at+headerBytes : s.at+size] {
		size += int(l)
	}
	if !s.need(size) {
		return 0, "an unfinished page"
	}
	h = s.buf[s.at : s.at+size]
	if pageChecksum(h) != pageHeader(h).crc() {
		return 0, "a page with a wrong checksum"
	}
	return size, ""
}

// fill sets page to the good page of size bytes at the present place.
func (s *Scanner) fill(size int) {
	b := s.buf[s.at : s.at+size : s.at+size]
	h := pageHeader(b)
	body := headerBytes + h.segments()
	s.page = Page{
		Offset: s.base + int64(s.at), Size: size,
		Flags: h.flags(), Granule: h.granule(), Serial: h.serial(), Sequence: h.sequence(),
		Lacing: b[headerBytes:body], Body: b[body:],
	}
}

// skip goes to where the next page might begin. The page that was refused may
// have a wrong length, so the search begins inside it.
func (s *Scanner) skip() {
	s.at++
	for {
		if i := bytes.Index(s.buf[min(s.at, len(s.buf)):], capture); i >= 0 {
			s.at += i
			return
		}
		// The word may be cut by the end of what has been read.
		s.at = max(s.at, len(s.buf)-len(capture)+1)
		if !s.need(len(s.buf) - s.at + 1) {
			s.at = len(s.buf)
			return
		}
	}
}

// need reads until n bytes follow the present place, or answers false.
func (s *Scanner) need(n int) bool {
	if len(s.buf)-s.at >= n {
		return true
	}
	if s.at > 0 {
		kept := copy(s.buf, s.buf[s.at:])
		s.buf, s.base, s.at = s.buf[:kept], s.base+int64(s.at), 0
	}
	for len(s.buf) < n && s.err == nil {
		if cap(s.buf) < n || cap(s.buf) == len(s.buf) {
			s.buf = append(make([]byte, 0, max(2*cap(s.buf), 2*n, 64<<10)), s.buf...)
		}
		var k int
		k, s.err = s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+k]
	}
	return len(s.buf) >= n
}
