package index

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"earshot"
)

type agentRow struct {
	bun.BaseModel `bun:"table:agents,alias:agents"`

	ID   string `bun:"id,pk"`
	Name string `bun:"name"`
}

// Agents are all agents anybody has named, by 工号.
func (ix *Index) Agents(ctx context.Context) ([]earshot.Agent, error) {
	var rows []agentRow
	if err := ix.read.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
		return nil, failed("list agents", err)
	}
	agents := make([]earshot.Agent, len(rows))
	for i, r := range rows {
		agents[i] = earshot.Agent{ID: r.ID, Name: r.Name}
	}
	return agents, nil
}

// Agent is who the 工号 belongs to, or ErrNoAgent.
func (ix *Index) Agent(ctx context.Context, id string) (earshot.Agent, error) {
	var row agentRow
	err := ix.read.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return earshot.Agent{}, ErrNoAgent
	}
	return earshot.Agent{ID: row.ID, Name: row.Name}, failed("read an agent", err)
}

// SaveAgent keeps who a 工号 belongs to; an empty name leaves the one known.
func (ix *Index) SaveAgent(ctx context.Context, agent earshot.Agent) error {
	if err := agent.Validate(); err != nil {
		return err
	}
	if agent.ID == "" {
		return nil // nobody sits there: there is nothing to keep
	}
	return ix.change(ctx, lazy, "save an agent", func(tx bun.Tx) error {
		row := agentRow{ID: clean(agent.ID), Name: clean(agent.Name)}
		q := tx.NewInsert().Model(&row)
		if agent.Name == "" {
			q = q.On("CONFLICT (id) DO NOTHING")
		} else {
			q = q.On("CONFLICT (id) DO UPDATE")
		}
		_, err := q.Exec(ctx)
		return err
	})
}
