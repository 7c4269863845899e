package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// Nodes of one PostgreSQL may be of two versions while they are brought up to
// date one by one. What the older writes the newer's searches would not find: so
// from when the newer begins to make terms of its form, the index is away to the
// older. It goes on to record, and its calls enter the index once it is brought
// up to date itself.

var errNewer = errors.New("a newer version has made it over, whose search terms this one does not know: bring this one up to date")

// newer says whether terms are, or are becoming, those of a newer version.
func (s termsState) newer() bool { return max(s.Version, s.Making) > termsVersion }

// newerTerms fails with errNewer where they are.
func newerTerms(ctx context.Context, db bun.IDB) error {
	var state termsState
	if err := db.NewSelect().Model(&state).Scan(ctx); err != nil {
		return fmt.Errorf("look which terms there are: %w", err)
	}
	if state.newer() {
		return ErrAway.Because(errNewer)
	}
	return nil
}

// beginTerms notes that terms are made in our form. Who is about to write terms
// of an older one is waited for, and those after see the note: they hold the
// tree of branches as they look. No call is touched yet, which they may hold.
func beginTerms(ctx context.Context, tx bun.Tx, state *termsState) error {
	state.Making, state.MakingTree, state.After = termsVersion, -1, ""
	if _, err := tx.NewUpdate().Model(state).Where("TRUE").Exec(ctx); err != nil {
		return err
	}
	if !isPostgres(tx) { // one writes at a time
		return nil
	}
	var n int64
	return tx.NewSelect().Model((*lockRow)(nil)).Column("n").Where("name = ?", branchTree).For("UPDATE").Scan(ctx, &n)
}
