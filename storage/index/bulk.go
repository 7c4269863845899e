package index

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"earshot"
)

// Played is who first played a call.
type Played struct {
	Call string
	By   earshot.Audit
}

// Bulk puts many calls into an index that has none of them, with who played
// them. On PostgreSQL each load is sent by COPY, and the indexes of the tables
// are made when fn has ended, whether or not it failed: it is for an index that
// nobody else uses. On SQLite it is RestoreCalls and AddAudit.
func (ix *Index) Bulk(ctx context.Context, fn func(load func(calls []earshot.Call, plays []Played) error) error) (err error) {
	if !ix.postgres {
		return fn(func(calls []earshot.Call, plays []Played) error { return ix.loadOneByOne(ctx, calls, plays) })
	}
	definitions, err := ix.dropSecondary(ctx)
	if err != nil {
		return failed("put indexes aside", err)
	}
	defer func() {
		err = errors.Join(err, failed("make indexes", ix.makeSecondary(context.WithoutCancel(ctx), definitions)))
	}()
	return fn(func(calls []earshot.Call, plays []Played) error {
		return failed("copy calls", ix.copyCalls(ctx, calls, plays))
	})
}

func (ix *Index) loadOneByOne(ctx context.Context, calls []earshot.Call, plays []Played) error {
	restored := make([]Restored, len(calls))
	for i, c := range calls {
		restored[i].Call = c
	}
	if err := ix.RestoreCalls(ctx, restored); err != nil {
		return err
	}
	for _, p := range plays {
		if err := ix.AddAudit(ctx, p.By); err != nil {
			return err
		}
	}
	return nil
}

// bulkTables are the tables that Bulk writes.
var bulkTables = []string{"calls", "parts", "gaps", "marks", tagTable, flagTable, "call_terms", "audit"}

// secondary is an index or a reference that is put aside.
type secondary struct {
	Drop string `bun:"undo"`
	Make string `bun:"make"`
}

// dropSecondary drops references, and indexes that keep nothing unique, and
// answers how to make them again.
func (ix *Index) dropSecondary(ctx context.Context) ([]secondary, error) {
	var all []secondary
	err := ix.write.NewRaw(`
		SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', r.relname, c.conname) AS undo,
		       format('ALTER TABLE %I ADD CONSTRAINT %I %s', r.relname, c.conname, pg_get_constraintdef(c.oid)) AS make
		FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
		WHERE c.contype = 'f' AND r.relnamespace = current_schema()::regnamespace AND r.relname IN (?)
		UNION ALL
		SELECT format('DROP INDEX %I', i.relname), pg_get_indexdef(x.indexrelid)
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class r ON r.oid = x.indrelid
		WHERE NOT x.indisunique AND r.relnamespace = current_schema()::regnamespace AND r.relname IN (?)`,
		bun.List(bulkTables), bun.List(bulkTables)).Scan(ctx, &all)
	if err != nil {
		return nil, err
	}
	return all, ix.change(ctx, synced, "put indexes aside", func(tx bun.Tx) error {
		for _, s := range all {
			if _, err := tx.ExecContext(ctx, s.Drop); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeSecondary makes indexes first: references lean on them.
func (ix *Index) makeSecondary(ctx context.Context, all []secondary) error {
	for _, references := range []bool{false, true} {
		for _, s := range all {
			if strings.HasPrefix(s.Make, "ALTER TABLE") != references {
				continue
			}
			if _, err := ix.write.ExecContext(ctx, s.Make); err != nil {
				return fmt.Errorf("%s: %w", s.Make, err)
			}
		}
	}
	for _, table := range bulkTables {
		if _, err := ix.write.ExecContext(ctx, "VACUUM ANALYZE "+table); err != nil {
			return fmt.Errorf("look how %s is filled: %w", table, err)
		}
	}
	return nil
}

// copyCalls sends the rows of calls, all or none.
func (ix *Index) copyCalls(ctx context.Context, calls []earshot.Call, plays []Played) (err error) {
	var r restoring
	playedAt := make(map[string]int64, len(plays))
	audits := make([]auditRow, len(plays))
	for i, p := range plays {
		playedAt[p.Call], audits[i] = max(msOf(p.By.At.Time), 1), rowOfAudit(p.By)
	}
	for _, c := range calls {
		if err := r.add(Restored{Call: c}); err != nil {
			return err
		}
	}
	if err := readAboveNow(ctx, ix.read, r.whole); err != nil {
		return err
	}
	terms := make([]copiedTerms, len(calls))
	for i, c := range calls {
		terms[i] = copiedTermsOf(r.whole[i], playedAt[c.ID])
	}
	conn, err := ix.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(driver any) error {
		return pgx.BeginFunc(ctx, driver.(*stdlib.Conn).Conn(), func(tx pgx.Tx) error {
			to := copier{ctx, tx, ix.write.Dialect().Tables()}
			for _, rows := range []func() error{
				copying(to, "calls", r.calls), copying(to, "parts", r.parts), copying(to, "gaps", r.gaps), copying(to, "marks", r.marks),
				copying(to, tagTable, r.tags), copying(to, flagTable, r.flags), copying(to, "audit", audits), copying(to, "call_terms", terms),
			} {
				if err := rows(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// copiedTerms is a row of call_terms as PostgreSQL has it.
type copiedTerms struct {
	bun.BaseModel `bun:"table:call_terms"`

	Call     string          `bun:"call,pk"`
	Place    int64           `bun:"place"`
	Sum      int64           `bun:"sum"`
	PlayedAt int64           `bun:"played_at"`
	Terms    pgtype.TSVector `bun:"terms"`
}

func copiedTermsOf(rows callRows, playedAt int64) copiedTerms {
	place := placeOf(rows.call.ID, rows.call.StartedAt)
	terms := writtenTerms(rows, playedAt > 0, place, true)
	words := pgtype.TSVector{Lexemes: make([]pgtype.TSVectorLexeme, len(terms)), Valid: true}
	for i, t := range terms {
		words.Lexemes[i].Word = t
	}
	return copiedTerms{
		Call: rows.call.ID, Place: place, Sum: sumOf(strings.Join(terms, " ")), PlayedAt: playedAt, Terms: words,
	}
}

// copier is a transaction that rows are copied in.
type copier struct {
	ctx    context.Context
	tx     pgx.Tx
	models *schema.Tables
}

func copying[R any](to copier, table string, rows []R) func() error {
	return func() error {
		fields := to.models.Get(reflect.TypeFor[*R]()).Fields
		columns := make([]string, len(fields))
		for i, f := range fields {
			columns[i] = f.Name
		}
		_, err := to.tx.CopyFrom(to.ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			row, values := reflect.ValueOf(&rows[i]).Elem(), make([]any, len(fields))
			for j, f := range fields {
				values[j] = f.Value(row).Interface()
			}
			return values, nil
		}))
		if err != nil {
			return fmt.Errorf("copy %s: %w", table, err)
		}
		return nil
	}
}
