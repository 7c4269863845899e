package index

import (
	"cmp"
	"context"
	"reflect"

	"github.com/uptrace/bun"

	"earshot"
)

// amidTries is how often somebody is asked again before whoever edits the calls is
// made to wait.
const amidTries = 3

// amid has calls changed in the index and elsewhere at once. read reads how things
// stand, and has nobody change them until its transaction ends; do is told, and does
// what is to be done elsewhere; put puts what becomes of it, if do says that anything
// does. All of it is so, or nothing: where do fails it is with do's own failure. do
// must not ask the index anything, and may be called again.
//
// In PostgreSQL nobody edits the calls meanwhile. SQLite has one writer, whom do,
// writing files, is not to keep from others: there it is done before, and again where
// things stand otherwise by then.
func amid[S any](ctx context.Context, ix *Index, d durability, doing string,
	read func(tx bun.Tx) (S, error), do func(S) (some bool, err error), put func(tx bun.Tx) error,
) error {
	if ix.postgres {
		return amidst(ctx, ix, d, doing, read, do, put)
	}
	var was S
	err := ix.read.RunInTx(ctx, snapshot, func(_ context.Context, tx bun.Tx) (err error) {
		was, err = read(tx)
		return err
	})
	if err != nil {
		return failed(doing, err)
	}
	for range amidTries {
		if some, err := do(was); err != nil || !some {
			return err
		}
		moved := false
		err := ix.change(ctx, d, doing, func(tx bun.Tx) error {
			now, err := read(tx)
			if moved = !reflect.DeepEqual(now, was); moved || err != nil {
				was = now
				return err
			}
			return put(tx)
		})
		if !moved || err != nil {
			return err
		}
	}
	return amidst(ctx, ix, d, doing, read, do, put)
}

// amidst is amid in one transaction.
func amidst[S any](ctx context.Context, ix *Index, d durability, doing string,
	read func(tx bun.Tx) (S, error), do func(S) (some bool, err error), put func(tx bun.Tx) error,
) error {
	var refused error
	err := ix.change(ctx, d, doing, func(tx bun.Tx) error {
		stands, err := read(tx)
		if err != nil {
			return err
		}
		var some bool
		if some, refused = do(stands); refused != nil || !some {
			return refused
		}
		return put(tx)
	})
	return cmp.Or(refused, err)
}

// stand is how it stands with calls that somebody saves.
type stand struct {
	known []earshot.Call
	holds []earshot.Hold // all that cover what is saved, and others
}

// SaveWritten puts calls as RestoreCalls does, once write has written them down
// elsewhere: with all that holds them, and without those that are deleted and so
// stay. Of two who change a call at once, on whatever nodes, the second does both
// behind the first. Where write fails nothing is put; it must not ask the index
// anything, and may be called again. No call may be among them twice.
func (ix *Index) SaveWritten(ctx context.Context, calls []Restored, write func([]Restored) error) error {
	ids, saved := make([]string, len(calls)), make([]earshot.Call, len(calls))
	d := lazy
	for i, c := range calls {
		if !earshot.ValidCallID(c.Call.ID) {
			return earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", c.Call.ID)
		}
		ids[i], saved[i] = c.Call.ID, c.Call
		if c.Call.State != earshot.CallLive {
			d = synced
		}
	}
	if len(calls) == 0 {
		return nil
	}
	var kept []Restored
	again := false
	read := func(tx bun.Tx) (s stand, err error) {
		if s.known, err = callsToEdit(ctx, tx, ids); err == nil {
			s.holds, err = holdsOn(ctx, tx, saved)
		}
		return s, err
	}
	do := func(s stand) (bool, error) {
		var gone []Restored
		kept, gone = s.of(calls)
		written := kept
		if again { // what was written before they were deleted must not stay
			written = append(gone, kept...)
		}
		again = true
		if len(written) == 0 {
			return false, nil
		}
		return true, write(written)
	}
	put := func(tx bun.Tx) error { return restoreCalls(ctx, tx, kept) }
	return amid(ctx, ix, d, "save calls", read, do, put)
}

// of are the calls that may be saved, with what holds them, and the tombstones of
// those that are deleted.
func (s stand) of(calls []Restored) (kept, gone []Restored) {
	deleted := map[string]bool{}
	for _, c := range s.known {
		if c.State == earshot.CallDeleted {
			deleted[c.ID] = true
			gone = append(gone, Restored{Call: c})
		}
	}
	for _, c := range calls {
		if deleted[c.Call.ID] && c.Call.State != earshot.CallDeleted {
			continue
		}
		c.Call.Holds = covering(s.holds, c.Call)
		kept = append(kept, c)
	}
	return kept, gone
}
