package index

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// SaveCall puts a call with all that belongs to it in place of what was there.
// A call that is deleted stays so: anything older that comes late changes
// nothing and is no error.
func (ix *Index) SaveCall(ctx context.Context, c earshot.Call) error {
	if !earshot.ValidCallID(c.ID) {
		return earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", c.ID)
	}
	rows, err := rowsOf(c)
	if err != nil {
		return failed("save a call", err)
	}
	d := synced
	if c.State == earshot.CallLive {
		d = lazy
	}
	return ix.change(ctx, d, "save a call", func(tx bun.Tx) error { return putCall(ctx, tx, rows) })
}

// putCall writes the call's row first: that makes two savers of one call take
// turns.
func putCall(ctx context.Context, tx bun.Tx, rows callRows) error {
	res, err := tx.NewInsert().Model(&rows.call).
		On("CONFLICT (id) DO UPDATE").
		Where("calls.state <> ? OR EXCLUDED.state = ?", earshot.CallDeleted, earshot.CallDeleted).
		Exec(ctx)
	if deleted, err := changedNone(res, err); deleted || err != nil {
		return err
	}
	id := rows.call.ID
	for _, table := range []string{"gaps", "marks", tagTable, flagTable} {
		if _, err := tx.NewDelete().Table(table).Where("call = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("clear %s: %w", table, err)
		}
	}
	if err := putParts(ctx, tx, id, rows.parts); err != nil {
		return err
	}
	if err := insert(ctx, tx, "gaps", rows.gaps); err != nil {
		return err
	}
	if err := insert(ctx, tx, "marks", rows.marks); err != nil {
		return err
	}
	if err := insert(ctx, tx, tagTable, rows.tags); err != nil {
		return err
	}
	if err := insert(ctx, tx, flagTable, rows.flags); err != nil {
		return err
	}
	return putTerms(ctx, tx, []callRows{rows})
}

// putParts puts the parts in place of those that were there. One whose file is
// the same keeps its record in the ledger.
func putParts(ctx context.Context, tx bun.Tx, call string, parts []partRow) error {
	gone := tx.NewDelete().Table("parts").Where("call = ?", call)
	if len(parts) > 0 {
		kept := make([]int, len(parts))
		for i, p := range parts {
			kept[i] = p.N
		}
		gone = gone.Where("n NOT IN (?)", bun.List(kept))
	}
	if _, err := gone.Exec(ctx); err != nil {
		return fmt.Errorf("clear parts: %w", err)
	}
	return upsertParts(ctx, tx, parts)
}

func upsertParts(ctx context.Context, tx bun.Tx, parts []partRow) error {
	for len(parts) > 0 {
		some := parts[:min(rowsAtOnce, len(parts))]
		parts = parts[len(some):]
		put := tx.NewInsert().Model(&some).On("CONFLICT (call, n) DO UPDATE")
		for _, column := range []string{"file", "track", "codec", "channels", "start_ms", "duration_ms", "bytes", "sha256", "clock"} {
			put = put.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
		}
		put = put.Set("entry = CASE WHEN parts.sha256 = EXCLUDED.sha256 THEN parts.entry ELSE EXCLUDED.entry END")
		if _, err := put.Exec(ctx); err != nil {
			return fmt.Errorf("put parts: %w", err)
		}
	}
	return nil
}

// rowsAtOnce bounds the text of one statement.
const rowsAtOnce = 500

func insert[R any](ctx context.Context, tx bun.Tx, table string, rows []R) error {
	for len(rows) > 0 {
		some := rows[:min(rowsAtOnce, len(rows))]
		rows = rows[len(some):]
		if _, err := tx.NewInsert().Model(&some).ModelTableExpr(table).Exec(ctx); err != nil {
			return fmt.Errorf("put %s: %w", table, err)
		}
	}
	return nil
}

// Call is the call id with all that belongs to it, whatever its state, or
// earshot.ErrNoCall.
func (ix *Index) Call(ctx context.Context, id string) (earshot.Call, error) {
	c, err := oneCall(ctx, ix.read, id)
	return c, failed("read a call", err)
}

func oneCall(ctx context.Context, db bun.IDB, id string) (earshot.Call, error) {
	calls, err := callsOf(ctx, db, []string{id})
	if err != nil {
		return earshot.Call{}, err
	}
	if len(calls) == 0 {
		return earshot.Call{}, earshot.ErrNoCall
	}
	return calls[0], nil
}

// OpenCalls are the calls that node left live, and those it stored as
// interrupted within earshot.ReconnectWithin before now: a seat that comes back
// goes on with them. Oldest first.
func (ix *Index) OpenCalls(ctx context.Context, node string, now time.Time) ([]earshot.Call, error) {
	since := msOf(now.Add(-earshot.ReconnectWithin))
	live := ix.read.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at").TableExpr("calls").
		Where("calls.state <> 'stored'").Where("calls.state = ?", earshot.CallLive).Where("calls.node = ?", node)
	interrupted := along(ix.read.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at"), flagTable, string(earshot.FlagInterrupted)).
		Where("label.started_at >= ?", since-longestMs).
		Where("calls.state = ?", earshot.CallStored).Where("calls.ended_at >= ?", since).Where("calls.node = ?", node)
	var hits []hit
	err := ix.read.NewRaw("SELECT id, started_at FROM (?) AS live UNION SELECT id, started_at FROM (?) AS interrupted ORDER BY started_at, id",
		live, interrupted).Scan(ctx, &hits)
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	if err != nil {
		return nil, failed("list open calls", err)
	}
	calls, err := callsOf(ctx, ix.read, ids)
	return calls, failed("read open calls", err)
}

// longestMs is longer than any call, a reconnect at its end included: it bounds
// how far back to look for those that ended just now.
const longestMs = int64((earshot.LongestCall + time.Hour) / time.Millisecond)

// callsOf reads the calls ids in that order, leaving out those that do not
// exist. One transaction sees one state of all tables.
func callsOf(ctx context.Context, db bun.IDB, ids []string) ([]earshot.Call, error) {
	if len(ids) == 0 {
		return []earshot.Call{}, nil
	}
	var calls []earshot.Call
	err := db.RunInTx(ctx, snapshot, func(ctx context.Context, tx bun.Tx) error {
		var rows callsRows
		if err := rows.read(ctx, tx, ids); err != nil {
			return err
		}
		var err error
		calls, err = rows.calls(ids)
		return err
	})
	return calls, err
}

// callsRows are the rows of several calls.
type callsRows struct {
	call        []callRow
	parts       []partRow
	gaps        []gapRow
	marks       []markRow
	tags, flags []labelRow
	deletions   []deletionRow
	holds       []earshot.Hold // those that cover one of them among others
}

func (r *callsRows) read(ctx context.Context, tx bun.Tx, ids []string) error {
	of := bun.List(ids)
	if err := tx.NewSelect().Model(&r.call).Where("id IN (?)", of).Scan(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&r.parts).Where("call IN (?)", of).OrderExpr("call, n").Scan(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&r.gaps).Where("call IN (?)", of).OrderExpr("call, i").Scan(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&r.marks).Where("call IN (?)", of).OrderExpr("call, start_ms, id").Scan(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&r.tags).ModelTableExpr(tagTable+" AS label_row").Where("call IN (?)", of).OrderExpr("call, i").Scan(ctx); err != nil {
		return err
	}
	if err := tx.NewSelect().Model(&r.flags).ModelTableExpr(flagTable+" AS label_row").Where("call IN (?)", of).OrderExpr("call, i").Scan(ctx); err != nil {
		return err
	}
	return r.readFate(ctx, tx)
}

// readFate reads what keeps the calls, and the tombstones of those that are
// deleted.
func (r *callsRows) readFate(ctx context.Context, tx bun.Tx) (err error) {
	calls := make([]earshot.Call, len(r.call))
	var deleted []string
	for i, row := range r.call {
		calls[i] = row.call()
		if row.State == earshot.CallDeleted {
			deleted = append(deleted, row.ID)
		}
	}
	if r.holds, err = holdsOn(ctx, tx, calls); err != nil || len(deleted) == 0 {
		return err
	}
	return tx.NewSelect().Model(&r.deletions).Where("call IN (?)", bun.List(deleted)).Scan(ctx)
}

func (r *callsRows) calls(ids []string) ([]earshot.Call, error) {
	found := make(map[string]*earshot.Call, len(r.call))
	for _, row := range r.call {
		c := row.call()
		var err error
		if c.Origin, err = row.origin(); err != nil {
			return nil, err
		}
		found[row.ID] = &c
	}
	for _, row := range r.parts {
		part, err := row.part()
		if err != nil {
			return nil, err
		}
		found[row.Call].Parts = append(found[row.Call].Parts, part)
	}
	for _, row := range r.gaps {
		c := found[row.Call]
		c.Gaps = append(c.Gaps, earshot.Gap{Side: row.Side, StartMs: row.StartMs, EndMs: row.EndMs, Cause: row.Cause})
	}
	for _, row := range r.marks {
		found[row.Call].Marks = append(found[row.Call].Marks, row.mark())
	}
	for _, row := range r.tags {
		found[row.Call].Tags = append(found[row.Call].Tags, row.Value)
	}
	for _, row := range r.flags {
		found[row.Call].Flags = append(found[row.Call].Flags, earshot.Flag(row.Value))
	}
	for _, row := range r.deletions {
		deletion := row.deletion()
		found[row.Call].Deleted = &deletion
	}
	calls := make([]earshot.Call, 0, len(ids))
	for _, id := range ids {
		if c := found[id]; c != nil {
			c.Holds = covering(r.holds, *c)
			calls = append(calls, *c)
		}
	}
	return calls, nil
}
