package index

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"earshot"
)

type branchRow struct {
	bun.BaseModel `bun:"table:branches,alias:branches"`

	ID     string         `bun:"id,pk"`
	Name   string         `bun:"name"`
	Parent sql.NullString `bun:"parent"`
}

func rowOfBranch(b earshot.Branch) branchRow {
	return branchRow{ID: b.ID, Name: clean(b.Name), Parent: sql.NullString{String: b.Parent, Valid: b.Parent != ""}}
}

func (r branchRow) branch() earshot.Branch {
	return earshot.Branch{ID: r.ID, Name: r.Name, Parent: r.Parent.String}
}

// Branches are all branches, by id.
func (ix *Index) Branches(ctx context.Context) ([]earshot.Branch, error) {
	branches, err := allBranches(ctx, ix.read)
	return branches, failed("list branches", err)
}

func allBranches(ctx context.Context, db bun.IDB) ([]earshot.Branch, error) {
	var rows []branchRow
	if err := db.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, err
	}
	branches := make([]earshot.Branch, len(rows))
	for i, r := range rows {
		branches[i] = r.branch()
	}
	return branches, nil
}

// Branch is the branch id, or ErrNoBranch.
func (ix *Index) Branch(ctx context.Context, id string) (earshot.Branch, error) {
	var row branchRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Branch{}, ErrNoBranch
	}
	return row.branch(), failed("read a branch", err)
}

// CreateBranch adds a branch; ErrExists, ErrBadParent.
func (ix *Index) CreateBranch(ctx context.Context, b earshot.Branch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "add a branch", func(tx bun.Tx) error {
		if err := putAboveCalls(ctx, tx, b); err != nil {
			return err
		}
		row := rowOfBranch(b)
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return plainly(err, ErrBadParent)
	})
}

// SaveBranch changes name and parent of a branch; ErrNoBranch, ErrBadParent.
func (ix *Index) SaveBranch(ctx context.Context, b earshot.Branch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "change a branch", func(tx bun.Tx) error {
		if err := lock(ctx, tx, "branches"); err != nil {
			return err
		}
		all, err := allBranches(ctx, tx)
		if err != nil {
			return err
		}
		if b.Parent != "" && subtree(all, []string{b.ID})[b.Parent] {
			return ErrBadParent
		}
		if !slices.ContainsFunc(all, func(was earshot.Branch) bool { return was.ID == b.ID && was.Parent == b.Parent }) {
			if err := lock(ctx, tx, branchTree); err != nil {
				return err
			}
		}
		row := rowOfBranch(b)
		none, err := changedNone(tx.NewUpdate().Model(&row).WherePK().Exec(ctx))
		if none {
			return ErrNoBranch
		}
		return plainly(err, ErrBadParent)
	})
}

// DeleteBranch takes a branch away; ErrNoBranch, and ErrBranchInUse where it has
// seats or branches below it. Its calls keep its id.
func (ix *Index) DeleteBranch(ctx context.Context, id string) error {
	return ix.change(ctx, synced, "delete a branch", func(tx bun.Tx) error {
		none, err := changedNone(tx.NewDelete().Model((*branchRow)(nil)).Where("id = ?", id).Exec(ctx))
		if none {
			return ErrNoBranch
		}
		return plainly(err, ErrBranchInUse)
	})
}

// plainly says what a key that is taken, or a reference that does not hold,
// means for who asked.
func plainly(err error, reference *earshot.Error) error {
	switch {
	case err == nil:
		return nil
	case taken(err):
		return ErrExists.Because(err)
	case dangling(err):
		return reference.Because(err)
	}
	return err
}

// subtree is the branches roots and all branches below them.
func subtree(all []earshot.Branch, roots []string) map[string]bool {
	children := make(map[string][]string)
	for _, b := range all {
		children[b.Parent] = append(children[b.Parent], b.ID)
	}
	in := make(map[string]bool)
	for waiting := append([]string(nil), roots...); len(waiting) > 0; {
		id := waiting[0]
		waiting = waiting[1:]
		if !in[id] {
			in[id] = true
			waiting = append(waiting, children[id]...)
		}
	}
	return in
}
