package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// hashBytes is the size of a hash in the hashes file.
const hashBytes = tlog.HashSize

// frontier grows a tree while keeping only the newest complete subtree of each
// height: all that is needed to go on, and for the root.
type frontier struct {
	size int64
	last [64]tlog.Hash
}

// ReadHashes serves what tlog asks for when a tree of size grows or is summed.
func (f *frontier) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if n != f.size>>level-1 {
			return nil, fmt.Errorf("hash %d of level %d is not kept in a tree of %d", n, level, f.size)
		}
		hashes[i] = f.last[level]
	}
	return hashes, nil
}

// add appends a leaf and answers the hashes to store for it.
func (f *frontier) add(leaf tlog.Hash) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashesForRecordHash(f.size, leaf, f)
	if err != nil {
		return nil, err
	}
	copy(f.last[:], hashes)
	f.size++
	return hashes, nil
}

// root is the tree's hash.
func (f *frontier) root() (tlog.Hash, error) { return tlog.TreeHash(f.size, f) }

// loadFrontier is the frontier of the first size leaves of a stored tree.
func loadFrontier(size int64, stored tlog.HashReader) (frontier, error) {
	f := frontier{size: size}
	var indexes []int64
	var levels []int
	for level := 0; size>>level > 0; level++ {
		indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
		levels = append(levels, level)
	}
	hashes, err := stored.ReadHashes(indexes)
	if err != nil {
		return f, err
	}
	for i, level := range levels {
		f.last[level] = hashes[i]
	}
	return f, nil
}

// plain and hashesOf cross between this package's plain arrays and tlog's type.
func plain(hashes []tlog.Hash) [][32]byte {
	out := make([][32]byte, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}

func hashesOf(hashes [][32]byte) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = h
	}
	return out
}
