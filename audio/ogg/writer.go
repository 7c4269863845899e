package ogg

import "encoding/binary"

// Writer gathers packets into pages and appends the pages to memory of its
// caller. The first page it makes (Sequence 0) is marked as the stream's first.
// To take up a stream again set Serial, and Sequence to the number after that
// of the last good page.
type Writer struct {
	Serial   uint32
	Sequence uint32 // of the next page

	lacing    [maxSegments]byte
	segments  int
	body      []byte
	granule   int64 // of the last packet that ends on the page being gathered
	ended     int   // how many packets end there
	continued bool  // that page begins inside a packet
}

// NewWriter begins a stream.
func NewWriter(serial uint32) Writer { return Writer{Serial: serial} }

// Clone is a copy that shares nothing with w: a snapshot can finish the clone
// while w goes on. (A plain copy would share the gathered bytes.)
func (w *Writer) Clone() Writer {
	c := *w
	c.body = append([]byte(nil), w.body...)
	return c
}

// Pending is how many packets end on the page being gathered.
func (w *Writer) Pending() int { return w.ended }

// Packet adds a packet that ends at granule. Only when the page overflows are
// bytes appended to dst; otherwise Flush says when a page ends.
func (w *Writer) Packet(dst, packet []byte, granule int64) []byte {
	if w.segments > 0 && !w.fits(packet) && w.ended > 0 {
		dst = w.page(dst, 0)
	}
	for {
		if w.segments == maxSegments {
			dst = w.page(dst, 0)
			w.continued = true
		}
		n := min(len(packet), 255)
		w.lacing[w.segments] = byte(n)
		w.segments++
		w.body = append(w.body, packet[:n]...)
		packet = packet[n:]
		if n < 255 {
			break
		}
	}
	w.ended++
	w.granule = granule
	return dst
}

// fits says whether the whole packet still fits on the page: packets are only
// cut where one alone is too large for a page.
func (w *Writer) fits(packet []byte) bool {
	return w.segments+len(packet)/255+1 <= maxSegments
}

// Flush ends the page being gathered; without packets it does nothing.
func (w *Writer) Flush(dst []byte) []byte {
	if w.segments == 0 {
		return dst
	}
	return w.page(dst, 0)
}

// Finish writes the last page, marked so. Keep a packet for it: an empty last
// page is never written, as some readers object to one.
func (w *Writer) Finish(dst []byte) []byte {
	if w.segments == 0 {
		return dst
	}
	return w.page(dst, Last)
}

func (w *Writer) page(dst []byte, flags byte) []byte {
	if w.continued {
		flags |= Continued
	}
	if w.Sequence == 0 {
		flags |= First
	}
	granule := NoGranule
	if w.ended > 0 {
		granule = w.granule
	}
	at := len(dst)
	dst = append(dst, "OggS\x00"...)
	dst = append(dst, flags)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(granule))
	dst = binary.LittleEndian.AppendUint32(dst, w.Serial)
	dst = binary.LittleEndian.AppendUint32(dst, w.Sequence)
	dst = append(dst, 0, 0, 0, 0, byte(w.segments))
	dst = append(dst, w.lacing[:w.segments]...)
	dst = append(dst, w.body...)
	binary.LittleEndian.PutUint32(dst[at+22:], Checksum(0, dst[at:]))

	w.Sequence++
	w.segments, w.ended, w.continued = 0, 0, false
	w.body = w.body[:0]
	return dst
}
