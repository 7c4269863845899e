package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// LeafHash is the hash of an entry's line (without its newline), or of a page:
// SHA-256 over a zero byte and the bytes.
func LeafHash(line []byte) [32]byte { return tlog.RecordHash(line) }

// CheckEntry verifies that line is entry i of the ledger that head speaks of,
// by a proof for a tree of head's size. It fails with ErrProof. Whether the head
// is signed is CheckHead's to say.
func CheckEntry(head Head, i int64, line []byte, proof [][32]byte) error {
	return checkLeaf(tlog.RecordHash(line), i, head.Size, head.Root, proof)
}

func checkLeaf(leaf tlog.Hash, i, size int64, root [32]byte, proof [][32]byte) error {
	if i < 0 || size < 0 || i >= size {
		return ErrProof.Because(errors.New("there is no such entry in a tree of this size"))
	}
	if err := tlog.CheckRecord(hashesOf(proof), size, root, i, leaf); err != nil {
		return ErrProof.Because(err)
	}
	return nil
}

// CheckConsistency verifies that the ledger of head newer goes on the ledger of
// head older: nothing below was changed or removed. It fails with ErrProof.
func CheckConsistency(older, newer Head, proof [][32]byte) error {
	switch {
	case older.Name != newer.Name:
		return ErrProof.Because(errors.New("these are heads of two ledgers"))
	case older.Size < 0 || newer.Size < older.Size:
		return ErrProof.Because(errors.New("a ledger does not shrink"))
	case older.Size == 0:
		return nil
	}
	if err := tlog.CheckTree(hashesOf(proof), newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return ErrProof.Because(err)
	}
	return nil
}

// CheckKeys verifies a chain of successions, oldest first, as Submission and
// key entries carry it, and answers the keys. It fails with ErrKey; a key that
// the one before did not sign for is not Linked.
func CheckKeys(successions []string) ([]Key, error) {
	var keys keyring
	for i, text := range successions {
		if err := keys.add(int64(i), Entry{Kind: KindKey, Key: text}); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// PublicKeys are the keys alone, for CheckHead.
func PublicKeys(keys []Key) []ed25519.PublicKey {
	public := make([]ed25519.PublicKey, len(keys))
	for i, k := range keys {
		public[i] = k.Public
	}
	return public
}

// Detach splits a signed note into the bytes that were signed and the 64 bytes
// of public's signature over them: what openssl takes. It fails with
// ErrSignature.
func Detach(text []byte, public ed25519.PublicKey) (body, signature []byte, err error) {
	name, _, _ := strings.Cut(string(text), "\n")
	if strings.HasPrefix(name, successionTitle) {
		_, name, _ = strings.Cut(string(text), "\n")
		name, _, _ = strings.Cut(name, "\n")
	}
	v, err := verifierOf(name, public)
	if err != nil {
		return nil, nil, err
	}
	n, err := note.Open(text, note.VerifierList(v))
	if err != nil {
		return nil, nil, ErrSignature.Because(err)
	}
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || len(raw) != 4+ed25519.SignatureSize {
		return nil, nil, ErrSignature.Because(errors.New("the signature has not the length of one"))
	}
	return []byte(n.Text), raw[4:], nil
}
