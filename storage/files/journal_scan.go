package files

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	windowSize = 1 << 20 // bytes read at a time
	pageSize   = 4096    // what a disk that cannot read leaves out
)

// segmentScan reads a segment of the journal, whole or damaged. What lies
// between two whole records is told, and costs nothing but itself.
type segmentScan struct {
	number  uint64
	window  window
	each    func(flags uint8, record JournalRecord) error
	damaged func(from, to int64, why string) error
}

// run reads the segment and gives its head; ok is false where none could be
// found, and then nothing can be read.
func (s *segmentScan) run() (head segmentHead, ok bool, err error) {
	head, ok = decodeSegmentHead(s.window.bytes(0, segmentHeadSize), s.number)
	start := int64(segmentHeadSize)
	if !ok {
		if head, ok = s.findHead(); !ok {
			return head, false, s.damaged(0, s.window.size, s.window.why("not a segment of this number"))
		}
		start = 0
	}
	return head, true, s.records(head.seed(), start)
}

// findHead looks for the head's copy behind the states.
func (s *segmentScan) findHead() (segmentHead, bool) {
	for off := int64(recordAlign); off+segmentHeadSize <= s.window.size; off += recordAlign {
		b := s.window.bytes(off, segmentHeadSize)
		if head, ok := decodeSegmentHead(b, s.number); ok {
			return head, true
		}
	}
	return segmentHead{}, false
}

func (s *segmentScan) records(seed uint32, off int64) error {
	bad := int64(-1) // where damage began
	for off < s.window.size {
		record, size := s.record(seed, off)
		if record == nil {
			if bad < 0 {
				bad = off
			}
			off += recordAlign
			continue
		}
		if bad >= 0 {
			if err := s.damaged(bad, off, s.window.why("not whole records")); err != nil {
				return err
			}
			bad = -1
		}
		err := s.each(record[2], JournalRecord{
			Kind: record[3], Call: binary.LittleEndian.Uint32(record[4:]), Payload: record[recordHeadSize:],
		})
		if err != nil {
			return err
		}
		off += int64(size)
	}
	if bad >= 0 {
		return s.damaged(bad, s.window.size, s.window.why("not whole records"))
	}
	return nil
}

// record is the whole record at off, without padding, and the bytes it takes;
// nil where there is none.
func (s *segmentScan) record(seed uint32, off int64) (record []byte, size int) {
	head := s.window.bytes(off, recordHeadSize)
	if len(head) < recordHeadSize || head[0] != recordMagic0 || head[1] != recordMagic1 {
		return nil, 0
	}
	length := binary.LittleEndian.Uint32(head[8:])
	if length > maxPayload || off+recordHeadSize+int64(length) > s.window.size {
		return nil, 0
	}
	record = s.window.bytes(off, recordHeadSize+int(length))
	if binary.LittleEndian.Uint32(record[12:]) != recordSum(seed, record) {
		return nil, 0
	}
	return record, recordSize(int(length))
}

// window is a view of a file that moves forwards.
type window struct {
	file io.ReaderAt
	size int64 // bytes of the file
	at   int64 // where data lies
	data []byte
	err  error // why a page could not be read since why was asked
}

// bytes are n bytes at off, fewer at the end of the file; valid until the next
// call.
func (w *window) bytes(off int64, n int) []byte {
	n = int(max(0, min(int64(n), w.size-off)))
	if off < w.at || off+int64(n) > w.at+int64(len(w.data)) {
		w.move(off, max(n, windowSize))
	}
	return w.data[off-w.at:][:n]
}

// move fills the window with n bytes from off, as far as the file goes. Pages
// that cannot be read are left zero.
func (w *window) move(off int64, n int) {
	n = int(min(int64(n), w.size-off))
	if cap(w.data) < n {
		w.data = make([]byte, n)
	}
	w.at, w.data = off, w.data[:n]
	for done := 0; done < n; {
		got, err := w.file.ReadAt(w.data[done:], off+int64(done))
		done += got
		if done == n {
			return
		}
		if err != nil && !errors.Is(err, io.EOF) {
			w.err = err
		}
		end := min(n, done+pageSize-int((off+int64(done))%pageSize))
		clear(w.data[done:end])
		done = end
	}
}

// why says what is wrong with a stretch: what the disk said, else otherwise.
func (w *window) why(otherwise string) string {
	if w.err == nil {
		return otherwise
	}
	err := w.err
	w.err = nil
	return fmt.Sprintf("cannot be read: %v", err)
}
