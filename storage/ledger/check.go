package ledger

import (
	"crypto/ed25519"
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// LeafHash is the hash of an entry's line (without its newline), or of a page:
// SHA-256 over a zero byte and the bytes.
func LeafHash(line []byte) [32]byte { return tlog.RecordHash(line) }

// CheckEntry verifies that line is entry i of the tree of size with root. It
// fails with ErrProof.
func CheckEntry(line []byte, i, size int64, root [32]byte, proof [][32]byte) error {
	return checkLeaf(tlog.RecordHash(line), i, size, root, proof)
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

// CheckTree verifies that the tree of size with root goes on the tree of old
// with oldRoot. It fails with ErrProof.
func CheckTree(old int64, oldRoot [32]byte, size int64, root [32]byte, proof [][32]byte) error {
	if old < 0 || size < old {
		return ErrProof.Because(errors.New("a tree does not shrink"))
	}
	if old == 0 {
		return nil
	}
	if err := tlog.CheckTree(hashesOf(proof), size, root, old, oldRoot); err != nil {
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
