package index

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type problemRow struct {
	bun.BaseModel `bun:"table:problems,alias:problems"`

	ID         string `bun:"id,pk"`
	Code       string `bun:"code"`
	Call       string `bun:"call"`
	File       string `bun:"file"`
	Text       string `bun:"text"`
	FoundAt    int64  `bun:"found_at"`
	ResolvedAt int64  `bun:"resolved_at"` // 0 while it is open
	ResolvedBy string `bun:"resolved_by"`
	Reason     string `bun:"reason"`
}

func (r problemRow) problem() earshot.IntegrityProblem {
	return earshot.IntegrityProblem{ID: r.ID, Code: r.Code, Call: r.Call, File: r.File, Text: r.Text,
		FoundAt: earshot.At(timeOf(r.FoundAt)), ResolvedAt: earshot.At(timeOf(r.ResolvedAt)), ResolvedBy: r.ResolvedBy, Reason: r.Reason}
}

// Failures about problems.
var (
	ErrNoProblem = earshot.Fail(earshot.NotFound, "no_problem", "there is no such problem")
	ErrResolved  = earshot.Fail(earshot.Conflict, "resolved", "the problem is resolved already")
	ErrNoReason  = earshot.Fail(earshot.Invalid, "bad_reason", "say in 1 to 2000 characters what became of it")
)

// AddProblem keeps a problem under a new id. One that is open already, by code,
// call and file, stays one: it gets the newer text.
func (ix *Index) AddProblem(ctx context.Context, p earshot.IntegrityProblem) error {
	row := problemRow{ID: earshot.NewID(p.FoundAt.Time), Code: p.Code, Call: p.Call, File: clean(p.File), Text: clean(p.Text), FoundAt: msOf(p.FoundAt.Time)}
	return ix.change(ctx, synced, "keep a problem", func(tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).
			On("CONFLICT (code, call, file) WHERE resolved_at = 0 DO UPDATE").Set("text = EXCLUDED.text").Exec(ctx)
		return err
	})
}

// KnowsProblem says whether there is or was such a problem.
func (ix *Index) KnowsProblem(ctx context.Context, code, call, file string) (bool, error) {
	known, err := ix.read.NewSelect().Model((*problemRow)(nil)).
		Where("code = ?", code).Where("call = ?", call).Where("file = ?", clean(file)).Exists(ctx)
	return known, failed("look for a problem", err)
}

// OpenProblems are the problems that nobody has resolved, newest first, at most
// limit, and how many there are in all.
func (ix *Index) OpenProblems(ctx context.Context, limit int) (newest []earshot.IntegrityProblem, all int64, err error) {
	var rows []problemRow
	all, err = ix.read.NewSelect().Model(&rows).Where("resolved_at = 0").OrderExpr("found_at DESC, id DESC").Limit(int64(limit)).ScanAndCount(ctx)
	return problemsOf(rows), all, failed("list open problems", err)
}

// ResolvedProblems are those that were resolved last, at most limit.
func (ix *Index) ResolvedProblems(ctx context.Context, limit int) ([]earshot.IntegrityProblem, error) {
	var rows []problemRow
	err := ix.read.NewSelect().Model(&rows).Where("resolved_at > 0").OrderExpr("resolved_at DESC, found_at DESC, id DESC").Limit(int64(limit)).Scan(ctx)
	return problemsOf(rows), failed("list resolved problems", err)
}

// ProblemsOf are the newest problems of that code, open or not, at most limit.
func (ix *Index) ProblemsOf(ctx context.Context, code string, limit int) ([]earshot.IntegrityProblem, error) {
	var rows []problemRow
	err := ix.read.NewSelect().Model(&rows).Where("code = ?", code).OrderExpr("found_at DESC, id DESC").Limit(int64(limit)).Scan(ctx)
	return problemsOf(rows), failed("list problems", err)
}

func problemsOf(rows []problemRow) []earshot.IntegrityProblem {
	problems := make([]earshot.IntegrityProblem, len(rows))
	for i, r := range rows {
		problems[i] = r.problem()
	}
	return problems
}

// ResolveProblem says what became of a problem; ErrNoProblem, ErrResolved,
// ErrNoReason.
func (ix *Index) ResolveProblem(ctx context.Context, id, by, reason string, at time.Time) (earshot.IntegrityProblem, error) {
	if n := len([]rune(reason)); n == 0 || n > 2000 {
		return earshot.IntegrityProblem{}, ErrNoReason
	}
	var row problemRow
	err := ix.change(ctx, synced, "resolve a problem", func(tx bun.Tx) error {
		none, err := changedNone(tx.NewUpdate().Model((*problemRow)(nil)).
			Set("resolved_at = ?", msOf(at)).Set("resolved_by = ?", by).Set("reason = ?", clean(reason)).
			Where("id = ?", id).Where("resolved_at = 0").Exec(ctx))
		if err != nil {
			return err
		}
		err = tx.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrNoProblem
		case err == nil && none:
			return ErrResolved
		}
		return err
	})
	return row.problem(), err
}
