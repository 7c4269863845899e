package index

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

// Failures about imports that callers tell apart.
var (
	ErrNoImport = earshot.Fail(earshot.NotFound, "no_import", "there is no such import")
)

// importRow keeps a batch. What people said of it is in doc.
type importRow struct {
	bun.BaseModel `bun:"table:imports,alias:imports"`

	ID        string              `bun:"id,pk"`
	At        int64               `bun:"at"`
	State     earshot.ImportState `bun:"state"`
	Doc       string              `bun:"doc"`
	StartedAt int64               `bun:"started_at"`
	EndedAt   int64               `bun:"ended_at"`
	Error     string              `bun:"error"`

	importCounts
}

// importCounts follow a batch's files.
type importCounts struct {
	Files     int   `bun:"files"`
	Bytes     int64 `bun:"bytes"`
	Stored    int   `bun:"stored"`
	Duplicate int   `bun:"duplicate"`
	Refused   int   `bun:"refused"`
	Other     int   `bun:"other"`
	Remarked  int   `bun:"remarked"`
	AudioMs   int64 `bun:"audio_ms"`
}

// importDoc is what people said of a batch.
type importDoc struct {
	Name     string                 `json:"name"`
	By       string                 `json:"by"`
	Settings earshot.ImportSettings `json:"settings"`
}

func rowOfImport(m earshot.Import) (importRow, error) {
	doc, err := json.Marshal(importDoc{m.Name, m.By, m.Settings})
	return importRow{
		ID: m.ID, At: msOf(m.At.Time), State: m.State, Doc: clean(string(doc)),
		StartedAt: msOf(m.StartedAt.Time), EndedAt: msOf(m.EndedAt.Time), Error: clean(m.Error),
	}, err
}

func (r importRow) batch() (earshot.Import, error) {
	var doc importDoc
	err := json.Unmarshal([]byte(r.Doc), &doc)
	return earshot.Import{
		ID: r.ID, Name: doc.Name, By: doc.By, At: earshot.At(timeOf(r.At)), State: r.State, Settings: doc.Settings,
		Files: r.Files, Bytes: r.Bytes, Done: r.Stored + r.Duplicate + r.Refused, Stored: r.Stored, Duplicate: r.Duplicate,
		Refused: r.Refused, Other: r.Other, Remarked: r.Remarked, AudioMs: r.AudioMs,
		StartedAt: earshot.At(timeOf(r.StartedAt)), EndedAt: earshot.At(timeOf(r.EndedAt)), Error: r.Error,
	}, err
}

// CreateImport keeps a new batch without files.
func (ix *Index) CreateImport(ctx context.Context, m earshot.Import) error {
	row, err := rowOfImport(m)
	if err != nil {
		return err
	}
	return ix.change(ctx, synced, "keep an import", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).Exec(ctx)
		if taken(err) {
			return ErrExists
		}
		return err
	})
}

// Import is the batch id, or ErrNoImport.
func (ix *Index) Import(ctx context.Context, id string) (earshot.Import, error) {
	var row importRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Import{}, ErrNoImport
	}
	if err != nil {
		return earshot.Import{}, failed("read an import", err)
	}
	return row.batch()
}

// ChangeImport does change to a batch, all but its counts, and answers what it is
// then; ErrNoImport, and the error of change. Two who change one take turns.
func (ix *Index) ChangeImport(ctx context.Context, id string, change func(*earshot.Import) error) (m earshot.Import, err error) {
	err = ix.change(ctx, synced, "change an import", func(tx bun.Tx) error {
		row, err := lockImport(ctx, tx, id)
		if err != nil {
			return err
		}
		if m, err = row.batch(); err != nil {
			return err
		}
		if err := change(&m); err != nil {
			return err
		}
		m.ID = id
		if row, err = rowOfImport(m); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model(&row).Column("state", "doc", "started_at", "ended_at", "error").WherePK().Exec(ctx)
		return err
	})
	return m, err
}

// lockImport reads a batch's row and has it unchanged until tx ends.
func lockImport(ctx context.Context, tx bun.Tx, id string) (row importRow, err error) {
	none, err := changedNone(tx.NewUpdate().Model((*importRow)(nil)).Set("state = state").Where("id = ?", id).Exec(ctx))
	if err == nil && none {
		err = ErrNoImport
	}
	if err != nil {
		return row, err
	}
	return row, tx.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
}

// DeleteImport takes a batch and what is known of its files away; the calls that
// it brought stay. may is asked first; ErrNoImport, and the error of may.
func (ix *Index) DeleteImport(ctx context.Context, id string, may func(earshot.Import) error) error {
	return ix.change(ctx, synced, "delete an import", func(tx bun.Tx) error {
		row, err := lockImport(ctx, tx, id)
		if err != nil {
			return err
		}
		m, err := row.batch()
		if err != nil {
			return err
		}
		if err := may(m); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*importFileRow)(nil)).Where("batch = ?", id).Exec(ctx); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*importRow)(nil)).Where("id = ?", id).Exec(ctx)
		return err
	})
}

// ImportPage is a page of batches, newest first.
type ImportPage struct {
	Imports []earshot.Import
	Next    string
}

// Imports are the batches, newest first; 50 unless limit says otherwise, at most
// 200.
func (ix *Index) Imports(ctx context.Context, cursor string, limit int) (ImportPage, error) {
	page := ImportPage{Imports: []earshot.Import{}}
	limit, err := limitOf(limit, 50, 200)
	if err != nil {
		return page, err
	}
	from, err := parseCursor(cursor)
	if err != nil {
		return page, err
	}
	var rows []importRow
	q := ix.read.NewSelect().Model(&rows).Order("at DESC", "id DESC").Limit(int64(limit) + 1)
	if from.id != "" {
		q = q.Where("(at, id) < (?, ?)", from.at, from.id)
	}
	if err := q.Scan(ctx); err != nil {
		return page, failed("list imports", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = position{rows[limit-1].At, rows[limit-1].ID}.String()
	}
	page.Imports, err = batches(rows)
	return page, err
}

// ImportsIn are all batches in a state, oldest first.
func (ix *Index) ImportsIn(ctx context.Context, state earshot.ImportState) ([]earshot.Import, error) {
	var rows []importRow
	if err := ix.read.NewSelect().Model(&rows).Where("state = ?", state).Order("at", "id").Scan(ctx); err != nil {
		return nil, failed("list imports", err)
	}
	return batches(rows)
}

func batches(rows []importRow) ([]earshot.Import, error) {
	all := make([]earshot.Import, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = r.batch(); err != nil {
			return nil, failed("read an import", err)
		}
	}
	return all, nil
}

// ImportNamed is the newest batch of that maker and name, or ErrNoImport.
func (ix *Index) ImportNamed(ctx context.Context, by, name string) (earshot.Import, error) {
	for cursor := ""; ; {
		page, err := ix.Imports(ctx, cursor, 200)
		if err != nil {
			return earshot.Import{}, err
		}
		for _, m := range page.Imports {
			if m.By == by && m.Name == name {
				return m, nil
			}
		}
		if cursor = page.Next; cursor == "" {
			return earshot.Import{}, ErrNoImport
		}
	}
}
