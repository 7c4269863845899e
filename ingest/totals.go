package ingest

import (
	"context"
	"time"

	"earshot/ingest/recorder"
)

// Stats is what became of packets since the node came up, in all calls.
func (f *Floor) Stats(ctx context.Context) (recorder.Stats, error) {
	return ask(ctx, f, func(time.Time) (recorder.Stats, error) {
		all := f.ended
		for _, s := range f.seats {
			if s.call != nil {
				all.Add(s.call.rec.Stats())
			}
		}
		return all, nil
	})
}
