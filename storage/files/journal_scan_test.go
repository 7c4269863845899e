package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var errDiskAway = errors.New("the disk is away")

// scanned is what a segment's bytes tell, with where damage lies.
func scanned(t *testing.T, data []byte, number uint64) (records []string, damage [][2]int64) {
	t.Helper()
	scan := segmentScan{
		number: number, window: window{file: bytes.NewReader(data), size: int64(len(data))},
		each: func(flags uint8, r JournalRecord) error {
			if flags&flagBegun == 0 {
				records = append(records, fmt.Sprintf("%d/%d/%d %s", flags, r.Kind, r.Call, r.Payload))
			}
			return nil
		},
		damaged: func(from, to int64, _ string) error {
			damage = append(damage, [2]int64{from, to})
			return nil
		},
	}
	_, _, err := scan.run()
	must(t, err)
	return records, damage
}

// Wherever a segment breaks off, all records before are read, and nothing else.
func TestSegmentBreaksOffAnywhere(t *testing.T) {
	dir := t.TempDir()
	longJournal(t, dir)
	data, err := os.ReadFile(segmentPath(dir, 2))
	must(t, err)
	all, _ := scanned(t, data, 2)
	var ends []int // of records without their padding
	for off := segmentHeadSize; off < len(data); {
		length := int(data[off+8]) + int(data[off+9])<<8
		if data[off+2] != flagBegun {
			ends = append(ends, off+recordHeadSize+length)
		}
		off += recordSize(length)
	}
	if len(ends) != len(all) || len(all) != 6 {
		t.Fatalf("%d ends of %d records", len(ends), len(all))
	}
	for size := range data {
		got, damage := scanned(t, data[:size], 2)
		whole := 0
		for whole < len(ends) && ends[whole] <= size {
			whole++
		}
		if !slices.Equal(got, all[:whole]) {
			t.Fatalf("of %d bytes: %q, want %q", size, got, all[:whole])
		}
		if len(damage) > 1 || len(damage) == 1 && damage[0][1] != int64(size) {
			t.Fatalf("of %d bytes: damage at %v", size, damage)
		}
	}
}

// Whatever single bit flips, one record at most is lost, and that is told.
func TestSegmentLosesOneRecordForAFlippedBit(t *testing.T) {
	dir := t.TempDir()
	longJournal(t, dir)
	data, err := os.ReadFile(segmentPath(dir, 2))
	must(t, err)
	all, _ := scanned(t, data, 2)
	lostOnes := 0
	for bit := range len(data) * 8 {
		data[bit/8] ^= 1 << (bit % 8)
		got, damage := scanned(t, data, 2)
		data[bit/8] ^= 1 << (bit % 8)
		left := slices.DeleteFunc(slices.Clone(all), func(r string) bool { return !slices.Contains(got, r) })
		if !slices.Equal(left, got) {
			t.Fatalf("bit %d: read %q, which was not written", bit, got)
		}
		lost := len(all) - len(got)
		if lost > 1 || lost == 1 && len(damage) != 1 {
			t.Fatalf("bit %d: %d records lost, damage at %v", bit, lost, damage)
		}
		lostOnes += lost
	}
	if lostOnes == 0 {
		t.Error("no flipped bit cost anything")
	}
}

// A disk that cannot read a page costs what lies on it.
func TestSegmentOnABadDisk(t *testing.T) {
	head := segmentHead{number: 5, salt: 9}
	data := head.encode()
	for n := range 1000 {
		data = appendRecord(data, head.seed(), 0, 2, uint32(n), 100, bytes.Repeat([]byte{1}, 100))
	}
	bad := badDisk{bytes.NewReader(data), 5 * pageSize}
	var calls []uint32
	var why []string
	scan := segmentScan{
		number: 5, window: window{file: bad, size: int64(len(data))},
		each: func(_ uint8, r JournalRecord) error { calls = append(calls, r.Call); return nil },
		damaged: func(from, to int64, w string) error {
			why = append(why, w)
			if from > 5*pageSize || to < 6*pageSize || to-from > pageSize+2*120 {
				t.Errorf("damage from %d to %d", from, to)
			}
			return nil
		},
	}
	_, _, err := scan.run()
	must(t, err)
	if missing := 1000 - len(calls); missing < pageSize/120 || missing > pageSize/120+2 || calls[len(calls)-1] != 999 {
		t.Errorf("%d records are missing", missing)
	}
	if len(why) != 1 || !strings.Contains(why[0], errDiskAway.Error()) {
		t.Errorf("told %q", why)
	}
}

// badDisk cannot read the page at an offset.
type badDisk struct {
	*bytes.Reader
	page int64
}

func (d badDisk) ReadAt(p []byte, off int64) (int, error) {
	switch end := off + int64(len(p)); {
	case off >= d.page+pageSize || end <= d.page:
		return d.Reader.ReadAt(p, off)
	case off < d.page:
		n, err := d.Reader.ReadAt(p[:d.page-off], off)
		return n, errors.Join(err, errDiskAway)
	}
	return 0, errDiskAway
}
