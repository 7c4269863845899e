package index

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"earshot"
)

type policyRow struct {
	bun.BaseModel `bun:"table:policies,alias:policies"`

	ID         string           `bun:"id,pk"`
	Name       string           `bun:"name"`
	Branch     string           `bun:"branch"`
	Kind       earshot.SeatKind `bun:"kind"`
	Business   string           `bun:"business"`
	KeepDays   int              `bun:"keep_days"`
	DeleteDays int              `bun:"delete_days"`
}

func rowOfPolicy(p earshot.Policy) policyRow {
	return policyRow{ID: p.ID, Name: clean(p.Name), Branch: p.Branch, Kind: p.Kind, Business: clean(p.Business),
		KeepDays: p.KeepDays, DeleteDays: p.DeleteDays}
}

func (r policyRow) policy() earshot.Policy {
	return earshot.Policy{ID: r.ID, Name: r.Name, Branch: r.Branch, Kind: r.Kind, Business: r.Business,
		KeepDays: r.KeepDays, DeleteDays: r.DeleteDays}
}

// mostPolicies bounds what a call is held against.
const mostPolicies = 100

// Policies are all policies, by id.
func (ix *Index) Policies(ctx context.Context) ([]earshot.Policy, error) {
	policies, err := allPolicies(ctx, ix.read)
	return policies, failed("list policies", err)
}

func allPolicies(ctx context.Context, db bun.IDB) ([]earshot.Policy, error) {
	var rows []policyRow
	if err := db.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, err
	}
	policies := make([]earshot.Policy, len(rows))
	for i, r := range rows {
		policies[i] = r.policy()
	}
	return policies, nil
}

// Policy is the policy id, or ErrNoPolicy.
func (ix *Index) Policy(ctx context.Context, id string) (earshot.Policy, error) {
	p, err := onePolicy(ctx, ix.read, id)
	return p, failed("read a policy", err)
}

func onePolicy(ctx context.Context, db bun.IDB, id string) (earshot.Policy, error) {
	var row policyRow
	err := db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Policy{}, ErrNoPolicy
	}
	return row.policy(), err
}

// CreatePolicy adds a policy; ErrExists, ErrBadBranch, ErrManyRules.
func (ix *Index) CreatePolicy(ctx context.Context, p earshot.Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return ix.changePolicies(ctx, "add a policy", func(tx bun.Tx) error {
		all, err := allPolicies(ctx, tx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(known earshot.Policy) bool { return known.ID == p.ID }) {
			return ErrExists
		}
		if len(all) >= mostPolicies {
			return ErrManyRules
		}
		if err := hasBranch(ctx, tx, p.Branch); err != nil {
			return err
		}
		row := rowOfPolicy(p)
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
}

// SavePolicy changes a policy; ErrNoPolicy, ErrBadBranch.
func (ix *Index) SavePolicy(ctx context.Context, p earshot.Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return ix.changePolicies(ctx, "change a policy", func(tx bun.Tx) error {
		known, err := onePolicy(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if p.Branch != known.Branch { // one that was taken away since may stay
			if err := hasBranch(ctx, tx, p.Branch); err != nil {
				return err
			}
		}
		row := rowOfPolicy(p)
		_, err = tx.NewUpdate().Model(&row).WherePK().Exec(ctx)
		return err
	})
}

// DeletePolicy takes a policy away; ErrNoPolicy.
func (ix *Index) DeletePolicy(ctx context.Context, id string) error {
	return ix.changePolicies(ctx, "delete a policy", func(tx bun.Tx) error {
		none, err := changedNone(tx.NewDelete().Model((*policyRow)(nil)).Where("id = ?", id).Exec(ctx))
		if none {
			return ErrNoPolicy
		}
		return err
	})
}

// changePolicies keeps a deletion from being decided by half a change.
func (ix *Index) changePolicies(ctx context.Context, doing string, fn func(tx bun.Tx) error) error {
	return ix.change(ctx, synced, doing, func(tx bun.Tx) error {
		if err := lock(ctx, tx, retentionLock); err != nil {
			return err
		}
		return fn(tx)
	})
}

func hasBranch(ctx context.Context, db bun.IDB, id string) error {
	if id == "" {
		return nil
	}
	known, err := db.NewSelect().Model((*branchRow)(nil)).Where("id = ?", id).Exists(ctx)
	if err == nil && !known {
		return ErrBadBranch
	}
	return err
}

// rules are all that decides about a call's deletion but its holds.
type rules struct {
	policies []earshot.Policy
	branches []earshot.Branch
	under    func(branch, in string) bool
}

func readRules(ctx context.Context, db bun.IDB) (r rules, err error) {
	if r.policies, err = allPolicies(ctx, db); err != nil {
		return r, err
	}
	if r.branches, err = allBranches(ctx, db); err != nil {
		return r, err
	}
	r.under = earshot.Under(r.branches)
	return r, nil
}
