package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"earshot"
)

// Key is a public key of the ledger and the time in which it signed.
type Key struct {
	Name        string            // of the ledger, as in its heads: earshot/<site>
	Public      ed25519.PublicKey //
	Fingerprint string            // see Fingerprint
	Entry       int64             // the index of the entry that brought it in
	Since       earshot.Time      // when that was
	Until       earshot.Time      // when the next came; zero while it is in use
	Linked      bool              // the key before it signed for it, or it is the first
}

// PEM is the key as openssl reads it.
func (k Key) PEM() []byte { return PublicPEM(k.Public) }

// Fingerprint is the SHA-256 of a key's SubjectPublicKeyInfo in hex, in groups
// of four digits: what people compare.
func Fingerprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(spki(public))
	digits := hex.EncodeToString(sum[:])
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}

// PublicPEM is a public key as openssl reads it.
func PublicPEM(public ed25519.PublicKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki(public)})
}

// ParsePublicPEM reads what PublicPEM writes; it fails with ErrKey.
func ParsePublicPEM(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, ErrKey.Because(errors.New("not a public key in PEM"))
	}
	return parseSPKI(block.Bytes)
}

func parseSPKI(der []byte) (ed25519.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, ErrKey.Because(errors.New("not an Ed25519 key"))
	}
	return public, nil
}

func spki(public ed25519.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(fmt.Sprintf("an Ed25519 key of %d bytes: %v", len(public), err)) // only a key of a wrong length
	}
	return der
}

// keyFile is where a key lies below the keys folder, without its ending.
func keyFile(public ed25519.PublicKey) string {
	return strings.ReplaceAll(Fingerprint(public), " ", "")[:16]
}

// writeKey makes a key's two files durable, the private one for its owner alone.
func writeKey(dir string, private ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	public := private.Public().(ed25519.PublicKey)
	name := filepath.Join(dir, keyFile(public))
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := writeWhole(name+".key", text, 0o600); err != nil {
		return err
	}
	return writeWhole(name+".pem", PublicPEM(public), 0o644)
}

// readKey is the private key that belongs to public, or ErrNoKey.
func readKey(dir string, public ed25519.PublicKey) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(filepath.Join(dir, keyFile(public)+".key"))
	if err != nil {
		return nil, ErrNoKey.Because(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, ErrNoKey.Because(errors.New("not a private key in PEM"))
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, ErrNoKey.Because(err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok || !public.Equal(private.Public()) {
		return nil, ErrNoKey.Because(errors.New("the private key is not that of the public key in use"))
	}
	return private, nil
}

func signerOf(name string, private ed25519.PrivateKey) (note.Signer, error) {
	v, err := verifierOf(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return signer{v, private}, nil
}

// signer is a note.Signer over a key that lies in PEM, not in the note package's
// own text form.
type signer struct {
	note.Verifier
	private ed25519.PrivateKey
}

func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.private, msg), nil }

func verifierOf(name string, public ed25519.PublicKey) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return nil, ErrKey.Because(err)
	}
	return v, nil
}

// ValidName says whether name may name a ledger: what follows "earshot/" in its
// heads.
func ValidName(name string) bool { return earshot.ValidID(name) }
