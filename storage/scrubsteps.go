package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"earshot"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// The steps of a run.
const (
	stepLedger = "ledger"
	stepCalls  = "calls"
	stepFiles  = "files"
)

// ledgerFile is what a finding about the ledger itself names.
const ledgerFile = "ledger"

// goOn does what is left of a run. The step that was cut off is done again from
// its beginning, but the calls, which go on where they stopped.
func (s *Scrub) goOn(ctx context.Context, note index.ScrubNote) error {
	for {
		var err error
		next := ""
		switch note.Step {
		case stepLedger:
			err, next = s.ledgerStep(ctx, &note), stepCalls
		case stepCalls:
			err = s.callsStep(ctx, &note)
			if note.Whole {
				next = stepFiles
			}
		case stepFiles:
			err = s.filesStep(ctx)
		}
		if err != nil {
			return err
		}
		if note.Step = next; next == "" {
			break
		}
		if err := s.save(ctx, note); err != nil {
			return err
		}
	}
	note.Running = false
	if note.Whole {
		note.WholeAt = note.StartedAt
	}
	s.Log.InfoContext(ctx, "the archive was checked", "files", note.Checked, "bytes", note.Bytes)
	return s.save(ctx, note)
}

func (s *Scrub) verifier(from ReadFiles) *verifier {
	return &verifier{
		VerifyOptions: VerifyOptions{Files: from, Ledger: s.Ledger, Index: s.Index, Now: s.Now},
		only:          map[string]bool{}, parts: map[partKey]part{}, byHash: map[string]partKey{}, deleted: map[string]int64{},
		holds: map[string]earshot.Hold{}, inIndex: map[string]bool{}, known: map[string]bool{}, live: map[string]bool{},
	}
}

// keep keeps what v found.
func (s *Scrub) keep(ctx context.Context, v *verifier) error {
	for _, f := range v.report.Findings {
		if ctx.Err() != nil {
			return ctx.Err() // what was cut off was not looked at
		}
		if err := s.Problems.Found(ctx, f); err != nil {
			return err
		}
	}
	v.report.Findings = nil
	return nil
}

// ledgerStep looks at the ledger's records: all of them, or those that are new.
func (s *Scrub) ledgerStep(ctx context.Context, note *index.ScrubNote) error {
	v := s.verifier(s.Files)
	if s.Ledger == nil {
		v.find(FindingLedger, "", ledgerFile, "the ledger cannot be used")
		return s.keep(ctx, v)
	}
	if err := s.oldTree(v, note); err != nil {
		return err
	}
	from := note.Ledger
	if note.Whole {
		from = 0
		report, err := s.Ledger.VerifyAll(ctx, nil)
		if err != nil {
			return err
		}
		for _, f := range report.Findings {
			code := FindingLedger
			if f.Code == ledger.FoundKeyUnlinked {
				code = FindingKey
			}
			v.find(code, "", ledgerFile, "%s: %s", f.Code, f.Text)
		}
	}
	size := s.Ledger.Size()
	if err := s.records(ctx, v, from, size); err != nil {
		return err
	}
	if note.Whole {
		if err := v.indexHolds(ctx); err != nil {
			return err
		}
	}
	root, err := s.Ledger.Root(size)
	if err != nil {
		return err
	}
	note.Ledger, note.Root = size, hex.EncodeToString(root[:])
	return s.keep(ctx, v)
}

// oldTree finds a ledger that was written anew since the last run.
func (s *Scrub) oldTree(v *verifier, note *index.ScrubNote) error {
	if note.Ledger == 0 {
		return nil
	}
	if s.Ledger.Size() < note.Ledger {
		v.find(FindingLedger, "", ledgerFile, "the ledger had %d records at the last check and now has %d", note.Ledger, s.Ledger.Size())
		note.Ledger, note.Root = 0, ""
		return nil
	}
	root, err := s.Ledger.Root(note.Ledger)
	if err != nil {
		return err
	}
	if hex.EncodeToString(root[:]) != note.Root {
		v.find(FindingLedger, "", ledgerFile, "the first %d records are not the ones of the last check", note.Ledger)
		note.Ledger, note.Root = 0, ""
	}
	return nil
}

// records compares records of the ledger with the index.
func (s *Scrub) records(ctx context.Context, v *verifier, from, size int64) error {
	for next := from; next < size; next++ {
		for n, err := range s.Ledger.Entries(ctx, next) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				v.find(FindingLedger, "", ledgerFile, "record %d cannot be read: %v", next, err)
				break
			}
			if n.Index >= size {
				return nil
			}
			if err := s.record(ctx, v, n); err != nil {
				return err
			}
			next = n.Index + 1
		}
	}
	return nil
}

// record compares one record with the index.
func (s *Scrub) record(ctx context.Context, v *verifier, n ledger.Numbered) error {
	e := n.Entry
	if e.Kind == ledger.KindHold || e.Kind == ledger.KindRelease {
		v.note(n)
	}
	if e.Kind != ledger.KindPart && e.Kind != ledger.KindDeletion || s.Now().Sub(e.At.Time) < notaryIsLate {
		return nil
	}
	call, err := s.Index.Call(ctx, e.Call)
	if err != nil && !errors.Is(err, earshot.ErrNoCall) {
		return err
	}
	switch {
	case err != nil && e.Kind == ledger.KindPart && s.isGone(e.File):
		v.find(FindingMissing, e.Call, e.File, "record %d of the ledger says that the part was stored; neither the file nor the call in the index is there", n.Index)
	case err != nil && e.Kind == ledger.KindPart:
		v.find(FindingRowMissing, e.Call, earshot.CallFile(e.Call), "record %d of the ledger says that a part was stored; the index does not know the call", n.Index)
	case e.Kind == ledger.KindDeletion && err == nil && call.State != earshot.CallDeleted:
		v.find(FindingNotDeleted, e.Call, "", "record %d of the ledger says that the call was deleted; the index has it as %s", n.Index, call.State)
	case e.Kind == ledger.KindPart && call.State == earshot.CallStored:
		i := slices.IndexFunc(call.Parts, func(p earshot.Part) bool { return p.N == e.N })
		if i < 0 || call.Parts[i].SHA256 != e.SHA256 {
			v.find(FindingFactsChanged, e.Call, e.File, "record %d of the ledger is not about part %d as the index has it", n.Index, e.N)
		}
	}
	return nil
}

func (s *Scrub) isGone(name string) bool {
	file, _, err := s.Files.Open(name)
	if err == nil {
		_ = file.Close() // nothing was written
	}
	return errors.Is(err, fs.ErrNotExist)
}

// callsStep looks at calls behind the cursor until the run's bytes are read, or
// it has been round all calls.
func (s *Scrub) callsStep(ctx context.Context, note *index.ScrubNote) error {
	kept := note.Bytes
	for {
		calls, err := s.Index.CallsBehind(ctx, note.Cursor, scrubAtOnce)
		if err != nil {
			return err
		}
		if len(calls) == 0 {
			began := note.From == "" || note.Wrapped
			note.Cursor, note.Wrapped, note.PassAt, note.PassBytes = "", true, note.StartedAt, 0
			if began {
				return s.save(ctx, *note)
			}
			continue
		}
		for _, call := range calls {
			if note.Wrapped && note.From != "" && call.ID > note.From {
				return s.save(ctx, *note)
			}
			read, bytes, err := s.call(ctx, call)
			if err != nil { // the server ends, mostly
				return errors.Join(err, s.save(context.WithoutCancel(ctx), *note))
			}
			note.Cursor = call.ID
			note.Checked, note.Bytes, note.PassBytes = note.Checked+read, note.Bytes+bytes, note.PassBytes+bytes
			s.publish(*note)
			if !note.All && note.Bytes >= note.Total {
				return s.save(ctx, *note)
			}
			if note.Bytes-kept >= scrubKeeps {
				kept = note.Bytes
				if err := s.save(ctx, *note); err != nil {
					return err
				}
			}
		}
		if err := s.save(ctx, *note); err != nil {
			return err
		}
	}
}

// call looks at one call: files read, and their bytes.
func (s *Scrub) call(ctx context.Context, call earshot.Call) (read, bytes int64, err error) {
	if call.State == earshot.CallLive {
		return 0, 0, nil
	}
	from := &slowFiles{ReadFiles: s.Files, scrub: s, ctx: ctx}
	v := s.verifier(from)
	if call.State == earshot.CallDeleted {
		err = s.deleted(ctx, v, call)
	} else {
		err = s.stored(ctx, v, call, from)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, 0, err
	}
	if len(v.report.Findings) > 0 {
		same, err := s.isStill(ctx, call)
		if err != nil {
			return 0, 0, err
		}
		if !same {
			return from.read, from.bytes, nil
		}
	}
	return from.read, from.bytes, s.keep(ctx, v)
}

// isStill says whether a call was neither taken up again nor deleted meanwhile.
func (s *Scrub) isStill(ctx context.Context, call earshot.Call) (bool, error) {
	now, err := s.Index.Call(ctx, call.ID)
	if errors.Is(err, earshot.ErrNoCall) {
		return false, nil
	}
	return now.State == call.State, err
}

// stored compares a stored call's row, file, records and audio.
func (s *Scrub) stored(ctx context.Context, v *verifier, call earshot.Call, from *slowFiles) error {
	entries, err := s.Index.PartEntries(ctx, call.ID)
	if err != nil {
		return err
	}
	for n, i := range entries {
		if s.Ledger == nil {
			break
		}
		e, _, err := s.Ledger.Entry(i)
		if err != nil || e.Kind != ledger.KindPart || e.Call != call.ID || e.N != n {
			v.find(FindingFactsChanged, call.ID, earshot.CallFile(call.ID), "the index says that record %d is about part %d; it is not, or cannot be read", i, n)
			continue
		}
		v.parts[partKey{call.ID, n}] = part{i, e}
	}
	if err := v.call(ctx, call); err != nil {
		return err
	}
	for _, p := range call.Parts {
		if err := s.audio(ctx, v, call, p, from); err != nil {
			return err
		}
	}
	return nil
}

// audio compares a part's file with its record; one that has none with the index.
func (s *Scrub) audio(ctx context.Context, v *verifier, call earshot.Call, p earshot.Part, from *slowFiles) error {
	if p.SHA256 == "" {
		return nil
	}
	sealed, err := from.SealedFile(p.File)
	recorded, ok := v.parts[partKey{call.ID, p.N}]
	want := p.SHA256
	if ok {
		want = recorded.entry.SHA256
	}
	if err == nil && sealed.SHA256 != want {
		other, n, known, err := s.Index.PartWithHash(ctx, sealed.SHA256)
		if err != nil {
			return err
		}
		if known && (other != call.ID || n != p.N) {
			v.byHash[sealed.SHA256] = partKey{other, n}
		}
	}
	switch {
	case ok:
		v.hashFile(recorded)
	case errors.Is(err, fs.ErrNotExist):
		v.find(FindingMissing, call.ID, p.File, "the file is gone; the index has it as stored")
	case err != nil:
		v.find(FindingAltered, call.ID, p.File, "the file cannot be read: %v", err)
	case sealed.SHA256 != want:
		v.find(FindingAltered, call.ID, p.File, "the file was altered: its SHA-256 is %s, the index says %s", sealed.SHA256, want)
	}
	return nil
}

// deleted looks whether the deletion is recorded, and nothing left.
func (s *Scrub) deleted(ctx context.Context, v *verifier, call earshot.Call) error {
	burial, done, err := s.Index.Burial(ctx, call.ID)
	if err != nil && !errors.Is(err, earshot.ErrNoCall) {
		return err
	}
	known := err == nil
	if known && call.Deleted != nil && s.Now().Sub(call.Deleted.At.Time) < notaryIsLate {
		return nil
	}
	recorded := false
	if known && burial.Entry >= 0 && s.Ledger != nil {
		e, _, err := s.Ledger.Entry(burial.Entry)
		recorded = err == nil && e.Kind == ledger.KindDeletion && e.Call == call.ID
	}
	if !recorded && s.Ledger != nil {
		v.find(FindingDeleted, call.ID, "", "the index says that the call was deleted; the ledger knows of no deletion")
	}
	for _, p := range call.Parts {
		file, _, err := s.Files.Open(p.File)
		if err != nil {
			continue // gone, as it should be
		}
		_ = file.Close() // nothing was written
		if done {
			v.find(FindingNotDeleted, call.ID, p.File, "the call was deleted; the file is still there")
		}
	}
	return nil
}

// filesStep looks at the names of all files.
func (s *Scrub) filesStep(ctx context.Context) error {
	v := s.verifier(s.Files)
	if err := v.readFolders(ctx); err != nil {
		return fmt.Errorf("look at all files: %w", err)
	}
	var sure []Finding
	noRow := map[string]bool{}
	for _, f := range v.report.Findings {
		noRow[f.Call] = noRow[f.Call] || f.Code == FindingRowMissing
	}
	for _, f := range v.report.Findings {
		if f.Code != FindingSetAside && s.mayBeNew(ctx, f.Call) || f.Code == FindingUnknownFile && noRow[f.Call] {
			continue
		}
		sure = append(sure, f)
	}
	v.report.Findings = sure
	return s.keep(ctx, v)
}

// mayBeNew says whether a call is live, or was a moment ago: the index hears of
// its files soon.
func (s *Scrub) mayBeNew(ctx context.Context, id string) bool {
	call, err := s.Index.Call(ctx, id)
	if err != nil {
		call, err = readCallFile(s.Files, earshot.CallFile(id))
	}
	return err == nil && (call.State == earshot.CallLive || s.Now().Sub(storedAt(call).Time) < notaryIsLate)
}
