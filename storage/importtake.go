package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"earshot"
	"earshot/audio/levels"
	"earshot/audio/probe"
	"earshot/storage/files"
	"earshot/storage/imports"
)

// takenFile is a file whose fate is known, and its call, if it becomes one.
type takenFile struct {
	file   earshot.ImportFile
	call   *earshot.Call
	copy   *files.Incoming // nil where there is no call
	levels []byte          // the call's levels, as they are kept; nil where none can be told
	unlock func()          // of its hash; nil where none is held
}

// release lets others have files of the same bytes.
func (t *takenFile) release() {
	if t.unlock != nil {
		t.unlock()
		t.unlock = nil
	}
}

// drop gives up what did not become a call.
func (t *takenFile) drop() error {
	defer t.release()
	if t.copy == nil {
		return nil
	}
	return t.copy.Discard()
}

// take looks at one file and copies it, if it becomes a call. An error is one of
// ours and stops the run; what is wrong with the file is its fate.
func (r *importRun) take(ctx context.Context, s *Imports, file earshot.ImportFile, recoded bool) (*takenFile, error) {
	if err := s.waitForTurn(ctx); err != nil {
		return nil, err
	}
	t := &takenFile{file: file}
	t.file.Remarks, t.file.Code, t.file.Text = nil, "", ""
	err := r.takeFile(ctx, s, t, recoded)
	if err == nil {
		return t, nil
	}
	dropped := t.drop()
	t.copy, t.call = nil, nil
	code, text, itsOwn := faultOf(ctx, err)
	if !itsOwn {
		return nil, errors.Join(err, dropped)
	}
	if imports.NamedTable(t.file.Path) && isNoAudio(code) {
		code, text = earshot.CodeIsTable, imports.Say(earshot.CodeIsTable, false)
	}
	gone := t.file.Call
	t.file = refusedFile(t.file, code, text)
	if code == imports.CodeDeletedBefore {
		t.file.Call = gone
	}
	return t, dropped
}

// isNoAudio says whether a file was refused for what it holds.
func isNoAudio(code string) bool { return slices.Contains(probe.Refusals(), code) }

// waitForTurn lets recording have the disk first.
func (s *Imports) waitForTurn(ctx context.Context) error {
	for s.Busy() {
		timer := time.NewTimer(importWaits)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// faultOf says whether err is about the file, and how that is told.
func faultOf(ctx context.Context, err error) (code, text string, itsOwn bool) {
	var ours *files.WriteError
	var said *earshot.Error
	switch {
	case ctx.Err() != nil, errors.As(err, &ours), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return "", "", false
	case errors.As(err, &said):
		return said.Code, said.Text, said.Kind == earshot.Invalid || said.Kind == earshot.Unsupported
	case errors.Is(err, fs.ErrNotExist):
		return imports.CodeChanged, imports.Say(imports.CodeChanged, false), true
	}
	var path *fs.PathError
	if errors.As(err, &path) || errors.Is(err, fs.ErrPermission) {
		return imports.CodeUnreadable, imports.Say(imports.CodeUnreadable, false), true
	}
	return "", "", false
}

func (r *importRun) takeFile(ctx context.Context, s *Imports, t *takenFile, recoded bool) (err error) {
	from, info, err := r.folder.Open(t.file.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if info.Size() != t.file.Bytes {
		t.file.Bytes, t.file.ModifiedAt = info.Size(), earshot.At(info.ModTime())
	}
	audio, err := probe.Context(ctx, from, info.Size()) // before anything is written
	if err != nil {
		return err
	}
	about := imports.File{Path: t.file.Path, ModifiedAt: info.ModTime(), Recoded: recoded}
	facts, err := r.facts.of(about, imports.Tags(from, info.Size(), r.batch.Settings.Charset))
	if err != nil {
		return err
	}
	release, err := s.reserve(info.Size())
	if err != nil {
		return err
	}
	t.copy, err = s.Store.Take(ctx, from)
	release()
	if err != nil {
		return err
	}
	if err := sameStill(from, info, t.copy.Sealed()); err != nil {
		return err
	}
	t.file.SHA256 = t.copy.Sealed().SHA256
	t.unlock = s.hashes.Lock(t.file.SHA256)
	known, err := r.isKnown(ctx, s, t, facts)
	if known || err != nil {
		return err
	}
	if err := r.draft(s, t, audio, facts); err != nil {
		return err
	}
	return s.measure(ctx, t)
}

// measure tells the levels of a call's file. One of which they cannot be told is
// a call nevertheless, and says so.
func (s *Imports) measure(ctx context.Context, t *takenFile) error {
	part := t.call.Parts[0]
	part.File = t.copy.Name()
	agent, customer, err := s.Archive.measurePart(ctx, part)
	switch {
	case errors.Is(err, errUnmeasurable):
		remark := whyNoWaveform(err)
		t.call.Origin.Remarks = append(t.call.Origin.Remarks, remark)
		t.file.Remarks = t.call.Origin.Remarks
		return nil
	case err != nil:
		return &files.WriteError{Err: fmt.Errorf("measure its levels: %w", err)} // of our own copy
	}
	t.levels = levels.Append(nil, agent, customer)
	return nil
}

// sameStill sees that what was copied is what was looked at.
func sameStill(from *os.File, before fs.FileInfo, copied files.Sealed) error {
	after, err := from.Stat()
	if err != nil {
		return err
	}
	if after.Size() != before.Size() || copied.Bytes != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return earshot.Fail(earshot.Invalid, imports.CodeChanged, "%s", imports.Say(imports.CodeChanged, false))
	}
	return nil
}

// reserve keeps room for a file that is about to be copied, beside those that
// others are copying, until release.
func (s *Imports) reserve(bytes int64) (release func(), err error) {
	release = func() { s.coming.Add(-bytes) }
	if err := s.hasRoom(uint64(s.coming.Add(bytes))); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// hasRoom is nil if the disk can take so many bytes more.
func (s *Imports) hasRoom(bytes uint64) error {
	if s.Room == nil {
		return nil
	}
	free, keep, err := s.Room()
	if err != nil {
		return fmt.Errorf("room for an import: %w", err)
	}
	if free < keep || free-keep < bytes {
		return ErrImportRoom
	}
	return nil
}

// isKnown says whether the file is a call already, and what that makes of it. The
// call that was made of this very file, which somebody has touched since, is its own.
func (r *importRun) isKnown(ctx context.Context, s *Imports, t *takenFile, facts settled) (bool, error) {
	call, state, known, err := s.index().CallWithFile(ctx, t.file.SHA256)
	if err != nil || !known {
		return false, err
	}
	noted := t.file.Call == call
	t.file.Call, t.file.Fate = call, earshot.FateDuplicate
	if state == earshot.CallDeleted {
		return false, earshot.Fail(earshot.Invalid, imports.CodeDeletedBefore, "%s", imports.Say(imports.CodeDeletedBefore, false))
	}
	c, err := s.index().Call(ctx, call)
	if err != nil {
		return false, err
	}
	if noted && isOf(c, r.id, t.file.Path) {
		t.file.Fate, t.file.DurationMs, t.file.Remarks = earshot.FateStored, c.DurationMs, c.Origin.Remarks
	} else if err := r.double(ctx, s, t, c, facts); err != nil {
		return false, err
	}
	err = t.copy.Discard()
	t.copy = nil
	return true, err
}

func importID(sha256 string, start earshot.Time) (string, error) {
	var sum [32]byte
	if _, err := hex.Decode(sum[:], []byte(sha256)); err != nil {
		return "", err
	}
	return earshot.ImportID(start.Time, sum), nil
}

// draft makes the call that the file becomes.
func (r *importRun) draft(s *Imports, t *takenFile, audio probe.Audio, facts settled) error {
	start := facts.Facts.StartedAt
	id, err := importID(t.file.SHA256, start)
	if err != nil {
		return err
	}
	remarks := slices.Concat(facts.Remarks, audio.Remarks)
	if audio.Misnamed(t.file.Path) {
		remarks = append(remarks, probe.NameMisleads)
	}
	ms := audio.Ms()
	end := earshot.At(start.Add(time.Duration(ms) * time.Millisecond))
	c := earshot.Call{
		ID: id, Seat: facts.seat.ID, Branch: facts.seat.Branch, Kind: facts.seat.Kind, Direction: facts.Facts.Direction,
		Number: facts.Facts.Number, Account: facts.Facts.Account, Ticket: facts.Facts.Ticket, Business: facts.Facts.Business,
		State: earshot.CallStored, StartedAt: start, EndedAt: end, DurationMs: ms, Channels: 1,
		Origin: &earshot.Origin{Batch: r.id, Path: t.file.Path, At: earshot.At(s.now()), By: r.batch.By, Remarks: remarks},
		Parts: []earshot.Part{{
			N: 1, File: earshot.PartFile(id, 1, audio.Codec), Track: r.trackOf(audio), Codec: audio.Codec, Channels: audio.Channels,
			DurationMs: ms, Bytes: t.copy.Sealed().Bytes, SHA256: t.file.SHA256,
			Clock: []earshot.ClockPoint{{At: start}, {FileMs: ms, At: end}},
		}},
	}
	if agent := facts.Facts.Agent; agent.ID != "" {
		c.Agent = &agent
	}
	settings := r.batch.Settings
	if settings.Branch != "" {
		c.Branch = settings.Branch
	}
	if settings.Kind != "" {
		c.Kind = settings.Kind
	}
	if track := c.Parts[0].Track; track == earshot.TrackBoth || track == earshot.TrackSwapped {
		c.Channels = 2
	}
	if audio.Torn {
		c.SetFlag(earshot.FlagInterrupted)
	}
	if slices.Contains(audio.Remarks, probe.GarbageInside) {
		c.SetFlag(earshot.FlagDamaged)
	}
	if r.retain(c) {
		c.Origin.Remarks = append(c.Origin.Remarks, earshot.RemarkRetentionDue)
	}
	c = c.Clone()
	t.call = &c
	t.file.Fate, t.file.Call, t.file.DurationMs, t.file.Remarks = earshot.FateStored, id, ms, c.Origin.Remarks
	return nil
}

// trackOf is what the file holds.
func (r *importRun) trackOf(audio probe.Audio) earshot.TrackKind {
	track := r.batch.Settings.Track
	switch {
	case audio.Channels >= 2 && (track == "" || track == earshot.TrackBoth):
		if r.batch.Settings.Swap {
			return earshot.TrackSwapped
		}
		return earshot.TrackBoth
	case track == "" || track == earshot.TrackBoth:
		return earshot.TrackMixed
	}
	return track
}
