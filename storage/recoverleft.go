package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"earshot"
)

// Left are the ids of the calls of which a crash left unfinished files, oldest
// first. To be called before anything is recorded.
func (a *Archive) Left() ([]string, error) {
	names, err := a.files.Unfinished()
	if err != nil {
		return nil, fmt.Errorf("list unfinished files: %w", err)
	}
	var ids []string
	for _, name := range names {
		if id, _, ok := partName(strings.TrimSuffix(name, unfinished)); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// RecoverLeft is RecoverAll for an index that was away at the start, and may run
// beside recording: of the calls, which are those that Left gave, it recovers the
// ones that the index does not know. What the index knows may have been gone on
// with by now, and is left to whoever records. Calls that could be recovered are
// answered though others could not.
func (a *Archive) RecoverLeft(ctx context.Context, node string, calls []string) ([]earshot.Call, error) {
	recovered := []earshot.Call{}
	var errs []error
	for _, id := range calls {
		_, err := a.index.Call(ctx, id)
		if err == nil {
			continue
		}
		var call earshot.Call
		if errors.Is(err, earshot.ErrNoCall) {
			call, err = a.Recover(ctx, earshot.Call{ID: id, State: earshot.CallLive, Node: node})
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		recovered = append(recovered, call)
	}
	return recovered, errors.Join(errs...)
}
