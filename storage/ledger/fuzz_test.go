package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot"
)

// FuzzEntries opens a ledger whose four files end in anything, to write and to
// look: what was under a head and durable is there, or it is refused; nothing
// crashes; and what was opened goes on.
func FuzzEntries(f *testing.F) {
	dir := f.TempDir()
	l, err := Open(dir, Options{Name: "hall-1", HeadEvery: time.Hour})
	must(f, err)
	for n := range 3 {
		_, err := l.Append(f.Context(), part(n))
		must(f, err)
	}
	must(f, l.Close())
	files := map[string][]byte{}
	for _, name := range []string{"entries", "hashes", "offsets", "heads"} {
		files[name], err = os.ReadFile(filepath.Join(dir, "ledger", name))
		must(f, err)
	}
	f.Add([]byte("{\"kind\":\"part\"}\n"), []byte{}, []byte{}, []byte{})
	f.Add([]byte("{\"kind\":\"key\",\"key\":\"earshot key\\n\"}\n{"), make([]byte, 40), []byte{0, 0, 0, 0, 0, 0, 0, 1}, []byte("earshot/x\n1\n"))
	f.Add([]byte("\n\n{}"), []byte{1}, []byte{2}, []byte("\n\n\n"))
	f.Add([]byte{}, []byte{}, []byte{}, files["heads"])
	f.Add([]byte{0, 0}, files["hashes"], files["offsets"], []byte("earshot/a\n9\nAAAA\n\n— x y\n\n"))
	f.Fuzz(func(t *testing.T, entries, hashes, offsets, heads []byte) {
		for name, more := range map[string][]byte{"entries": entries, "hashes": hashes, "offsets": offsets, "heads": heads} {
			must(t, os.WriteFile(filepath.Join(dir, "ledger", name), append(bytes.Clone(files[name]), more...), 0o600))
		}
		must(t, os.WriteFile(filepath.Join(dir, "ledger", "keys", "entries"), []byte("0\n"), 0o600))
		r, err := Open(dir, Options{ReadOnly: true})
		must(t, err)
		if _, err := r.VerifyAll(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		must(t, r.Close())
		l, err := Open(dir, Options{HeadEvery: time.Hour})
		if err != nil {
			if known := (*earshot.Error)(nil); !errors.As(err, &known) {
				t.Fatalf("refused without a code: %v", err)
			}
			return
		}
		if l.Size() < 4 {
			t.Fatalf("%d entries are left of 4", l.Size())
		}
		at, err := l.Append(t.Context(), part(9))
		if err != nil || at != l.Size()-1 {
			t.Fatalf("it does not go on: %d %v", at, err)
		}
		must(t, l.Close())
	})
}

// FuzzHead reads anything as a head and as a key's succession: what is accepted
// is exactly what we would write.
func FuzzHead(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	head := Head{Name: "earshot/hall-1", Size: 7, At: earshot.At(noon), Algorithm: SHA256}
	must(f, head.sign(key))
	f.Add(head.Note)
	s := Succession{Name: "earshot/hall-1", At: earshot.At(noon), New: key.Public().(ed25519.PublicKey)}
	text, err := s.sign(key, nil)
	must(f, err)
	f.Add([]byte(text))
	f.Add(bytes.Replace(head.Note, []byte("7"), []byte("07"), 1))
	f.Fuzz(func(t *testing.T, text []byte) {
		if h, err := ParseHead(text); err == nil {
			if !bytes.HasPrefix(text, []byte(h.text()+"\n")) {
				t.Fatalf("read and written again it differs: %q", h.text())
			}
			if _, err := CheckHead(text, key.Public().(ed25519.PublicKey)); err == nil && !bytes.HasPrefix(text, []byte(head.text())) {
				t.Fatalf("a signature over something else: %q", text)
			}
		}
		if s, err := ParseSuccession(string(text)); err == nil && !bytes.HasPrefix(text, []byte(s.text()+"\n")) {
			t.Fatalf("read and written again it differs: %q", s.text())
		}
		if heads, err := parseCheckpoints(text); err == nil && len(heads) == 0 {
			t.Fatal("no head, and no error")
		}
	})
}
