package storage

import (
	"context"
	"errors"
	"slices"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// readLedger tells the index of all of the ledger's records, the known ones too:
// parts that were put back have lost theirs.
func (r *reindexing) readLedger(ctx context.Context) error {
	r.done.Holds = len(r.holds)
	if r.archive.ledger == nil {
		return nil
	}
	noted := index.Noted{}
	var batch []ledger.Numbered
	flush := func() error {
		if err := r.matchEntries(ctx, batch); err != nil {
			return err
		}
		err := r.archive.index.NoteEntries(ctx, noted)
		noted, batch = index.Noted{From: noted.Size, Size: noted.Size}, batch[:0]
		return err
	}
	for n, err := range r.archive.ledger.Entries(ctx, 0) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.problem("", "", "the ledger cannot be read from record %d on: %v", noted.Size, err)
			break
		}
		note(&noted, n)
		batch = append(batch, n)
		if h := n.Entry.Hold; h != nil {
			r.holds[h.ID] = *h
		}
		if len(batch) == notaryReads {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	r.done.Entries, r.done.Holds = noted.Size, len(r.holds)
	return nil
}

// matchEntries looks for calls that the ledger has and the files have not, and
// for deletions that had not reached the files.
func (r *reindexing) matchEntries(ctx context.Context, batch []ledger.Numbered) error {
	var ids []string
	for _, n := range batch {
		if n.Entry.Call != "" {
			ids = append(ids, n.Entry.Call)
		}
	}
	states, err := r.archive.index.CallStates(ctx, ids)
	if err != nil {
		return err
	}
	for _, n := range batch {
		e := n.Entry
		state, known := states[e.Call]
		switch {
		case e.Kind == ledger.KindPart && !known:
			r.lose(e)
		case e.Kind == ledger.KindDeletion && e.Deletion != nil && state != earshot.CallDeleted:
			if err := r.bury(ctx, e, known); err != nil {
				return err
			}
			states[e.Call] = earshot.CallDeleted
		}
	}
	return nil
}

// lose notes a part of a call of which there is no file.
func (r *reindexing) lose(e ledger.Entry) {
	c, ok := r.lost[e.Call]
	if !ok {
		c = earshot.Call{ID: e.Call, Seat: e.Seat, Kind: earshot.Counter, Direction: earshot.NoDirection, State: earshot.CallStored, StartedAt: e.StartedAt, Channels: 1}
	}
	c.Parts = append(slices.DeleteFunc(c.Parts, func(p earshot.Part) bool { return p.N == e.N }),
		earshot.Part{N: e.N, File: e.File, SHA256: e.SHA256, Bytes: e.Bytes, StartMs: e.StartMs, DurationMs: e.DurationMs})
	c.DurationMs = max(c.DurationMs, e.StartMs+e.DurationMs)
	r.lost[e.Call] = c
}

// bury puts the tombstone of a call that the ledger says is deleted; what is left
// of its files goes at the next start, as after a crash.
func (r *reindexing) bury(ctx context.Context, e ledger.Entry, known bool) error {
	c, ok := r.lost[e.Call]
	delete(r.lost, e.Call)
	var err error
	switch {
	case known:
		if c, err = r.archive.index.Call(ctx, e.Call); err != nil {
			return err
		}
	case !ok: // it had no parts
		c = earshot.Call{ID: e.Call, Seat: e.Seat, Kind: earshot.Counter, Direction: earshot.NoDirection, StartedAt: e.StartedAt, Channels: 1}
	}
	if !known {
		r.done.Calls++
		seat, err := r.archive.index.Seat(ctx, c.Seat)
		if err != nil && !errors.Is(err, earshot.ErrNoSeat) {
			return err
		}
		if err == nil {
			c.Branch, c.Kind = seat.Branch, seat.Kind
		}
	}
	r.done.Deleted++
	return r.archive.index.PutTombstone(ctx, c.Tombstone(*e.Deletion))
}

// tellLost names the calls that the ledger has and nothing else.
func (r *reindexing) tellLost(context.Context) error {
	ids := make([]string, 0, len(r.lost))
	for id := range r.lost {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c := r.lost[id]
		r.problem(id, "", "the ledger has %d of its parts, begun %s at seat %s, but no file is left of it", len(c.Parts), c.StartedAt, c.Seat)
	}
	return nil
}
