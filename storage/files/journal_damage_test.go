package files

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errDiskAway = errors.New("the disk is away")

// longJournal leaves three segments in a folder, as a crash would before the
// first could be dropped, and gives what Read tells of them.
func longJournal(t testing.TB, dir string) []string {
	t.Helper()
	s, err := Open(dir, Options{})
	must(t, err)
	s.sync = failing(func(what, _ string) error {
		if what == "disk" {
			return errDiskAway
		}
		return nil
	})
	j, err := s.OpenJournal(JournalOptions{})
	must(t, err)
	var want []string
	for n := 1; n <= 3; n++ {
		j.Begin()
		for call := range uint32(2) {
			state := fmt.Sprintf("state of %d in segment %d", call, n)
			j.Append(1, call, []byte(state))
			if n == 1 {
				want = append(want, fmt.Sprintf("1/%d %s", call, state))
			}
		}
		j.Begun()
		for i := range 4 {
			text := fmt.Sprintf("packet %d of segment %d%s", i, n, strings.Repeat(".", 5*i))
			j.Append(2, uint32(i%2), []byte(text))
			want = append(want, fmt.Sprintf("2/%d %s", i%2, text))
		}
		j.Commit()
	}
	if err := j.Close(); !errors.Is(err, errDiskAway) {
		t.Fatalf("the first segments could be dropped: %v", err)
	}
	must(t, s.Close())
	return want
}

func segmentPath(dir string, n int) string {
	return filepath.Join(dir, "journal", segmentName(uint64(n)))
}

// change rewrites a segment.
func change(t *testing.T, dir string, n int, with func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(segmentPath(dir, n))
	must(t, err)
	must(t, os.WriteFile(segmentPath(dir, n), with(data), 0o600))
}

// recordWith is where the record lies that has text in it, from its head on.
func recordWith(data []byte, text string) int {
	return bytes.Index(data, []byte(text)) - recordHeadSize
}

// Each row does one damage to three segments, and names all that is lost.
func TestJournalDamage(t *testing.T) {
	zero := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[from:to]); return b }
	}
	flip := func(text string, at int) func([]byte) []byte {
		return func(b []byte) []byte { b[recordWith(b, text)+at] ^= 4; return b }
	}
	for _, c := range []struct {
		name  string
		do    func(t *testing.T, dir string)
		lost  []string // no record with one of these in it is read
		more  []string // these are, beside all others
		told  []string // of damage, in order
		aside []string
	}{
		{name: "none", do: func(*testing.T, string) {}},
		{
			name: "torn end of the last",
			do:   func(t *testing.T, dir string) { change(t, dir, 3, func(b []byte) []byte { return b[:len(b)-20] }) },
			lost: []string{"packet 3 of segment 3"}, told: []string{"tail 00000003.journal"},
		},
		{
			name: "zeroed end of the last",
			do: func(t *testing.T, dir string) {
				change(t, dir, 3, func(b []byte) []byte { clear(b[len(b)-100:]); return append(b, make([]byte, 9000)...) })
			},
			lost: []string{"packet 2 of segment 3", "packet 3 of segment 3"}, told: []string{"tail 00000003.journal"},
		},
		{
			name: "torn end of a middle one",
			do:   func(t *testing.T, dir string) { change(t, dir, 2, func(b []byte) []byte { return b[:len(b)-20] }) },
			lost: []string{"packet 3 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "magic of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 0)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "kind of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 3)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "call of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 4)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "length of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 8)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "huge length of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 11)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "payload of a record", do: func(t *testing.T, dir string) { change(t, dir, 2, flip("packet 1", 20)) },
			lost: []string{"packet 1 of segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "two records apart",
			do: func(t *testing.T, dir string) {
				change(t, dir, 1, flip("packet 0", 20))
				change(t, dir, 1, flip("packet 2", 20))
			},
			lost: []string{"packet 0 of segment 1", "packet 2 of segment 1"},
			told: []string{"damage 00000001.journal", "damage 00000001.journal"}, aside: []string{"00000001.journal.damaged"},
		},
		{
			name: "first state of the first", do: func(t *testing.T, dir string) { change(t, dir, 1, flip("state of 0", 20)) },
			lost: []string{"state of 0"}, told: []string{"damage 00000001.journal"}, aside: []string{"00000001.journal.damaged"},
		},
		{
			name: "all states of the first",
			do: func(t *testing.T, dir string) {
				change(t, dir, 1, func(b []byte) []byte { clear(b[segmentHeadSize:recordWith(b, "packet 0")]); return b })
			},
			lost: []string{"state of"}, told: []string{"damage 00000001.journal"}, aside: []string{"00000001.journal.damaged"},
		},
		{
			name: "head of the first", do: func(t *testing.T, dir string) { change(t, dir, 1, zero(0, segmentHeadSize)) },
			told: []string{"damage 00000001.journal"}, aside: []string{"00000001.journal.damaged"},
		},
		{
			name: "a bit of the salt", do: func(t *testing.T, dir string) { change(t, dir, 2, func(b []byte) []byte { b[24] ^= 1; return b }) },
			told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "both heads of a middle one",
			do: func(t *testing.T, dir string) {
				change(t, dir, 2, func(b []byte) []byte {
					clear(b[:segmentHeadSize])
					clear(b[bytes.Index(b, []byte(segmentMagic)):][:segmentHeadSize])
					return b
				})
			},
			lost: []string{"segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "all of the first", do: func(t *testing.T, dir string) { change(t, dir, 1, func(b []byte) []byte { clear(b); return b }) },
			lost: []string{"segment 1"}, more: []string{"1/0 state of 0 in segment 2", "1/1 state of 1 in segment 2"},
			told: []string{"damage 00000001.journal"}, aside: []string{"00000001.journal.damaged"},
		},
		{
			name: "a middle one is missing", do: func(t *testing.T, dir string) { must(t, os.Remove(segmentPath(dir, 2))) },
			lost: []string{"segment 2"}, told: []string{"damage 00000003.journal"},
		},
		{
			name: "a middle one is empty", do: func(t *testing.T, dir string) { change(t, dir, 2, func([]byte) []byte { return nil }) },
			lost: []string{"segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "the last is empty", do: func(t *testing.T, dir string) { change(t, dir, 3, func([]byte) []byte { return nil }) },
			lost: []string{"segment 3"}, told: []string{"tail 00000003.journal"},
		},
		{
			name: "the last breaks off in its head", do: func(t *testing.T, dir string) { change(t, dir, 3, func(b []byte) []byte { return b[:30] }) },
			lost: []string{"segment 3"}, told: []string{"tail 00000003.journal"},
		},
		{
			name: "another in its place",
			do: func(t *testing.T, dir string) {
				other, err := os.ReadFile(segmentPath(dir, 1))
				must(t, err)
				change(t, dir, 2, func([]byte) []byte { return other })
			},
			lost: []string{"segment 2"}, told: []string{"damage 00000002.journal"}, aside: []string{"00000002.journal.damaged"},
		},
		{
			name: "the end of another behind the last", // a block used again
			do: func(t *testing.T, dir string) {
				other, err := os.ReadFile(segmentPath(dir, 1))
				must(t, err)
				change(t, dir, 3, func(b []byte) []byte { return append(b, other[recordWith(other, "packet 2"):]...) })
			},
			told: []string{"tail 00000003.journal"},
		},
		{
			name: "a folder in the place of one",
			do: func(t *testing.T, dir string) {
				must(t, os.Remove(segmentPath(dir, 2)))
				must(t, os.Mkdir(segmentPath(dir, 2), 0o700))
			},
			lost: []string{"segment 2"}, told: []string{"damage 00000003.journal"},
		},
		{
			name: "files of strangers",
			do: func(t *testing.T, dir string) {
				for _, name := range []string{"readme.txt", "1.journal", "00000001.journal~", "x.journal", "00000000002.journal"} {
					must(t, os.WriteFile(filepath.Join(dir, "journal", name), []byte("hello"), 0o600))
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			want := longJournal(t, dir)
			c.do(t, dir)
			s := openStore(t, dir, Options{})
			j := openJournal(t, s, JournalOptions{})
			var got, told []string
			for _, line := range journalTold(t, j) {
				if strings.HasPrefix(line, "tail ") || strings.HasPrefix(line, "damage ") {
					told = append(told, line)
				} else {
					got = append(got, line)
				}
			}
			want = append(slices.DeleteFunc(want, func(line string) bool {
				return slices.ContainsFunc(c.lost, func(lost string) bool { return strings.Contains(line, lost) })
			}), c.more...)
			slices.Sort(want)
			ordered := slices.Clone(got)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("records:\n%s", diff)
			}
			if !slices.IsSortedFunc(ordered, bySegment) {
				t.Errorf("out of order: %q", ordered)
			}
			if diff := cmp.Diff(c.told, told); diff != "" {
				t.Errorf("damage:\n%s", diff)
			}
			must(t, j.SetAside())
			must(t, j.SetAside()) // after a crash before the segments went
			aside := slices.DeleteFunc(segmentsIn(t, dir), func(name string) bool { return !strings.HasSuffix(name, ".damaged") })
			if !slices.Equal(aside, c.aside) {
				t.Errorf("set aside: %v, want %v", aside, c.aside)
			}
		})
	}
}

// bySegment orders lines by the last digit in them that names a segment.
func bySegment(a, b string) int {
	number := func(line string) byte {
		_, after, _ := strings.Cut(line, "segment ")
		return after[0]
	}
	return int(number(a)) - int(number(b))
}

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
