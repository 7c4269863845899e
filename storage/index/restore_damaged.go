package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// SetAsideDamaged looks whether the SQLite file at url is sound, and moves one
// that is not out of the way, with what belongs to it. It answers what it is
// called then and why; empty where nothing was moved, as where there is no file,
// and for PostgreSQL, which mends itself. Nobody may have the file open. An error
// is one of looking or of moving.
func SetAsideDamaged(ctx context.Context, url string, now time.Time) (as string, why, err error) {
	scheme, path, _ := strings.Cut(url, ":")
	if scheme != "sqlite" {
		return "", nil, nil
	}
	path = strings.TrimPrefix(path, "//")
	why, err = damageOf(ctx, path)
	if err != nil || why == nil {
		return "", nil, err
	}
	as = path + ".damaged-" + now.UTC().Format("20060102T150405.000Z")
	for _, end := range []string{"-wal", "-shm", ""} { // a crash in between leaves nothing that looks sound
		if err := os.Rename(path+end, as+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", why, fmt.Errorf("set %s aside: %w", path+end, err)
		}
	}
	return as, why, nil
}

// damageOf is what is wrong with the file at path, nil if nothing is or there is
// none.
func damageOf(ctx context.Context, path string) (why, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		// SQLite would throw away a log that has no file.
		if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
			return errors.New("its file is gone, its log is not"), nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().IsDir() {
		return nil, fmt.Errorf("%s is a folder", path)
	}
	why, err = unsound(ctx, path)
	if err != nil || why != nil {
		return why, err
	}
	return lackingTables(ctx, "sqlite:"+path)
}

// unsound has SQLite look at every page.
func unsound(ctx context.Context, path string) (why, err error) {
	connector, err := sqlite.NewConnector(sqliteName(path, sqliteBusy, "_txlock=deferred"))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	err = db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said)
	switch {
	case damaged(err):
		return err, nil //nolint:nilerr // it is the answer
	case err != nil:
		return nil, fmt.Errorf("look whether the index is sound: %w", err)
	case said != "ok":
		return errors.New(oneLine(errors.New(said))), nil
	}
	return nil, nil
}

// lackingTables brings a sound file's tables up to date: one without those that it
// says it has is no index.
func lackingTables(ctx context.Context, url string) (why, err error) {
	ix, err := connect(url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ix.Close()) }()
	if err := ix.start(ctx, 0, slog.New(slog.DiscardHandler)); err != nil {
		if ctx.Err() != nil || away(err) && !damaged(err) { // locked, full, or not allowed
			return nil, failed("open the index", err)
		}
		return errors.New(oneLine(err)), nil
	}
	tables, err := ix.tables(ctx)
	if err != nil {
		return nil, err
	}
	for _, known := range [][]string{backedUpTables(), tablesFromFiles, tablesWithoutFacts} {
		for _, table := range known {
			if !tables[table] {
				return fmt.Errorf("it has no table %s", table), nil
			}
		}
	}
	return nil, nil
}
