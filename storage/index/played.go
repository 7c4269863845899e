package index

import (
	"context"

	"github.com/uptrace/bun"
)

// PlayedCalls says which of the calls somebody has played.
func (ix *Index) PlayedCalls(ctx context.Context, ids []string) (map[string]bool, error) {
	played := make(map[string]bool, len(ids))
	if len(ids) == 0 {
		return played, nil
	}
	var found []string
	err := ix.read.NewSelect().Model((*termRow)(nil)).Column("call").Where("call IN (?)", bun.List(ids)).Where("played_at > 0").Scan(ctx, &found)
	if err != nil {
		return nil, failed("read which calls were played", err)
	}
	for _, id := range found {
		played[id] = true
	}
	return played, nil
}
