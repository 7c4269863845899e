package index

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"earshot"
)

// PendingPart is a complete part of a stored call that has no record in the
// ledger yet.
type PendingPart struct {
	Call, Seat string
	StartedAt  earshot.Time // of the call
	Part       earshot.Part
}

// PendingParts are parts without a record, the oldest calls first, those behind
// part n of a call.
func (ix *Index) PendingParts(ctx context.Context, call string, n, limit int) ([]PendingPart, error) {
	var rows []struct {
		partRow
		Seat      string `bun:"seat"`
		StartedAt int64  `bun:"started_at"`
	}
	err := pending(ix.read).ColumnExpr("parts.*, calls.seat, calls.started_at").
		Where("(parts.call, parts.n) > (?, ?)", call, n).OrderExpr("parts.call, parts.n").Limit(int64(limit)).Scan(ctx, &rows)
	if err != nil {
		return nil, failed("list parts that are not in the ledger", err)
	}
	parts := make([]PendingPart, len(rows))
	for i, r := range rows {
		part, err := r.part()
		if err != nil {
			return nil, err
		}
		parts[i] = PendingPart{Call: r.Call, Seat: r.Seat, StartedAt: earshot.At(timeOf(r.StartedAt)), Part: part}
	}
	return parts, nil
}

// CountPending is how many parts of stored calls have no record in the ledger.
func (ix *Index) CountPending(ctx context.Context) (int64, error) {
	n, err := pending(ix.read).Count(ctx)
	return n, failed("count parts that are not in the ledger", err)
}

func pending(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("parts").Join("JOIN calls ON calls.id = parts.call").
		Where("parts.entry < 0 AND parts.sha256 <> ''").Where("calls.state = ?", earshot.CallStored)
}

// PartEntry says which record of the ledger is about a part.
type PartEntry struct {
	Call   string
	N      int
	SHA256 string // a part whose file is another one since is not meant
	Entry  int64
}

// DeletionEntry says which record of the ledger is the first about a deletion.
type DeletionEntry struct {
	Call  string
	Entry int64
}

// Noted is what the records of the ledger from From up to Size are about.
type Noted struct {
	From, Size int64
	Parts      []PartEntry
	Deletions  []DeletionEntry
	Holds      []earshot.Hold // new ones, and released ones
}

// NoteEntries notes what records of the ledger are about. The size that
// LedgerKnown answers grows to n.Size only where nothing before n.From is unknown.
func (ix *Index) NoteEntries(ctx context.Context, n Noted) error {
	return ix.change(ctx, synced, "note the ledger's records", func(tx bun.Tx) error {
		for _, p := range n.Parts {
			_, err := tx.NewUpdate().Model((*partRow)(nil)).Set("entry = ?", p.Entry).
				Where("call = ?", p.Call).Where("n = ?", p.N).Where("sha256 = ?", p.SHA256).Where("entry < 0").Exec(ctx)
			if err != nil {
				return fmt.Errorf("note the record of part %d of %s: %w", p.N, p.Call, err)
			}
		}
		for _, d := range n.Deletions {
			_, err := tx.NewUpdate().Model((*deletionRow)(nil)).Set("entry = ?", d.Entry).
				Where("call = ?", d.Call).Where("entry < 0").Exec(ctx)
			if err != nil {
				return fmt.Errorf("note the record of the deletion of %s: %w", d.Call, err)
			}
		}
		if err := noteHolds(ctx, tx, n.Holds); err != nil {
			return err
		}
		_, err := tx.NewRaw("UPDATE ledger_progress SET size = ? WHERE name = 'ledger' AND size >= ? AND size < ?", n.Size, n.From, n.Size).Exec(ctx)
		return err
	})
}

// noteHolds keeps holds and releases that the ledger has and the index not: who
// asked for them was not answered, but may rely on them.
func noteHolds(ctx context.Context, tx bun.Tx, holds []earshot.Hold) error {
	if len(holds) == 0 {
		return nil
	}
	if err := lock(ctx, tx, retentionLock); err != nil {
		return err
	}
	for _, h := range holds {
		row := rowOfHold(h)
		put := tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING")
		if !h.ReleasedAt.IsZero() {
			put = tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").Where("holds.released_at = 0")
		}
		if _, err := put.Exec(ctx); err != nil {
			return fmt.Errorf("keep hold %s: %w", h.ID, err)
		}
	}
	return nil
}

// LedgerKnown is how many of the ledger's records the index knows of.
func (ix *Index) LedgerKnown(ctx context.Context) (int64, error) {
	var size int64
	err := ix.read.NewRaw("SELECT size FROM ledger_progress WHERE name = 'ledger'").Scan(ctx, &size)
	return size, failed("ask how far the ledger is known", err)
}

// PartEntries are the records of a call's parts in the ledger, by the part's
// number; parts without one are left out.
func (ix *Index) PartEntries(ctx context.Context, call string) (map[int]int64, error) {
	var rows []partRow
	err := ix.read.NewSelect().Model(&rows).Column("n", "entry").Where("call = ?", call).Where("entry >= 0").Scan(ctx)
	entries := make(map[int]int64, len(rows))
	for _, r := range rows {
		entries[r.N] = r.Entry
	}
	return entries, failed("read the records of a call's parts", err)
}
