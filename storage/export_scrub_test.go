package storage

import (
	"context"
	"time"
)

// LookOnce is what Run does each time it looks at the clock, begun at since.
func (s *Scrub) LookOnce(ctx context.Context, since time.Time) error { return s.look(ctx, since) }
