package index

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"earshot"
)

// What is answered when something fails, and whether it is the engine that is away.
func TestFailed(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "audio/x.json.part", Err: syscall.ENOSPC}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, row := range []struct {
		what string
		err  error
		away bool
	}{
		{"the engine refuses connections", refused, true},
		{"its connection broke", &net.OpError{Op: "read", Net: "unix", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		{"its name is not known", &net.DNSError{Err: "no such host", Name: "db"}, true},
		{"it could not be connected to", &pgconn.ConnectError{}, true},
		{"the driver gave its connection up", driver.ErrBadConn, true},
		{"it is being shut down", &pgconn.PgError{Code: "57P01"}, true},
		{"its disk is full", &pgconn.PgError{Code: "53100"}, true},
		{"its file cannot be opened", engineFile{&fs.PathError{Op: "open", Path: "index.db", Err: syscall.EACCES}}, true},
		{"the query is wrong", &pgconn.PgError{Code: "42601"}, false},
		{"the disk of a file is full", full, false},
		{"the disk of a file is broken", fmt.Errorf("sync: %w", &fs.PathError{Op: "sync", Path: "x", Err: syscall.EIO}), false},
		{"files may not be written", fs.ErrPermission, false},
		{"too many files are open", os.NewSyscallError("open", syscall.EMFILE), false},
		{"a file in a store elsewhere cannot be reached", outside{refused}, false},
		{"who asked has gone", context.Canceled, false},
		{"it took too long", context.DeadlineExceeded, false},
		{"it is in our own words", earshot.ErrNoCall.Because(refused), false},
	} {
		t.Run(row.what, func(t *testing.T) {
			got := failed("do it", row.err)
			if errors.Is(got, ErrAway) != row.away || !errors.Is(got, row.err) {
				t.Errorf("%v", got)
			}
		})
	}
}

// brokenWriter takes some bytes and fails then.
type brokenWriter struct {
	room int
	why  error
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, w.why
	}
	return len(p), nil
}

// TestFailuresAmidAQuery: what fails in the middle of a transaction and is not the
// engine's is answered as it is, and nothing is kept.
func TestFailuresAmidAQuery(t *testing.T) {
	why := &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	bothEngines(t, func(t *testing.T, url string) {
		ix := opened(t, url)
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		c := storedAt(at)
		fine(t, ix.SaveCall(t.Context(), c))
		for what, do := range map[string]func(error) error{
			"an edit": func(err error) error {
				_, got := ix.EditCall(t.Context(), c.ID, func(c *earshot.Call) error { c.Account = "3301"; return err })
				return got
			},
			"what is done beside a call": func(err error) error {
				return ix.GuardCall(t.Context(), c.ID, func(earshot.Call) error { return err })
			},
			"an analysis": func(err error) error {
				return ix.JudgeCalls(t.Context(), []string{c.ID}, func([]earshot.Call) ([]Judged, error) { return nil, err })
			},
			"a back-up": func(err error) error {
				_, got := ix.Backup(t.Context(), &brokenWriter{5, err}, "test", at)
				return got
			},
		} {
			for _, err := range []error{why, full} {
				if got := do(err); !errors.Is(got, err) || errors.Is(got, ErrAway) {
					t.Errorf("%s, %v: %v", what, err, got)
				}
			}
		}
		if got, err := ix.Call(t.Context(), c.ID); err != nil || got.Account != "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
