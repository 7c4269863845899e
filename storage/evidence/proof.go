package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errProof means that a proof is not written as we write it.
var errProof = errors.New("not a proof")

// proof is a ledger's record and the way from its hash to the root of the head.
type proof struct {
	Entry  []byte
	Index  int64
	Size   int64 // of the tree that it leads to
	Hashes [][32]byte
	File   string // which of the package's files it is about; empty: none
}

func proofName(call string, part int) string { return fmt.Sprintf("proofs/%s-%d.proof", call, part) }

// proofText is the proof in lines: entry, index, size, file, then the siblings
// on the way up, each with the side it stands on.
func proofText(p proof) string {
	var text strings.Builder
	fmt.Fprintf(&text, "entry %s\nindex %d\nsize %d\nfile %s\n", p.Entry, p.Index, p.Size, p.File)
	for i, left := range sides(p.Index, p.Size, len(p.Hashes)) {
		side := "right"
		if left {
			side = "left"
		}
		fmt.Fprintf(&text, "%s %s\n", side, hex.EncodeToString(p.Hashes[i][:]))
	}
	return text.String()
}

// sides says of each hash on the way from leaf index to the root of a tree of
// size leaves whether it stands to the left (RFC 9162, section 2.1.3.2).
func sides(index, size int64, n int) []bool {
	lefts := make([]bool, 0, n)
	at, last := index, size-1
	for range n {
		if at&1 == 1 || at == last {
			lefts = append(lefts, true)
			for at&1 == 0 && at != 0 {
				at, last = at>>1, last>>1
			}
		} else {
			lefts = append(lefts, false)
		}
		at, last = at>>1, last>>1
	}
	return lefts
}

// parseProof reads what proofText writes; the sides it has are not believed.
func parseProof(text []byte) (proof, error) {
	var p proof
	seen := map[string]bool{}
	for _, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		word, rest, found := bytes.Cut(line, []byte(" "))
		if !found {
			return p, fmt.Errorf("%w: a line without a word", errProof)
		}
		name, err := string(word), error(nil)
		switch name {
		case "entry":
			p.Entry = bytes.Clone(rest)
		case "index":
			p.Index, err = strconv.ParseInt(string(rest), 10, 64)
		case "size":
			p.Size, err = strconv.ParseInt(string(rest), 10, 64)
		case "file":
			p.File = string(rest)
		case "left", "right":
			var h []byte
			if h, err = hex.DecodeString(string(rest)); err == nil && len(h) == sha256.Size {
				p.Hashes = append(p.Hashes, [32]byte(h))
				continue
			}
			return p, fmt.Errorf("%w: a hash that is none", errProof)
		default:
			return p, fmt.Errorf("%w: a line %q", errProof, name)
		}
		if err != nil || seen[name] {
			return p, fmt.Errorf("%w: its line %q", errProof, name)
		}
		seen[name] = true
	}
	if !seen["entry"] || !seen["index"] || !seen["size"] || p.Index < 0 || p.Index >= p.Size || len(p.Hashes) > 64 {
		return p, fmt.Errorf("%w: it lacks something", errProof)
	}
	return p, nil
}

// leafLine is one page of the original: where it lies in the package's file, and
// its hash. Offset −1: it is not there, or filler is in its place.
type leafLine struct {
	Offset, Length int64
	Hash           [32]byte
}

// leavesText has a line for each page of the original: number, offset, length,
// hash; a dash for the offset of one that is not there as it was.
func leavesText(lines []leafLine) string {
	var text strings.Builder
	for i, l := range lines {
		if l.Offset < 0 {
			fmt.Fprintf(&text, "%d - %d %x\n", i, l.Length, l.Hash)
		} else {
			fmt.Fprintf(&text, "%d %d %d %x\n", i, l.Offset, l.Length, l.Hash)
		}
	}
	return text.String()
}

// parseLeaves reads what leavesText writes.
func parseLeaves(text []byte) ([]leafLine, error) {
	var lines []leafLine
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[0] != strconv.Itoa(i) {
			return nil, fmt.Errorf("%w: line %d of the leaves", errProof, i+1)
		}
		l := leafLine{Offset: -1}
		h, err := hex.DecodeString(fields[3])
		if err != nil || len(h) != sha256.Size {
			return nil, fmt.Errorf("%w: line %d of the leaves has no hash", errProof, i+1)
		}
		l.Hash = [32]byte(h)
		l.Length, err = strconv.ParseInt(fields[2], 10, 64)
		if err == nil && fields[1] != "-" {
			l.Offset, err = strconv.ParseInt(fields[1], 10, 64)
		}
		if err != nil || l.Length <= 0 || l.Length > mostPage || fields[1] != "-" && l.Offset < 0 {
			return nil, fmt.Errorf("%w: line %d of the leaves has no place", errProof, i+1)
		}
		lines = append(lines, l)
	}
	return lines, nil
}
