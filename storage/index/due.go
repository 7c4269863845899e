package index

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// DueCall is a call that policies let go.
type DueCall struct {
	ID     string
	Policy string
	DueAt  earshot.Time
	Hold   string // what keeps it nevertheless; empty if nothing does
	Bytes  int64  // of its audio
}

// DuePage is a page of calls that are due, those that ended first before the
// others. Next is the cursor of the page after it, empty where there is none.
type DuePage struct {
	Calls []DueCall
	Next  string
}

// mostDue is how many calls of a page there are at most.
const mostDue = 1000

// dueRow is what decides about a call.
type dueRow struct {
	ID        string           `bun:"id"`
	Seat      string           `bun:"seat"`
	Branch    string           `bun:"branch"`
	Kind      earshot.SeatKind `bun:"kind"`
	Business  string           `bun:"business"`
	StartedAt int64            `bun:"started_at"`
	EndedAt   int64            `bun:"ended_at"`
	Bytes     int64            `bun:"bytes"`
}

func (r dueRow) call() earshot.Call {
	return earshot.Call{ID: r.ID, Seat: r.Seat, Branch: r.Branch, Kind: r.Kind, Business: r.Business, State: earshot.CallStored,
		StartedAt: earshot.At(timeOf(r.StartedAt)), EndedAt: earshot.At(timeOf(r.EndedAt))}
}

// Due are the calls whose time is over at now, which says by its zone what a day
// is, held ones among them. A page may have less calls than limit, or none, and a
// Next. `bad_cursor`, `bad_limit`.
func (ix *Index) Due(ctx context.Context, now time.Time, cursor string, limit int) (DuePage, error) {
	return ix.due(ctx, readRules, now, cursor, limit)
}

// DueUnder is Due as it would be if the policies were these.
func (ix *Index) DueUnder(ctx context.Context, policies []earshot.Policy, now time.Time, cursor string, limit int) (DuePage, error) {
	return ix.due(ctx, func(ctx context.Context, db bun.IDB) (rules, error) {
		r, err := readRules(ctx, db)
		r.policies = policies
		return r, err
	}, now, cursor, limit)
}

func (ix *Index) due(ctx context.Context, ruled ruling, now time.Time, cursor string, limit int) (DuePage, error) {
	after, err := parseCursor(cursor)
	if err != nil {
		return DuePage{}, err
	}
	if limit, err = limitOf(limit, usualCalls, mostDue); err != nil {
		return DuePage{}, err
	}
	var page DuePage
	err = ix.read.RunInTx(ctx, snapshot, func(ctx context.Context, tx bun.Tx) error {
		page, err = due(ctx, tx, ruled, now, after, limit)
		return err
	})
	return page, failed("look for calls that are due", err)
}

// ruling says by what rules it is decided.
type ruling func(context.Context, bun.IDB) (rules, error)

func due(ctx context.Context, tx bun.Tx, ruled ruling, now time.Time, after position, limit int) (DuePage, error) {
	rules, err := ruled(ctx, tx)
	if err != nil {
		return DuePage{}, err
	}
	var rows []dueRow
	q, any := rules.mayBeDue(tx, now)
	if !any {
		return DuePage{}, nil
	}
	if after.id != "" {
		q = q.Where("(calls.ended_at, calls.id) > (?, ?)", after.at, after.id)
	}
	if err := q.OrderExpr("calls.ended_at, calls.id").Limit(int64(limit)+1).Scan(ctx, &rows); err != nil {
		return DuePage{}, err
	}
	var page DuePage
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = position{rows[limit-1].EndedAt, rows[limit-1].ID}.String()
	}
	calls := make([]earshot.Call, len(rows))
	for i, r := range rows {
		calls[i] = r.call()
	}
	holds, err := holdsOn(ctx, tx, calls)
	if err != nil {
		return DuePage{}, err
	}
	for i, c := range calls {
		fate := earshot.Decide(c, rules.policies, covering(holds, c), rules.under, now)
		if fate.DueAt.IsZero() || now.Before(fate.DueAt.Time) {
			continue
		}
		page.Calls = append(page.Calls, DueCall{ID: c.ID, Policy: fate.Policy, DueAt: fate.DueAt, Hold: fate.Hold, Bytes: rows[i].Bytes})
	}
	return page, nil
}

// nearly is more than two days can differ in length: what SQL lets through is
// decided upon by earshot.Decide.
const nearly = 3 * time.Hour

// mayBeDue asks for stored calls that some policy orders to go, and that no
// policy surely keeps; any is false where nothing is ever to go.
func (r rules) mayBeDue(db bun.IDB, now time.Time) (q *bun.SelectQuery, any bool) {
	q = db.NewSelect().TableExpr("calls").
		ColumnExpr("calls.id, calls.seat, calls.branch, calls.kind, calls.business, calls.started_at, calls.ended_at").
		ColumnExpr("(SELECT COALESCE(SUM(parts.bytes), 0) FROM parts WHERE parts.call = calls.id) AS bytes").
		Where("calls.state = 'stored'").Where("calls.ended_at > 0")
	latest := int64(0)
	q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, p := range r.policies {
			if p.DeleteDays == 0 {
				continue
			}
			any = true
			before := now.AddDate(0, 0, -p.DeleteDays).Add(nearly).UnixMilli()
			latest = max(latest, before)
			q = q.WhereGroup(" OR ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return r.about(q, p).Where("calls.ended_at <= ?", before)
			})
		}
		return q
	})
	for _, p := range r.policies {
		q = q.WhereGroup(" AND NOT ", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = r.about(q, p)
			if p.DeleteDays == 0 {
				return q.Where("calls.ended_at > 0")
			}
			return q.Where("calls.ended_at > ?", now.AddDate(0, 0, -max(p.KeepDays, p.DeleteDays)).Add(nearly).UnixMilli())
		})
	}
	return q.Where("calls.ended_at <= ?", latest), any
}

// about is earshot.Policy.About in SQL.
func (r rules) about(q *bun.SelectQuery, p earshot.Policy) *bun.SelectQuery {
	if p.Branch != "" {
		q = oneOf(q, "calls.branch", sortedKeys(subtree(r.branches, []string{p.Branch})))
	}
	if p.Kind != "" {
		q = q.Where("calls.kind = ?", p.Kind)
	}
	if p.Business != "" {
		q = q.Where("calls.business = ?", p.Business)
	}
	return q
}
