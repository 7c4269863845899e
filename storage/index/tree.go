package index

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"earshot"
)

// A call has terms for its branch and for all branches above it, so that one
// term finds the calls of a branch that has many below it. Where a branch moves,
// those of its calls are made anew beside other work; until that is done
// searches name each branch below instead, which any terms answer.

// branchTree is the lock of who changes which branch is below which; it counts
// the changes.
const branchTree = "branch_tree"

// treeOf is how often the tree was changed. In a transaction on PostgreSQL
// nobody changes it until that ends; SQLite has one writer anyway.
func treeOf(ctx context.Context, db bun.IDB, hold bool) (int64, error) {
	q := db.NewSelect().Model((*lockRow)(nil)).Column("n").Where("name = ?", branchTree)
	if hold && isPostgres(db) {
		q = q.For("SHARE")
	}
	var n int64
	if err := q.Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("look how the tree of branches is: %w", err)
	}
	return n, nil
}

// readAbove says of calls which branches are above theirs. The tree stays so
// until tx ends: their terms are not of one that was changed meanwhile.
func readAbove(ctx context.Context, tx bun.Tx, calls []callRows) error {
	if _, err := treeOf(ctx, tx, true); err != nil {
		return err
	}
	if err := newerTerms(ctx, tx); err != nil {
		return err
	}
	return readAboveNow(ctx, tx, calls)
}

func readAboveNow(ctx context.Context, db bun.IDB, calls []callRows) error {
	branches := make([]string, len(calls))
	for i, c := range calls {
		branches[i] = c.call.Branch
	}
	var rows []struct {
		Below string `bun:"below"`
		Above string `bun:"above"`
	}
	err := db.NewRaw(`
		WITH RECURSIVE up (below, above) AS (
		  SELECT id, parent FROM branches WHERE parent IS NOT NULL AND id IN (?)
		  UNION
		  SELECT up.below, branches.parent FROM up JOIN branches ON branches.id = up.above WHERE branches.parent IS NOT NULL
		) SELECT below, above FROM up`, bun.List(branches)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read which branches are above: %w", err)
	}
	above := make(map[string][]string)
	for _, r := range rows {
		above[r.Below] = append(above[r.Below], r.Above)
	}
	for i := range calls {
		calls[i].above = above[calls[i].call.Branch]
	}
	return nil
}

// branchesForTerms are the branches by whose terms calls are found: with those
// below them only where terms do not tell.
func (s *search) branchesForTerms() []string {
	if s.treeWhole {
		return s.roots
	}
	return s.Branches
}

// putAboveCalls notes that the tree changes where a new branch has calls: one of
// that id was there before.
func putAboveCalls(ctx context.Context, tx bun.Tx, b earshot.Branch) error {
	calls, err := tx.NewSelect().Table("calls").Where("branch = ?", b.ID).Exists(ctx)
	if err != nil || !calls {
		return err
	}
	return lock(ctx, tx, branchTree)
}
