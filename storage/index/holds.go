package index

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type holdRow struct {
	bun.BaseModel `bun:"table:holds,alias:holds"`

	ID            string `bun:"id,pk"`
	Call          string `bun:"call"`
	Seat          string `bun:"seat"`
	FromAt        int64  `bun:"from_at"`
	ToAt          int64  `bun:"to_at"`
	Reason        string `bun:"reason"`
	Maker         string `bun:"maker"`
	At            int64  `bun:"at"`
	UntilAt       int64  `bun:"until_at"`
	ReleasedAt    int64  `bun:"released_at"`
	ReleasedBy    string `bun:"released_by"`
	ReleaseReason string `bun:"release_reason"`
	Filed         bool   `bun:"filed"` // the files of the calls say so too
}

func rowOfHold(h earshot.Hold) holdRow {
	return holdRow{
		ID: h.ID, Call: h.Call, Seat: h.Seat, FromAt: msOf(h.From.Time), ToAt: msOf(h.To.Time), Reason: clean(h.Reason),
		Maker: clean(h.By), At: msOf(h.At.Time), UntilAt: msOf(h.Until.Time), ReleasedAt: msOf(h.ReleasedAt.Time),
		ReleasedBy: clean(h.ReleasedBy), ReleaseReason: clean(h.ReleaseReason),
	}
}

func (r holdRow) hold() earshot.Hold {
	return earshot.Hold{
		ID: r.ID, Call: r.Call, Seat: r.Seat, From: earshot.At(timeOf(r.FromAt)), To: earshot.At(timeOf(r.ToAt)), Reason: r.Reason,
		By: r.Maker, At: earshot.At(timeOf(r.At)), Until: earshot.At(timeOf(r.UntilAt)), ReleasedAt: earshot.At(timeOf(r.ReleasedAt)),
		ReleasedBy: r.ReleasedBy, ReleaseReason: r.ReleaseReason,
	}
}

// retentionLock keeps holds, policies and deletions apart: of a hold and a
// deletion of the same call that come at once, one sees what the other did.
const retentionLock = "retention"

// AddHold keeps h; from then on nothing it covers can be deleted. A hold that is
// kept already stays as it is. earshot.ErrNoCall, earshot.ErrNoSeat, and
// earshot.ErrDeleted where the call is gone already.
func (ix *Index) AddHold(ctx context.Context, h earshot.Hold) error {
	if err := h.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "keep a hold", func(tx bun.Tx) error { return addHold(ctx, tx, h) })
}

func addHold(ctx context.Context, tx bun.Tx, h earshot.Hold) error {
	if err := lock(ctx, tx, retentionLock); err != nil {
		return err
	}
	if err := holdable(ctx, tx, h); err != nil {
		return err
	}
	row := rowOfHold(h)
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO NOTHING").Exec(ctx)
	return err
}

// Holdable says whether h could be kept now: what AddHold would fail with, or
// nil.
func (ix *Index) Holdable(ctx context.Context, h earshot.Hold) error {
	if err := h.Validate(); err != nil {
		return err
	}
	return failed("look for what is held", holdable(ctx, ix.read, h))
}

func holdable(ctx context.Context, db bun.IDB, h earshot.Hold) error {
	if h.Call != "" {
		var row callRow
		err := db.NewSelect().Model(&row).Column("id", "state").Where("id = ?", h.Call).Scan(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return earshot.ErrNoCall
		case err == nil && row.State == earshot.CallDeleted:
			return earshot.ErrDeleted
		}
		return err
	}
	// A seat that was taken away has calls that can be held.
	for _, of := range []*bun.SelectQuery{
		db.NewSelect().Model((*seatRow)(nil)).Where("id = ?", h.Seat),
		db.NewSelect().Model((*callRow)(nil)).Where("seat = ?", h.Seat),
	} {
		if known, err := of.Exists(ctx); known || err != nil {
			return err
		}
	}
	return earshot.ErrNoSeat
}

// PutHold puts a hold as it is, in place of the one of its id: one that the
// files or the ledger know of and the index does not. A release stays.
func (ix *Index) PutHold(ctx context.Context, h earshot.Hold) error {
	return ix.change(ctx, synced, "put a hold", func(tx bun.Tx) error {
		if err := lock(ctx, tx, retentionLock); err != nil {
			return err
		}
		row := rowOfHold(h)
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
			Where("holds.released_at = 0").Exec(ctx)
		return err
	})
}

// ReleaseHold keeps what released says of its release; ErrNoHold,
// earshot.ErrReleased.
func (ix *Index) ReleaseHold(ctx context.Context, released earshot.Hold) error {
	return ix.change(ctx, synced, "release a hold", func(tx bun.Tx) error {
		if err := lock(ctx, tx, retentionLock); err != nil {
			return err
		}
		known, err := oneHold(ctx, tx, released.ID)
		if err != nil {
			return err
		}
		if known.ReleasedAt != 0 {
			return earshot.ErrReleased
		}
		row := rowOfHold(released)
		_, err = tx.NewUpdate().Model(&row).Column("released_at", "released_by", "release_reason", "filed").WherePK().Exec(ctx)
		return err
	})
}

func oneHold(ctx context.Context, db bun.IDB, id string) (holdRow, error) {
	var row holdRow
	err := db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return row, ErrNoHold
	}
	return row, err
}

// Hold is the hold id, or ErrNoHold.
func (ix *Index) Hold(ctx context.Context, id string) (earshot.Hold, error) {
	row, err := oneHold(ctx, ix.read, id)
	return row.hold(), failed("read a hold", err)
}

// UnfiledHolds are holds whose calls' files do not say so yet, oldest first.
func (ix *Index) UnfiledHolds(ctx context.Context, limit int) ([]earshot.Hold, error) {
	var rows []holdRow
	err := ix.read.NewSelect().Model(&rows).Where("NOT filed").Order("id").Limit(int64(limit)).Scan(ctx)
	return holdsOf(rows), failed("list holds to be filed", err)
}

// HoldFiled says that the files of the calls that h covers say all that h does.
func (ix *Index) HoldFiled(ctx context.Context, h earshot.Hold) error {
	return ix.change(ctx, lazy, "note that a hold is filed", func(tx bun.Tx) error {
		_, err := tx.NewUpdate().Model((*holdRow)(nil)).Set("filed = ?", true).
			Where("id = ?", h.ID).Where("released_at = ?", msOf(h.ReleasedAt.Time)).Exec(ctx)
		return err
	})
}

// CoveredCalls are ids of calls that h covers and that are not deleted, in
// order, those behind after.
func (ix *Index) CoveredCalls(ctx context.Context, h earshot.Hold, after string, limit int) ([]string, error) {
	q := ix.read.NewSelect().TableExpr("calls").ColumnExpr("calls.id").Where("calls.id > ?", after).
		Where("calls.state <> ?", earshot.CallDeleted).Order("calls.id").Limit(int64(limit))
	if h.Call != "" {
		q = q.Where("calls.id = ?", h.Call)
	} else {
		q = q.Where("calls.seat = ?", h.Seat).Where("(calls.ended_at = 0 OR calls.ended_at >= ?)", msOf(h.From.Time))
		if !h.To.IsZero() {
			q = q.Where("calls.started_at <= ?", msOf(h.To.Time))
		}
	}
	var ids []string
	return ids, failed("list the calls that are held", q.Scan(ctx, &ids))
}

// HoldState says which holds are asked for.
type HoldState string

// Which holds.
const (
	HoldsActive HoldState = "active"
	HoldsPast   HoldState = "past" // released, or their time is over
	HoldsAll    HoldState = "all"
)

// HoldQuery says which holds are searched for.
type HoldQuery struct {
	State HoldState // empty: all
	Now   time.Time // what State is measured by
	Call  string    // on this call, by itself or by its seat's window
	Seat  string    // windows of this seat, and holds on its calls

	Cursor string
	Limit  int // 1 to 200; 0 is 50
}

// HoldPage is a page of holds, newest first.
type HoldPage struct {
	Holds []earshot.Hold
	Next  string
}

// SearchHolds finds holds, newest first; `bad_cursor`, `bad_limit`,
// earshot.ErrNoCall.
func (ix *Index) SearchHolds(ctx context.Context, q HoldQuery) (HoldPage, error) {
	after, err := parseCursor(q.Cursor)
	if err != nil {
		return HoldPage{}, err
	}
	limit, err := limitOf(q.Limit, usualCalls, mostCalls)
	if err != nil {
		return HoldPage{}, err
	}
	var rows []holdRow
	s := ix.read.NewSelect().Model(&rows).OrderExpr("holds.at DESC, holds.id DESC").Limit(int64(limit) + 1)
	if q.Call != "" {
		c, err := ix.Call(ctx, q.Call)
		if err != nil {
			return HoldPage{}, err
		}
		ids := []string{""} // an empty list is no SQL
		for _, h := range c.Holds {
			ids = append(ids, h.ID)
		}
		s = s.Where("holds.id IN (?)", bun.List(ids))
	}
	if q.Seat != "" {
		of := ix.read.NewSelect().TableExpr("calls").Column("id").Where("calls.id = holds.call").Where("calls.seat = ?", q.Seat)
		s = s.Where("(holds.seat = ? OR EXISTS (?))", q.Seat, of)
	}
	switch q.State {
	case HoldsActive:
		s = s.Where(activeHold, q.Now.UnixMilli())
	case HoldsPast:
		s = s.Where("NOT ("+activeHold+")", q.Now.UnixMilli())
	}
	if after.id != "" {
		s = s.Where("(holds.at, holds.id) < (?, ?)", after.at, after.id)
	}
	if err := s.Scan(ctx); err != nil {
		return HoldPage{}, failed("search holds", err)
	}
	page := HoldPage{}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = position{rows[limit-1].At, rows[limit-1].ID}.String()
	}
	page.Holds = holdsOf(rows)
	return page, nil
}

// activeHold is earshot.Hold.Active at an instant in SQL.
const activeHold = "holds.released_at = 0 AND (holds.until_at = 0 OR holds.until_at > ?)"

// coveredBy is earshot.Hold.Covers in SQL, for a window.
const coveredBy = "holds.seat = calls.seat AND (calls.ended_at = 0 OR calls.ended_at >= holds.from_at) AND (holds.to_at = 0 OR calls.started_at <= holds.to_at)"

func holdsOf(rows []holdRow) []earshot.Hold {
	holds := make([]earshot.Hold, len(rows))
	for i, r := range rows {
		holds[i] = r.hold()
	}
	return holds
}

// HoldsOn are all holds that cover c, active or not, oldest first. c need not be
// in the index.
func (ix *Index) HoldsOn(ctx context.Context, c earshot.Call) ([]earshot.Hold, error) {
	holds, err := holdsOn(ctx, ix.read, []earshot.Call{c})
	return covering(holds, c), failed("read a call's holds", err)
}

// holdsOn are holds among which are all that cover one of calls, oldest first.
func holdsOn(ctx context.Context, db bun.IDB, calls []earshot.Call) ([]earshot.Hold, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	first, last := int64(math.MaxInt64), int64(0)
	var ids, seats []string
	for _, c := range calls {
		ids = append(ids, c.ID)
		if !slices.Contains(seats, c.Seat) {
			seats = append(seats, c.Seat)
		}
		first = min(first, msOf(c.StartedAt.Time))
		if c.EndedAt.IsZero() {
			last = math.MaxInt64
		}
		last = max(last, msOf(c.EndedAt.Time))
	}
	var alone, windows []holdRow
	if err := db.NewSelect().Model(&alone).Where("call IN (?)", bun.List(ids)).Where("call <> ''").Scan(ctx); err != nil {
		return nil, err
	}
	err := db.NewSelect().Model(&windows).Where("seat IN (?)", bun.List(seats)).Where("seat <> ''").
		Where("from_at <= ?", last).Where("(to_at = 0 OR to_at >= ?)", first).Scan(ctx)
	if err != nil {
		return nil, err
	}
	rows := append(alone, windows...)
	slices.SortFunc(rows, func(a, b holdRow) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return slices.Compare([]byte(a.ID), []byte(b.ID))
	})
	return holdsOf(rows), nil
}

func covering(holds []earshot.Hold, c earshot.Call) []earshot.Hold {
	on := []earshot.Hold{}
	for _, h := range holds {
		if h.Covers(c) {
			on = append(on, h)
		}
	}
	return on
}
