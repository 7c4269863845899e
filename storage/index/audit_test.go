package index_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

func TestAudit(t *testing.T) {
	engines(t, func(t *testing.T, ix *index.Index) {
		ctx := t.Context()
		someCall := earshot.NewID(start)
		var rows []earshot.Audit
		for i := range 7 {
			a := earshot.Audit{At: earshot.At(start.Add(time.Duration(i/2) * time.Second)), Who: "admin", From: "10.0.0.1", Action: earshot.AuditPlay, Call: someCall, ToMs: 5}
			if i%2 == 1 {
				a.Who, a.Action, a.Call, a.Target, a.Reason = "seat:seat-1", earshot.AuditCreate, "", "seat-2", "原因 '\x00"
			}
			a.ID = fmt.Sprintf("00000000-0000-7000-8000-%012d", i)
			must(t, ix.AddAudit(ctx, a))
			a.Reason = strings.ReplaceAll(a.Reason, "\x00", "\uFFFD")
			rows = append([]earshot.Audit{a}, rows...)
		}
		find := func(q index.AuditQuery) []earshot.Audit {
			t.Helper()
			found := []earshot.Audit{}
			for {
				page, err := ix.SearchAudit(ctx, q)
				must(t, err)
				found = append(found, page.Audit...)
				if q.Cursor = page.Next; q.Cursor == "" {
					return found
				}
			}
		}
		for _, limit := range []int{0, 1, 3, 7} {
			same(t, "all", find(index.AuditQuery{Limit: limit}), rows)
			same(t, "who", find(index.AuditQuery{Who: "admin", Limit: limit}), []earshot.Audit{rows[0], rows[2], rows[4], rows[6]})
			same(t, "call", len(find(index.AuditQuery{Call: someCall, Limit: limit})), 4)
			same(t, "target", len(find(index.AuditQuery{Target: "seat-2", Limit: limit})), 3)
			same(t, "actions", len(find(index.AuditQuery{Actions: []string{earshot.AuditCreate, earshot.AuditDelete}, Limit: limit})), 3)
			same(t, "span", find(index.AuditQuery{From: start.Add(time.Second), To: start.Add(2 * time.Second), Limit: limit}), rows[3:5])
		}
		_, err := ix.SearchAudit(ctx, index.AuditQuery{Limit: 501})
		wantCode(t, err, "bad_limit")
		must(t, ix.AddAudit(ctx, earshot.Audit{At: earshot.At(start.Add(time.Hour)), Who: "x"}))
		page, err := ix.SearchAudit(ctx, index.AuditQuery{Who: "x"})
		must(t, err)
		same(t, "an id was made", earshot.ValidCallID(page.Audit[0].ID), true)
	})
}

// Whoever has the database can still not change a row by SQL.
func TestAuditRefusesChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "index.db")
	for _, engine := range []struct {
		name, driver, source string
		url                  string
		statements           []string
	}{
		{"sqlite", "sqlite", file, "sqlite:" + file, []string{
			"REPLACE INTO audit SELECT id, at, 'somebody else', came_from, action, target, call, from_ms, to_ms, reason FROM audit"}},
		{"postgres", "pgx", "", "", []string{"TRUNCATE audit"}},
	} {
		t.Run(engine.name, func(t *testing.T) {
			if engine.url == "" {
				engine.url = pgtest.Start(t)
				engine.source = engine.url
			}
			ix := open(t, engine.url)
			must(t, ix.AddAudit(t.Context(), earshot.Audit{At: earshot.At(start), Who: "admin"}))
			db, err := sql.Open(engine.driver, engine.source)
			must(t, err)
			defer func() { must(t, db.Close()) }()
			for _, statement := range append(engine.statements, "UPDATE audit SET who = 'somebody else'", "DELETE FROM audit") {
				_, err := db.ExecContext(context.Background(), statement)
				if err == nil || !strings.Contains(err.Error(), "audit rows are only ever added") {
					t.Errorf("%s: %v", statement, err)
				}
			}
			page, err := ix.SearchAudit(t.Context(), index.AuditQuery{Who: "admin"})
			must(t, err)
			same(t, "rows", len(page.Audit), 1)
		})
	}
}
