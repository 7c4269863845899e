package index

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

type userRow struct {
	bun.BaseModel `bun:"table:users,alias:users"`

	ID           string       `bun:"id,pk"`
	Name         string       `bun:"name"`
	Role         earshot.Role `bun:"role"`
	Disabled     bool         `bun:"disabled"`
	PasswordHash string       `bun:"password_hash"`
}

// formerRow is a user who was deleted.
type formerRow struct {
	bun.BaseModel `bun:"table:former_users,alias:former_users"`

	ID   string `bun:"id,pk"`
	Name string `bun:"name"`
}

func rowOfUser(u earshot.User) userRow {
	return userRow{ID: u.ID, Name: clean(u.Name), Role: u.Role, Disabled: u.Disabled, PasswordHash: u.PasswordHash}
}

func (r userRow) user() earshot.User {
	return earshot.User{ID: r.ID, Name: r.Name, Role: r.Role, Disabled: r.Disabled, PasswordHash: r.PasswordHash}
}

// Users are all users, by id.
func (ix *Index) Users(ctx context.Context) ([]earshot.User, error) {
	var rows []userRow
	if err := ix.read.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, failed("list users", err)
	}
	users := make([]earshot.User, len(rows))
	for i, r := range rows {
		users[i] = r.user()
	}
	return users, nil
}

// User is the user id, or ErrNoUser.
func (ix *Index) User(ctx context.Context, id string) (earshot.User, error) {
	var row userRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.User{}, ErrNoUser
	}
	return row.user(), failed("read a user", err)
}

// CreateUser adds a user; ErrExists, and ErrFormerUser where somebody had the id
// who was deleted: private marks, searches and the audit would be taken for the
// new one's.
func (ix *Index) CreateUser(ctx context.Context, u earshot.User) error {
	if err := u.Validate(); err != nil {
		return err
	}
	return ix.change(ctx, synced, "add a user", func(tx bun.Tx) error {
		if err := lock(ctx, tx, "users"); err != nil {
			return err
		}
		former, err := tx.NewSelect().Model((*formerRow)(nil)).Where("id = ?", u.ID).Exists(ctx)
		if err != nil {
			return err
		}
		row := rowOfUser(u)
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return plainly(err, ErrExists)
		}
		if former {
			return ErrFormerUser
		}
		return nil
	})
}

// SaveUser changes all of a user; ErrNoUser, and ErrLastAdmin where no
// administrator who may sign in would be left.
func (ix *Index) SaveUser(ctx context.Context, u earshot.User) error {
	if err := u.Validate(); err != nil {
		return err
	}
	return ix.changeUsers(ctx, "change a user", func(tx bun.Tx) (sql.Result, error) {
		row := rowOfUser(u)
		return tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
	})
}

// DeleteUser takes a user away, with the searches that nobody else could see.
// Nobody else gets the id; ErrNoUser, ErrLastAdmin.
func (ix *Index) DeleteUser(ctx context.Context, id string) error {
	return ix.changeUsers(ctx, "delete a user", func(tx bun.Tx) (sql.Result, error) {
		if err := dropSearches(ctx, tx, id); err != nil {
			return nil, err
		}
		_, err := tx.NewRaw("INSERT INTO former_users (id, name) SELECT id, name FROM users WHERE id = ? ON CONFLICT DO NOTHING", id).Exec(ctx)
		if err != nil {
			return nil, err
		}
		return tx.NewDelete().Model((*userRow)(nil)).Where("id = ?", id).Exec(ctx)
	})
}

// changeUsers does change to one user and takes it back if that was the last
// administrator.
func (ix *Index) changeUsers(ctx context.Context, doing string, change func(tx bun.Tx) (sql.Result, error)) error {
	return ix.change(ctx, synced, doing, func(tx bun.Tx) error {
		if err := lock(ctx, tx, "users"); err != nil {
			return err
		}
		before, err := admins(ctx, tx)
		if err != nil {
			return err
		}
		none, err := changedNone(change(tx))
		if err != nil {
			return err
		}
		if none {
			return ErrNoUser
		}
		after, err := admins(ctx, tx)
		if err == nil && before > 0 && after == 0 {
			return ErrLastAdmin
		}
		return err
	})
}

// admins is how many administrators may sign in.
func admins(ctx context.Context, tx bun.Tx) (int64, error) {
	return tx.NewSelect().Model((*userRow)(nil)).Where("role = ?", earshot.RoleAdmin).Where("NOT disabled").Count(ctx)
}
