package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
)

func be64(b [offsetBytes]byte) uint64 { return binary.BigEndian.Uint64(b[:]) }

// headScanner reads the heads file from its beginning.
type headScanner struct {
	r   io.Reader
	buf []byte
	at  int64 // of buf in the file
	err error
}

// next is the next head; io.EOF after the last whole one. Text that is no head
// is answered with ErrHead once, and passed over.
func (s *headScanner) next() (Head, error) {
	for len(s.buf) < 3*MaxHead && s.err == nil {
		s.buf = append(s.buf, make([]byte, 16*MaxHead)...)
		var n int
		n, s.err = io.ReadFull(s.r, s.buf[len(s.buf)-16*MaxHead:])
		s.buf = s.buf[:len(s.buf)-16*MaxHead+n]
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) && !errors.Is(s.err, io.ErrUnexpectedEOF) {
		return Head{}, s.err
	}
	text, rest := nextHead(s.buf)
	if text == nil && len(s.buf) < 3*MaxHead {
		return Head{}, io.EOF
	}
	head, err := ParseHead(text)
	if err != nil {
		skip := startOfHead(s.buf)
		s.buf, s.at = s.buf[skip:], s.at+int64(skip)
		return Head{}, err
	}
	s.at += int64(len(s.buf) - len(rest))
	s.buf = rest
	return head, nil
}

// nextHead reads on to the next head that is one.
func (v *verification) nextHead() {
	for {
		at := v.heads.at
		head, err := v.heads.next()
		if errors.Is(err, io.EOF) {
			v.head = nil
			return
		}
		if err != nil {
			v.report.find(FoundHeadMalformed, -1, "at byte %d of the heads file: %v", at, err)
			if v.heads.err != nil && len(v.heads.buf) == 0 {
				v.head = nil
				return
			}
			continue
		}
		v.report.Heads++
		if v.head != nil && head.Size < v.head.Size {
			v.report.find(FoundHeadOrder, head.Size, "the head of size %d signed at %s follows one of size %d", head.Size, head.At, v.head.Size)
		}
		v.report.Head = head
		v.head = &head
		if head.Size >= v.tree.size {
			return
		}
	}
}

// checkHeads checks all heads of the tree's present size.
func (v *verification) checkHeads() error {
	for v.head != nil && v.head.Size <= v.tree.size {
		if v.head.Size == v.tree.size {
			v.signature(*v.head)
			if err := v.root(*v.head); err != nil {
				return err
			}
		}
		v.nextHead()
	}
	return nil
}

func (v *verification) signature(h Head) {
	key, ok := v.keys.at(h.Size)
	if !ok {
		v.report.find(FoundHeadSignature, h.Size, "no key of the ledger is older than the head signed at %s", h.At)
		return
	}
	if h.Name != key.Name {
		v.report.find(FoundHeadSignature, h.Size, "the head signed at %s is of %s, not of %s", h.At, h.Name, key.Name)
	} else if err := h.signedBy(key.Public); err != nil {
		v.report.find(FoundHeadSignature, h.Size, "the head signed at %s is not signed by %s", h.At, key.Fingerprint)
	}
}

// root judges by a head what differed since the last that fitted.
func (v *verification) root(h Head) error {
	root, err := v.tree.root()
	if err != nil {
		return err
	}
	if root == h.Root {
		if v.ended {
			v.moved.settle()
		} else {
			v.moved.blameHashes(&v.report)
		}
		v.kept, v.off = nil, false
		return nil
	}
	if v.kept != nil {
		if root, err = v.kept.root(); err != nil {
			return err
		}
		if root == h.Root {
			v.moved.settle()
			v.tree, v.kept, v.off = *v.kept, nil, false
			return nil
		}
	}
	if !v.off {
		v.report.find(FoundHeadRoot, h.Size, "the head signed at %s is of other %d entries than these", h.At, h.Size)
	}
	v.off = true
	return nil
}

// finish looks at what hashes and heads say is behind the last entry.
func (v *verification) finish() error {
	last := v.tree.size
	v.ended = true
	kept := v.kept
	if kept == nil {
		same := v.tree
		kept = &same
	}
	for i := last; ; i++ {
		hashes := v.readKept(i)
		if len(hashes) == 0 {
			break
		}
		v.moved.removed(i, hashes[0])
		if _, err := kept.add(hashes[0]); err != nil {
			return err
		}
		v.tree, v.kept = *kept, nil
		if err := v.checkHeads(); err != nil {
			return err
		}
	}
	v.moved.tell(&v.report)
	if v.report.Head.Size > last {
		v.report.find(FoundCut, last, "the ledger ends after %d entries; the head signed at %s covers %d", last, v.report.Head.At, v.report.Head.Size)
	}
	for v.head != nil { // those of a size that no hash reaches
		v.nextHead()
	}
	if v.report.Heads == 0 && last > 1 {
		v.report.find(FoundNoHead, -1, "no head was signed over %d entries", last)
	}
	v.report.Keys = v.keys
	if len(v.keys) == 0 || v.keys[0].Entry != 0 {
		v.report.find(FoundKeyMalformed, 0, "the ledger does not begin with a key")
	}
	return nil
}

// keyFiles compares the files beside the ledger that people take keys from. A
// file that is missing is none's harm here: a copy of the ledger has no private
// key, and a start without it is refused.
func (v *verification) keyFiles(dir string) {
	for i, k := range v.keys {
		name := keyFile(k.Public)
		text, err := os.ReadFile(filepath.Join(dir, name+".pem"))
		if err == nil && !bytes.Equal(text, k.PEM()) {
			v.report.find(FoundKeyFile, k.Entry, "keys/%s.pem is not the key of entry %d", name, k.Entry)
		}
		if i < len(v.keys)-1 {
			continue
		}
		_, err = readKey(dir, k.Public)
		if err != nil && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) {
			v.report.find(FoundKeyFile, k.Entry, "keys/%s.key is not the private key of entry %d", name, k.Entry)
		}
	}
}
