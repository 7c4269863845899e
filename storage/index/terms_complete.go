package index

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// After an update that gave terms another form, those of all calls are made
// anew: newest first, some at a time, beside all other work. Where a process
// ends, the next goes on. Searches do without terms until all are made: they
// find the same, and take longer.

// termsState says how far the terms have come.
type termsState struct {
	bun.BaseModel `bun:"table:terms_version,alias:terms_version"`

	Version int    `bun:"version"` // the form that the terms of all calls have
	Making  int    `bun:"making"`  // the form in which they are being made anew
	After   string `bun:"after"`   // down to the call of this id they are; none yet if empty

	Tree       int64 `bun:"tree"` // the same of the tree of branches
	MakingTree int64 `bun:"making_tree"`
}

// termsAtOnce is how many calls get their terms in one transaction: others who
// write wait no longer than that takes.
const termsAtOnce = 200

// lookAtTerms sees whether all calls have their terms.
func (ix *Index) lookAtTerms(ctx context.Context, db bun.IDB) error {
	var state termsState
	if err := db.NewSelect().Model(&state).Scan(ctx); err != nil {
		return fmt.Errorf("look which terms there are: %w", err)
	}
	if state.newer() {
		return ErrAway.Because(errNewer)
	}
	if state.Version != termsVersion {
		calls, err := db.NewSelect().Table("calls").Exists(ctx)
		if err != nil {
			return fmt.Errorf("look whether there are calls: %w", err)
		}
		if !calls { // those to come have them
			if state.Tree, err = treeOf(ctx, db, false); err != nil {
				return err
			}
			state.Version = termsVersion
			if _, err := db.NewUpdate().Model(&state).Where("TRUE").Exec(ctx); err != nil {
				return fmt.Errorf("note which terms there are: %w", err)
			}
		}
	}
	ix.termsTree.Store(state.Tree)
	ix.termsWhole.Store(state.Version == termsVersion)
	return nil
}

// termsComplete says whether all calls have their terms, and for the branches as
// they are now.
func (ix *Index) termsComplete(ctx context.Context) (bool, error) {
	if err := newerTerms(ctx, ix.read); err != nil {
		return false, failed("look which terms there are", err)
	}
	if !ix.termsWhole.Load() {
		return false, nil
	}
	tree, err := treeOf(ctx, ix.read, false)
	return tree == ix.termsTree.Load(), failed("look which terms there are", err)
}

// CompleteTerms makes the terms that calls lack, which after an update may be
// all; it returns at once where none do. It may be ended and goes on when it is
// called again. After each step it rests as long as the step took, times rest.
// done, if not nil, hears of how many calls were looked at.
func (ix *Index) CompleteTerms(ctx context.Context, rest float64, done func(calls int)) error {
	for looked := 0; ; {
		if complete, err := ix.termsComplete(ctx); err != nil || complete && looked == 0 {
			return err
		} else if complete {
			return ix.packWords(ctx, rest)
		}
		begun := time.Now()
		n, err := ix.completeSomeTerms(ctx)
		if err != nil {
			return err
		}
		looked += n
		if done != nil && n > 0 {
			done(looked)
		}
		if err := pause(ctx, rest, time.Since(begun)); err != nil {
			return err
		}
	}
}

// pause rests for as long as a step took, times rest.
func pause(ctx context.Context, rest float64, took time.Duration) error {
	select {
	case <-time.After(time.Duration(rest * float64(took))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// completeSomeTerms answers how many calls it looked at. Nodes of one PostgreSQL
// take turns.
func (ix *Index) completeSomeTerms(ctx context.Context) (n int, err error) {
	whole, tree := false, int64(0)
	err = ix.change(ctx, lazy, "make the terms of calls", func(tx bun.Tx) error {
		if _, err := tx.NewUpdate().Model((*termsState)(nil)).Set("version = version").Where("TRUE").Exec(ctx); err != nil {
			return err
		}
		var state termsState
		if err := tx.NewSelect().Model(&state).Scan(ctx); err != nil {
			return err
		}
		if state.newer() {
			return ErrAway.Because(errNewer)
		}
		if state.Version != termsVersion && state.Making != termsVersion {
			return beginTerms(ctx, tx, &state)
		}
		var err error
		if tree, err = treeOf(ctx, tx, true); err != nil {
			return err
		}
		if state.Version == termsVersion && state.Tree == tree {
			whole = true
			return nil
		}
		if state.Making != termsVersion || state.MakingTree != tree {
			state.Making, state.MakingTree, state.After = termsVersion, tree, ""
		}
		ids, err := callsBefore(ctx, tx, state.After)
		if err != nil {
			return err
		}
		if n = len(ids); n > 0 {
			state.After = ids[n-1]
		} else {
			state.Version, state.Tree, whole = termsVersion, tree, true
		}
		rows, err := rowsForTerms(ctx, tx, ids)
		if err != nil {
			return err
		}
		if err := putTerms(ctx, tx, rows); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model(&state).Where("TRUE").Exec(ctx)
		return err
	})
	if err == nil && whole {
		ix.termsTree.Store(tree)
		ix.termsWhole.Store(true)
	}
	return n, err
}

// callsBefore are the next calls whose terms are to be made. Nobody changes them
// until tx ends.
func callsBefore(ctx context.Context, tx bun.Tx, id string) ([]string, error) {
	q := tx.NewSelect().Table("calls").Column("id").Order("id DESC").Limit(termsAtOnce)
	if id != "" {
		q = q.Where("id < ?", id)
	}
	if isPostgres(tx) {
		q = q.For("UPDATE")
	}
	var ids []string
	return ids, q.Scan(ctx, &ids)
}

// completeTerms does it beside all that a server does, whenever the index was
// opened and lacks terms.
func (t *tender) completeTerms(ctx context.Context) {
	ticker := time.NewTicker(t.opts.Every)
	defer ticker.Stop()
	failing := false // said in the log
	for {
		if !t.ix.termsWhole.Load() || t.treeMoved.Load() {
			t.treeMoved.Store(false)
			failing = t.completeTermsOnce(ctx, failing)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// completeTermsOnce answers whether it failed for another reason than that the
// index is away, which is said elsewhere.
func (t *tender) completeTermsOnce(ctx context.Context, failing bool) bool {
	begun, calls := t.opts.Now(), 0
	err := t.ix.CompleteTerms(ctx, 1, func(n int) {
		if calls == 0 {
			t.opts.Log.Info("the search index is being made anew; searches take longer until that is done")
		}
		calls = n
	})
	if err == nil && calls > 0 {
		t.opts.Log.Info("the search index has been made anew", "calls", calls, "took", t.opts.Now().Sub(begun).Round(time.Millisecond))
	}
	failed := err != nil && ctx.Err() == nil && !errors.Is(err, ErrAway)
	if failed && !failing {
		t.opts.Log.Error("the search index could not be made anew; it is tried again", "err", err)
	}
	return failed
}
