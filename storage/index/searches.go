package index

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

// searchRow keeps a saved search.
type searchRow struct {
	bun.BaseModel `bun:"table:searches,alias:searches"`

	ID     string `bun:"id,pk"`
	Name   string `bun:"name"`
	Query  string `bun:"query"`
	Shared bool   `bun:"shared"`
	Maker  string `bun:"maker"`
	At     int64  `bun:"at"`
}

func rowOfSearch(s earshot.SavedSearch) searchRow {
	return searchRow{ID: s.ID, Name: clean(s.Name), Query: clean(s.Query), Shared: s.Shared, Maker: s.By, At: msOf(s.At.Time)}
}

func (r searchRow) search() earshot.SavedSearch {
	return earshot.SavedSearch{ID: r.ID, Name: r.Name, Query: r.Query, Shared: r.Shared, By: r.Maker, At: earshot.At(timeOf(r.At))}
}

// Bounds of what is kept: of one person, and of what all share.
const (
	mostSearches       = 100
	mostSharedSearches = 500
)

// Failures of saved searches.
var (
	ErrNoSearch     = earshot.Fail(earshot.NotFound, "no_search", "there is no such saved search")
	ErrSearchNamed  = earshot.Fail(earshot.Conflict, "search_named", "you have a search of this name already")
	ErrManySearches = earshot.Fail(earshot.Conflict, "many_searches", "there are as many saved searches as are kept; delete some first")
)

// SavedSearches are the searches that user has saved, and those that others
// share, by name.
func (ix *Index) SavedSearches(ctx context.Context, user string) ([]earshot.SavedSearch, error) {
	var rows []searchRow
	if err := ix.read.NewSelect().Model(&rows).Where("maker = ? OR shared", user).Order("name", "id").Scan(ctx); err != nil {
		return nil, failed("list saved searches", err)
	}
	searches := make([]earshot.SavedSearch, len(rows))
	for i, r := range rows {
		searches[i] = r.search()
	}
	return searches, nil
}

// SavedSearch is the saved search id, whoever's it is, or ErrNoSearch.
func (ix *Index) SavedSearch(ctx context.Context, id string) (earshot.SavedSearch, error) {
	s, err := savedSearch(ctx, ix.read, id)
	return s, failed("read a saved search", err)
}

func savedSearch(ctx context.Context, db bun.IDB, id string) (earshot.SavedSearch, error) {
	var row searchRow
	err := db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.SavedSearch{}, ErrNoSearch
	}
	return row.search(), err
}

// AddSavedSearch keeps a search; ErrSearchNamed, ErrManySearches.
func (ix *Index) AddSavedSearch(ctx context.Context, s earshot.SavedSearch) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "save a search", func(tx bun.Tx) error {
		if err := lock(ctx, tx, "searches"); err != nil {
			return err
		}
		row := rowOfSearch(s)
		if err := fits(ctx, tx, row); err != nil {
			return err
		}
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
}

// ChangeSavedSearch does change to the search id as it is then, and answers what
// it became; ErrNoSearch, ErrSearchNamed, ErrManySearches, and what change
// answers, which leaves the search as it was.
func (ix *Index) ChangeSavedSearch(ctx context.Context, id string, change func(s *earshot.SavedSearch) error) (earshot.SavedSearch, error) {
	var changed earshot.SavedSearch
	err := ix.change(ctx, synced, "change a saved search", func(tx bun.Tx) error {
		if err := lock(ctx, tx, "searches"); err != nil {
			return err
		}
		s, err := savedSearch(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := errors.Join(change(&s), s.Validate()); err != nil {
			return err
		}
		s.ID = id
		row := rowOfSearch(s)
		if err := fits(ctx, tx, row); err != nil {
			return err
		}
		changed = row.search()
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
	return changed, err
}

// fits says whether row can stand beside the other searches.
func fits(ctx context.Context, tx bun.Tx, row searchRow) error {
	others := func() *bun.SelectQuery { return tx.NewSelect().Model((*searchRow)(nil)).Where("id <> ?", row.ID) }
	named, err := others().Where("maker = ?", row.Maker).Where("name = ?", row.Name).Exists(ctx)
	if err != nil {
		return err
	}
	if named {
		return ErrSearchNamed
	}
	own, err := others().Where("maker = ?", row.Maker).Count(ctx)
	if err != nil {
		return err
	}
	if own >= mostSearches {
		return ErrManySearches
	}
	if !row.Shared {
		return nil
	}
	shared, err := others().Where("shared").Count(ctx)
	if err == nil && shared >= mostSharedSearches {
		return ErrManySearches
	}
	return err
}

// DeleteSavedSearch takes a search away; ErrNoSearch.
func (ix *Index) DeleteSavedSearch(ctx context.Context, id string) error {
	return ix.change(ctx, synced, "delete a saved search", func(tx bun.Tx) error {
		none, err := changedNone(tx.NewDelete().Model((*searchRow)(nil)).Where("id = ?", id).Exec(ctx))
		if none {
			return ErrNoSearch
		}
		return err
	})
}

// dropSearches takes away what user alone could see.
func dropSearches(ctx context.Context, tx bun.Tx, user string) error {
	_, err := tx.NewDelete().Model((*searchRow)(nil)).Where("maker = ?", user).Where("NOT shared").Exec(ctx)
	return err
}
