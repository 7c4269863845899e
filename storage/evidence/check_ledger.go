package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"time"

	"earshot/storage/ledger"
)

// ledger checks key and head.
func (c *checker) ledger(key string) {
	text, err := c.read(keyName)
	if err != nil {
		c.report.add(FindingKey, keyName, err.Error())
		return
	}
	public, err := ledger.ParsePublicPEM(text)
	if err != nil {
		c.report.add(FindingKey, keyName, err.Error())
		return
	}
	c.report.Fingerprint = ledger.Fingerprint(public)
	if key != "" {
		c.report.KeyGiven = true
		if !sameDigits(key, c.report.Fingerprint) {
			c.report.add(FindingOtherKey, keyName, c.report.Fingerprint)
		}
	}
	note, err := c.read(headName)
	if err != nil {
		c.report.add(FindingHead, headName, err.Error())
		return
	}
	head, err := ledger.CheckHead(note, public)
	if err != nil {
		c.report.add(FindingHead, headName, errText(err))
		return
	}
	c.head = &head
	c.report.HeadAt, c.report.HeadSize = head.At, head.Size
	c.detached(head, public)
	l := c.m.Ledger
	if l.Size != head.Size || l.Root != hex.EncodeToString(head.Root[:]) || !l.SignedAt.Equal(head.At.Time) || l.Fingerprint != c.report.Fingerprint {
		c.report.add(FindingFacts, manifestName, "the ledger's size, root, time or key")
	}
}

// detached checks that what openssl is shown is what the note says.
func (c *checker) detached(head ledger.Head, public ed25519.PublicKey) {
	body, signature, err := ledger.Detach(head.Note, public)
	if err != nil {
		c.report.add(FindingHead, headName, errText(err))
		return
	}
	for name, want := range map[string][]byte{textName: body, sigName: signature} {
		if got, err := c.read(name); err != nil || !bytes.Equal(got, want) {
			c.report.add(FindingHead, name, errText(err))
		}
	}
}

// witnesses checks that what witnesses kept is a beginning of the ledger. By whom
// such a head was signed is no matter: an older one is signed by an older key, and
// that the ledger has grown from it is proved.
func (c *checker) witnesses() {
	if c.head == nil {
		return
	}
	for _, w := range c.m.Ledger.Witnesses {
		text, err := c.read(w.File)
		if err != nil {
			c.report.add(FindingWitness, w.File, err.Error())
			continue
		}
		old, err := ledger.ParseHead(text)
		if err == nil {
			err = ledger.CheckConsistency(old, *c.head, unhexAll(w.Proof))
		}
		if err != nil {
			c.report.add(FindingWitness, w.File, errText(err))
			continue
		}
		seen, err := c.stamped(w, text)
		switch {
		case err != nil:
			c.report.add(FindingWitness, w.Receipt, errText(err))
		case seen.at.Before(old.At.Add(-clocksDiffer)):
			c.report.add(FindingWitness, w.File, "seen before it was signed")
		default:
			seen.size = old.Size
			c.seen = append(c.seen, seen)
		}
	}
}

// stamped is when, and by whom, a witness's copy was seen. A time-stamp authority
// signs the time; of any other witness only the package says it.
func (c *checker) stamped(w PackedWitness, note []byte) (witnessed, error) {
	if w.Kind != kindTSA {
		return witnessed{name: w.Name, at: w.At}, nil
	}
	receipt, err := c.read(w.Receipt)
	if err != nil {
		return witnessed{}, err
	}
	at, by, err := ledger.CheckTimestamp(receipt, note, nil)
	return witnessed{name: by, at: at, signed: true}, err
}

// clocksDiffer is how far a witness's clock may be behind the signer's.
const clocksDiffer = 5 * time.Minute

// kindTSA is the kind of a witness that is a time-stamp authority (RFC 3161).
const kindTSA = "tsa"
