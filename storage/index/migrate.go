package index

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	gooselock "github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migration is what brings the tables up to date. Nodes that start at once on
// one PostgreSQL take turns; a SQLite file has one process.
func (ix *Index) migration(db *sql.DB) (*goose.Provider, error) {
	dialect, folder := goose.DialectSQLite3, "migrations/sqlite"
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if ix.postgres {
		dialect, folder = goose.DialectPostgres, "migrations/postgres"
		turn, err := gooselock.NewPostgresSessionLocker(gooselock.WithLockTimeout(1, 60))
		if err != nil {
			return nil, fmt.Errorf("make the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(turn))
	}
	sources, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, db, sources, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// bringUpToDate does what is to be done. Building an index over a large table
// takes minutes, and cut short it would begin anew for ever: only looking
// whether there is anything to do has a time limit.
func (ix *Index) bringUpToDate(ctx context.Context, m *goose.Provider, patience time.Duration, log *slog.Logger) error {
	asking, cancel := within(ctx, patience)
	defer cancel()
	if err := m.Ping(asking); err != nil {
		return err
	}
	pending, err := m.HasPending(asking)
	if err != nil {
		return fmt.Errorf("look how old the tables are: %w", err)
	}
	if !pending {
		return nil
	}
	from, to, err := m.GetVersions(asking)
	if err != nil {
		return fmt.Errorf("look how old the tables are: %w", err)
	}
	begun := time.Now()
	log.Info("bringing the index's tables up to date; with many calls this takes minutes, do not end it", "from", from, "to", to)
	done, err := m.Up(ctx)
	for _, step := range done {
		log.Info("a step of the index's tables is done", "step", filepath.Base(step.Source.Path), "took", step.Duration.Round(time.Millisecond))
	}
	if err != nil {
		return fmt.Errorf("bring the tables up to date: %w", err)
	}
	log.Info("the index's tables are up to date", "took", time.Since(begun).Round(time.Millisecond))
	return nil
}
