package ingest

import (
	"context"
	"time"
)

// How long the end of a call waits for packets that have been asked for again.
const (
	missingWithin = 400 * time.Millisecond
	missingLook   = 20 * time.Millisecond
)

// awaitMissing waits while packets are missing before others that are here: what was
// said just before a call ends is a part of it. It gives up soon, since what a
// network loses now may never come. missing belongs to the loop, which goes on
// meanwhile, and so does the call.
func (f *Floor) awaitMissing(ctx context.Context, missing func() (bool, error)) {
	late := time.NewTimer(missingWithin)
	defer late.Stop()
	look := time.NewTicker(missingLook)
	defer look.Stop()
	for {
		if some, err := missing(); err != nil || !some { // whoever ends the call says what is wrong
			return
		}
		select {
		case <-look.C:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		case <-f.quit:
			return
		}
	}
}

// missingOf says whether packets of an open call are missing.
func (f *Floor) missingOf(ctx context.Context, call string) func() (bool, error) {
	return func() (bool, error) {
		return onCall(ctx, f, call, true, func(_ time.Time, c *openCall) (bool, error) { return c.rec.Missing(), nil })
	}
}

// missingAt says it of the seat's open call, if it has one.
func (f *Floor) missingAt(ctx context.Context, id string) func() (bool, error) {
	return func() (bool, error) {
		return onSeat(ctx, f, id, func(_ time.Time, s *seat) (bool, error) { return s.call != nil && s.call.rec.Missing(), nil })
	}
}
