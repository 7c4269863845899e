package index

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"earshot"
)

// Judged is a call with what analysis says of it.
type Judged struct {
	Call    earshot.Call
	Unheard bool // see MarkUnheard
}

// JudgeCalls has analysis say something of the calls ids. judge is given those
// that there are, as they are in the index, and what it answers is kept if they
// are still so, all or none; else it is asked again. Where it fails nothing is
// kept; it must not ask the index anything. Of its answer only what analysis makes
// is written: talk, flags and alert marks.
func (ix *Index) JudgeCalls(ctx context.Context, ids []string, judge func([]earshot.Call) ([]Judged, error)) error {
	if len(ids) == 0 {
		return nil
	}
	var judged []Judged
	read := func(tx bun.Tx) ([]earshot.Call, error) { return callsToEdit(ctx, tx, ids) }
	do := func(calls []earshot.Call) (some bool, err error) {
		judged, err = judge(calls)
		return len(judged) > 0, err
	}
	return amid(ctx, ix, synced, "keep how calls went", read, do, func(tx bun.Tx) error { return putJudged(ctx, tx, judged) })
}

// judgedRow is how a call went.
type judgedRow struct {
	bun.BaseModel `bun:"table:calls,alias:calls"`

	ID string `bun:"id,pk"`
	talkColumns
}

func putJudged(ctx context.Context, tx bun.Tx, judged []Judged) error {
	ids, talk, whole := make([]string, len(judged)), make([]judgedRow, len(judged)), make([]callRows, len(judged))
	var marks []markRow
	var flags []labelRow
	var unheard []unheardRow
	for i, j := range judged {
		rows, err := rowsOf(j.Call)
		if err != nil {
			return err
		}
		ids[i], talk[i], whole[i] = j.Call.ID, judgedRow{ID: j.Call.ID, talkColumns: rows.call.talkColumns}, rows
		flags = append(flags, rows.flags...)
		for _, m := range rows.marks {
			if m.Kind.Alert() && m.Maker == "" {
				marks = append(marks, m)
			}
		}
		if j.Unheard {
			unheard = append(unheard, unheardRow{Call: j.Call.ID, StartedAt: rows.call.StartedAt})
		}
	}
	if err := putTalk(ctx, tx, talk); err != nil {
		return fmt.Errorf("put talk: %w", err)
	}
	if err := dropJudged(ctx, tx, ids); err != nil {
		return err
	}
	if err := insert(ctx, tx, "marks", marks); err != nil {
		return err
	}
	if err := insert(ctx, tx, flagTable, flags); err != nil {
		return err
	}
	if err := insert(ctx, tx, "unheard_calls", unheard); err != nil {
		return err
	}
	return putTerms(ctx, tx, whole)
}

// putTalk writes the columns of talk and no others: the indexes over those stay
// untouched.
func putTalk(ctx context.Context, tx bun.Tx, rows []judgedRow) error {
	put := tx.NewUpdate().With("judged", tx.NewValues(&rows)).Model((*judgedRow)(nil)).TableExpr("judged")
	for _, column := range []string{
		"talk_agent", "talk_customer", "talk_silence", "talk_overtalk", "talk_interruptions", "talk_monologue", "talk_monologist", "talk_quiet", "talk_judged",
	} {
		put = put.Set("? = judged.?", bun.Ident(column), bun.Ident(column))
	}
	_, err := put.Where("calls.id = judged.id").Exec(ctx)
	return err
}

// dropJudged takes away what analysis said before.
func dropJudged(ctx context.Context, tx bun.Tx, ids []string) error {
	of := bun.List(ids)
	for _, drop := range []*bun.DeleteQuery{
		tx.NewDelete().Table("marks").Where("call IN (?)", of).Where("maker = ''").Where("kind IN (?)", bun.List(earshot.AlertKinds)),
		tx.NewDelete().Table(flagTable).Where("call IN (?)", of),
		tx.NewDelete().Table("unheard_calls").Where("call IN (?)", of),
	} {
		if _, err := drop.Exec(ctx); err != nil {
			return fmt.Errorf("clear what was said: %w", err)
		}
	}
	return nil
}
