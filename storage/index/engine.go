package index

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

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
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, unreachable("sqlite:"+path, err)
	}
	if err := private(path); err != nil {
		return nil, unreachable("sqlite:"+path, err)
	}
	write, err := sql.Open("sqlite", sqliteName(path, "_txlock=immediate"))
	if err != nil {
		return nil, unreachable("sqlite:"+path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteName(path, "_pragma=query_only(1)"))
	if err != nil {
		return nil, unreachable("sqlite:"+path, err)
	}
	readers := max(4, 2*runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &Index{
		read:   bun.NewDB(read, sqlitedialect.New()),
		write:  bun.NewDB(write, sqlitedialect.New()),
		effort: usualEffort(),
	}, nil
}

// private makes the file, if it is not there, so that nobody else may read it:
// SQLite gives the files beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteName is the driver's name for the file at path. The path is escaped: a
// ? or # in a folder's name is no option.
func sqliteName(path, option string) string {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return "file:" + escaped + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)" +
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
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(8)
	both := bun.NewDB(db, pgdialect.New())
	return &Index{read: both, write: both, postgres: true, effort: usualEffort()}, nil
}

// visible is where without what must not be shown.
func visible(where string) string {
	if u, err := url.Parse(where); err == nil {
		return u.Redacted()
	}
	scheme, _, _ := strings.Cut(where, ":")
	return scheme + ":…"
}
