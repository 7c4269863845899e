package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"earshot"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the ledger of dir at noon; it is closed when the test ends.
func open(t testing.TB, dir string, change ...func(*Options)) *Ledger {
	t.Helper()
	opts := Options{Name: "hall-1", Now: func() time.Time { return noon }, HeadEvery: time.Hour}
	for _, c := range change {
		c(&opts)
	}
	l, err := Open(dir, opts)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

func readOnly(o *Options) { o.ReadOnly = true }

// part is the entry of some call's part, different for each n.
func part(n int) Entry {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return Entry{Kind: KindPart, Call: earshot.NewID(noon), N: 1, File: fmt.Sprintf("2026/11/22/call-%d-1.opus", n),
		SHA256: hex.EncodeToString(sum[:]), Bytes: int64(n) + 1, Seat: "seat-1", StartedAt: earshot.At(noon), Algorithm: SHA256}
}

// fill appends n parts, one after another, and signs.
func fill(t testing.TB, l *Ledger, n int) Head {
	t.Helper()
	for i := range n {
		_, err := l.Append(t.Context(), part(i))
		must(t, err)
	}
	head, err := l.Sign(t.Context())
	must(t, err)
	return head
}

func TestAppendedIsThereAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	hold := earshot.Hold{ID: "h", Call: "c", Reason: "投诉 <&> \u2028", By: "u", At: earshot.At(noon)}
	first, err := l.Append(t.Context(), part(0), Entry{Kind: KindHold, Hold: &hold}, part(2))
	must(t, err)
	if first != 1 || l.Size() != 4 {
		t.Fatalf("first %d, size %d: entry 0 is the key", first, l.Size())
	}
	head, err := l.Sign(t.Context())
	must(t, err)
	must(t, l.Close())

	l = open(t, dir)
	if l.Size() != 4 || l.Head().Size != 4 || l.Head().Root != head.Root || l.Name() != "earshot/hall-1" {
		t.Fatalf("size %d, head %+v of %s", l.Size(), l.Head(), l.Name())
	}
	e, raw, err := l.Entry(2)
	must(t, err)
	if e.Hold == nil || *e.Hold != hold || e.At != earshot.At(noon) {
		t.Errorf("entry 2: %s", raw)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ledger", "entries"))
	must(t, err)
	if lines := strings.Split(string(text), "\n"); len(lines) != 5 || lines[2] != string(raw) {
		t.Errorf("the entries file:\n%s", text)
	}
	n := int64(0)
	for numbered, err := range l.Entries(t.Context(), 1) {
		must(t, err)
		if n++; numbered.Index != n {
			t.Errorf("entry %d where %d should be", numbered.Index, n)
		}
	}
	if n != 3 {
		t.Errorf("%d entries from 1 on", n)
	}
	if _, _, err := l.Entry(4); !errors.Is(err, ErrNoEntry) {
		t.Errorf("entry 4: %v", err)
	}
}

func TestProofsHold(t *testing.T) {
	l := open(t, t.TempDir())
	for size := range 40 {
		head := fill(t, l, 1)
		must(t, head.signedBy(PublicKeys(l.Keys())...))
		for i := range l.Size() {
			_, raw, err := l.Entry(i)
			must(t, err)
			proof, err := l.Prove(i, l.Size())
			must(t, err)
			must(t, CheckEntry(head, i, raw, proof))
			if err := CheckEntry(head, i, append(raw, ' '), proof); !errors.Is(err, ErrProof) {
				t.Fatalf("another entry is proved too: %v", err)
			}
			old := Head{Name: head.Name, Size: i}
			old.Root, err = l.Root(i)
			must(t, err)
			proof, err = l.ProveTree(i, l.Size())
			must(t, err)
			must(t, CheckConsistency(old, head, proof))
			old.Root[0] ^= 1
			if err := CheckConsistency(old, head, proof); i > 0 && !errors.Is(err, ErrProof) {
				t.Fatalf("another tree of %d is proved too, size %d: %v", i, size, err)
			}
		}
	}
}

func TestAppendersShareSyncs(t *testing.T) {
	l := open(t, t.TempDir())
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]string{}
	for n := range 50 {
		all.Go(func() {
			for k := range 4 {
				a, b := part(n*100+k), part(n*100+k+50)
				first, err := l.Append(t.Context(), a, b)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[first], seen[first+1] = a.File, b.File
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if l.Size() != 401 || len(seen) != 400 {
		t.Fatalf("size %d, %d places", l.Size(), len(seen))
	}
	for i, file := range seen {
		if e, _, err := l.Entry(i); err != nil || e.File != file {
			t.Fatalf("entry %d is of %s, not %s: %v", i, e.File, file, err)
		}
	}
}

func TestKeysSucceedOneAnother(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	before := fill(t, l, 3)
	first := l.Keys()[0]
	second, err := l.Rotate(t.Context())
	must(t, err)
	after := fill(t, l, 3)
	if second.Fingerprint == first.Fingerprint || second.Fingerprint != l.Fingerprint() || !second.Linked || second.Entry != 4 {
		t.Errorf("the second key: %+v", second)
	}
	if _, err := CheckHead(after.Note, first.Public); !errors.Is(err, ErrSignature) {
		t.Errorf("the old key still signs: %v", err)
	}
	if _, err := CheckHead(after.Note, second.Public); err != nil {
		t.Error(err)
	}
	if _, err := CheckHead(before.Note, PublicKeys(l.Keys())...); err != nil {
		t.Error(err)
	}
	must(t, l.Close())
	private, err := filepath.Glob(filepath.Join(dir, "ledger", "keys", "*.key"))
	must(t, err)
	if len(private) != 1 {
		t.Errorf("private keys: %v", private)
	}
	if info, err := os.Stat(private[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key is open to others: %v %v", info.Mode(), err)
	}
	must(t, os.Remove(filepath.Join(dir, "ledger", "keys", "entries")))
	l = open(t, dir)
	if keys := l.Keys(); len(keys) != 2 || keys[0].Until.IsZero() || !keys[1].Until.IsZero() {
		t.Errorf("keys: %+v", keys)
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	fill(t, l, 2)
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	reader := open(t, dir, readOnly)
	if reader.Size() != 3 || reader.Fits() != nil {
		t.Errorf("a reader beside it: size %d, %v", reader.Size(), reader.Fits())
	}
	if _, err := reader.Append(t.Context(), part(1)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a reader appends: %v", err)
	}
	if _, err := Open(t.TempDir(), Options{ReadOnly: true}); !errors.Is(err, ErrNoLedger) {
		t.Errorf("a reader where nothing is: %v", err)
	}
}
