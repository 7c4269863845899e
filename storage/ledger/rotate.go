package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"earshot"
)

// Keys are the ledger's public keys, the one in use last.
func (l *Ledger) Keys() []Key {
	l.keysMu.RLock()
	defer l.keysMu.RUnlock()
	return slices.Clone(l.keys)
}

// Fingerprint is that of the key in use; empty where there is none.
func (l *Ledger) Fingerprint() string {
	keys := l.Keys()
	if len(keys) == 0 {
		return ""
	}
	return keys[len(keys)-1].Fingerprint
}

// Rotate begins to sign with a new key. The change is an entry that both keys
// sign; then the old private key is removed.
func (l *Ledger) Rotate(ctx context.Context) (Key, error) {
	if l.opts.ReadOnly {
		return Key{}, ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return Key{}, err
	}
	l.commit.Lock()
	err := l.newKey(l.key)
	l.commit.Unlock()
	if err != nil {
		return Key{}, err
	}
	if _, err := l.sign(true); err != nil {
		return Key{}, err
	}
	keys := l.Keys()
	return keys[len(keys)-1], l.dropOldKeys()
}

// newKey makes a key and brings it in; old is nil for the first and where it is
// lost. The caller holds commit, or is alone.
func (l *Ledger) newKey(old ed25519.PrivateKey) error {
	if l.closed {
		return ErrClosed
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(l.keysDir(), private); err != nil {
		return fmt.Errorf("keep the ledger's new key: %w", err)
	}
	s := Succession{Name: l.Name(), At: earshot.At(l.opts.Now()), New: public}
	if keys := l.Keys(); len(keys) > 0 {
		s.Old = keys[len(keys)-1].Public
	}
	text, err := s.sign(private, old)
	if err != nil {
		return err
	}
	e := Entry{At: s.At, Kind: KindKey, Key: text}
	line, err := e.line()
	if err != nil {
		return err
	}
	b := &batch{lines: [][]byte{line}}
	if l.write(b); b.err != nil {
		return b.err
	}
	l.keysMu.Lock()
	err = l.keys.add(b.first, e)
	l.keysMu.Unlock()
	if err != nil {
		return err
	}
	l.key = private
	return l.writeKeyEntries()
}

func (l *Ledger) keysDir() string { return filepath.Join(l.dir, "keys") }

// openKey takes the private key in use, or makes the first.
func (l *Ledger) openKey() (err error) {
	if len(l.keys) == 0 {
		if l.Size() > 0 {
			return ErrKey.Because(errors.New("the ledger does not begin with a key"))
		}
		return l.newKey(nil)
	}
	l.key, err = readKey(l.keysDir(), l.keys[len(l.keys)-1].Public)
	if errors.Is(err, ErrNoKey) && l.opts.ReplaceLostKey {
		l.opts.Log.Warn("the ledger's private key is gone; a new one takes its place, unsigned by the old")
		return l.newKey(nil)
	}
	if err != nil {
		return err
	}
	return l.dropOldKeys()
}

// dropOldKeys removes the private keys that sign no more: they could only
// be stolen.
func (l *Ledger) dropOldKeys() error {
	keys := l.Keys()
	for _, k := range keys[:len(keys)-1] {
		err := os.Remove(filepath.Join(l.keysDir(), keyFile(k.Public)+".key"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the ledger's old key: %w", err)
		}
	}
	return nil
}

// loadKeys reads the key entries: those below from by the list beside the keys,
// or from all entries where it is gone; the others were met in reading.
func (l *Ledger) loadKeys(from int64, met []int64) error {
	l.keys = nil
	known, err := l.keyEntries(from)
	if err != nil {
		return err
	}
	if from > 0 && len(known) == 0 {
		if known, err = l.findKeys(from); err != nil {
			return err
		}
	}
	for _, i := range append(known, met...) {
		e, _, err := l.Entry(i)
		if err != nil {
			return err
		}
		if e.Kind != KindKey {
			return ErrKey.Because(fmt.Errorf("entry %d brings in no key", i))
		}
		if err := l.keys.add(i, e); err != nil {
			return err
		}
	}
	return nil
}

// findKeysAnyway takes the keys from all lines that bring one in, whatever else
// does not fit.
func (l *Ledger) findKeysAnyway() error {
	l.keys = nil
	entries := newLines(io.NewSectionReader(l.log.entries, 0, 1<<62), 0)
	for i := int64(0); ; i++ {
		line, err := entries.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isKeyLine(line) {
			continue
		}
		if e, err := ParseEntry(line); err == nil && e.Kind == KindKey {
			err = l.keys.add(i, e)
			l.opts.Log.Debug("a key of a damaged ledger", "entry", i, "err", err)
		}
	}
}

// keyEntries is the list of the key entries below from; nil where it is missing
// or not as it was written.
func (l *Ledger) keyEntries(from int64) ([]int64, error) {
	text, err := os.ReadFile(filepath.Join(l.keysDir(), "entries"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var known []int64
	for _, word := range strings.Fields(string(text)) {
		i, err := strconv.ParseInt(word, 10, 64)
		if err != nil || i < 0 || len(known) > 0 && i <= known[len(known)-1] {
			return nil, nil //nolint:nilerr // a list that is no list is made again
		}
		if i < from {
			known = append(known, i)
		}
	}
	if len(known) > 0 && known[0] != 0 {
		return nil, nil
	}
	return known, nil
}

func (l *Ledger) findKeys(below int64) (found []int64, err error) {
	for i := range below {
		line, err := l.log.line(i)
		if err != nil {
			return nil, err
		}
		if !isKeyLine(line) {
			continue
		}
		if e, err := ParseEntry(line); err == nil && e.Kind == KindKey {
			found = append(found, i)
		}
	}
	return found, nil
}

func (l *Ledger) writeKeyEntries() error {
	var text []byte
	for _, k := range l.Keys() {
		text = append(strconv.AppendInt(text, k.Entry, 10), '\n')
	}
	return writeWhole(filepath.Join(l.keysDir(), "entries"), text, 0o644)
}

// Countersign adds this ledger's signature to the head of another: what its
// Receiver answers. It fails with ErrHead, for its own name in particular.
func (l *Ledger) Countersign(text []byte) ([]byte, error) {
	if l.opts.ReadOnly {
		return nil, ErrReadOnly
	}
	head, err := ParseHead(text)
	if err != nil {
		return nil, err
	}
	if head.Name == l.Name() {
		return nil, badHead("a ledger is no witness of its own")
	}
	l.commit.Lock()
	key := l.key
	l.commit.Unlock()
	signer, err := signerOf(l.Name(), key)
	if err != nil {
		return nil, err
	}
	_, err = note.Open(text, note.VerifierList())
	var foreign *note.UnverifiedNoteError
	if !errors.As(err, &foreign) {
		return nil, ErrHead.Because(err)
	}
	return note.Sign(foreign.Note, signer)
}
