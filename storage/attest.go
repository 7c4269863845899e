package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// Finding is something wrong with a stored file.
type Finding struct {
	At   earshot.Time
	Code FindingCode
	Call string
	File string
	Text string // for people, in English
}

// FindingCode says what is wrong, for machines.
type FindingCode string

// What the notary finds.
const (
	FindingAltered FindingCode = "altered" // the file is not what was recorded
	FindingMissing FindingCode = "missing" // there is no file
)

// attest looks at the file of a part and answers what the ledger is to say of it.
//
// The record has the hash that the recorder took while it wrote, never one of
// what is found later: a file that was altered before it came into the ledger
// does not become sound by coming into it. Of one that does not fit the record
// has no root over its pieces either, which is of other bytes; the finding is
// kept and the call flagged, and every later check of the file against the ledger
// says the same.
func (a *Archive) attest(ctx context.Context, p index.PendingPart) (ledger.Entry, error) {
	entry := ledger.Entry{
		At: earshot.At(a.now()), Kind: ledger.KindPart, Call: p.Call, N: p.Part.N, File: p.Part.File, SHA256: p.Part.SHA256,
		Bytes: p.Part.Bytes, Seat: p.Seat, StartedAt: p.StartedAt, StartMs: p.Part.StartMs, DurationMs: p.Part.DurationMs,
	}
	seen, err := a.look(p.Part)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A deletion is decided before the file goes.
		if _, err := a.Call(ctx, p.Call); err != nil {
			return entry, err
		}
		return entry, a.foundWrong(ctx, p, FindingMissing, "the file was missing before it came into the ledger")
	case err != nil:
		return entry, err
	case seen.sha256 != p.Part.SHA256:
		return entry, a.foundWrong(ctx, p, FindingAltered, fmt.Sprintf(
			"the file was altered before it came into the ledger: its SHA-256 is %s, and %s was recorded", seen.sha256, p.Part.SHA256))
	}
	entry.Pages, entry.PageCount, entry.Algorithm = hex.EncodeToString(seen.root[:]), seen.pieces, ledger.SHA256
	return entry, nil
}

// seen is what a file is.
type seen struct {
	sha256 string
	root   [32]byte
	pieces int64
	bytes  int64
}

func (a *Archive) look(part earshot.Part) (s seen, err error) {
	file, size, err := a.files.Open(part.File)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if s.root, s.pieces, err = ledger.PagesRoot(io.TeeReader(file, sum)); err != nil {
		return s, err
	}
	s.bytes = size
	s.sha256 = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

// foundWrong keeps a finding where people see it. The part is not recorded
// before that is done.
func (a *Archive) foundWrong(ctx context.Context, p index.PendingPart, code FindingCode, text string) error {
	now := a.now()
	a.log.ErrorContext(ctx, text, "call", p.Call, "file", p.Part.File)
	a.alarms.From("notary").Raise(earshot.AlarmDamage, earshot.Critical, now, p.Part.File)
	if a.found != nil {
		err := a.found(ctx, Finding{At: earshot.At(now), Code: code, Call: p.Call, File: p.Part.File, Text: text})
		if err != nil {
			return fmt.Errorf("keep a finding: %w", err)
		}
	}
	_, err := a.edit(ctx, p.Call, func(c *earshot.Call) error {
		c.SetFlag(earshot.FlagDamaged)
		return nil
	})
	if errors.Is(err, ErrNotStored) || errors.Is(err, earshot.ErrDeleted) {
		return nil // taken up again, or gone, meanwhile
	}
	return err
}
