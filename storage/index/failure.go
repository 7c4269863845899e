package index

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"earshot"
)

// Failures of this package that callers tell apart.
var (
	ErrNoBranch    = earshot.Fail(earshot.NotFound, "no_branch", "there is no such branch")
	ErrNoUser      = earshot.Fail(earshot.NotFound, "no_user", "there is no such user")
	ErrNoAgent     = earshot.Fail(earshot.NotFound, "no_agent", "there is no such agent")
	ErrNoMark      = earshot.Fail(earshot.NotFound, "no_mark", "the call has no such mark")
	ErrNoHold      = earshot.Fail(earshot.NotFound, "no_hold", "there is no such hold")
	ErrNoPolicy    = earshot.Fail(earshot.NotFound, "no_policy", "there is no such policy")
	ErrManyRules   = earshot.Fail(earshot.Conflict, "many_policies", "there are as many policies as can be kept in mind; join some first")
	ErrStillLive   = earshot.Fail(earshot.Conflict, "live", "the call is live")
	ErrHeld        = earshot.Fail(earshot.Conflict, "held", "a hold keeps the call")
	ErrKept        = earshot.Fail(earshot.Conflict, "kept", "retention does not allow the call to be deleted")
	ErrExists      = earshot.Fail(earshot.Conflict, "exists", "there is one with this id already")
	ErrBranchInUse = earshot.Fail(earshot.Conflict, "branch_in_use", "the branch still has seats or branches below it")
	ErrSeatInUse   = earshot.Fail(earshot.Conflict, "seat_in_use", "the seat has an open call")
	ErrFormerUser  = earshot.Fail(earshot.Conflict, "former_user", "somebody had this id who was deleted, and what they did is kept under it; take another")
	ErrLastAdmin   = earshot.Fail(earshot.Conflict, "last_admin", "the last administrator must stay")
	ErrBadParent   = earshot.Fail(earshot.Invalid, "bad_parent", "the parent must be another branch that exists and lies not below this one")
	ErrBadBranch   = earshot.Fail(earshot.Invalid, "bad_branch", "there is no such branch for it to belong to")
	ErrBadCursor   = earshot.Fail(earshot.Invalid, "bad_cursor", "the cursor is not one that was given out")
	ErrAway        = earshot.Fail(earshot.Unavailable, "index_away", "the index cannot be reached; try again")
)

// unreachable says in one line why the index cannot be used: who reads it has
// just started the program.
func unreachable(where string, err error) error {
	reason := strings.Join(strings.Fields(err.Error()), " ")
	return earshot.Fail(earshot.Unavailable, "index_unreachable", "the index %s cannot be used: %s", visible(where), reason)
}

// failed says what was being done when err happened. Failures in earshot's own
// words pass as they are; an engine that is away becomes ErrAway.
func failed(doing string, err error) error {
	var said *earshot.Error
	var notOurs outside
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &notOurs):
		return fmt.Errorf("%s: %w", doing, err)
	case away(err):
		return ErrAway.Because(fmt.Errorf("%s: %w", doing, err))
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// outside is a failure, in the middle of a query, of what the engine has no part
// in: a file that is written, or who takes a back-up over the network.
type outside struct{ error }

func (o outside) Unwrap() error { return o.error }

// engineFile is a failure to get at the engine's own file.
type engineFile struct{ error }

func (e engineFile) Unwrap() error { return e.error }

// fromNetwork says whether err came of a connection. What the system refuses, such
// as to write to a disk that is full, answers to net.Error, too.
func fromNetwork(err error) bool {
	var network net.Error
	if !errors.As(err, &network) {
		return false
	}
	_, refused := network.(syscall.Errno)
	return !refused
}

// away says whether err means that the engine, not the query, is at fault.
func away(err error) bool {
	var file engineFile
	var connecting *pgconn.ConnectError
	if fromNetwork(err) || errors.As(err, &file) || errors.As(err, &connecting) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Class 08: connection; 53: resources; 57: operator intervention; 58: system.
		return strings.Contains(" 08 53 57 58 ", " "+pg.Code[:min(2, len(pg.Code))]+" ")
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
			sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return true
		}
	}
	return false
}

// taken says whether err is a key that exists already.
func taken(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) &&
		(lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE)
}

// dangling says whether err is a reference to, or from, a row that is not as
// the reference needs it.
func dangling(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// changedNone says whether a statement found no row to change.
func changedNone(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 0, err
}
