package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"earshot/storage/evidence"
	"earshot/storage/ledger"
)

// checkCommand verifies an evidence package, with nothing but the package.
type checkCommand struct {
	Package    string `arg:"" help:"The package: a .zip, or a .zip.age." type:"existingfile"`
	Key        string `help:"The key's fingerprint as you had it another way, or a file with the public key (PEM)." placeholder:"FINGERPRINT|FILE"`
	Passphrase string `help:"Opens an encrypted package; better given as EARSHOT_PASSPHRASE." placeholder:"TEXT"`
	Identity   string `help:"File with the age key that opens an encrypted package." placeholder:"FILE" type:"existingfile"`
	Language   string `help:"Which language comes first." enum:"zh,en" default:"zh"`
}

// errDoesNotHold makes the exit status 1.
var errDoesNotHold = errors.New("有不成立之处 not everything holds")

// Run prints one sentence, and each finding.
func (c checkCommand) Run(ctx context.Context, out io.Writer) error {
	file, err := os.Open(c.Package)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	key, err := c.fingerprint()
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	plain, size, end, err := c.unlocked(file)
	if err != nil {
		return err
	}
	defer end()
	report, err := evidence.Check(ctx, plain, size, key)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Package, err)
	}
	languages := []string{"zh", "en"}
	if c.Language == "en" {
		languages = []string{"en", "zh"}
	}
	for _, language := range languages {
		fmt.Fprintln(out, report.Sentence(language))
	}
	for _, language := range languages {
		fmt.Fprintln(out, "!", evidence.Unproved(language))
	}
	for _, finding := range report.Findings {
		fmt.Fprintf(out, "✗ %s\n  %s\n", finding.Text(languages[0]), finding.Text(languages[1]))
	}
	if !report.Holds {
		return errDoesNotHold
	}
	return nil
}

// fingerprint is --key as a fingerprint: what was given, or that of a file.
func (c checkCommand) fingerprint() (string, error) {
	if c.Key == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.Key)
	if errors.Is(err, os.ErrNotExist) {
		digits := strings.NewReplacer(" ", "", ":", "", "-", "").Replace(c.Key)
		if raw, err := hex.DecodeString(digits); err != nil || len(raw) != sha256.Size {
			return "", errors.New("neither a file nor a fingerprint of 64 hexadecimal digits")
		}
		return digits, nil
	}
	if err != nil {
		return "", err
	}
	public, err := ledger.ParsePublicPEM(text)
	if err != nil {
		return "", err
	}
	return ledger.Fingerprint(public), nil
}

// unlocked is the package to be read at any place; an encrypted one is opened
// into a temporary file that end takes away.
func (c checkCommand) unlocked(file *os.File) (r io.ReaderAt, size int64, end func(), err error) {
	head := make([]byte, 64)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, nil, err
	}
	if !evidence.Locked(head[:n]) {
		return file, info.Size(), func() {}, nil
	}
	var identities io.Reader
	if c.Identity != "" {
		f, err := os.Open(c.Identity)
		if err != nil {
			return nil, 0, nil, err
		}
		defer func() { _ = f.Close() }() // only read
		identities = f
	}
	plain, err := evidence.Unlock(file, c.Passphrase, identities)
	if err != nil {
		return nil, 0, nil, err
	}
	temp, err := os.CreateTemp("", "earshot-check-*")
	if err != nil {
		return nil, 0, nil, err
	}
	// Without a name nothing of it is left behind; where a system does not allow
	// that, end does it. Nothing depends on a copy for reading.
	_ = os.Remove(temp.Name())
	end = func() {
		_ = temp.Close()
		_ = os.Remove(temp.Name())
	}
	if size, err = io.Copy(temp, plain); err != nil {
		end()
		return nil, 0, nil, fmt.Errorf("decrypt: %w", err)
	}
	return temp, size, end, nil
}
