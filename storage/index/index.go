// Package index keeps what is known of calls, seats, branches, people and who
// did what, in SQLite or in PostgreSQL. Both have the same tables, made by
// migrations of their own, and are asked by one set of queries.
//
// Times are kept as milliseconds since the Unix epoch, so that the two engines
// cannot differ about them.
//
// How durable a commit is, in SQLite: with WAL a power failure never damages
// the file, but commits that were not synced are gone. What nothing else could
// bring back (people, seats, tokens, audit) and calls that are stored are synced
// before their commit returns; the states of live calls, agents and sessions are
// not, because a sync each would cost hundreds of calls too many flushes and the
// call's own file has all of it. A later synced commit makes the ones before it
// durable too. PostgreSQL syncs as its administrator set it.
//
// Goroutines: those of database/sql's pools, and of an index that was opened by
// Tend the one that looks after it and the one that completes terms; all end
// with Close.
package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// Index is an open index. Its methods may be called from any goroutine.
type Index struct {
	read     *bun.DB
	write    *bun.DB // in SQLite one connection: writers wait in line instead of failing busy
	postgres bool
	effort   effort

	termsWhole atomic.Bool  // all calls have their terms, and searches may rely on them
	termsTree  atomic.Int64 // the state of the branches' tree that they have; see treeOf

	open      []driver.Connector // of the pools, without a gate: writer first
	path      string             // of SQLite's file
	gate      *gate
	trouble   *trouble
	tender    *tender      // nil if opened by Open
	lockProbe *sql.DB      // SQLite: a connection that waits but shortly for the write lock
	writing   atomic.Int32 // changes under way, with the lock
}

// Open opens the index at url, "sqlite:/path/to/file.db" or "postgres://…", and
// brings its tables up to date. It fails with code `bad_index_url` where url
// says neither, and with `index_unreachable` where no usable index answers there.
func Open(ctx context.Context, url string) (*Index, error) {
	ix, err := connect(url)
	if err != nil {
		return nil, err
	}
	if err := ix.start(ctx, 0, slog.New(slog.DiscardHandler)); err != nil {
		return nil, errors.Join(unreachable(url, err), ix.Close())
	}
	return ix, nil
}

// start brings the tables up to date and looks whether they can be used, by a
// connection of its own, whether or not the gate is open. The engine has to
// answer within patience, 0 is no bound; what brings tables up to date may take
// longer, and the log says what it does.
func (ix *Index) start(ctx context.Context, patience time.Duration, log *slog.Logger) (err error) {
	if !ix.postgres {
		if err := prepare(ix.path); err != nil {
			return engineFile{err}
		}
	}
	db := sql.OpenDB(ix.open[0])
	defer func() { err = errors.Join(err, db.Close()) }()
	migration, err := ix.migration(db)
	if err != nil {
		return err
	}
	if err := ix.bringUpToDate(ctx, migration, patience, log); err != nil {
		return err
	}
	asking, cancel := within(ctx, patience)
	defer cancel()
	if err := ix.lookAtTerms(asking, ix.with(db)); err != nil {
		return err
	}
	_, err = db.ExecContext(asking, "SELECT count(*) FROM locks")
	return err
}

// within is ctx with a time limit, 0 is none.
func within(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	if patience == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// with is db spoken to as the index's pools are.
func (ix *Index) with(db *sql.DB) *bun.DB {
	if ix.postgres {
		return bun.NewDB(db, pgdialect.New())
	}
	return bun.NewDB(db, sqlitedialect.New())
}

// Close waits for queries under way and closes all connections.
func (ix *Index) Close() error {
	if ix.tender != nil {
		ix.tender.close()
	}
	if ix.read == ix.write {
		return ix.write.Close()
	}
	return errors.Join(ix.lockProbe.Close(), ix.read.Close(), ix.write.Close())
}

// Healthy is why the index cannot be asked, nil if it can.
func (ix *Index) Healthy(ctx context.Context) error {
	var n int
	err := ix.read.NewSelect().Model((*lockRow)(nil)).ColumnExpr("count(*)").Scan(ctx, &n)
	return failed("ask the index", err)
}

// durability says whether a commit is synced before it returns; see the
// package's comment.
type durability bool

const (
	synced durability = true
	lazy   durability = false
)

// change runs fn in a transaction of the writer. In SQLite the transaction
// holds the write lock from its beginning.
func (ix *Index) change(ctx context.Context, d durability, doing string, fn func(tx bun.Tx) error) error {
	err := ix.inTx(ctx, d, fn)
	return failed(doing, err)
}

func (ix *Index) inTx(ctx context.Context, d durability, fn func(tx bun.Tx) error) (err error) {
	conn, err := ix.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if !ix.postgres {
		mode := "NORMAL"
		if d == synced {
			mode = "FULL"
		}
		if _, err := conn.ExecContext(ctx, "PRAGMA synchronous = "+mode); err != nil {
			return err
		}
	}
	return conn.RunInTx(ctx, &sql.TxOptions{}, func(_ context.Context, tx bun.Tx) error {
		ix.writing.Add(1)
		defer ix.writing.Add(-1)
		return fn(tx)
	})
}

// lockRow is a row of locks: who updates it first has a whole table unchanged
// until the transaction ends.
type lockRow struct {
	bun.BaseModel `bun:"table:locks,alias:locks"`

	Name string `bun:"name,pk"`
	N    int64  `bun:"n"`
}

// lock takes the lock of that name until tx ends.
func lock(ctx context.Context, tx bun.Tx, name string) error {
	_, err := tx.NewUpdate().Model((*lockRow)(nil)).Set("n = n + 1").Where("name = ?", name).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}
