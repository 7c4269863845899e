package ledger

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// authority is a time-stamp authority with a CA of its own.
type authority struct {
	ca    *x509.Certificate
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	at    time.Time
	spoil func(*timestamp.Timestamp)
}

func newAuthority(t *testing.T, use ...x509.ExtKeyUsage) *authority {
	t.Helper()
	a := &authority{at: time.Now().Truncate(time.Second)} // the library signs its own clock too
	make := func(serial int64, parent *x509.Certificate, parentKey crypto.Signer, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: a.at.Add(-time.Hour), NotAfter: a.at.Add(time.Hour)}
		change(template)
		if parent == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
		must(t, err)
		cert, err := x509.ParseCertificate(der)
		must(t, err)
		return cert, key
	}
	ca, caKey := make(1, nil, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "test CA"}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	a.ca = ca
	a.cert, a.key = make(2, ca, caKey, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "test TSA"}
		c.KeyUsage = x509.KeyUsageDigitalSignature
		if len(use) == 0 { // openssl wants the usage to be critical
			c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true,
				Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}}
		}
		c.ExtKeyUsage = use
	})
	return a
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.ca)
	return pool
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	ask, bad := timestamp.ParseRequest(body)
	if err != nil || bad != nil || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "no query", http.StatusBadRequest)
		return
	}
	stamp := timestamp.Timestamp{HashAlgorithm: ask.HashAlgorithm, HashedMessage: ask.HashedMessage, Nonce: ask.Nonce,
		Time: a.at, Policy: []int{1, 2, 3}, AddTSACertificate: ask.Certificates}
	if a.spoil != nil {
		a.spoil(&stamp)
	}
	answer, err := stamp.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(answer)
}

func TestTimestamps(t *testing.T) {
	l := open(t, t.TempDir())
	head := fill(t, l, 3)
	a := newAuthority(t)
	server := httptest.NewServer(a)
	defer server.Close()
	tsa := &TSA{ID: "tsa", URL: server.URL, Roots: a.roots(), Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	receipt, err := tsa.Submit(t.Context(), Submission{Head: head})
	must(t, err)
	at, by, err := CheckTimestamp(receipt, head.Note, a.roots())
	if err != nil || !at.Equal(a.at) || by != "CN=test TSA" {
		t.Errorf("at %s by %s: %v", at, by, err)
	}
	opensslAgrees(t, a, receipt, head.Note)

	other := newAuthority(t)
	for what, bad := range map[string]func() error{
		"another head": func() error {
			_, _, err := CheckTimestamp(receipt, append([]byte("x"), head.Note...), nil)
			return err
		},
		"another CA": func() error { _, _, err := CheckTimestamp(receipt, head.Note, other.roots()); return err },
		"cut short":  func() error { _, _, err := CheckTimestamp(receipt[:len(receipt)-9], head.Note, nil); return err },
		"a byte of the signature flipped": func() error {
			flipped := append([]byte{}, receipt...)
			flipped[len(flipped)-5] ^= 1
			_, _, err := CheckTimestamp(flipped, head.Note, nil)
			return err
		},
		"another nonce": func() error {
			a.spoil = func(s *timestamp.Timestamp) { s.Nonce = big.NewInt(7) }
			_, err := tsa.Submit(t.Context(), Submission{Head: head})
			return err
		},
		"over something else": func() error {
			a.spoil = func(s *timestamp.Timestamp) { s.HashedMessage[3] ^= 1 }
			_, err := tsa.Submit(t.Context(), Submission{Head: head})
			return err
		},
		"after its certificate": func() error {
			a.spoil = func(s *timestamp.Timestamp) { s.Time = a.at.AddDate(1, 0, 0) }
			_, err := tsa.Submit(t.Context(), Submission{Head: head})
			return err
		},
		"a certificate for something else": func() error {
			web := newAuthority(t, x509.ExtKeyUsageServerAuth)
			server := httptest.NewServer(web)
			defer server.Close()
			_, err := (&TSA{ID: "web", URL: server.URL, Client: tsa.Client}).Submit(t.Context(), Submission{Head: head})
			return err
		},
	} {
		if err := bad(); !errors.Is(err, ErrTimestamp) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// opensslAgrees has openssl verify the receipt as docs/ledger.md says it can.
func opensslAgrees(t *testing.T, a *authority, receipt, note []byte) {
	t.Helper()
	if !needs(t, "openssl") {
		return
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, data, 0o600))
		return path
	}
	ca := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Raw}))
	out, err := exec.Command("openssl", "ts", "-verify", "-in", write("receipt.tsr", receipt), "-data", write("head", note),
		"-CAfile", ca, "-attime", strconv.FormatInt(a.at.Unix(), 10)).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v: %s", err, out)
	}
}
