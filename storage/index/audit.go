package index

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:audit"`

	ID       string `bun:"id,pk"`
	At       int64  `bun:"at"`
	Who      string `bun:"who"`
	CameFrom string `bun:"came_from"`
	Action   string `bun:"action"`
	Target   string `bun:"target"`
	Call     string `bun:"call"`
	FromMs   int64  `bun:"from_ms"`
	ToMs     int64  `bun:"to_ms"`
	Reason   string `bun:"reason"`
}

func rowOfAudit(a earshot.Audit) auditRow {
	return auditRow{
		ID: a.ID, At: msOf(a.At.Time), Who: clean(a.Who), CameFrom: clean(a.From), Action: a.Action, Target: clean(a.Target),
		Call: clean(a.Call), FromMs: a.FromMs, ToMs: a.ToMs, Reason: clean(a.Reason),
	}
}

func (r auditRow) audit() earshot.Audit {
	return earshot.Audit{
		ID: r.ID, At: earshot.At(timeOf(r.At)), Who: r.Who, From: r.CameFrom, Action: r.Action, Target: r.Target,
		Call: r.Call, FromMs: r.FromMs, ToMs: r.ToMs, Reason: r.Reason,
	}
}

// AddAudit adds a row, which nothing can change or take away afterwards. A row
// without an id gets one.
func (ix *Index) AddAudit(ctx context.Context, a earshot.Audit) error {
	if a.ID == "" {
		a.ID = earshot.NewID(a.At.Time)
	}
	row := rowOfAudit(a)
	return ix.change(ctx, synced, "add an audit row", func(tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil || row.Call == "" || row.Action != earshot.AuditPlay {
			return err
		}
		return notePlayed(ctx, tx, row.Call, row.At)
	})
}

// AuditQuery says which audit rows are searched for; as in CallQuery.
type AuditQuery struct {
	From, To time.Time // at From or later, and before To
	Who      string
	Actions  []string
	Target   string
	Call     string

	Cursor string
	Limit  int // 1 to 500; 0 is 100
}

// AuditPage is a page of audit rows, newest first.
type AuditPage struct {
	Audit []earshot.Audit
	Next  string
}

// SearchAudit finds audit rows, newest first; `bad_cursor`, `bad_limit`.
func (ix *Index) SearchAudit(ctx context.Context, q AuditQuery) (AuditPage, error) {
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return AuditPage{}, err
	}
	limit, err := limitOf(q.Limit, 100, 500)
	if err != nil {
		return AuditPage{}, err
	}
	var rows []auditRow
	err = q.filter(ix.read.NewSelect().Model(&rows).ModelTableExpr("audit"), after).
		OrderExpr("audit.at DESC, audit.id DESC").Limit(int64(limit) + 1).Scan(ctx)
	if err != nil {
		return AuditPage{}, failed("search the audit", err)
	}
	page := AuditPage{Audit: []earshot.Audit{}}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = position{rows[limit-1].At, rows[limit-1].ID}.String()
	}
	for _, r := range rows {
		page.Audit = append(page.Audit, r.audit())
	}
	return page, nil
}

func (q AuditQuery) filter(s *bun.SelectQuery, after position) *bun.SelectQuery {
	if after.id != "" {
		s = s.Where("(audit.at, audit.id) < (?, ?)", after.at, after.id)
	}
	if !q.From.IsZero() {
		s = s.Where("audit.at >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		s = s.Where("audit.at < ?", q.To.UnixMilli())
	}
	if q.Who != "" {
		s = s.Where("audit.who = ?", q.Who)
	}
	if q.Target != "" {
		s = s.Where("audit.target = ?", q.Target)
	}
	if q.Call != "" {
		s = s.Where("audit.call <> '' AND audit.call = ?", q.Call)
	}
	return oneOf(s, "audit.action", q.Actions)
}
