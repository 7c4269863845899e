package files

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// field is a row of a table in the documentation.
type field struct{ offset, bytes int }

// fieldsOf reads the table of docs/recording-format.md whose first column is
// called so, by the first words of its fields.
func fieldsOf(t *testing.T, table string) map[string]field {
	t.Helper()
	page, err := os.ReadFile("../../docs/recording-format.md")
	must(t, err)
	_, rest, ok := strings.Cut(string(page), "| "+table+" offset |")
	if !ok {
		t.Fatalf("the page has no table of the %s", table)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	fields := map[string]field{}
	for _, row := range regexp.MustCompile(`\| (\d+) \| *(\d*) *\| (.+) \|`).FindAllStringSubmatch(rest, -1) {
		offset, err := strconv.Atoi(row[1])
		must(t, err)
		bytes, _ := strconv.Atoi(row[2]) // the payload has no size of its own
		name := regexp.MustCompile(`^[^:, ]+`).FindString(row[3])
		fields[name] = field{offset, bytes}
	}
	return fields
}

func (f field) of(data []byte) uint64 {
	var b [8]byte
	copy(b[:], data[f.offset:][:f.bytes])
	return binary.LittleEndian.Uint64(b[:])
}

// The page describes what the code writes: a segment is read here by the page's
// tables alone.
func TestJournalIsAsDocumented(t *testing.T) {
	dir := t.TempDir()
	longJournal(t, dir)
	data, err := os.ReadFile(segmentPath(dir, 2))
	must(t, err)
	head, record := fieldsOf(t, "segment"), fieldsOf(t, "record")
	table := crc32.MakeTable(crc32.Castagnoli)

	if got := string(data[head["`ESJRNL1`"].offset:][:head["`ESJRNL1`"].bytes]); got != "ESJRNL1\n" {
		t.Errorf("the head begins with %q", got)
	}
	sum := head["CRC-32C"]
	for name, want := range map[string]uint64{
		"version": 1, "number": 2, "skipped": 0, "lost": 0,
		"CRC-32C": uint64(crc32.Checksum(data[:sum.offset], table)),
	} {
		if got := head[name].of(data); head[name].bytes == 0 || got != want {
			t.Errorf("%s of the head is %d, want %d", name, got, want)
		}
	}
	salted := append(data[head["number"].offset:][:8:8], data[head["salt"].offset:][:8]...)

	var kinds []string
	for off := sum.offset + sum.bytes; off < len(data); {
		r := data[off:]
		length := int(record["length"].of(r))
		payload := r[record["payload"].offset:][:length]
		check := append(append(salted[:16:16], r[:record["CRC-32C"].offset]...), payload...)
		if got, want := record["CRC-32C"].of(r), uint64(crc32.Checksum(check, table)); got != want {
			t.Fatalf("the record at %d has the checksum %x, want %x", off, got, want)
		}
		if got := record["magic"].of(r); got != 0x4AE5 {
			t.Errorf("the record at %d begins with %x", off, got)
		}
		kinds = append(kinds, fmt.Sprintf("%d/%d/%d", record["flags"].of(r), record["kind"].of(r), record["call"].of(r)))
		off += (record["payload"].offset + length + 7) / 8 * 8
	}
	if got, want := strings.Join(kinds, " "), "1/1/0 1/1/1 2/0/0 0/2/0 0/2/1 0/2/0 0/2/1"; got != want {
		t.Errorf("flags, kinds and calls are %s, want %s", got, want)
	}
}
