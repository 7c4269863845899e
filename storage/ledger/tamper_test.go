package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scene is a ledger of 21 entries under three heads (of 1, 11 and 21), with what
// a witness kept of the last.
type scene struct {
	t       *testing.T
	dir     string // of the data
	witness []byte // the newest head, kept elsewhere
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, dir: t.TempDir()}
	l := open(t, s.dir)
	_, err := l.Sign(t.Context())
	must(t, err)
	fill(t, l, 10)
	s.witness = fill(t, l, 10).Note
	must(t, l.Close())
	return s
}

func (s *scene) name(file string) string { return filepath.Join(s.dir, "ledger", file) }

func (s *scene) read(file string) []byte {
	text, err := os.ReadFile(s.name(file))
	must(s.t, err)
	return text
}

func (s *scene) write(file string, text []byte) { must(s.t, os.WriteFile(s.name(file), text, 0o600)) }

func (s *scene) flip(file string, at int) {
	text := s.read(file)
	if at < 0 {
		at += len(text)
	}
	text[at] ^= 1
	s.write(file, text)
}

// lines are the entries, changed by fn.
func (s *scene) lines(fn func([][]byte) [][]byte) {
	lines := bytes.SplitAfter(s.read("entries"), []byte("\n"))
	s.write("entries", bytes.Join(fn(lines[:len(lines)-1]), nil))
}

// endOf is where the first n entries end.
func (s *scene) endOf(n int) (end int) {
	text := s.read("entries")
	for range n {
		end += bytes.IndexByte(text[end:], '\n') + 1
	}
	return end
}

// heads keeps the oldest heads.
func (s *scene) heads(keep int) {
	text, kept := s.read("heads"), []byte(nil)
	for range keep {
		head, rest := nextHead(text)
		kept = append(kept, text[:len(text)-len(rest)]...)
		if head == nil {
			s.t.Fatal("not so many heads")
		}
		text = rest
	}
	s.write("heads", kept)
}

// private is the file of the key in use.
func (s *scene) private() string {
	names, err := filepath.Glob(s.name("keys/*.key"))
	must(s.t, err)
	if len(names) != 1 {
		s.t.Fatal(names)
	}
	return names[0]
}

// rewrite makes the whole ledger anew with the stolen key, one part's hash
// changed: everything in it fits.
func (s *scene) rewrite() {
	r := open(s.t, s.dir, readOnly)
	private, err := readKey(s.name("keys"), r.Keys()[0].Public)
	must(s.t, err)
	var tree frontier
	var entries, hashes, offsets []byte
	for n, err := range r.Entries(s.t.Context(), 0) {
		must(s.t, err)
		if n.Index == 5 {
			n.Entry.SHA256 = strings.Repeat("0", 64)
		}
		line, err := n.Entry.line()
		must(s.t, err)
		entries = append(append(entries, line...), '\n')
		offsets = fmt.Appendf(offsets, "%s", bigEndian(len(entries)))
		grown, err := tree.add(LeafHash(line))
		must(s.t, err)
		for _, h := range grown {
			hashes = append(hashes, h[:]...)
		}
	}
	head, err := r.makeHead(&tree)
	must(s.t, err)
	must(s.t, head.sign(private))
	s.write("entries", entries)
	s.write("hashes", hashes)
	s.write("offsets", offsets)
	s.write("heads", append(head.Note, '\n'))
}

func bigEndian(n int) []byte {
	b := make([]byte, 8)
	for i := range 8 {
		b[7-i] = byte(n >> (8 * i))
	}
	return b
}

func TestTampering(t *testing.T) {
	for _, row := range []struct {
		damage     string
		do         func(s *scene)
		open       error         // what opening it to write fails with
		found      []FindingCode // what VerifyAll finds, each once or more
		checkpoint error         // what comparing with the witness's head fails with
	}{
		{damage: "none", do: func(*scene) {}},
		{damage: "a byte of an entry flipped",
			do:    func(s *scene) { s.flip("entries", 3000) },
			found: []FindingCode{FoundEntryChanged}, checkpoint: ErrCheckpointRewritten},
		{damage: "a newline of an entry flipped",
			do:    func(s *scene) { s.flip("entries", s.endOf(3)-1) },
			found: []FindingCode{FoundEntryChanged, FoundEntryMissing, FoundCut, FoundOffsetChanged}, checkpoint: ErrCheckpointCut},
		{damage: "the last entry's last byte flipped",
			do:    func(s *scene) { s.flip("entries", -2) },
			found: []FindingCode{FoundEntryChanged}, checkpoint: ErrCheckpointRewritten},
		{damage: "a leaf's hash flipped", // a proof made with it fails where it is checked
			do:    func(s *scene) { s.flip("hashes", 40) },
			found: []FindingCode{FoundHashChanged}},
		{damage: "the hash that the root hangs on flipped",
			do:    func(s *scene) { s.flip("hashes", 30*hashBytes) }, // made again
			found: []FindingCode{FoundHashChanged}},
		{damage: "an inner hash flipped",
			do:    func(s *scene) { s.flip("hashes", 2*hashBytes) },
			found: []FindingCode{FoundHashChanged}},
		{damage: "an offset flipped", // made again
			do:    func(s *scene) { s.flip("offsets", 7) },
			found: []FindingCode{FoundOffsetChanged}},
		{damage: "hashes and offsets removed", // made again from the entries
			do: func(s *scene) {
				must(s.t, os.Remove(s.name("hashes")))
				must(s.t, os.Remove(s.name("offsets")))
			}},
		{damage: "a byte of a head's root flipped",
			do: func(s *scene) {
				text := s.read("heads")
				at := bytes.LastIndex(text, []byte("\n21\n")) + 8
				text[at] = "BA"[bytes.IndexByte([]byte("AB"), text[at])&1] // another letter of base64
				s.write("heads", text)
			},
			open:  ErrHead,
			found: []FindingCode{FoundHeadRoot, FoundHeadSignature}},
		{damage: "a byte of a head's signature flipped",
			do:    func(s *scene) { s.flip("heads", -10) },
			open:  ErrHead,
			found: []FindingCode{FoundHeadSignature}},
		{damage: "a byte of an older head flipped",
			do:    func(s *scene) { s.flip("heads", bytes.Index(s.read("heads"), []byte("time"))+7) },
			found: []FindingCode{FoundHeadSignature}},
		{damage: "a word of an older head changed",
			do:    func(s *scene) { s.flip("heads", bytes.Index(s.read("heads"), []byte("algorithm"))) },
			open:  ErrHead,
			found: []FindingCode{FoundHeadMalformed}},
		{damage: "the heads removed",
			do:    func(s *scene) { must(s.t, os.Remove(s.name("heads"))) },
			found: []FindingCode{FoundNoHead}},
		{damage: "the newest head removed", // nothing says that it was there, but who saw it
			do: func(s *scene) { s.heads(2) }},
		{damage: "the newest head removed and an entry behind the others changed",
			do:    func(s *scene) { s.heads(2); s.flip("entries", -20) },
			open:  ErrDamaged,
			found: []FindingCode{FoundEntryChanged}, checkpoint: ErrCheckpointRewritten},
		{damage: "the newest head removed and the last entry made no entry",
			do:    func(s *scene) { s.heads(2); s.flip("entries", s.endOf(20)) },
			open:  ErrDamaged,
			found: []FindingCode{FoundEntryChanged}, checkpoint: ErrCheckpointRewritten},
		{damage: "the list of the keys' entries changed", // made again
			do: func(s *scene) { s.write("keys/entries", []byte("0\n4\n")) }},
		{damage: "the last three entries cut",
			do:    func(s *scene) { s.lines(func(l [][]byte) [][]byte { return l[:18] }) },
			open:  ErrCut,
			found: []FindingCode{FoundEntryMissing, FoundCut}, checkpoint: ErrCheckpointCut},
		{damage: "the last three entries cut, with their hashes and offsets",
			do: func(s *scene) {
				s.lines(func(l [][]byte) [][]byte { return l[:18] })
				s.write("hashes", s.read("hashes")[:34*hashBytes])
				s.write("offsets", s.read("offsets")[:18*8])
			},
			open:  ErrCut,
			found: []FindingCode{FoundCut}, checkpoint: ErrCheckpointCut},
		{damage: "entries, hashes, offsets and heads cut alike", // found only by who saw more
			do: func(s *scene) {
				s.lines(func(l [][]byte) [][]byte { return l[:11] })
				s.write("hashes", s.read("hashes")[:19*hashBytes])
				s.write("offsets", s.read("offsets")[:11*8])
				s.heads(2)
			},
			checkpoint: ErrCheckpointCut},
		{damage: "an entry in the middle removed",
			do:    func(s *scene) { s.lines(func(l [][]byte) [][]byte { return slices.Delete(l, 7, 8) }) },
			open:  ErrDamaged,
			found: []FindingCode{FoundEntryMissing, FoundCut, FoundOffsetChanged}, checkpoint: ErrCheckpointCut},
		{damage: "an entry put between others",
			do: func(s *scene) {
				line, err := part(99).line()
				must(s.t, err)
				s.lines(func(l [][]byte) [][]byte { return slices.Insert(l, 7, append(line, '\n')) })
			},
			open:  ErrDamaged,
			found: []FindingCode{FoundEntryAdded, FoundOffsetChanged}, checkpoint: ErrCheckpointRewritten},
		{damage: "two entries swapped",
			do: func(s *scene) {
				s.lines(func(l [][]byte) [][]byte { l[4], l[9] = l[9], l[4]; return l })
			},
			found: []FindingCode{FoundEntryMoved}, checkpoint: ErrCheckpointRewritten},
		{damage: "the whole ledger rewritten with the stolen key", // found only by who saw the old
			do:         func(s *scene) { s.rewrite() },
			checkpoint: ErrCheckpointRewritten},
		{damage: "entries, hashes and offsets rewritten without the key",
			do: func(s *scene) {
				heads := s.read("heads")
				s.rewrite()
				s.write("heads", heads)
			},
			open:  ErrHead,
			found: []FindingCode{FoundHeadRoot}, checkpoint: ErrCheckpointRewritten},
		{damage: "the ledger made anew",
			do: func(s *scene) {
				must(s.t, os.RemoveAll(filepath.Join(s.dir, "ledger")))
				l := open(s.t, s.dir)
				fill(s.t, l, 20)
				must(s.t, l.Close())
			},
			checkpoint: ErrCheckpointKey},
		{damage: "the private key removed", // copies have none: the start finds it
			do:   func(s *scene) { must(s.t, os.Remove(s.private())) },
			open: ErrNoKey},
		{damage: "the private key another's",
			do: func(s *scene) {
				other := s.private()
				_, private, err := ed25519.GenerateKey(rand.Reader)
				must(s.t, err)
				must(s.t, writeKey(s.name("keys"), private))
				must(s.t, os.Rename(s.name("keys/"+keyFile(private.Public().(ed25519.PublicKey))+".key"), other))
			},
			open:  ErrNoKey,
			found: []FindingCode{FoundKeyFile}},
		{damage: "the public key's file another's",
			do:    func(s *scene) { s.flip("keys/"+strings.TrimSuffix(filepath.Base(s.private()), ".key")+".pem", 60) },
			found: []FindingCode{FoundKeyFile}},
	} {
		t.Run(row.damage, func(t *testing.T) {
			s := newScene(t)
			row.do(s)
			s.verified(row.found)
			reader := open(t, s.dir, readOnly)
			if err := reader.CompareCheckpoint(s.witness); !errors.Is(err, row.checkpoint) || (err == nil) != (row.checkpoint == nil) {
				t.Errorf("against the witness's head: %v, want %v", err, row.checkpoint)
			}
			l, err := Open(s.dir, Options{Name: "hall-1", HeadEvery: time.Hour})
			if err == nil {
				must(t, l.Close())
			}
			if !errors.Is(err, row.open) || (err == nil) != (row.open == nil) {
				t.Errorf("opened to write: %v, want %v", err, row.open)
			}
		})
	}
}

func (s *scene) verified(want []FindingCode) {
	s.t.Helper()
	report, err := open(s.t, s.dir, readOnly).VerifyAll(s.t.Context(), nil)
	must(s.t, err)
	var found []FindingCode
	for _, f := range report.Findings {
		if f.Text == "" {
			s.t.Errorf("%s without words", f.Code)
		}
		if !slices.Contains(found, f.Code) {
			found = append(found, f.Code)
		}
	}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		s.t.Errorf("found %v, want %v: %+v", found, want, report.Findings)
	}
}
