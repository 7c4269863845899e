package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type seatRow struct {
	bun.BaseModel `bun:"table:seats,alias:seats"`

	ID     string           `bun:"id,pk"`
	Name   string           `bun:"name"`
	Branch string           `bun:"branch"`
	Kind   earshot.SeatKind `bun:"kind"`
	Cut    earshot.Cut      `bun:"cut"`
}

type tokenRow struct {
	bun.BaseModel `bun:"table:seat_tokens,alias:seat_tokens"`

	Seat   string `bun:"seat,pk"`
	Hash   string `bun:"hash,pk"`
	MadeAt int64  `bun:"made_at"`
	UsedAt int64  `bun:"used_at"`
}

func rowOfSeat(s earshot.Seat) seatRow {
	return seatRow{ID: s.ID, Name: clean(s.Name), Branch: s.Branch, Kind: s.Kind, Cut: s.Cut}
}

// Seats are all seats with their tokens' hashes, by id.
func (ix *Index) Seats(ctx context.Context) ([]earshot.Seat, error) {
	var rows []seatRow
	if err := ix.read.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, failed("list seats", err)
	}
	tokens, err := tokensOf(ctx, ix.read, "")
	if err != nil {
		return nil, failed("list seats' tokens", err)
	}
	seats := make([]earshot.Seat, len(rows))
	for i, r := range rows {
		seats[i] = r.seat(tokens[r.ID])
	}
	return seats, nil
}

// Seat is the seat id, or earshot.ErrNoSeat.
func (ix *Index) Seat(ctx context.Context, id string) (earshot.Seat, error) {
	var row seatRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Seat{}, earshot.ErrNoSeat
	}
	if err != nil {
		return earshot.Seat{}, failed("read a seat", err)
	}
	tokens, err := tokensOf(ctx, ix.read, id)
	return row.seat(tokens[id]), failed("read a seat's tokens", err)
}

func (r seatRow) seat(tokens []earshot.SeatToken) earshot.Seat {
	return earshot.Seat{ID: r.ID, Name: r.Name, Branch: r.Branch, Kind: r.Kind, Cut: r.Cut, Tokens: tokens}
}

// tokensOf are the tokens of one seat, or of all if seat is empty, newest first.
func tokensOf(ctx context.Context, db bun.IDB, seat string) (map[string][]earshot.SeatToken, error) {
	var rows []tokenRow
	q := db.NewSelect().Model(&rows).OrderExpr("seat, made_at DESC, hash")
	if seat != "" {
		q = q.Where("seat = ?", seat)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, err
	}
	tokens := make(map[string][]earshot.SeatToken)
	for _, r := range rows {
		tokens[r.Seat] = append(tokens[r.Seat], earshot.SeatToken{Hash: r.Hash, MadeAt: timeOf(r.MadeAt), UsedAt: timeOf(r.UsedAt)})
	}
	return tokens, nil
}

// CreateSeat adds a seat with its tokens; ErrExists, ErrBadBranch.
func (ix *Index) CreateSeat(ctx context.Context, s earshot.Seat) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "add a seat", func(tx bun.Tx) error {
		row := rowOfSeat(s)
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return plainly(err, ErrBadBranch)
		}
		return putTokens(ctx, tx, s.ID, s.Tokens)
	})
}

// SaveSeat changes a seat; its tokens stay. earshot.ErrNoSeat, ErrBadBranch.
func (ix *Index) SaveSeat(ctx context.Context, s earshot.Seat) error {
	if err := s.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "change a seat", func(tx bun.Tx) error {
		row := rowOfSeat(s)
		none, err := changedNone(tx.NewUpdate().Model(&row).WherePK().Exec(ctx))
		if none {
			return earshot.ErrNoSeat
		}
		return plainly(err, ErrBadBranch)
	})
}

// DeleteSeat takes a seat and its tokens away; earshot.ErrNoSeat, and
// ErrSeatInUse while it has a live call. Its calls stay.
func (ix *Index) DeleteSeat(ctx context.Context, id string) error {
	return ix.change(ctx, synced, "delete a seat", func(tx bun.Tx) error {
		live, err := tx.NewSelect().Model((*callRow)(nil)).Where("seat = ?", id).
			Where("state <> 'stored'").Where("state = ?", earshot.CallLive).Exists(ctx)
		if err != nil {
			return fmt.Errorf("look for an open call: %w", err)
		}
		if live {
			return ErrSeatInUse
		}
		none, err := changedNone(tx.NewDelete().Model((*seatRow)(nil)).Where("id = ?", id).Exec(ctx))
		if none {
			return earshot.ErrNoSeat
		}
		return err
	})
}

// SaveTokens replaces the hashes of a seat's tokens; earshot.ErrNoSeat. Where a
// newer token is kept than those given, as when a token is renewed while the one
// before it is first used, only the first uses are taken over.
func (ix *Index) SaveTokens(ctx context.Context, seat string, tokens []earshot.SeatToken) error {
	return ix.change(ctx, synced, "save a seat's tokens", func(tx bun.Tx) error {
		// Updating the seat's row makes savers of one seat take turns.
		none, err := changedNone(tx.NewUpdate().Model((*seatRow)(nil)).Set("name = name").Where("id = ?", seat).Exec(ctx))
		if none {
			return earshot.ErrNoSeat
		}
		if err != nil {
			return err
		}
		kept, err := tokensOf(ctx, tx, seat)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model((*tokenRow)(nil)).Where("seat = ?", seat).Exec(ctx); err != nil {
			return err
		}
		return putTokens(ctx, tx, seat, newerTokens(kept[seat], tokens))
	})
}

// newerTokens are the tokens given, unless one that was kept is newer than all
// of them: then the kept ones, with the uses that the given ones know of.
func newerTokens(kept, given []earshot.SeatToken) []earshot.SeatToken {
	if len(kept) == 0 || len(given) == 0 || !kept[0].MadeAt.After(earshot.At(given[0].MadeAt).Time) {
		return given
	}
	used := make(map[string]time.Time)
	for _, t := range given {
		used[t.Hash] = t.UsedAt
	}
	for i := range kept {
		if kept[i].UsedAt.IsZero() {
			kept[i].UsedAt = used[kept[i].Hash]
		}
	}
	return kept
}

func putTokens(ctx context.Context, tx bun.Tx, seat string, tokens []earshot.SeatToken) error {
	if len(tokens) == 0 {
		return nil
	}
	rows := make([]tokenRow, len(tokens))
	for i, t := range tokens {
		rows[i] = tokenRow{Seat: seat, Hash: t.Hash, MadeAt: msOf(t.MadeAt), UsedAt: msOf(t.UsedAt)}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// msOf is t in milliseconds since the Unix epoch, 0 for the zero time.
func msOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOf is what msOf was given, to the millisecond.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
