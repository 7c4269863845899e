package index

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// gate says whether connections may be made. While an index is not there, or is
// not one that can be used, everybody who asks it is answered ErrAway at once.
// The zero value is open.
type gate struct {
	mu   sync.Mutex
	shut error
}

func (g *gate) close(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = ErrAway.Because(why)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = nil
}

func (g *gate) why() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// gated are an engine's connections as far as the gate lets them be made.
type gated struct {
	driver.Connector
	gate *gate
}

// Connect makes a connection, or fails with ErrAway.
func (g gated) Connect(ctx context.Context) (driver.Conn, error) {
	if err := g.gate.why(); err != nil {
		return nil, err
	}
	return g.Connector.Connect(ctx)
}

// trouble is what queries last met that was the engine's fault. It is a hook of
// every query.
type trouble struct {
	now func() time.Time

	mu      sync.Mutex
	refused error // the engine took no write; nil again once a commit worked
	at      time.Time
	damage  error // a damaged page: stays until the index is opened anew
}

// BeforeQuery does nothing.
func (t *trouble) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

// AfterQuery notes how a query ended.
func (t *trouble) AfterQuery(_ context.Context, q *bun.QueryEvent) {
	switch {
	case q.Err == nil && strings.HasPrefix(q.Query, "COMMIT"):
		t.mu.Lock()
		t.refused = nil
		t.mu.Unlock()
	case q.Err == nil, errors.Is(q.Err, ErrAway): // the gate's own word
	case damaged(q.Err):
		t.mu.Lock()
		t.damage = q.Err
		t.mu.Unlock()
	case noRoom(q.Err):
		t.mu.Lock()
		t.refused, t.at = q.Err, t.now()
		t.mu.Unlock()
	}
}

// refusedFor is how long a refusal that nobody met again is believed.
const refusedFor = 15 * time.Second

// now is what is the matter at the instant at.
func (t *trouble) list(at time.Time) (refused, damage error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused != nil && at.Sub(t.at) >= refusedFor {
		t.refused = nil
	}
	return t.refused, t.damage
}

func (t *trouble) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused, t.damage = nil, nil
}

// damaged says whether err means that what lies in SQLite's file is none.
func damaged(err error) bool {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	code := lite.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// noRoom says whether err means that the engine's disk takes no writes, which who
// only reads does not notice.
func noRoom(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "53100"
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	code := lite.Code() & 0xff
	return code == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_READONLY
}

// busy says whether err means that another process holds SQLite's write lock.
func busy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}
