package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"earshot"
)

// namePrefix begins every ledger's name.
const namePrefix = "earshot/"

// Head is a signed statement: at this instant the ledger had so many entries,
// and the tree over them this root. Its text is that of a transparency log's
// checkpoint: name, size and root in base64, and after them two lines of our
// own, "time" and "algorithm".
type Head struct {
	Name      string // earshot/<site>
	Size      int64
	Root      [32]byte
	At        earshot.Time
	Algorithm Algorithm
	Note      []byte // the text, an empty line, and the signatures
}

func (h Head) text() string {
	return fmt.Sprintf("%s\n%d\n%s\ntime %s\nalgorithm %s\n", h.Name, h.Size,
		base64.StdEncoding.EncodeToString(h.Root[:]), h.At, h.Algorithm)
}

// sign fills Note.
func (h *Head) sign(private ed25519.PrivateKey) error {
	signer, err := signerOf(h.Name, private)
	if err != nil {
		return err
	}
	h.Note, err = note.Sign(&note.Note{Text: h.text()}, signer)
	return err
}

// ParseHead reads a head without looking at its signatures: see CheckHead. It
// fails with ErrHead.
func ParseHead(text []byte) (Head, error) {
	body, rest, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(body), "\n")
	if !found || len(rest) == 0 || len(text) > MaxHead || len(lines) != 5 {
		return Head{}, badHead("not a signed head")
	}
	h := Head{Name: lines[0], Note: bytes.Clone(text)}
	if !strings.HasPrefix(h.Name, namePrefix) || !ValidName(h.Name[len(namePrefix):]) {
		return Head{}, badHead("its first line is not the name of a ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Head{}, badHead("its second line is not a size")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Head{}, badHead("its third line is not a hash")
	}
	h.Size, h.Root = size, [32]byte(root)
	at, ok1 := strings.CutPrefix(lines[3], "time ")
	algorithm, ok2 := strings.CutPrefix(lines[4], "algorithm ")
	if !ok1 || !ok2 || h.At.UnmarshalText([]byte(at)) != nil {
		return Head{}, badHead("it lacks its time or its algorithm")
	}
	h.Algorithm = Algorithm(algorithm)
	if err := h.Algorithm.Check(); err != nil {
		return Head{}, err
	}
	if h.text() != string(body)+"\n" {
		return Head{}, badHead("it is not written as we write it")
	}
	return h, nil
}

func badHead(why string) error { return ErrHead.Because(errors.New(why)) }

// MaxHead is the longest a head's note may be, in bytes.
const MaxHead = 4 << 10

// CheckHead reads a head and verifies that one of keys has signed it. It fails
// with ErrHead or ErrSignature.
func CheckHead(text []byte, keys ...ed25519.PublicKey) (Head, error) {
	h, err := ParseHead(text)
	if err != nil {
		return Head{}, err
	}
	if err := h.signedBy(keys...); err != nil {
		return Head{}, err
	}
	return h, nil
}

// signedBy fails with ErrSignature where no key of keys has signed the head.
func (h Head) signedBy(keys ...ed25519.PublicKey) error {
	why := errors.New("no key was given")
	for _, key := range keys {
		if why = openNote(string(h.Note), h.Name, key); why == nil {
			return nil
		}
	}
	return ErrSignature.Because(why)
}

// nextHead cuts the first whole head off the text of the heads file: a note and
// an empty line. Where there is none it answers nil and all of text.
func nextHead(text []byte) (head, rest []byte) {
	body := bytes.Index(text, []byte("\n\n"))
	if body < 0 {
		return nil, text
	}
	end := bytes.Index(text[body+2:], []byte("\n\n"))
	if end < 0 {
		return nil, text
	}
	end += body + 3
	return text[:end], text[end+1:]
}

// startOfHead is where the first head begins that is whole in a piece of the
// heads file which may begin in the middle of one.
func startOfHead(text []byte) int {
	const mark = "\n\n" + namePrefix
	if at := bytes.Index(text, []byte(mark)); at >= 0 {
		return at + 2
	}
	return len(text)
}
