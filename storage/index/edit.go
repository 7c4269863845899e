package index

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"earshot"
)

// snapshot is a transaction that only reads and sees one state throughout.
var snapshot = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

// EditCall changes the call id as the index has it, in one transaction: of two
// who edit a call at once, on whatever nodes, the second one sees what the first
// one did. Where edit fails the call stays as it was, and EditCall fails so; edit
// must not ask the index anything. It answers the call as it is then;
// earshot.ErrNoCall.
func (ix *Index) EditCall(ctx context.Context, id string, edit func(*earshot.Call) error) (c earshot.Call, err error) {
	var refused error
	err = ix.change(ctx, synced, "change a call", func(tx bun.Tx) error {
		if c, err = callToEdit(ctx, tx, id); err != nil {
			return err
		}
		if refused = edit(&c); refused != nil {
			return refused
		}
		rows, err := rowsOf(c)
		if err != nil {
			return err
		}
		return putCall(ctx, tx, rows)
	})
	return c, cmp.Or(refused, err)
}

// GuardCall has do done while nobody edits the call id, on whatever node. do is
// given the call as the index has it, with all that holds it, and must not ask the
// index anything; what it fails with GuardCall fails with. In SQLite nobody writes
// anything else meanwhile: do is to be short. earshot.ErrNoCall.
func (ix *Index) GuardCall(ctx context.Context, id string, do func(earshot.Call) error) error {
	var refused error
	err := ix.change(ctx, lazy, "look after a call", func(tx bun.Tx) error {
		c, err := callToEdit(ctx, tx, id)
		if err != nil {
			return err
		}
		refused = do(c)
		return refused
	})
	return cmp.Or(refused, err)
}

// callToEdit is callsToEdit of one call; earshot.ErrNoCall.
func callToEdit(ctx context.Context, tx bun.Tx, id string) (earshot.Call, error) {
	calls, err := callsToEdit(ctx, tx, []string{id})
	if err != nil {
		return earshot.Call{}, err
	}
	if len(calls) == 0 {
		return earshot.Call{}, earshot.ErrNoCall
	}
	return calls[0], nil
}

// callsToEdit are those of the calls ids that there are, which nobody else changes
// until tx ends. SQLite's transactions take turns from their beginning;
// PostgreSQL's lock rows, in the order of ids, so that no two wait for each other.
func callsToEdit(ctx context.Context, tx bun.Tx, ids []string) ([]earshot.Call, error) {
	if isPostgres(tx) {
		var locked []string
		err := tx.NewSelect().Table("calls").Column("id").Where("id IN (?)", bun.List(ids)).OrderExpr("id").For("UPDATE").Scan(ctx, &locked)
		if err != nil {
			return nil, err
		}
	}
	var rows callsRows
	if err := rows.read(ctx, tx, ids); err != nil {
		return nil, err
	}
	return rows.calls(ids)
}
