package index

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"earshot"
)

// termRow says where the terms of a call are.
type termRow struct {
	bun.BaseModel `bun:"table:call_terms,alias:call_terms"`

	Call     string `bun:"call,pk"`
	Place    int64  `bun:"place"`
	Sum      int64  `bun:"sum"`
	PlayedAt int64  `bun:"played_at"`

	terms string
}

// putTerms makes calls be found by what their rows say, all in one go.
func putTerms(ctx context.Context, tx bun.Tx, calls []callRows) error {
	for len(calls) > 0 {
		some := calls[:min(rowsAtOnce, len(calls))]
		calls = calls[len(some):]
		if err := putSomeTerms(ctx, tx, some); err != nil {
			return fmt.Errorf("put terms: %w", err)
		}
	}
	return nil
}

func putSomeTerms(ctx context.Context, tx bun.Tx, calls []callRows) error {
	known, err := knownTerms(ctx, tx, calls)
	if err != nil {
		return err
	}
	played, err := playedCalls(ctx, tx, calls, known)
	if err != nil {
		return err
	}
	if err := readAbove(ctx, tx, calls); err != nil {
		return err
	}
	var old []termRow // to be put anew
	var put, moved []*termRow
	for _, rows := range calls {
		was, is := known[rows.call.ID]
		now := &termRow{Call: rows.call.ID, Place: was.Place, PlayedAt: max(was.PlayedAt, played[rows.call.ID])}
		stays := is && was.Place>>placeBits == firstPlace(rows.call.StartedAt)>>placeBits
		if !stays {
			now.Place = placeOf(now.Call, rows.call.StartedAt)
		}
		now.terms = strings.Join(writtenTerms(rows, now.PlayedAt > 0, now.Place, isPostgres(tx)), " ")
		now.Sum = sumOf(now.terms)
		if stays && was.Sum == now.Sum {
			continue
		}
		if is {
			old = append(old, was)
		}
		if !stays {
			moved = append(moved, now)
		}
		put = append(put, now)
	}
	if err := dropTerms(ctx, tx, old); err != nil {
		return err
	}
	if err := settle(ctx, tx, put, moved); err != nil {
		return err
	}
	return insertTerms(ctx, tx, put)
}

// writtenTerms are all terms of a call at that place, as the engine has them.
func writtenTerms(rows callRows, played bool, place int64, postgres bool) []string {
	terms := append(termsOf(rows), playedTerm(fateOf(rows.call.State), played))
	if !postgres {
		return terms
	}
	return sliced(place, terms)
}

func sumOf(terms string) int64 { return int64(hashOf(terms)) }

// knownTerms are the rows there are.
func knownTerms(ctx context.Context, tx bun.Tx, calls []callRows) (map[string]termRow, error) {
	ids := make([]string, len(calls))
	for i, c := range calls {
		ids[i] = c.call.ID
	}
	var rows []termRow
	if err := tx.NewSelect().Model(&rows).Where("call IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	known := make(map[string]termRow, len(calls))
	for _, r := range rows {
		known[r.Call] = r
	}
	return known, nil
}

// playedCalls says of calls without a row when they were first played.
func playedCalls(ctx context.Context, tx bun.Tx, calls []callRows, known map[string]termRow) (map[string]int64, error) {
	var ids []string
	for _, c := range calls {
		if _, is := known[c.call.ID]; !is {
			ids = append(ids, c.call.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []auditRow
	err := tx.NewSelect().Model(&rows).ColumnExpr("call, min(at) AS at").Where("call <> ''").Where("call IN (?)", bun.List(ids)).
		Where("action = ?", earshot.AuditPlay).Group("call").Scan(ctx)
	played := make(map[string]int64, len(rows))
	for _, r := range rows {
		played[r.Call] = max(r.At, 1)
	}
	return played, err
}

func dropTerms(ctx context.Context, tx bun.Tx, rows []termRow) error {
	if len(rows) == 0 {
		return nil
	}
	calls, places := make([]string, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		calls[i], places[i] = r.Call, r.Place
	}
	if !isPostgres(tx) {
		if _, err := tx.NewDelete().Table("call_words").Where("rowid IN (?)", bun.List(places)).Exec(ctx); err != nil {
			return err
		}
	}
	_, err := tx.NewDelete().Table("call_terms").Where("call IN (?)", bun.List(calls)).Exec(ctx)
	return err
}

// settle gives each of rows a place of its own, which none of those has either
// that are put with it and stay. PostgreSQL needs none: there places are for the
// order alone.
func settle(ctx context.Context, tx bun.Tx, put, rows []*termRow) error {
	if isPostgres(tx) {
		return nil
	}
	used := make(map[int64]bool, len(put))
	for _, r := range put {
		if !slices.Contains(rows, r) {
			used[r.Place] = true
		}
	}
	for len(rows) > 0 {
		places := make([]int64, len(rows))
		for i, r := range rows {
			for used[r.Place] {
				r.Place = nextPlace(r.Place)
			}
			used[r.Place] = true
			places[i] = r.Place
		}
		var taken []int64
		if err := tx.NewSelect().Model((*termRow)(nil)).Column("place").Where("place IN (?)", bun.List(places)).Scan(ctx, &taken); err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r *termRow) bool { return !slices.Contains(taken, r.Place) })
	}
	return nil
}

func insertTerms(ctx context.Context, tx bun.Tx, rows []*termRow) error {
	if len(rows) == 0 {
		return nil
	}
	postgres := isPostgres(tx)
	tuples, words := make([]string, len(rows)), make([]string, len(rows))
	var values, wordValues []any
	for i, r := range rows {
		tuples[i], words[i] = "(?, ?, ?, ?)", "(?, ?)"
		values = append(values, r.Call, r.Place, r.Sum, r.PlayedAt)
		wordValues = append(wordValues, r.Place, r.terms)
		if postgres {
			tuples[i] = "(?, ?, ?, ?, array_to_tsvector(string_to_array(?, ' ')))"
			values = append(values, r.terms)
		}
	}
	columns := "call, place, sum, played_at"
	if postgres {
		columns += ", terms"
	}
	if _, err := tx.NewRaw("INSERT INTO call_terms ("+columns+") VALUES "+strings.Join(tuples, ", "), values...).Exec(ctx); err != nil {
		return err
	}
	if postgres {
		return nil
	}
	_, err := tx.NewRaw("INSERT INTO call_words (rowid, terms) VALUES "+strings.Join(words, ", "), wordValues...).Exec(ctx)
	return err
}

func isPostgres(db bun.IDB) bool { return db.Dialect().Name() == dialect.PG }

// notePlayed makes a call be found as one that somebody has played.
func notePlayed(ctx context.Context, tx bun.Tx, call string, at int64) error {
	fresh, err := tx.NewSelect().Model((*termRow)(nil)).Where("call = ?", call).Where("played_at = 0").Exists(ctx)
	if !fresh || err != nil {
		return err
	}
	// Whoever saves or plays the call at the same time is waited for.
	if _, err := tx.NewUpdate().Model((*callRow)(nil)).Set("state = state").Where("id = ?", call).Exec(ctx); err != nil {
		return err
	}
	played, err := changedNone(tx.NewUpdate().Model((*termRow)(nil)).Set("played_at = ?", max(at, 1)).
		Where("call = ?", call).Where("played_at = 0").Exec(ctx))
	if played || err != nil {
		return err
	}
	rows, err := rowsForTerms(ctx, tx, []string{call})
	if err != nil {
		return err
	}
	return putTerms(ctx, tx, rows)
}

// rowsForTerms reads what terms are made of.
func rowsForTerms(ctx context.Context, tx bun.Tx, ids []string) ([]callRows, error) {
	var found callsRows
	if err := found.read(ctx, tx, ids); err != nil {
		return nil, err
	}
	at := make(map[string]int, len(found.call))
	rows := make([]callRows, len(found.call))
	for i, c := range found.call {
		at[c.ID], rows[i].call = i, c
	}
	for _, m := range found.marks {
		rows[at[m.Call]].marks = append(rows[at[m.Call]].marks, m)
	}
	for _, l := range found.tags {
		rows[at[l.Call]].tags = append(rows[at[l.Call]].tags, l)
	}
	for _, l := range found.flags {
		rows[at[l.Call]].flags = append(rows[at[l.Call]].flags, l)
	}
	return rows, nil
}
