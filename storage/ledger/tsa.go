package ledger

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"earshot"
)

// TSA is a witness that signs that a head existed at an instant: a time-stamp
// authority by RFC 3161. The receipt is its response as it came, over the
// SHA-256 of the head's note.
type TSA struct {
	ID       string
	URL      string
	Roots    *x509.CertPool // whom its certificate must come from; nil: anybody
	Interval time.Duration  // 0: an hour
	Client   *http.Client   // nil: http.DefaultClient
}

// ErrTimestamp is what a time-stamp that does not hold fails with.
var ErrTimestamp = earshot.Fail(earshot.Invalid, "bad_timestamp", "the time-stamp does not hold")

// Name is the witness's name.
func (t *TSA) Name() string { return t.ID }

// Kind is tsa.
func (t *TSA) Kind() string { return "tsa" }

// Every is how often it is asked at most.
func (t *TSA) Every() time.Duration {
	if t.Interval == 0 {
		return time.Hour
	}
	return t.Interval
}

// Submit asks for a time-stamp over the head's note and verifies it.
func (t *TSA) Submit(ctx context.Context, s Submission) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(s.Head.Note)
	ask := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}
	body, err := ask.Marshal()
	if err != nil {
		return nil, err
	}
	status, receipt, err := post(ctx, t.Client, t.URL, "application/timestamp-query", "", body)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("time-stamp authority %s answered %d", t.ID, status)
	}
	stamp, _, err := parseTimestamp(receipt, s.Head.Note, t.Roots)
	if err != nil {
		return nil, err
	}
	if stamp.Nonce == nil || stamp.Nonce.Cmp(nonce) != 0 {
		return nil, ErrTimestamp.Because(errors.New("it answers another request"))
	}
	return receipt, nil
}

// CheckTimestamp verifies a TSA's receipt over a head's note: the instant it
// says, and who says so. Only with roots does it prove who that is. It fails
// with ErrTimestamp.
func CheckTimestamp(receipt, note []byte, roots *x509.CertPool) (at earshot.Time, by string, err error) {
	stamp, signer, err := parseTimestamp(receipt, note, roots)
	if err != nil {
		return earshot.Time{}, "", err
	}
	return earshot.At(stamp.Time), signer.Subject.String(), nil
}

// parseTimestamp reads a response and verifies its one signer's signature, and
// that signer's certificate against roots.
func parseTimestamp(receipt, note []byte, roots *x509.CertPool) (*timestamp.Timestamp, *x509.Certificate, error) {
	stamp, signed, err := parseResponse(receipt)
	if err != nil {
		return nil, nil, ErrTimestamp.Because(err)
	}
	sum := sha256.Sum256(note)
	if stamp.HashAlgorithm != crypto.SHA256 || !bytes.Equal(stamp.HashedMessage, sum[:]) {
		return nil, nil, ErrTimestamp.Because(errors.New("it is over something else"))
	}
	signer := signed.GetOnlySigner()
	if signer == nil || !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return nil, nil, ErrTimestamp.Because(errors.New("it is not signed with one certificate for time-stamping"))
	}
	if err := signed.Verify(); err != nil {
		return nil, nil, ErrTimestamp.Because(err)
	}
	if roots == nil {
		return stamp, signer, nil
	}
	between := x509.NewCertPool()
	for _, c := range stamp.Certificates {
		between.AddCert(c)
	}
	_, err = signer.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: stamp.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
	if err != nil {
		return nil, nil, ErrTimestamp.Because(err)
	}
	return stamp, signer, nil
}

// parseResponse keeps what a foreign answer can do to the parsers to an error.
func parseResponse(receipt []byte) (stamp *timestamp.Timestamp, signed *pkcs7.PKCS7, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the response cannot be read: %v", r)
		}
	}()
	if stamp, err = timestamp.ParseResponse(receipt); err != nil {
		return nil, nil, err
	}
	signed, err = pkcs7.Parse(stamp.RawToken)
	return stamp, signed, err
}
