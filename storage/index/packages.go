package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

// packageRow keeps a package's record. All but what is asked for by is in doc.
type packageRow struct {
	bun.BaseModel `bun:"table:packages,alias:packages"`

	ID    string               `bun:"id,pk"`
	At    int64                `bun:"at"`
	State earshot.PackageState `bun:"state"`
	Doc   string               `bun:"doc"`
}

func (r packageRow) pack() (p earshot.Package, err error) {
	err = json.Unmarshal([]byte(r.Doc), &p)
	return p, err
}

// ErrNoPackage means that there is no package of that id.
var ErrNoPackage = earshot.Fail(earshot.NotFound, "no_package", "there is no such package")

// SavePackage keeps a package's record, in place of the one of its id.
func (ix *Index) SavePackage(ctx context.Context, p earshot.Package) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	row := packageRow{ID: p.ID, At: msOf(p.At.Time), State: p.State, Doc: clean(string(doc))}
	return ix.change(ctx, synced, "keep a package's record", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").Exec(ctx)
		return err
	})
}

// Package is the package id, or ErrNoPackage.
func (ix *Index) Package(ctx context.Context, id string) (earshot.Package, error) {
	var row packageRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Package{}, ErrNoPackage
	}
	if err != nil {
		return earshot.Package{}, failed("read a package's record", err)
	}
	return row.pack()
}

// PackagePage is a page of packages, newest first.
type PackagePage struct {
	Packages []earshot.Package
	Next     string
}

// Packages are the packages' records, newest first; 50 unless limit says
// otherwise, at most 200.
func (ix *Index) Packages(ctx context.Context, cursor string, limit int) (PackagePage, error) {
	limit, err := limitOf(limit, 50, 200)
	if err != nil {
		return PackagePage{}, err
	}
	from, err := parseCursor(cursor)
	if err != nil {
		return PackagePage{}, err
	}
	var rows []packageRow
	q := ix.read.NewSelect().Model(&rows).Order("at DESC", "id DESC").Limit(int64(limit) + 1)
	if from.id != "" {
		q = q.Where("(at, id) < (?, ?)", from.at, from.id)
	}
	if err := q.Scan(ctx); err != nil {
		return PackagePage{}, failed("list packages", err)
	}
	return packagePage(rows, limit)
}

func packagePage(rows []packageRow, limit int) (PackagePage, error) {
	page := PackagePage{Packages: []earshot.Package{}}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		page.Next = position{last.At, last.ID}.String()
	}
	for _, r := range rows {
		p, err := r.pack()
		if err != nil {
			return page, failed("read a package's record", err)
		}
		page.Packages = append(page.Packages, p)
	}
	return page, nil
}

// PackagesIn are all packages in a state, oldest first.
func (ix *Index) PackagesIn(ctx context.Context, state earshot.PackageState) ([]earshot.Package, error) {
	var rows []packageRow
	if err := ix.read.NewSelect().Model(&rows).Where("state = ?", state).Order("at", "id").Scan(ctx); err != nil {
		return nil, failed("list packages", err)
	}
	page, err := packagePage(rows, len(rows))
	return page.Packages, err
}
