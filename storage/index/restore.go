package index

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"earshot"
)

// Restored is a call as its own file has it.
type Restored struct {
	Call    earshot.Call
	Unheard bool // see MarkUnheard
}

// RestoreCalls puts calls as their files have them in place of what was there,
// all or none. A call that is deleted stays so, and a part whose file is the same
// keeps its record in the ledger. No call may be among them twice.
func (ix *Index) RestoreCalls(ctx context.Context, calls []Restored) error {
	if len(calls) == 0 {
		return nil
	}
	for _, c := range calls {
		if !earshot.ValidCallID(c.Call.ID) {
			return earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", c.Call.ID)
		}
	}
	return ix.change(ctx, synced, "put calls back", func(tx bun.Tx) error { return restoreCalls(ctx, tx, calls) })
}

// restoring are the rows of many calls, by table.
type restoring struct {
	ids         []string
	calls       []callRow
	parts       []partRow
	gaps        []gapRow
	marks       []markRow
	tags, flags []labelRow
	deletions   []deletionRow
	unheard     []unheardRow
	whole       []callRows
}

type unheardRow struct {
	bun.BaseModel `bun:"table:unheard_calls,alias:unheard_calls"`

	Call      string `bun:"call,pk"`
	StartedAt int64  `bun:"started_at"`
}

func restoreCalls(ctx context.Context, tx bun.Tx, calls []Restored) error {
	ids := make([]string, len(calls))
	for i, c := range calls {
		ids[i] = c.Call.ID
	}
	states, err := callStates(ctx, tx, ids)
	if err != nil {
		return err
	}
	var r restoring
	for _, c := range calls {
		if states[c.Call.ID] == earshot.CallDeleted && c.Call.State != earshot.CallDeleted {
			continue
		}
		if err := r.add(c); err != nil {
			return err
		}
	}
	if len(r.ids) == 0 {
		return nil
	}
	return r.put(ctx, tx)
}

func (r *restoring) add(c Restored) error {
	rows, err := rowsOf(c.Call)
	if err != nil {
		return err
	}
	r.ids = append(r.ids, c.Call.ID)
	r.calls = append(r.calls, rows.call)
	r.whole = append(r.whole, rows)
	r.parts = append(r.parts, rows.parts...)
	r.gaps = append(r.gaps, rows.gaps...)
	r.marks = append(r.marks, rows.marks...)
	r.tags = append(r.tags, rows.tags...)
	r.flags = append(r.flags, rows.flags...)
	if c.Call.Deleted != nil {
		r.deletions = append(r.deletions, rowOfDeletion(c.Call.ID, *c.Call.Deleted))
	}
	if c.Unheard {
		r.unheard = append(r.unheard, unheardRow{Call: c.Call.ID, StartedAt: rows.call.StartedAt})
	}
	return nil
}

func (r *restoring) put(ctx context.Context, tx bun.Tx) error {
	for calls := r.calls; len(calls) > 0; {
		some := calls[:min(rowsAtOnce, len(calls))]
		calls = calls[len(some):]
		if _, err := tx.NewInsert().Model(&some).On("CONFLICT (id) DO UPDATE").Exec(ctx); err != nil {
			return fmt.Errorf("put calls: %w", err)
		}
	}
	for _, table := range []string{"gaps", "marks", tagTable, flagTable, "unheard_calls"} {
		if _, err := tx.NewDelete().Table(table).Where("call IN (?)", bun.List(r.ids)).Exec(ctx); err != nil {
			return fmt.Errorf("clear %s: %w", table, err)
		}
	}
	if err := r.dropParts(ctx, tx); err != nil {
		return err
	}
	if err := upsertParts(ctx, tx, r.parts); err != nil {
		return err
	}
	if err := insert(ctx, tx, "gaps", r.gaps); err != nil {
		return err
	}
	if err := insert(ctx, tx, "marks", r.marks); err != nil {
		return err
	}
	if err := insert(ctx, tx, tagTable, r.tags); err != nil {
		return err
	}
	if err := insert(ctx, tx, flagTable, r.flags); err != nil {
		return err
	}
	if err := insert(ctx, tx, "unheard_calls", r.unheard); err != nil {
		return err
	}
	if err := putTerms(ctx, tx, r.whole); err != nil {
		return err
	}
	if len(r.deletions) == 0 {
		return nil
	}
	if _, err := tx.NewInsert().Model(&r.deletions).On("CONFLICT (call) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("put tombstones: %w", err)
	}
	return nil
}

// dropParts takes away the parts that the calls have no more. There are hardly
// ever any.
func (r *restoring) dropParts(ctx context.Context, tx bun.Tx) error {
	type key struct {
		call string
		n    int
	}
	kept := make(map[key]bool, len(r.parts))
	for _, p := range r.parts {
		kept[key{p.Call, p.N}] = true
	}
	var known []partRow
	if err := tx.NewSelect().Model(&known).Column("call", "n").Where("call IN (?)", bun.List(r.ids)).Scan(ctx); err != nil {
		return fmt.Errorf("look for parts: %w", err)
	}
	for _, p := range known {
		if kept[key{p.Call, p.N}] {
			continue
		}
		if _, err := tx.NewDelete().Table("parts").Where("call = ?", p.Call).Where("n = ?", p.N).Exec(ctx); err != nil {
			return fmt.Errorf("clear parts: %w", err)
		}
	}
	return nil
}

// CallStates are the states of those of the calls ids that there are.
func (ix *Index) CallStates(ctx context.Context, ids []string) (map[string]earshot.CallState, error) {
	states, err := callStates(ctx, ix.read, ids)
	return states, failed("look which calls there are", err)
}

func callStates(ctx context.Context, db bun.IDB, ids []string) (map[string]earshot.CallState, error) {
	states := make(map[string]earshot.CallState, len(ids))
	for len(ids) > 0 {
		some := ids[:min(rowsAtOnce, len(ids))]
		ids = ids[len(some):]
		var rows []callRow
		if err := db.NewSelect().Model(&rows).Column("id", "state").Where("id IN (?)", bun.List(some)).Scan(ctx); err != nil {
			return nil, err
		}
		for _, r := range rows {
			states[r.ID] = r.State
		}
	}
	return states, nil
}

// RestoreHolds keeps holds that files or the ledger know of, and releases of
// those that are here without one. What is released stays so.
func (ix *Index) RestoreHolds(ctx context.Context, holds []earshot.Hold) error {
	return ix.change(ctx, synced, "put holds back", func(tx bun.Tx) error { return noteHolds(ctx, tx, holds) })
}

// RestoreSeats adds those branches, and then those seats with their tokens, that
// there are none of; branches above others come first. It answers how many of
// each it added.
func (ix *Index) RestoreSeats(ctx context.Context, branches []earshot.Branch, seats []earshot.Seat) (newBranches, newSeats int, err error) {
	err = ix.change(ctx, synced, "put seats back", func(tx bun.Tx) error {
		for _, b := range branches {
			row := rowOfBranch(b)
			there, err := changedNone(tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Exec(ctx))
			if err != nil {
				return fmt.Errorf("put branch %s: %w", b.ID, err)
			}
			if !there {
				newBranches++
			}
		}
		for _, s := range seats {
			row := rowOfSeat(s)
			there, err := changedNone(tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Exec(ctx))
			if err != nil {
				return fmt.Errorf("put seat %s: %w", s.ID, err)
			}
			if there {
				continue
			}
			newSeats++
			if err := putTokens(ctx, tx, s.ID, s.Tokens); err != nil {
				return fmt.Errorf("put the tokens of seat %s: %w", s.ID, err)
			}
		}
		return nil
	})
	return newBranches, newSeats, err
}

// RestoreAgents adds those agents that there are none of.
func (ix *Index) RestoreAgents(ctx context.Context, agents []earshot.Agent) error {
	var rows []agentRow
	for _, a := range agents {
		rows = append(rows, agentRow{ID: clean(a.ID), Name: clean(a.Name)})
	}
	return ix.change(ctx, synced, "put agents back", func(tx bun.Tx) error {
		for len(rows) > 0 {
			some := rows[:min(rowsAtOnce, len(rows))]
			rows = rows[len(some):]
			if _, err := tx.NewInsert().Model(&some).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// RestoreBuried notes that nothing but the tombstone is left of calls whose
// deletion is in the ledger.
func (ix *Index) RestoreBuried(ctx context.Context, calls []string) error {
	return ix.change(ctx, synced, "note that calls are gone", func(tx bun.Tx) error {
		for len(calls) > 0 {
			some := calls[:min(rowsAtOnce, len(calls))]
			calls = calls[len(some):]
			_, err := tx.NewUpdate().Model((*deletionRow)(nil)).Set("gone_at = at").
				Where("gone_at = 0").Where("entry >= 0").Where("call IN (?)", bun.List(some)).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
