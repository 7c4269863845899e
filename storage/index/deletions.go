package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type deletionRow struct {
	bun.BaseModel `bun:"table:deletions,alias:deletions"`

	Call   string `bun:"call,pk"`
	At     int64  `bun:"at"`
	Maker  string `bun:"maker"`
	Policy string `bun:"policy"`
	Reason string `bun:"reason"`
	Entry  int64  `bun:"entry"`
	GoneAt int64  `bun:"gone_at"`
}

func rowOfDeletion(call string, d earshot.Deletion) deletionRow {
	return deletionRow{Call: call, At: msOf(d.At.Time), Maker: clean(d.By), Policy: d.Policy, Reason: clean(d.Reason), Entry: noEntry}
}

func (r deletionRow) deletion() earshot.Deletion {
	return earshot.Deletion{At: earshot.At(timeOf(r.At)), By: r.Maker, Policy: r.Policy, Reason: r.Reason}
}

// DeleteCall makes a tombstone of a stored call, if at now (by whose zone days
// are counted) it is past its time and nothing holds it; it answers the
// tombstone, also of a call that is deleted already. d.Policy is filled in.
// earshot.ErrNoCall, ErrStillLive, ErrHeld, ErrKept.
func (ix *Index) DeleteCall(ctx context.Context, id string, d earshot.Deletion, now time.Time) (earshot.Call, error) {
	var tombstone earshot.Call
	err := ix.change(ctx, synced, "delete a call", func(tx bun.Tx) (err error) {
		tombstone, err = deleteCall(ctx, tx, id, d, now)
		return err
	})
	return tombstone, err
}

func deleteCall(ctx context.Context, tx bun.Tx, id string, d earshot.Deletion, now time.Time) (earshot.Call, error) {
	if err := lock(ctx, tx, retentionLock); err != nil {
		return earshot.Call{}, err
	}
	// An editor of the call that came first is waited for.
	if _, err := tx.NewUpdate().Model((*callRow)(nil)).Set("state = state").Where("id = ?", id).Exec(ctx); err != nil {
		return earshot.Call{}, err
	}
	c, err := readCall(ctx, tx, id)
	if err != nil || c.State == earshot.CallDeleted {
		return c, err
	}
	if d.Policy, err = mayGo(ctx, tx, c, now); err != nil {
		return earshot.Call{}, err
	}
	tombstone := c.Tombstone(d)
	return tombstone, bury(ctx, tx, tombstone)
}

func readCall(ctx context.Context, tx bun.Tx, id string) (earshot.Call, error) {
	var rows callsRows
	if err := rows.read(ctx, tx, []string{id}); err != nil {
		return earshot.Call{}, err
	}
	calls, err := rows.calls([]string{id})
	if err != nil {
		return earshot.Call{}, err
	}
	if len(calls) == 0 {
		return earshot.Call{}, earshot.ErrNoCall
	}
	return calls[0], nil
}

// mayGo is the policy that orders c to go, or why it stays.
func mayGo(ctx context.Context, tx bun.Tx, c earshot.Call, now time.Time) (policy string, err error) {
	if c.State == earshot.CallLive {
		return "", ErrStillLive
	}
	rules, err := readRules(ctx, tx)
	if err != nil {
		return "", err
	}
	fate := earshot.Decide(c, rules.policies, c.Holds, rules.under, now)
	switch {
	case fate.Deletable:
		return fate.Policy, nil
	case fate.Hold != "":
		return "", ErrHeld
	}
	return "", ErrKept
}

func bury(ctx context.Context, tx bun.Tx, tombstone earshot.Call) error {
	rows, err := rowsOf(tombstone)
	if err != nil {
		return err
	}
	if err := putCall(ctx, tx, rows); err != nil {
		return err
	}
	row := rowOfDeletion(tombstone.ID, *tombstone.Deleted)
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("put the tombstone: %w", err)
	}
	return nil
}

// PutTombstone puts a deleted call as it is, with all that its file says: one
// that the files know of and the index does not. What is there already stays.
func (ix *Index) PutTombstone(ctx context.Context, tombstone earshot.Call) error {
	if tombstone.State != earshot.CallDeleted || tombstone.Deleted == nil {
		return earshot.Fail(earshot.Invalid, "bad_call", "that is no tombstone")
	}
	return ix.change(ctx, synced, "put a tombstone", func(tx bun.Tx) error {
		rows, err := rowsOf(tombstone)
		if err != nil {
			return err
		}
		if err := putCall(ctx, tx, rows); err != nil {
			return err
		}
		row := rowOfDeletion(tombstone.ID, *tombstone.Deleted)
		_, err = tx.NewInsert().Model(&row).On("CONFLICT (call) DO NOTHING").Exec(ctx)
		return err
	})
}

// Burial is a deletion that is not complete: something of the call is left, or
// the ledger does not say yet that it is gone.
type Burial struct {
	Call  earshot.Call // the tombstone
	Entry int64        // the ledger's first record of it, -1 if there is none
}

// Burials are deletions that are not complete, oldest calls first.
func (ix *Index) Burials(ctx context.Context, limit int) ([]Burial, error) {
	var rows []deletionRow
	if err := ix.read.NewSelect().Model(&rows).Where("gone_at = 0").Order("call").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, failed("list deletions that are not complete", err)
	}
	return ix.burials(ctx, rows)
}

// Burial is how far the deletion of one call has come; done says that it is
// complete. earshot.ErrNoCall where it is not deleted.
func (ix *Index) Burial(ctx context.Context, call string) (b Burial, done bool, err error) {
	var rows []deletionRow
	if err := ix.read.NewSelect().Model(&rows).Where("call = ?", call).Scan(ctx); err != nil {
		return b, false, failed("read a deletion", err)
	}
	found, err := ix.burials(ctx, rows)
	if err != nil {
		return b, false, err
	}
	if len(found) == 0 {
		return b, false, earshot.ErrNoCall
	}
	return found[0], rows[0].GoneAt != 0, nil
}

func (ix *Index) burials(ctx context.Context, rows []deletionRow) ([]Burial, error) {
	ids, entries := make([]string, len(rows)), map[string]int64{}
	for i, r := range rows {
		ids[i], entries[r.Call] = r.Call, r.Entry
	}
	calls, err := callsOf(ctx, ix.read, ids)
	burials := make([]Burial, len(calls))
	for i, c := range calls {
		burials[i] = Burial{Call: c, Entry: entries[c.ID]}
	}
	return burials, failed("read deleted calls", err)
}

// Buried notes that nothing but the tombstone is left of a call.
func (ix *Index) Buried(ctx context.Context, call string, at time.Time) error {
	return ix.change(ctx, synced, "note that a call is gone", func(tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*deletionRow)(nil)).Set("gone_at = ?", msOf(at)).Where("call = ?", call).Exec(ctx)
		return err
	})
}

type runRow struct {
	bun.BaseModel `bun:"table:retention_runs,alias:retention_runs"`

	ID      string                  `bun:"id,pk"`
	At      int64                   `bun:"at"`
	EndedAt int64                   `bun:"ended_at"`
	Deleted int                     `bun:"deleted"`
	Bytes   int64                   `bun:"bytes"`
	Failed  int                     `bun:"failed"`
	Reason  earshot.RetentionReason `bun:"reason"`
}

// SaveRun puts a run of retention in place of what was known of it.
func (ix *Index) SaveRun(ctx context.Context, r earshot.RetentionRun) error {
	row := runRow{ID: r.ID, At: msOf(r.At.Time), EndedAt: msOf(r.EndedAt.Time), Deleted: r.Deleted, Bytes: r.Bytes, Failed: r.Failed, Reason: r.Reason}
	return ix.change(ctx, synced, "note a run of retention", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").Exec(ctx)
		return err
	})
}

func (r runRow) run() earshot.RetentionRun {
	return earshot.RetentionRun{ID: r.ID, At: earshot.At(timeOf(r.At)), EndedAt: earshot.At(timeOf(r.EndedAt)),
		Deleted: r.Deleted, Bytes: r.Bytes, Failed: r.Failed, Reason: r.Reason}
}

// Runs are the last runs of retention, newest first.
func (ix *Index) Runs(ctx context.Context, limit int) ([]earshot.RetentionRun, error) {
	var rows []runRow
	err := ix.read.NewSelect().Model(&rows).OrderExpr("at DESC, id DESC").Limit(int64(limit)).Scan(ctx)
	runs := make([]earshot.RetentionRun, len(rows))
	for i, r := range rows {
		runs[i] = r.run()
	}
	return runs, failed("list runs of retention", err)
}

// LastRun is the last run for that reason; the zero run if there was none.
func (ix *Index) LastRun(ctx context.Context, why earshot.RetentionReason) (earshot.RetentionRun, error) {
	var row runRow
	err := ix.read.NewSelect().Model(&row).Where("reason = ?", why).OrderExpr("at DESC, id DESC").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.RetentionRun{}, nil
	}
	return row.run(), failed("look for the last run of retention", err)
}
