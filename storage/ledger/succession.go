package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"earshot"
)

// successionTitle is the first line of a key's succession.
const successionTitle = "earshot key"

// Succession brings a new key in: a note signed by the new key and, unless it
// is the first or the old one was lost, by the key before it. Its text:
//
//	earshot key
//	<name of the ledger>
//	<instant>
//	<the new key's SubjectPublicKeyInfo, base64>
//	<the old key's, or ->
type Succession struct {
	Name   string
	At     earshot.Time
	New    ed25519.PublicKey
	Old    ed25519.PublicKey // nil for the first, and where the old key was lost
	Signed bool              // the old key has signed too
}

func (s Succession) text() string {
	old := "-"
	if s.Old != nil {
		old = base64.StdEncoding.EncodeToString(spki(s.Old))
	}
	return fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n", successionTitle, s.Name, s.At,
		base64.StdEncoding.EncodeToString(spki(s.New)), old)
}

// sign is the note, signed by the new key and, if it is not nil, the old.
func (s Succession) sign(private, old ed25519.PrivateKey) (string, error) {
	var signers []note.Signer
	for _, key := range []ed25519.PrivateKey{private, old} {
		if key == nil {
			continue
		}
		signer, err := signerOf(s.Name, key)
		if err != nil {
			return "", err
		}
		signers = append(signers, signer)
	}
	text, err := note.Sign(&note.Note{Text: s.text()}, signers...)
	return string(text), err
}

// ParseSuccession reads and verifies a key entry's note: the new key's signature
// must hold, the old key's is told by Signed. It fails with ErrKey.
func ParseSuccession(text string) (Succession, error) {
	body, _, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(body, "\n")
	if len(lines) != 5 || lines[0] != successionTitle || !strings.HasPrefix(lines[1], namePrefix) {
		return Succession{}, ErrKey.Because(errors.New("not the succession of a key"))
	}
	s := Succession{Name: lines[1]}
	if err := s.At.UnmarshalText([]byte(lines[2])); err != nil {
		return Succession{}, ErrKey.Because(err)
	}
	var err error
	if s.New, err = parseKeyLine(lines[3]); err != nil {
		return Succession{}, err
	}
	if lines[4] != "-" {
		if s.Old, err = parseKeyLine(lines[4]); err != nil {
			return Succession{}, err
		}
	}
	if s.text() != body+"\n" {
		return Succession{}, ErrKey.Because(errors.New("not written as we write it"))
	}
	if err := openNote(text, s.Name, s.New); err != nil {
		return Succession{}, ErrKey.Because(fmt.Errorf("the new key's signature: %w", err))
	}
	s.Signed = s.Old != nil && openNote(text, s.Name, s.Old) == nil
	return s, nil
}

func parseKeyLine(line string) (ed25519.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return parseSPKI(der)
}

func openNote(text, name string, public ed25519.PublicKey) error {
	v, err := verifierOf(name, public)
	if err != nil {
		return err
	}
	_, err = note.Open([]byte(text), note.VerifierList(v))
	return err
}

// keyring is the ledger's keys in the order of their entries.
type keyring []Key

// add takes the next key entry in. A key that the one before did not sign for is
// taken in too, and named as not Linked: that is what is left when a key is lost.
func (r *keyring) add(index int64, e Entry) error {
	s, err := ParseSuccession(e.Key)
	if err != nil {
		return err
	}
	key := Key{Name: s.Name, Public: s.New, Fingerprint: Fingerprint(s.New), Entry: index, Since: s.At}
	if n := len(*r); n == 0 {
		key.Linked = s.Old == nil
	} else {
		before := &(*r)[n-1]
		if before.Name != s.Name {
			return ErrKey.Because(fmt.Errorf("a key of %s in the ledger %s", s.Name, before.Name))
		}
		before.Until = s.At
		key.Linked = s.Signed && before.Public.Equal(s.Old)
	}
	*r = append(*r, key)
	return nil
}

// at is the key that signs heads of size: the newest among their entries.
func (r keyring) at(size int64) (Key, bool) {
	for i := len(r) - 1; i >= 0; i-- {
		if r[i].Entry < size {
			return r[i], true
		}
	}
	return Key{}, false
}

// isKeyLine says, without parsing it, whether an entry's line may bring in a key.
func isKeyLine(line []byte) bool { return bytes.Contains(line, []byte(`"kind":"key"`)) }
