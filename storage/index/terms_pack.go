package index

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// packAtOnce is how many pages of the word index are written in one
// transaction.
const packAtOnce = 250

// packWords joins the pieces that SQLite's word index is in, each of which every
// search looks for each of its terms in. Where all terms were made anew, what is
// left of the old ones goes with it. PostgreSQL's index is of one piece, and
// what it had is used again.
func (ix *Index) packWords(ctx context.Context, rest float64) error {
	if ix.postgres {
		return nil
	}
	for pages := -packAtOnce; ; pages = packAtOnce { // a negative number begins it
		begun, changed := time.Now(), 0
		err := ix.change(ctx, lazy, "pack the word index", func(tx bun.Tx) error {
			var before, after int
			if err := tx.NewRaw("SELECT total_changes()").Scan(ctx, &before); err != nil {
				return err
			}
			if _, err := tx.NewRaw("INSERT INTO call_words (call_words, rank) VALUES ('merge', ?)", pages).Exec(ctx); err != nil {
				return err
			}
			err := tx.NewRaw("SELECT total_changes()").Scan(ctx, &after)
			changed = after - before
			return err
		})
		if err != nil || changed < 2 { // it counts the command itself
			return err
		}
		if err := pause(ctx, rest, time.Since(begun)); err != nil {
			return err
		}
	}
}
