package storage

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"earshot"
	"earshot/storage/index"
)

// readIndex compares every call of the index with its file and with the ledger.
func (v *verifier) readIndex(ctx context.Context) error {
	if v.Index == nil {
		v.find(FindingRowMissing, "", "", "the index cannot be read; earshot reindex makes it again")
		return nil
	}
	if len(v.only) > 0 {
		for id := range v.only {
			call, err := v.Index.Call(ctx, id)
			if errors.Is(err, earshot.ErrNoCall) {
				continue // its file says so, or the ledger
			}
			if err != nil {
				return err
			}
			if err := v.call(ctx, call); err != nil {
				return err
			}
		}
		return nil
	}
	query := index.CallQuery{States: []earshot.CallState{earshot.CallLive, earshot.CallStored, earshot.CallDeleted}, Limit: 200}
	for {
		page, err := v.Index.SearchCalls(ctx, query)
		if err != nil {
			return err
		}
		for _, call := range page.Calls {
			if err := v.call(ctx, call); err != nil {
				return err
			}
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return v.indexHolds(ctx)
		}
	}
}

// indexHolds compares holds in the index with those in the ledger.
func (v *verifier) indexHolds(ctx context.Context) error {
	inIndex := map[string]earshot.Hold{}
	query := index.HoldQuery{State: index.HoldsAll, Now: v.Now(), Limit: 200}
	for {
		page, err := v.Index.SearchHolds(ctx, query)
		if err != nil {
			return err
		}
		for _, h := range page.Holds {
			inIndex[h.ID] = h
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			break
		}
	}
	if v.Ledger == nil {
		return nil
	}
	for id, h := range inIndex {
		recorded, ok := v.holds[id]
		switch {
		case !ok && v.late(h.At):
			v.find(FindingHold, h.Call, "", "hold %s is in the index and not in the ledger", id)
		case ok && (recorded.Call != h.Call || recorded.Seat != h.Seat || !recorded.From.Equal(h.From.Time) || !recorded.To.Equal(h.To.Time) ||
			!recorded.Until.Equal(h.Until.Time) || recorded.Reason != h.Reason || recorded.By != h.By || !recorded.At.Equal(h.At.Time) ||
			recorded.ReleasedAt.IsZero() && !h.ReleasedAt.IsZero() && v.late(h.ReleasedAt)):
			v.find(FindingHold, h.Call, "", "hold %s was changed in the index: the ledger says something else", id)
		}
	}
	for id, h := range v.holds {
		if _, ok := inIndex[id]; !ok && v.Now().Sub(h.At.Time) > notaryIsLate {
			v.find(FindingHold, h.Call, "", "hold %s is in the ledger and was removed from the index", id)
		}
	}
	return nil
}

// call compares one call of the index.
func (v *verifier) call(ctx context.Context, call earshot.Call) error {
	v.report.Calls++
	v.inIndex[call.ID] = true
	for _, p := range call.Parts {
		v.known[p.File] = true
	}
	switch call.State {
	case earshot.CallLive:
		v.live[call.ID] = true
		return nil
	case earshot.CallDeleted:
		if _, recorded := v.deleted[call.ID]; !recorded && v.Ledger != nil && !v.justDeleted(call) {
			v.find(FindingDeleted, call.ID, "", "the index says that the call was deleted; the ledger knows of no deletion")
		}
		return nil
	}
	if at, gone := v.deleted[call.ID]; gone {
		v.find(FindingNotDeleted, call.ID, "", "record %d of the ledger says that the call was deleted; the index has it as stored", at)
	}
	if err := v.compareFile(ctx, call); err != nil {
		return err
	}
	for _, p := range call.Parts {
		v.comparePart(call, p)
	}
	v.leftOut(call)
	return nil
}

// leftOut finds parts that the ledger has of a call and its row has not.
func (v *verifier) leftOut(call earshot.Call) {
	for n, key := 1, (partKey{call.ID, 0}); n <= v.most[call.ID]; n++ {
		key.n = n
		p, recorded := v.parts[key]
		if recorded && !slices.ContainsFunc(call.Parts, func(p earshot.Part) bool { return p.N == n }) {
			v.find(FindingFactsChanged, call.ID, p.entry.File, "part %d is record %d of the ledger; index and call file do not know it", n, p.index)
		}
	}
}

// late says whether what was to be done at an instant should be done by now. An
// instant that is still to come is nobody's excuse.
func (v *verifier) late(at earshot.Time) bool { return v.Now().Sub(at.Time).Abs() > notaryIsLate }

// storedAt is when a call came to be stored: at its end, or when it was brought in.
func storedAt(call earshot.Call) earshot.Time {
	if o := call.Origin; o != nil && o.At.After(call.EndedAt.Time) {
		return o.At
	}
	return call.EndedAt
}

// justDeleted says whether a call went so lately that the ledger as it was read
// need not know of it.
func (v *verifier) justDeleted(call earshot.Call) bool {
	return call.State == earshot.CallDeleted && call.Deleted != nil &&
		(!v.late(call.Deleted.At) || !v.began.IsZero() && call.Deleted.At.After(v.began) && !call.Deleted.At.After(v.Now()))
}

// compareFile compares a call of the index with its file. What differs is read
// again: it may have been changed in between.
func (v *verifier) compareFile(ctx context.Context, call earshot.Call) error {
	name := earshot.CallFile(call.ID)
	for again := 1; ; again++ {
		file, err := readCallFile(v.Files, name)
		var differ []string
		if err == nil {
			differ = differences(call, file)
		}
		if err == nil && len(differ) == 0 {
			return nil
		}
		if again == readAgain {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				v.find(FindingNoCallFile, call.ID, name, "the call's file is missing")
			case err != nil:
				v.find(FindingBadCallFile, call.ID, name, "the call's file cannot be read: %v", err)
			default:
				v.find(FindingRowChanged, call.ID, name, "index and call file differ in %s", strings.Join(differ, ", "))
			}
			return nil
		}
		// Between the file and the index whoever changes a call needs a moment.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(changesWithin):
		}
		newer, err := v.Index.Call(ctx, call.ID)
		if errors.Is(err, earshot.ErrNoCall) || err == nil && newer.State != earshot.CallStored {
			return nil
		}
		if err != nil {
			return err
		}
		call = newer
	}
}

// comparePart compares a part of the index with the ledger.
func (v *verifier) comparePart(call earshot.Call, p earshot.Part) {
	recorded, ok := v.parts[partKey{call.ID, p.N}]
	if p.SHA256 == "" && !ok || v.Ledger == nil {
		return
	}
	if !ok {
		if v.late(storedAt(call)) {
			v.find(FindingUnrecorded, call.ID, p.File, "the part is not in the ledger, long after it was stored")
		} else {
			v.report.Pending++
		}
		return
	}
	e := recorded.entry
	if e.SHA256 != p.SHA256 || e.Bytes != p.Bytes || e.File != p.File || e.Seat != call.Seat || !e.StartedAt.Equal(call.StartedAt.Time) ||
		e.StartMs != p.StartMs || e.DurationMs != p.DurationMs {
		v.find(FindingFactsChanged, call.ID, p.File, "seat, time, length or hash of part %d differ from record %d of the ledger", p.N, recorded.index)
	}
}

// rowsRemoved finds calls that the ledger knows, and neither the index nor a file
// of their own: their audio alone may still lie there. Where there is a call's
// file, readFolders says so.
func (v *verifier) rowsRemoved(ctx context.Context) error {
	if v.Index == nil {
		return nil
	}
	for id := range v.most {
		if _, gone := v.deleted[id]; gone || v.inIndex[id] || !v.wanted(id) {
			continue
		}
		_, err := v.Index.Call(ctx, id)
		if err == nil {
			continue // it came since
		}
		if !errors.Is(err, earshot.ErrNoCall) {
			return err
		}
		name := earshot.CallFile(id)
		if _, err := v.Files.ReadWhole(name); errors.Is(err, fs.ErrNotExist) {
			v.find(FindingRowMissing, id, name, "the ledger knows the call; index and call file were removed, or never made")
		}
	}
	return nil
}
