package index

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"earshot"
)

// snapshot is a transaction that only reads and sees one state throughout.
var snapshot = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}

// PatchCall writes what patch says into the call id and answers the call as it
// is then; earshot.ErrNoCall, also for one that is deleted.
func (ix *Index) PatchCall(ctx context.Context, id string, patch earshot.CallPatch) (earshot.Call, error) {
	if err := patch.Validate(); err != nil {
		return earshot.Call{}, err
	}
	return ix.editCall(ctx, id, "change a call", func(c *earshot.Call) error {
		patch.Apply(c)
		return nil
	})
}

// Marks are the marks of a call in the order of their starts, or
// earshot.ErrNoCall.
func (ix *Index) Marks(ctx context.Context, call string) ([]earshot.Mark, error) {
	c, err := ix.Call(ctx, call)
	if err == nil && c.State == earshot.CallDeleted {
		err = earshot.ErrNoCall
	}
	return c.Marks, err
}

// AddMark adds a mark, or replaces the one of its id; earshot.ErrNoCall.
func (ix *Index) AddMark(ctx context.Context, call string, mark earshot.Mark) error {
	_, err := ix.editCall(ctx, call, "add a mark", func(c *earshot.Call) error {
		putMark(c, mark)
		return nil
	})
	return err
}

// DeleteMark takes a mark away; earshot.ErrNoCall, ErrNoMark.
func (ix *Index) DeleteMark(ctx context.Context, call, mark string) error {
	_, err := ix.editCall(ctx, call, "delete a mark", func(c *earshot.Call) error {
		if !dropMark(c, mark) {
			return ErrNoMark
		}
		return nil
	})
	return err
}

// editCall changes a call that is not deleted. Editors of one call take turns.
func (ix *Index) editCall(ctx context.Context, id, doing string, edit func(*earshot.Call) error) (earshot.Call, error) {
	var c earshot.Call
	err := ix.change(ctx, synced, doing, func(tx bun.Tx) error {
		none, err := changedNone(tx.NewUpdate().Model((*callRow)(nil)).Set("state = state").
			Where("id = ?", id).Where("state <> ?", earshot.CallDeleted).Exec(ctx))
		if err != nil {
			return err
		}
		if none {
			return earshot.ErrNoCall
		}
		var rows callsRows
		if err := rows.read(ctx, tx, []string{id}); err != nil {
			return err
		}
		calls, err := rows.calls([]string{id})
		if err != nil {
			return err
		}
		c = calls[0]
		if err := edit(&c); err != nil {
			return err
		}
		changed, err := rowsOf(c)
		if err != nil {
			return err
		}
		return putCall(ctx, tx, changed)
	})
	if err != nil {
		return earshot.Call{}, err
	}
	return c, nil
}

func putMark(c *earshot.Call, mark earshot.Mark) {
	dropMark(c, mark.ID)
	c.Marks = append(c.Marks, mark)
}

// dropMark takes the mark id away and says whether there was one.
func dropMark(c *earshot.Call, id string) bool {
	kept := make([]earshot.Mark, 0, len(c.Marks))
	for _, m := range c.Marks {
		if m.ID != id {
			kept = append(kept, m)
		}
	}
	dropped := len(kept) < len(c.Marks)
	c.Marks = kept
	return dropped
}
