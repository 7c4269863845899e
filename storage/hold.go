package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// Hold keeps what h covers from deletion and answers it as it is kept, with id
// and time. It is in the ledger and in the index when Hold returns, so nothing
// can delete what it covers any more. The file of a call says so at once; those
// of a window, of which there may be many, soon after.
//
// earshot.ErrNoCall, earshot.ErrNoSeat, earshot.ErrDeleted, what Hold.Validate
// says, and index.ErrAway. Where the index fails after the ledger had the hold, a
// release follows it there.
func (a *Archive) Hold(ctx context.Context, h earshot.Hold) (earshot.Hold, error) {
	now := a.now()
	h.ID, h.At = earshot.NewID(now), earshot.At(now)
	h.ReleasedAt, h.ReleasedBy, h.ReleaseReason = earshot.Time{}, "", ""
	if err := h.Validate(); err != nil {
		return h, err
	}
	if err := a.index.Holdable(ctx, h); err != nil {
		return h, err
	}
	if err := a.record(ctx, ledger.Entry{Kind: ledger.KindHold, Call: h.Call, Seat: h.Seat, Hold: &h}); err != nil {
		return h, err
	}
	// Having begun, it is not left half done because who asked has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdWithin)
	defer cancel()
	if err := a.index.AddHold(ctx, h); err != nil {
		return h, errors.Join(err, a.retract(ctx, h, err))
	}
	if err := a.step("hold kept"); err != nil {
		return h, err
	}
	if h.Call == "" || a.fileHold(ctx, h) != nil {
		a.wakeNotary()
	}
	return h, nil
}

// holdWithin is how long a hold may take that has begun.
const holdWithin = 20 * time.Second

// fileHold has the file of the one call that h is on say so. Where it cannot the
// notary will.
func (a *Archive) fileHold(ctx context.Context, h earshot.Hold) error {
	err := a.fileHoldsOf(ctx, h.Call)
	if err == nil {
		return a.index.HoldFiled(ctx, h)
	}
	a.log.Error("a hold is not in its call's file yet", "call", h.Call, "hold", h.ID, "err", err)
	return err
}

// retract says in the ledger that h does not hold after all.
func (a *Archive) retract(ctx context.Context, h earshot.Hold, why error) error {
	gone, err := h.Released(a.now(), h.By, "could not be kept: "+earshot.AsError(why).Text)
	if err != nil {
		return err
	}
	return a.record(ctx, ledger.Entry{Kind: ledger.KindRelease, Call: h.Call, Seat: h.Seat, Hold: &gone})
}

// Release ends a hold, for a reason, and answers it as it is then;
// index.ErrNoHold, earshot.ErrReleased, `bad_reason`. Where the index fails after
// the ledger had the release, the hold holds until the notary has told the index.
func (a *Archive) Release(ctx context.Context, id, by, reason string) (earshot.Hold, error) {
	defer a.releasing.Lock(id)()
	h, err := a.index.Hold(ctx, id)
	if err != nil {
		return h, err
	}
	released, err := h.Released(a.now(), by, reason)
	if err != nil {
		return h, err
	}
	if err := a.record(ctx, ledger.Entry{Kind: ledger.KindRelease, Call: h.Call, Seat: h.Seat, Hold: &released}); err != nil {
		return h, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdWithin)
	defer cancel()
	defer a.wakeNotary() // the files follow
	err = a.index.ReleaseHold(ctx, released)
	if errors.Is(err, earshot.ErrReleased) {
		// The notary may have read it in the ledger before we came here.
		kept, readErr := a.index.Hold(ctx, id)
		if readErr == nil && kept.ReleasedAt == released.ReleasedAt && kept.ReleasedBy == by {
			err = nil
		}
	}
	return released, err
}

// Holds finds holds, newest first; see index.HoldQuery. Without a Now it is now.
func (a *Archive) Holds(ctx context.Context, q index.HoldQuery) (index.HoldPage, error) {
	if q.Now.IsZero() {
		q.Now = a.now()
	}
	return a.index.SearchHolds(ctx, q)
}

// HoldsOn is all that covers c, active or not, oldest first. Where the index is
// away it is what was known when the call's file was written.
func (a *Archive) HoldsOn(ctx context.Context, c earshot.Call) []earshot.Hold {
	holds, err := a.index.HoldsOn(ctx, c)
	if err == nil {
		return holds
	}
	if known, err := a.readFile(c.ID); err == nil {
		return known.Holds
	}
	return c.Holds
}

// fileHolds brings holds and releases into the files of the calls they cover.
// What fails is tried again the next time; the others are not kept waiting.
func (a *Archive) fileHolds(ctx context.Context) error {
	holds, err := a.index.UnfiledHolds(ctx, 100)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range holds {
		if err := a.fileCovered(ctx, h); err != nil {
			errs = append(errs, fmt.Errorf("file hold %s: %w", h.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (a *Archive) fileCovered(ctx context.Context, h earshot.Hold) error {
	for after := ""; ; {
		ids, err := a.index.CoveredCalls(ctx, h, after, 500)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := a.fileHoldsOf(ctx, id); err != nil {
				return err
			}
			after = id
		}
		if len(ids) == 0 {
			return a.index.HoldFiled(ctx, h)
		}
	}
}

// fileHoldsOf has the file of a call say what the index knows of its holds, while
// nobody edits the call, on whatever node. Of all else the file is believed: it may
// know more than the index. A live call without a file gets one soon, with all that
// holds it; a deleted one stays as it is.
func (a *Archive) fileHoldsOf(ctx context.Context, id string) error {
	defer a.calls.Lock(id)()
	return a.index.GuardCall(ctx, id, func(known earshot.Call) error {
		c, err := a.readFile(id)
		if errors.Is(err, fs.ErrNotExist) && known.State != earshot.CallLive {
			c, err = known, nil
		}
		switch {
		case errors.Is(err, fs.ErrNotExist), known.State == earshot.CallDeleted, c.State == earshot.CallDeleted:
			return nil
		case err != nil:
			return err
		}
		c.Holds = known.Holds
		return a.writeFile(c)
	})
}
