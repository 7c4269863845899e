package storage

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"earshot"
)

// readFolders looks at every file there is.
func (v *verifier) readFolders(ctx context.Context) error {
	return v.Files.Walk(func(name string, _ int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		id, ok := callOf(name)
		if !ok || !v.wanted(id) {
			return nil
		}
		switch path.Ext(name) {
		case damaged:
			v.find(FindingSetAside, id, name, "a damaged file that was set aside")
		case ".json":
			v.callFile(ctx, id, name)
		case ".opus", ".wav", ".mp3":
			v.audioFile(ctx, id, name)
		}
		return nil
	})
}

// callOf is the call that a file belongs to.
func callOf(name string) (string, bool) {
	base := path.Base(name)
	const idLength = 36
	if len(base) < idLength || !earshot.ValidCallID(base[:idLength]) {
		return "", false
	}
	return base[:idLength], true
}

// callFile looks at the file of a call that the index did not have.
func (v *verifier) callFile(ctx context.Context, id, name string) {
	if v.Index == nil || v.inIndex[id] {
		return
	}
	if _, err := v.Index.Call(ctx, id); err == nil {
		return // it has come since
	}
	call, err := readCallFile(v.Files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		v.find(FindingBadCallFile, id, name, "the call's file cannot be read: %v", err)
	case call.State == earshot.CallLive: // the index hears of it soon
	case v.late(storedAt(call)):
		v.find(FindingRowMissing, id, name, "the index does not know the call: its row was removed, or was never made")
	}
}

// audioFile looks at a file of audio.
func (v *verifier) audioFile(ctx context.Context, id, name string) {
	if at, gone := v.deleted[id]; gone {
		v.find(FindingNotDeleted, id, name, "record %d of the ledger says that the call was deleted; the file is still there", at)
		return
	}
	_, n, ok := partName(name)
	if ok {
		if p, recorded := v.parts[partKey{id, n}]; recorded && p.entry.File == name {
			return // hashed later
		}
	}
	if v.known[name] || v.live[id] || v.Index == nil {
		return
	}
	call, err := v.Index.Call(ctx, id)
	if err == nil && (call.State == earshot.CallLive || v.justDeleted(call) || slices.ContainsFunc(call.Parts, func(p earshot.Part) bool { return p.File == name })) {
		return // it has come since, or is coming, or going
	}
	if made, ok := earshot.IDTime(id); errors.Is(err, earshot.ErrNoCall) && ok && !v.late(earshot.At(made)) {
		return // it is so new that the index hears of it soon
	}
	if coming, failed := v.Index.ComingImport(ctx, id); failed == nil && coming {
		return // it is being brought in
	}
	v.find(FindingUnknownFile, id, name, "audio that neither the index nor the ledger knows")
}

// hashFiles reads every file that the ledger knows.
func (v *verifier) hashFiles(ctx context.Context) error {
	var todo []part
	total := int64(0)
	for key, p := range v.parts {
		if _, gone := v.deleted[key.call]; gone || !v.wanted(key.call) {
			continue
		}
		todo = append(todo, p)
		total += p.entry.Bytes
	}
	// In the order in which they were written: that is how they lie on the disk.
	slices.SortFunc(todo, func(a, b part) int { return int(a.index - b.index) })
	var done atomic.Int64
	v.Progress(0, total)
	var group errgroup.Group
	group.SetLimit(v.Workers)
	for _, p := range todo {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			v.compareHash(p, func() bool { return v.wentMeanwhile(ctx, p.entry.Call) })
			v.Progress(done.Add(p.entry.Bytes), total)
			return nil
		})
	}
	_ = group.Wait() // always nil: what is wrong is a finding
	return ctx.Err()
}

// hashFile compares one file with the ledger.
func (v *verifier) hashFile(p part) { v.compareHash(p, func() bool { return false }) }

// wentMeanwhile says whether a call was deleted since the ledger was read.
func (v *verifier) wentMeanwhile(ctx context.Context, id string) bool {
	if v.Index == nil {
		return false
	}
	call, err := v.Index.Call(ctx, id)
	return err == nil && v.justDeleted(call)
}

// compareHash is hashFile; gone says whether the file may be missing.
func (v *verifier) compareHash(p part, gone func() bool) {
	e := p.entry
	sealed, err := v.Files.SealedFile(e.File)
	switch {
	case errors.Is(err, fs.ErrNotExist) && gone():
		return
	case errors.Is(err, fs.ErrNotExist):
		v.find(FindingMissing, e.Call, e.File, "the file is gone; record %d of the ledger says that it was stored at %s, and nothing that it was deleted", p.index, e.At)
		return
	case err != nil:
		v.find(FindingAltered, e.Call, e.File, "the file cannot be read: %v", err)
		return
	}
	v.mu.Lock()
	v.report.Files++
	v.report.Bytes += sealed.Bytes
	v.mu.Unlock()
	if sealed.SHA256 == e.SHA256 {
		return
	}
	if other, known := v.byHash[sealed.SHA256]; known {
		v.find(FindingSwapped, e.Call, e.File, "the file is that of part %d of call %s", other.n, other.call)
		return
	}
	v.find(FindingAltered, e.Call, e.File, "the file was altered: its SHA-256 is %s, record %d of the ledger says %s", sealed.SHA256, p.index, e.SHA256)
}
