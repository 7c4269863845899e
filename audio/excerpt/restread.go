package excerpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"earshot/audio/ogg"
)

// rest are head and what of a file comes from offset on.
type rest struct {
	head   []byte
	tail   tail
	offset int64
	size   int64 // bytes in all
	at     int64
}

// tail reads what comes at a place of a file that is before its end.
type tail interface {
	readAt(p []byte, offset int64) (int, error)
}

// Read reads on.
func (r *rest) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.at < int64(len(r.head)) {
		n := copy(p, r.head[r.at:])
		r.at += int64(n)
		return n, nil
	}
	n, err := r.tail.readAt(p, r.offset+r.at-int64(len(r.head)))
	r.at += int64(n)
	return n, err
}

// Seek sets the place from which Read reads.
func (r *rest) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("a place before the file")
	}
	r.at = offset
	return offset, nil
}

// shifted reads a file with less in the granules and numbers of one stream's pages.
// All of a page's fields keep their sizes, so every other byte is where it was; what
// is damaged is left as it is.
type shifted struct {
	r        io.ReaderAt
	size     int64
	serial   uint32
	granule  int64  // is taken from each
	sequence uint32 // likewise

	buf  []byte
	at   int64 // of buf in the file
	page bool  // a page ends where buf does
}

// readAt reads what comes at offset, which is before the file's end.
func (s *shifted) readAt(p []byte, offset int64) (int, error) {
	if offset < s.at || offset >= s.at+int64(len(s.buf)) {
		if err := s.load(offset); err != nil {
			return 0, err
		}
	}
	return copy(p, s.buf[offset-s.at:]), nil
}

// load fills buf from offset on.
func (s *shifted) load(offset int64) error {
	from := offset
	if !s.page || offset != s.at+int64(len(s.buf)) {
		from = max(offset-ogg.MaxPageBytes, 0) // a page may have begun before
	}
	window := make([]byte, min(offset+2*ogg.MaxPageBytes, s.size)-from)
	if _, err := s.r.ReadAt(window, from); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read on in a recording: %w", err)
	}
	end := s.shift(window)
	s.page = from+end > offset
	if !s.page { // nothing but damage
		end = int64(len(window))
	}
	s.buf, s.at = window[offset-from:end], offset
	return nil
}

// shift changes the whole pages in b and answers where the last one ends.
func (s *shifted) shift(b []byte) (end int64) {
	pages := ogg.NewScanner(bytes.NewReader(b))
	for {
		page, err := pages.Next()
		if err != nil { // the end: memory does not fail
			return end
		}
		end = page.Offset + int64(page.Size)
		if page.Serial == s.serial {
			s.change(b[page.Offset:end], page)
		}
	}
}

// change rewrites a page's header in b.
func (s *shifted) change(b []byte, page *ogg.Page) {
	if page.Granule != ogg.NoGranule {
		binary.LittleEndian.PutUint64(b[6:], uint64(page.Granule-s.granule))
	}
	binary.LittleEndian.PutUint32(b[18:], page.Sequence-s.sequence)
	binary.LittleEndian.PutUint32(b[22:], 0)
	binary.LittleEndian.PutUint32(b[22:], ogg.Checksum(0, b))
}
