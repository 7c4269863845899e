package files

import (
	"bytes"
	"os"
	"testing"
)

// FuzzJournal reads segments that anything may have happened to. Whatever they
// are, reading ends, nothing but whole records is given, all else is told as
// damage, and a whole record behind it is still found.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	longJournal(f, dir)
	data, err := os.ReadFile(segmentPath(dir, 2))
	if err != nil {
		f.Fatal(err)
	}
	head, ok := decodeSegmentHead(data, 2)
	if !ok {
		f.Fatal("the seed has no head")
	}
	f.Add(data)
	f.Add(data[:len(data)-5])
	f.Add(data[:segmentHeadSize])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{recordMagic0, recordMagic1, 0, 0, 0, 0, 0, 0}, 300))
	f.Add(appendRecord(head.encode(), head.seed(), flagState, 3, 9, 10, []byte("hello"), []byte("hello")))
	flipped := bytes.Clone(data)
	flipped[len(data)/2] ^= 16
	f.Add(flipped)
	f.Fuzz(func(t *testing.T, data []byte) {
		checkScan(t, data)
		// With a head of their own the bytes are read as records.
		head := segmentHead{number: 2, salt: 7}
		own := append(head.encode(), data...)
		for len(own)%recordAlign != 0 {
			own = append(own, 0)
		}
		last := "the last record"
		own = appendRecord(own, head.seed(), 0, 2, 77, len(last), []byte(last))
		if got := checkScan(t, own); got != last {
			t.Errorf("the last record read is %q", got)
		}
	})
}

// checkScan reads a segment and gives the payload of its last record.
func checkScan(t *testing.T, data []byte) (last string) {
	t.Helper()
	var at, whole int64
	scan := segmentScan{
		number: 2, window: window{file: bytes.NewReader(data), size: int64(len(data))},
		each: func(flags uint8, r JournalRecord) error {
			whole += int64(recordSize(len(r.Payload)))
			last = string(r.Payload)
			return nil
		},
		damaged: func(from, to int64, why string) error {
			if from < at || to <= from && len(data) > 0 || to > int64(len(data)) || why == "" {
				t.Errorf("damage from %d to %d of %d after %d: %s", from, to, len(data), at, why)
			}
			at = to
			whole += to - from
			return nil
		},
	}
	_, ok, err := scan.run()
	if err != nil {
		t.Fatal(err)
	}
	if _, atStart := decodeSegmentHead(data, 2); atStart {
		whole += segmentHeadSize
	}
	// Every byte is told of once; the padding of the last record may be missing.
	if ok && (whole < int64(len(data)) || whole >= int64(len(data))+recordAlign) {
		t.Errorf("%d of %d bytes are told of", whole, len(data))
	}
	return last
}
