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
