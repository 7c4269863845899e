package ledger

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// A file's tree has a leaf for each of its pieces, in order; together they are
// the whole file. Of an Ogg file a piece is a page, as long as its header says,
// so that an excerpt of whole pages can be proved. What lies between pages, and
// every other file, is cut into blocks of BlockBytes.

// BlockBytes is the length of a piece that is no Ogg page, in bytes. The last of
// a file, and one before a page, may be shorter.
const BlockBytes = 64 << 10

// maxPage is the longest an Ogg page can be: header, 255 lacing values, 255
// segments of 255 bytes.
const maxPage = oggHeader + 255 + 255*255

const oggHeader = 27

var oggCapture = []byte("OggS")

// Tree is the Merkle tree over a file's pieces.
type Tree struct {
	stored []tlog.Hash
	size   int64
	pieces []int64 // the length of each piece in bytes
}

// Pages reads a file to its end and makes its tree. It keeps 40 bytes a piece.
func Pages(r io.Reader) (Tree, error) {
	var t Tree
	var grow frontier
	err := Pieces(r, func(piece []byte) error {
		hashes, err := grow.add(tlog.RecordHash(piece))
		t.stored = append(t.stored, hashes...)
		t.pieces = append(t.pieces, int64(len(piece)))
		return err
	})
	t.size = grow.size
	return t, err
}

// PagesRoot is Root and Len of the file's tree, in bounded memory.
func PagesRoot(r io.Reader) (root [32]byte, pieces int64, err error) {
	var grow frontier
	err = Pieces(r, func(piece []byte) error {
		_, err := grow.add(tlog.RecordHash(piece))
		return err
	})
	if err != nil {
		return root, 0, err
	}
	root, err = grow.root()
	return root, grow.size, err
}

// TreeOf is the tree over leaf hashes that were kept when pieces were not.
func TreeOf(leaves [][32]byte) (Tree, error) {
	var t Tree
	var grow frontier
	for _, leaf := range leaves {
		hashes, err := grow.add(leaf)
		if err != nil {
			return Tree{}, err
		}
		t.stored = append(t.stored, hashes...)
	}
	t.size = grow.size
	return t, nil
}

// RootOf is the root of the tree over leaf hashes.
func RootOf(leaves [][32]byte) [32]byte {
	t, err := TreeOf(leaves)
	if err != nil {
		panic(err) // only a frontier that was not grown here lacks hashes
	}
	return t.Root()
}

// ReadHashes makes the tree a tlog.HashReader.
func (t Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(t.stored)) {
			return nil, fmt.Errorf("a tree of %d pieces has no hash %d", t.size, index)
		}
		hashes[i] = t.stored[index]
	}
	return hashes, nil
}

// Len is how many pieces there are.
func (t Tree) Len() int64 { return t.size }

// Root is the tree's hash.
func (t Tree) Root() [32]byte {
	root, err := tlog.TreeHash(t.size, t)
	if err != nil {
		panic(err) // only a tree that was not made here lacks hashes
	}
	return root
}

// Leaves are the pieces' leaf hashes.
func (t Tree) Leaves() [][32]byte {
	leaves := make([][32]byte, t.size)
	for i := range leaves {
		leaves[i] = t.stored[tlog.StoredHashIndex(0, int64(i))]
	}
	return leaves
}

// Lengths are the pieces' lengths in bytes; none of a tree from TreeOf.
func (t Tree) Lengths() []int64 { return t.pieces }

// Prove proves piece i: CheckPage verifies it. It fails with ErrNoEntry.
func (t Tree) Prove(i int64) ([][32]byte, error) {
	if i < 0 || i >= t.size {
		return nil, ErrNoEntry
	}
	hashes, err := tlog.ProveRecord(t.size, i, t)
	if err != nil {
		return nil, fmt.Errorf("prove piece %d: %w", i, err)
	}
	return plain(hashes), nil
}

// CheckPage verifies that page is piece i of the file whose tree has pieces and
// root. It fails with ErrProof.
func CheckPage(page []byte, i, pieces int64, root [32]byte, proof [][32]byte) error {
	return checkLeaf(tlog.RecordHash(page), i, pieces, root, proof)
}

// Pieces reads a file to its end and hands its pieces over in order; a piece is
// valid during the call. A page's checksum is not looked at: the
// tree says what the bytes are, whether or not they are good.
func Pieces(r io.Reader, take func([]byte) error) error {
	b := bufio.NewReaderSize(r, max(maxPage, BlockBytes)+len(oggCapture))
	first, err := peek(b, len(oggCapture))
	if err != nil {
		return err
	}
	length := pieceOfFile
	if bytes.Equal(first, oggCapture) {
		length = pieceOfOgg
	}
	for {
		n, err := length(b)
		if err != nil {
			return fmt.Errorf("read a file's pages: %w", err)
		}
		if n == 0 {
			return nil
		}
		piece, err := peek(b, n)
		if err != nil {
			return fmt.Errorf("read a file's pages: %w", err)
		}
		if err := take(piece); err != nil {
			return err
		}
		if _, err := b.Discard(n); err != nil {
			return err
		}
	}
}

// peek is the next n bytes, or as many as there are.
func peek(b *bufio.Reader, n int) ([]byte, error) {
	p, err := b.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return p, err
}

func pieceOfFile(b *bufio.Reader) (int, error) {
	p, err := peek(b, BlockBytes)
	return len(p), err
}

// pieceOfOgg is the length of the page that begins here, or of the block that
// ends where the next page may begin.
func pieceOfOgg(b *bufio.Reader) (int, error) {
	p, err := peek(b, maxPage)
	if err != nil {
		return 0, err
	}
	if n := pageLength(p); n > 0 {
		return n, nil
	}
	if len(p) > 1 {
		window := p[1:min(len(p), BlockBytes+len(oggCapture))]
		if at := bytes.Index(window, oggCapture); at >= 0 {
			return at + 1, nil
		}
	}
	return min(len(p), BlockBytes), nil
}

// pageLength is the length of the whole page at the beginning of p, else 0.
func pageLength(p []byte) int {
	if len(p) < oggHeader || !bytes.HasPrefix(p, oggCapture) {
		return 0
	}
	n := oggHeader + int(p[oggHeader-1])
	if len(p) < n {
		return 0
	}
	for _, lacing := range p[oggHeader:n] {
		n += int(lacing)
	}
	if len(p) < n {
		return 0
	}
	return n
}
