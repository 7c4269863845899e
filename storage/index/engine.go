package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"earshot"
)

// connect makes the pools; nothing has been asked of the engine yet.
func connect(where string) (*Index, error) {
	switch scheme, rest, _ := strings.Cut(where, ":"); scheme {
	case "sqlite":
		return connectSQLite(rest)
	case "postgres", "postgresql":
		return connectPostgres(where)
	}
	return nil, earshot.Fail(earshot.Invalid, "bad_index_url", "the index is sqlite:/path/to/file.db or postgres://…, not %q", visible(where))
}

func connectSQLite(path string) (*Index, error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.ContainsAny(path, "\x00") {
		return nil, earshot.Fail(earshot.Invalid, "bad_index_url", "sqlite: wants the path of a file")
	}
	ix := &Index{path: path, gate: new(gate), trouble: &trouble{now: time.Now}, effort: usualEffort()}
	pools := make([]*sql.DB, 3)
	for i, name := range []string{
		sqliteName(path, sqliteBusy, "_txlock=immediate"),
		sqliteName(path, sqliteBusy, "_pragma=query_only(1)"),
		sqliteName(path, lockWithin, "_txlock=deferred"),
	} {
		connector, err := sqlite.NewConnector(name)
		if err != nil {
			return nil, earshot.Fail(earshot.Invalid, "bad_index_url", "sqlite: wants the path of a file").Because(err)
		}
		ix.open = append(ix.open, connector)
		pools[i] = sql.OpenDB(gated{connector, ix.gate})
	}
	pools[0].SetMaxOpenConns(1)
	pools[1].SetMaxOpenConns(sqliteReaders())
	pools[2].SetMaxOpenConns(1)
	ix.write = bun.NewDB(pools[0], sqlitedialect.New()).WithQueryHook(ix.trouble)
	ix.read = bun.NewDB(pools[1], sqlitedialect.New()).WithQueryHook(ix.trouble)
	ix.lockProbe = pools[2]
	ix.keepIdle()
	return ix, nil
}

func sqliteReaders() int { return max(4, 2*runtime.NumCPU()) }

// keepIdle says how many connections that nobody uses are kept.
func (ix *Index) keepIdle() {
	if ix.postgres {
		ix.write.SetMaxIdleConns(8)
		return
	}
	ix.write.SetMaxIdleConns(1)
	ix.read.SetMaxIdleConns(sqliteReaders())
	ix.lockProbe.SetMaxIdleConns(1)
}

// prepare makes SQLite's file, if it is not there, so that nobody else may read
// it: SQLite gives the files beside it the same mode.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteBusy is how long a query waits for another process's lock.
const sqliteBusy = 5 * time.Second

// sqliteName is the driver's name for the file at path. The path is escaped: a
// ? or # in a folder's name is no option.
func sqliteName(path string, wait time.Duration, option string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return "file:" + escaped + "?_pragma=busy_timeout(" + strconv.FormatInt(wait.Milliseconds(), 10) + ")&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)" +
		"&_pragma=cache_size(-16000)&" + option
}

// connectWithin is how long a PostgreSQL may take to answer a new connection,
// unless its address says otherwise (connect_timeout): one behind a silent
// firewall must not hold up the start for ever.
const connectWithin = 5 * time.Second

// connectPostgres makes one pool. bun writes values into the query's text, so
// preparing each text would fill the statement cache with texts used once.
func connectPostgres(where string) (*Index, error) {
	config, err := pgx.ParseConfig(where)
	if err != nil {
		return nil, earshot.Fail(earshot.Invalid, "bad_index_url", "the PostgreSQL address cannot be read").Because(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWithin
	}
	ix := &Index{postgres: true, gate: new(gate), trouble: &trouble{now: time.Now}, effort: usualEffort()}
	connector := stdlib.GetConnector(*config, stdlib.OptionAfterConnect(planPages))
	ix.open = []driver.Connector{connector}
	db := sql.OpenDB(gated{connector, ix.gate})
	db.SetMaxOpenConns(16)
	ix.write = bun.NewDB(db, pgdialect.New()).WithQueryHook(ix.trouble)
	ix.read = ix.write
	ix.keepIdle()
	return ix, nil
}

// planPages sets a connection up for many short queries: to compile one, or to
// start workers for it, takes longer than to answer a page, and a search is not
// to take the processors from what is recorded.
func planPages(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET jit = off; SET max_parallel_workers_per_gather = 0", pgx.QueryExecModeSimpleProtocol)
	return err
}

// visible is where without what must not be shown.
func visible(where string) string {
	if u, err := url.Parse(where); err == nil {
		return u.Redacted()
	}
	scheme, _, _ := strings.Cut(where, ":")
	return scheme + ":…"
}
