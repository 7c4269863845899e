package evidence

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"filippo.io/age"

	"earshot"
)

// ErrLocked means that a package is encrypted and was not opened by what was given.
var ErrLocked = earshot.Fail(earshot.Invalid, "locked", "the package is encrypted; its passphrase or key is needed")

// Failures of Lock.
var (
	errPassphrase = earshot.Fail(earshot.Invalid, "bad_passphrase", "a passphrase has at least 12 characters")
	errBoth       = earshot.Fail(earshot.Invalid, "two_locks", "a package is encrypted to a passphrase or to a recipient, not to both")
	errRecipient  = earshot.Fail(earshot.Invalid, "bad_recipient", "a recipient is an age public key: age1…")
)

const shortestPassphrase = 12

// hardestWork bounds what a stranger's file can ask of whoever opens it: scrypt
// with 2 to this, 1 GiB of memory. Ours ask for 2^18.
const hardestWork = 20

// Lock encrypts what is written to the result, to a passphrase or to a
// recipient's public key, as age does (age-encryption.org/v1). The result must be
// closed. With neither it answers w itself.
func Lock(w io.Writer, passphrase, recipient string) (io.WriteCloser, error) {
	to, err := lockTo(passphrase, recipient)
	if err != nil || to == nil {
		return open{w}, err
	}
	return age.Encrypt(w, to)
}

// CheckLock says what is wrong with a passphrase or recipient, or nil.
func CheckLock(passphrase, recipient string) error {
	_, err := lockTo(passphrase, recipient)
	return err
}

func lockTo(passphrase, recipient string) (age.Recipient, error) {
	switch {
	case recipient != "" && passphrase != "":
		return nil, errBoth
	case recipient != "":
		to, err := age.ParseX25519Recipient(strings.TrimSpace(recipient))
		if err != nil {
			return nil, errRecipient.Because(err)
		}
		return to, nil
	case passphrase == "":
		return nil, nil
	case len([]rune(passphrase)) < shortestPassphrase:
		return nil, errPassphrase
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, errPassphrase.Because(err)
	}
	return to, nil
}

// open is a writer that needs no closing.
type open struct{ io.Writer }

func (open) Close() error { return nil }

// ageMagic begins every file that age has encrypted.
var ageMagic = []byte("age-encryption.org/")

// Locked says whether the file that begins so is encrypted.
func Locked(head []byte) bool { return bytes.HasPrefix(head, ageMagic) }

// Unlock decrypts what Lock wrote, by passphrase or by identities as age-keygen
// writes them. It fails with ErrLocked.
func Unlock(r io.Reader, passphrase string, identities io.Reader) (io.Reader, error) {
	var keys []age.Identity
	if identities != nil {
		parsed, err := age.ParseIdentities(identities)
		if err != nil {
			return nil, ErrLocked.Because(err)
		}
		keys = parsed
	}
	if passphrase != "" {
		key, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, ErrLocked.Because(err)
		}
		key.SetMaxWorkFactor(hardestWork)
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ErrLocked
	}
	plain, err := age.Decrypt(bufio.NewReader(r), keys...)
	if err != nil {
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, ErrLocked.Because(err)
		}
		return nil, err
	}
	return plain, nil
}
