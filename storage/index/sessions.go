package index

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:sessions"`

	Hash    string `bun:"hash,pk"`
	Data    []byte `bun:"data"`
	Expires int64  `bun:"expires"`
}

// Sessions keeps sign-ins; it is a store for scs, with contexts and without. Of
// a session's token only the hash is kept: who reads the index cannot sign in.
type Sessions struct {
	ix  *Index
	now func() time.Time
}

// Sessions is the store of sign-ins; now says what has expired.
func (ix *Index) Sessions(now func() time.Time) *Sessions { return &Sessions{ix: ix, now: now} }

// FindCtx is the data of a session that has not expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var row sessionRow
	err = s.ix.read.NewSelect().Model(&row).
		Where("hash = ?", earshot.HashToken(token)).Where("expires > ?", msOf(s.now())).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return row.Data, err == nil, failed("find a session", err)
}

// CommitCtx puts a session's data, and clears away what has expired.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return s.ix.change(ctx, lazy, "save a session", func(tx bun.Tx) error {
		if _, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("expires <= ?", msOf(s.now())).Exec(ctx); err != nil {
			return err
		}
		row := sessionRow{Hash: earshot.HashToken(token), Data: append([]byte{}, data...), Expires: msOf(expiry)}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (hash) DO UPDATE").Exec(ctx)
		return err
	})
}

// DeleteCtx takes a session away, if it is there. Synced: who signed out stays
// out.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.ix.change(ctx, synced, "delete a session", func(tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("hash = ?", earshot.HashToken(token)).Exec(ctx)
		return err
	})
}

// Find is FindCtx without a context.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
