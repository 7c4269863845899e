package storage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// Ledger is what the archive needs of the ledger; *ledger.Ledger satisfies it.
type Ledger interface {
	// Append adds entries, durable when it returns.
	Append(ctx context.Context, entries ...ledger.Entry) (first int64, err error)
	Size() int64
	Entries(ctx context.Context, from int64) iter.Seq2[ledger.Numbered, error]
	Head() ledger.Head
	Sign(ctx context.Context) (ledger.Head, error)
	Prove(i, size int64) (proof [][32]byte, err error)
}

// The notary's pace: it comes when it is called, and otherwise looks whether
// something was left.
const (
	notaryLooks = 10 * time.Second
	notaryBatch = 64   // parts for one sync of the ledger
	notaryReads = 1000 // of the ledger's records for one transaction
)

func (a *Archive) wakeNotary() {
	select {
	case a.wake <- struct{}{}:
	default: // it has been called
	}
}

// Notarise is the notary: until ctx ends it brings stored parts into the ledger,
// what the ledger knows into the index, holds into the files of the calls they
// cover, and deletions that were cut off to their end. Nobody waits for it: what
// there is to do is in the index, and what fails is tried again.
func (a *Archive) Notarise(ctx context.Context) {
	look := time.NewTicker(notaryLooks)
	defer look.Stop()
	said := ""
	for ctx.Err() == nil {
		trouble := ""
		if err := a.NotariseOnce(ctx); err != nil && ctx.Err() == nil {
			trouble = err.Error()
		}
		if trouble != "" && trouble != said { // said once, however long it lasts
			a.log.ErrorContext(ctx, "the notary left something for later", "err", trouble)
		}
		said = trouble
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-look.C:
		}
	}
}

// NotariseOnce does all that there is to do for the notary now.
func (a *Archive) NotariseOnce(ctx context.Context) error {
	if err := a.catchUp(ctx); err != nil {
		return err // what follows would be recorded twice
	}
	return errors.Join(a.recordParts(ctx), a.finishDeletions(ctx), a.fileHolds(ctx))
}

// record puts entries into the ledger, if there is one.
func (a *Archive) record(ctx context.Context, entries ...ledger.Entry) error {
	if a.ledger == nil {
		return nil
	}
	if _, err := a.ledger.Append(ctx, entries...); err != nil {
		return fmt.Errorf("write into the ledger: %w", err)
	}
	return a.step("recorded")
}

// catchUp tells the index of the ledger's records that it does not know of: those
// from before a crash, and those that were made while it was away.
func (a *Archive) catchUp(ctx context.Context) error {
	if a.ledger == nil {
		return nil
	}
	a.catching.Lock()
	defer a.catching.Unlock()
	from, err := a.index.LedgerKnown(ctx)
	if err != nil || from >= a.ledger.Size() {
		return err
	}
	noted := index.Noted{From: from, Size: from}
	for n, err := range a.ledger.Entries(ctx, from) {
		if err != nil {
			return fmt.Errorf("read the ledger's record %d: %w", noted.Size, err)
		}
		note(&noted, n)
		if noted.Size-noted.From == notaryReads {
			if err := a.index.NoteEntries(ctx, noted); err != nil {
				return err
			}
			noted = index.Noted{From: noted.Size, Size: noted.Size}
		}
	}
	return a.index.NoteEntries(ctx, noted)
}

// note adds what a record is about.
func note(to *index.Noted, n ledger.Numbered) {
	to.Size = n.Index + 1
	switch e := n.Entry; {
	case e.Kind == ledger.KindPart:
		to.Parts = append(to.Parts, index.PartEntry{Call: e.Call, N: e.N, SHA256: e.SHA256, Entry: n.Index})
	case e.Kind == ledger.KindDeletion:
		to.Deletions = append(to.Deletions, index.DeletionEntry{Call: e.Call, Entry: n.Index})
	case e.Hold != nil && (e.Kind == ledger.KindHold || e.Kind == ledger.KindRelease):
		to.Holds = append(to.Holds, *e.Hold)
	}
}

// Pending is how many stored parts have no record in the ledger yet.
func (a *Archive) Pending(ctx context.Context) (int64, error) { return a.index.CountPending(ctx) }

// recordParts brings all stored parts into the ledger, the oldest calls first. A
// part that cannot be looked at now does not keep the others waiting.
func (a *Archive) recordParts(ctx context.Context) error {
	if a.ledger == nil {
		return nil
	}
	var errs []error
	for after := (index.PendingPart{}); ; {
		last, err := a.recordBatch(ctx, after)
		if err != nil {
			errs = append(errs, err)
			if ctx.Err() != nil || len(errs) > 3 { // it is not one file
				return errors.Join(errs...)
			}
		}
		if last == nil {
			return errors.Join(errs...)
		}
		after = *last
	}
}

// recordBatch records some parts behind after and answers the last it looked at,
// nil if there were none. One batch at a time: a part is recorded once.
func (a *Archive) recordBatch(ctx context.Context, after index.PendingPart) (last *index.PendingPart, err error) {
	a.recording.Lock()
	defer a.recording.Unlock()
	if err := a.catchUp(ctx); err != nil {
		return nil, err
	}
	parts, err := a.index.PendingParts(ctx, after.Call, after.Part.N, notaryBatch)
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	return &parts[len(parts)-1], a.recordThese(ctx, parts)
}

func (a *Archive) recordThese(ctx context.Context, parts []index.PendingPart) error {
	var errs []error
	var entries []ledger.Entry
	for _, p := range parts {
		entry, err := a.attest(ctx, p)
		if errors.Is(err, earshot.ErrDeleted) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("look at %s: %w", p.Part.File, err))
			continue
		}
		entries = append(entries, entry)
	}
	if len(entries) == 0 {
		return errors.Join(errs...)
	}
	first, err := a.ledger.Append(ctx, entries...)
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("write into the ledger: %w", err))...)
	}
	if err := a.step("parts recorded"); err != nil {
		return err
	}
	noted := index.Noted{From: first, Size: first}
	for i, e := range entries {
		note(&noted, ledger.Numbered{Index: first + int64(i), Entry: e})
	}
	return errors.Join(append(errs, a.index.NoteEntries(ctx, noted))...)
}

// Proof is how a part is proved to be in the ledger.
type Proof struct {
	N     int    // the part's number
	Entry int64  // the part's record
	Size  int64  // of the tree that Head is about
	Head  string // the signed head
	Path  [][32]byte
}

// Proofs prove a call's parts, also those of a deleted one; parts that have no
// record yet are left out. earshot.ErrNoCall.
func (a *Archive) Proofs(ctx context.Context, call string) ([]Proof, error) {
	c, err := a.index.Call(ctx, call)
	if err != nil {
		return nil, err
	}
	entries, err := a.index.PartEntries(ctx, call)
	if err != nil || a.ledger == nil || len(entries) == 0 {
		return nil, err
	}
	last := int64(0)
	for _, entry := range entries {
		last = max(last, entry)
	}
	head := a.ledger.Head()
	if head.Size <= last {
		if head, err = a.ledger.Sign(ctx); err != nil {
			return nil, fmt.Errorf("sign the ledger: %w", err)
		}
	}
	var proofs []Proof
	for _, part := range c.Parts {
		entry, recorded := entries[part.N]
		if !recorded {
			continue
		}
		path, err := a.ledger.Prove(entry, head.Size)
		if err != nil {
			return nil, fmt.Errorf("prove record %d: %w", entry, err)
		}
		proofs = append(proofs, Proof{N: part.N, Entry: entry, Size: head.Size, Head: string(head.Note), Path: path})
	}
	return proofs, nil
}
