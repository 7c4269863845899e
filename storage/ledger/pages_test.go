package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"earshot/audio/ogg"
)

// naive is the tree's root as RFC 6962, section 2.1, defines it.
func naive(leaves [][32]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := naive(leaves[:k]), naive(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestTreesAreThoseOfTheStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		leaves := make([][32]byte, n)
		for i := range leaves {
			leaves[i] = sha256.Sum256([]byte{0, byte(i), byte(i >> 8)})
		}
		tree, err := TreeOf(leaves)
		if err != nil {
			t.Fatal(err)
		}
		root := naive(leaves)
		if tree.Root() != root || RootOf(leaves) != root {
			t.Fatalf("the root of %d leaves differs", n)
		}
		if n == 0 {
			return
		}
		i := rapid.Int64Range(0, int64(n)-1).Draw(t, "i")
		page := []byte{byte(i), byte(i >> 8)}
		proof, err := tree.Prove(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckPage(page, i, int64(n), root, proof); err != nil {
			t.Fatal(err)
		}
		if len(proof) > 0 {
			proof[rapid.IntRange(0, len(proof)-1).Draw(t, "at")][3] ^= 1
			if err := CheckPage(page, i, int64(n), root, proof); !errors.Is(err, ErrProof) {
				t.Fatalf("an altered proof holds: %v", err)
			}
		}
	})
}

// recording is a file of a page a second, as the recorder writes it.
func recording(seconds int) []byte {
	w := ogg.NewWriter(7)
	file := w.Headers(nil, ogg.TwoMono(), ogg.OpusTags{Vendor: "earshot"})
	for n := range seconds * 50 {
		packet := bytes.Repeat([]byte{byte(n)}, 40+n%97)
		file = w.Packet(file, packet, int64(n+1)*960)
		if n%50 == 49 {
			file = w.Flush(file)
		}
	}
	return w.Finish(file)
}

func TestPiecesOfARecording(t *testing.T) {
	file := recording(75)
	tree, err := Pages(iotest.HalfReader(bytes.NewReader(file)))
	must(t, err)
	scanner := ogg.NewScanner(bytes.NewReader(file))
	i := int64(0)
	for {
		page, err := scanner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		proof, err := tree.Prove(i)
		must(t, err)
		must(t, CheckPage(file[page.Offset:page.Offset+int64(page.Size)], i, tree.Len(), tree.Root(), proof))
		i++
	}
	if i < 75 || i != tree.Len() || len(tree.Lengths()) != int(i) {
		t.Errorf("%d pages, %d pieces", i, tree.Len())
	}
	root, n, err := PagesRoot(bytes.NewReader(file))
	if err != nil || root != tree.Root() || n != tree.Len() {
		t.Errorf("the root alone: %v", err)
	}
	if RootOf(tree.Leaves()) != root || naive(tree.Leaves()) != root {
		t.Error("the leaves do not make the root")
	}
	if _, err := tree.Prove(i); !errors.Is(err, ErrNoEntry) {
		t.Errorf("a page that is not there is proved: %v", err)
	}
}

// TestPiecesAreTheWholeFile cuts every kind of file, damaged ones too.
func TestPiecesAreTheWholeFile(t *testing.T) {
	w := ogg.NewWriter(7)
	var good []byte
	for n := range 5 {
		good = w.Packet(good, bytes.Repeat([]byte{byte(n)}, 40000), int64(n)*960)
		good = w.Flush(good)
	}
	pages, err := Pages(bytes.NewReader(good))
	must(t, err)
	rapid.Check(t, func(t *rapid.T) {
		file := bytes.Clone(good)
		for range rapid.IntRange(0, 4).Draw(t, "flips") {
			file[rapid.IntRange(0, len(file)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		}
		at := rapid.IntRange(0, len(file)).Draw(t, "insert")
		file = append(file[:at:at], append(make([]byte, rapid.IntRange(0, 200000).Draw(t, "zeros")), file[at:]...)...)
		file = file[:rapid.IntRange(0, len(file)).Draw(t, "cut")]
		var all []byte
		if err := Pieces(bytes.NewReader(file), func(piece []byte) error {
			if len(piece) == 0 || len(piece) > BlockBytes {
				t.Fatalf("a piece of %d bytes", len(piece))
			}
			all = append(all, piece...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(all, file) {
			t.Fatal("the pieces are not the file")
		}
	})
	// Beside a damaged page the others are the pieces they were.
	file := bytes.Clone(good)
	file[60000] ^= 1
	damaged, err := Pages(bytes.NewReader(file))
	must(t, err)
	differ := 0
	for i, leaf := range damaged.Leaves() {
		if leaf != pages.Leaves()[i] {
			differ++
		}
	}
	if damaged.Len() != pages.Len() || differ != 1 {
		t.Errorf("%d of %d pieces differ for one byte", differ, damaged.Len())
	}
	wav, err := Pages(bytes.NewReader(make([]byte, 2*BlockBytes+1)))
	must(t, err)
	if lengths := wav.Lengths(); len(lengths) != 3 || lengths[2] != 1 {
		t.Errorf("another file's pieces: %v", lengths)
	}
	if _, err := Pages(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
