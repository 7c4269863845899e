package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"earshot"
	"earshot/storage/index"
)

// A run that is cut off leaves calls of which some is there: the audio, perhaps
// their levels and their own file, not yet their row in the index. The notes of the
// batch's files say which. Before the batch goes on, with whatever settings, or is
// deleted, each is made whole where its own file tells all, or is taken away.

// settleHalves does so for a batch, and answers the files that are calls.
func (s *Imports) settleHalves(ctx context.Context, batch string) (stored []earshot.ImportFile, err error) {
	for q := (index.ImportFileQuery{Batch: batch, Fate: earshot.FateWaiting, Begun: true, Limit: 1000}); ; {
		page, err := s.index().ImportFiles(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Files {
			c, whole, err := s.settleHalf(ctx, f)
			if err != nil {
				return nil, fmt.Errorf("what is left of %s: %w", f.Path, err)
			}
			if whole && isOf(c, batch, f.Path) {
				f.Fate, f.DurationMs, f.Remarks = earshot.FateStored, c.DurationMs, c.Origin.Remarks
				stored = append(stored, f)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return stored, nil
		}
	}
}

// isOf says whether a call was made of that file of a batch: another of the same
// bytes and time may have become it.
func isOf(c earshot.Call, batch, path string) bool {
	return c.Origin != nil && c.Origin.Batch == batch && c.Origin.Path == path
}

// settleHalf is the call that a file was about to become, whole now or not there.
// Who makes a call of the same bytes meanwhile is waited for.
func (s *Imports) settleHalf(ctx context.Context, f earshot.ImportFile) (c earshot.Call, whole bool, err error) {
	defer s.hashes.Lock(f.SHA256)()
	a := s.Archive
	c, err = a.index.Call(ctx, f.Call)
	if err == nil {
		return c, c.State == earshot.CallStored, nil
	}
	if !errors.Is(err, earshot.ErrNoCall) {
		return c, false, err
	}
	c, err = a.readFile(f.Call) // written in one piece, when all else is there
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.SHA256 == "": // no note of such a run: the file was touched since
		return c, false, nil
	case errors.Is(err, fs.ErrNotExist):
		return c, false, s.clearHalf(f.Call)
	case err != nil:
		return c, false, err
	}
	calls := []earshot.Call{c}
	if err := a.SaveCalls(ctx, calls); err != nil {
		return c, false, err
	}
	return c, true, s.saveAgents(ctx, calls)
}

// clearHalf takes away what lies there of a call that has no file of its own.
func (s *Imports) clearHalf(id string) error {
	a := s.Archive
	defer a.calls.Lock(id)()
	names := []string{earshot.LevelsFile(id, 1)}
	for _, codec := range []earshot.Codec{earshot.MP3, earshot.PCM, earshot.Opus} { // one for each ending
		names = append(names, earshot.PartFile(id, 1, codec))
	}
	for _, name := range names {
		if err := a.remove(name); err != nil {
			return err
		}
	}
	return nil
}
