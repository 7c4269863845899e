package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// Delete deletes a stored call, if retention allows it now, and answers its
// tombstone; also of a call that is deleted already. d says by whom and why; when
// and by whose order is filled in. earshot.ErrNoCall, index.ErrStillLive,
// index.ErrHeld, index.ErrKept.
//
// What decides is a transaction of the index, which looks at holds and policies
// once more and makes the tombstone. After it, in this order: the ledger has the
// deletion, the call's file becomes the tombstone, audio and levels go. What was
// cut off between two of them is finished by the notary.
func (a *Archive) Delete(ctx context.Context, id string, d earshot.Deletion) (earshot.Call, error) {
	defer a.calls.Lock(id)()
	now := a.now().In(a.location)
	d.At = earshot.At(now)
	if d.By == "" {
		d.By = earshot.ByRetention
	}
	tombstone, err := a.index.DeleteCall(ctx, id, d, now)
	if err != nil {
		return earshot.Call{}, err
	}
	if err := a.step("tombstone in the index"); err != nil {
		return tombstone, err
	}
	burial, done, err := a.index.Burial(ctx, id)
	if err != nil || done {
		return tombstone, err
	}
	return tombstone, a.bury(ctx, burial)
}

// Tombstone is what is left of a deleted call, or earshot.ErrNoCall.
func (a *Archive) Tombstone(ctx context.Context, id string) (earshot.Call, error) {
	c, err := a.index.Call(ctx, id)
	if err == nil && c.State != earshot.CallDeleted {
		err = earshot.ErrNoCall
	}
	return c, err
}

// bury does what is left to do of a deletion. The caller holds the call's lock.
func (a *Archive) bury(ctx context.Context, b index.Burial) error {
	if err := a.recordDeletion(ctx, b); err != nil {
		return err
	}
	if err := a.writeFile(b.Call); err != nil {
		return err
	}
	if err := a.step("tombstone in the file"); err != nil {
		return err
	}
	for _, name := range filesOf(b.Call) {
		if err := a.remove(name); err != nil {
			return err
		}
	}
	for _, part := range b.Call.Parts { // now nothing is made of it any more
		if err := a.playing.forget(part); err != nil {
			return err
		}
	}
	return a.index.Buried(ctx, b.Call.ID, a.now())
}

// recordDeletion has the ledger say that the call is deleted, once: a record for
// each part with its hash, or one for a call without parts.
func (a *Archive) recordDeletion(ctx context.Context, b index.Burial) error {
	if a.ledger == nil || b.Entry >= 0 {
		return nil
	}
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	b, _, err := a.index.Burial(ctx, b.Call.ID)
	if err != nil || b.Entry >= 0 {
		return err
	}
	entries := deletionEntries(b.Call)
	first, err := a.ledger.Append(ctx, entries...)
	if err != nil {
		return fmt.Errorf("write into the ledger: %w", err)
	}
	if err := a.step("deletion recorded"); err != nil {
		return err
	}
	return a.index.NoteEntries(ctx, index.Noted{From: first, Size: first + int64(len(entries)),
		Deletions: []index.DeletionEntry{{Call: b.Call.ID, Entry: first}}})
}

func deletionEntries(c earshot.Call) []ledger.Entry {
	about := ledger.Entry{At: c.Deleted.At, Kind: ledger.KindDeletion, Call: c.ID, Seat: c.Seat, StartedAt: c.StartedAt, Deletion: c.Deleted}
	entries := []ledger.Entry{}
	for _, p := range c.Parts {
		e := about
		e.N, e.File, e.SHA256, e.Bytes, e.StartMs, e.DurationMs = p.N, p.File, p.SHA256, p.Bytes, p.StartMs, p.DurationMs
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		entries = append(entries, about)
	}
	return entries
}

// filesOf are the names of all files of a call but its own: of its parts, of
// parts that left their number out, and what was kept of damaged ones.
func filesOf(c earshot.Call) []string {
	highest := 0
	var names []string
	for _, p := range c.Parts {
		highest = max(highest, p.N)
		names = append(names, p.File)
	}
	for n := 1; n <= highest+mostMissing; n++ {
		for _, name := range []string{
			earshot.PartFile(c.ID, n, earshot.Opus), earshot.PartFile(c.ID, n, earshot.PCMA), earshot.PartFile(c.ID, n, earshot.MP3), earshot.LevelsFile(c.ID, n),
		} {
			names = append(names, name, name+unfinished, name+damaged)
		}
	}
	return names
}

// remove takes a file away, if it is there, and not while its levels are made.
func (a *Archive) remove(name string) error {
	defer a.measuring.Lock(name)()
	if err := a.files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return a.step("removed " + name)
}

// finishDeletions finishes deletions that were cut off.
func (a *Archive) finishDeletions(ctx context.Context) error {
	var errs []error
	for {
		left, err := a.index.Burials(ctx, 100)
		if err != nil {
			return err
		}
		done := 0
		for _, b := range left {
			if err := a.finishDeletion(ctx, b); err != nil {
				errs = append(errs, fmt.Errorf("finish the deletion of call %s: %w", b.Call.ID, err))
			} else {
				done++
			}
		}
		if len(left) == 0 || done == 0 || len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
}

func (a *Archive) finishDeletion(ctx context.Context, b index.Burial) error {
	defer a.calls.Lock(b.Call.ID)()
	b, done, err := a.index.Burial(ctx, b.Call.ID)
	if err != nil || done {
		return err
	}
	return a.bury(ctx, b)
}
