package storage

import "context"

// Played says which of the calls somebody has played.
func (a *Archive) Played(ctx context.Context, ids []string) (map[string]bool, error) {
	return a.index.PlayedCalls(ctx, ids)
}
