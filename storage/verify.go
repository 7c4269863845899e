package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/ledger"
)

// What a verification can find, beside what the notary does.
const (
	FindingSwapped      FindingCode = "swapped"       // the file is another part's
	FindingUnknownFile  FindingCode = "unknown_file"  // audio that neither index nor ledger knows
	FindingNoCallFile   FindingCode = "no_call_file"  // a call of the index without its file
	FindingBadCallFile  FindingCode = "bad_call_file" // a call's file that cannot be read
	FindingRowMissing   FindingCode = "row_missing"   // a call that the index does not know
	FindingRowChanged   FindingCode = "row_changed"   // the index says something else than the call's file
	FindingFactsChanged FindingCode = "facts_changed" // the call's file says something else than the ledger
	FindingUnrecorded   FindingCode = "unrecorded"    // stored long ago and still not in the ledger
	FindingDeleted      FindingCode = "deleted"       // said to be deleted, but the ledger knows of no deletion
	FindingNotDeleted   FindingCode = "not_deleted"   // the ledger knows of a deletion, but it is still there
	FindingHold         FindingCode = "hold"          // a hold in one of index and ledger and not in the other
	FindingLedger       FindingCode = "ledger"        // the ledger itself does not fit
	FindingCheckpoint   FindingCode = "checkpoint"    // the ledger is not the one that a witness saw
	FindingSetAside     FindingCode = "set_aside"     // a damaged file that was set aside
	FindingKey          FindingCode = "key"           // a key that the one before did not sign for
)

// ReadFiles is what a verification needs of the files; files.Reader satisfies it.
type ReadFiles interface {
	Open(name string) (file io.ReadSeekCloser, size int64, err error)
	ReadWhole(name string) ([]byte, error)
	Walk(fn func(name string, size int64) error) error
	SealedFile(name string) (files.Sealed, error)
}

// VerifyOptions say what is verified. Files must be given.
type VerifyOptions struct {
	Files      ReadFiles
	Ledger     *ledger.Ledger // nil: there is none, which is a finding
	Index      *index.Index   // nil: it is away, which is a finding
	Checkpoint []byte         // heads that a witness kept; nil: none
	Calls      []string       // these alone; none: all
	Now        func() time.Time
	Workers    int                     // files read at once; 0: 2
	Progress   func(done, total int64) // bytes of audio; may be nil
	Found      func(f Finding)         // told of each finding at once; may be nil
}

// Verification is what a verification found.
type Verification struct {
	Calls    int   // looked at
	Files    int   // read
	Bytes    int64 // of them
	Entries  int64 // in the ledger
	Head     ledger.Head
	Pending  int // parts that are not in the ledger yet, and need not be
	Findings []Finding
	Further  int // findings beyond the first mostReported
}

// Holds says whether everything holds.
func (v Verification) Holds() bool { return len(v.Findings) == 0 }

// mostReported bounds a verification's report, notaryIsLate is when a stored part
// should long be in the ledger.
const (
	mostReported  = 10_000
	notaryIsLate  = 10 * time.Minute
	readAgain     = 3                      // times something is read that changes meanwhile
	changesWithin = 200 * time.Millisecond // a change of a call is in both file and index
)

// Verify checks audio, call files, index and ledger against one another. It works
// beside a running server: what is live, or changes while it is looked at, is
// looked at again or left alone. An error means that it could not be done.
func Verify(ctx context.Context, o VerifyOptions) (Verification, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	v := &verifier{VerifyOptions: o, only: map[string]bool{}, parts: map[partKey]part{}, byHash: map[string]partKey{},
		deleted: map[string]int64{}, began: o.Now(), holds: map[string]earshot.Hold{}, inIndex: map[string]bool{}, known: map[string]bool{}, live: map[string]bool{}}
	for _, id := range o.Calls {
		if !earshot.ValidCallID(id) {
			return v.report, earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", id)
		}
		v.only[id] = true
	}
	for _, step := range []func(context.Context) error{v.readLedger, v.readIndex, v.rowsRemoved, v.readFolders, v.hashFiles} {
		if err := step(ctx); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

// verifier is one verification.
type verifier struct {
	VerifyOptions
	only map[string]bool

	parts   map[partKey]part // as the ledger has them
	byHash  map[string]partKey
	deleted map[string]int64 // calls, by the record of their deletion
	most    map[string]int   // the highest number of a call's parts
	holds   map[string]earshot.Hold
	began   time.Time
	inIndex map[string]bool // calls that the index has
	live    map[string]bool
	known   map[string]bool // files that the index has

	mu     sync.Mutex
	report Verification
}

type partKey struct {
	call string
	n    int
}

type part struct {
	index int64
	entry ledger.Entry
}

// wanted says whether a call is to be looked at.
func (v *verifier) wanted(call string) bool { return len(v.only) == 0 || v.only[call] }

func (v *verifier) find(code FindingCode, call, file, format string, args ...any) {
	f := Finding{At: earshot.At(v.Now()), Code: code, Call: call, File: file, Text: fmt.Sprintf(format, args...)}
	v.mu.Lock()
	if len(v.report.Findings) < mostReported {
		v.report.Findings = append(v.report.Findings, f)
	} else {
		v.report.Further++
	}
	v.mu.Unlock()
	if v.Found != nil {
		v.Found(f)
	}
}

// readLedger verifies the ledger by itself and reads what it knows.
func (v *verifier) readLedger(ctx context.Context) error {
	if v.Ledger == nil {
		v.find(FindingLedger, "", "", "there is no ledger")
		return nil
	}
	report, err := v.Ledger.VerifyAll(ctx, nil)
	if err != nil {
		return err
	}
	v.report.Entries, v.report.Head = report.Entries, report.Head
	for _, f := range report.Findings {
		code := FindingLedger
		if f.Code == ledger.FoundKeyUnlinked {
			code = FindingKey
		}
		v.find(code, "", "", "%s: %s", f.Code, f.Text)
	}
	if v.Checkpoint != nil {
		if err := v.Ledger.CompareCheckpoint(v.Checkpoint); err != nil {
			v.find(FindingCheckpoint, "", "", "%v", err)
		}
	}
	return v.readRecords(ctx)
}

// readRecords reads what the ledger knows; a record that does not fit is passed
// over, it is a finding already.
func (v *verifier) readRecords(ctx context.Context) error {
	for next := int64(0); next < v.Ledger.Size(); next++ {
		for n, err := range v.Ledger.Entries(ctx, next) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				break
			}
			v.note(n)
			next = n.Index + 1
		}
	}
	return nil
}

// note keeps what a record of the ledger says.
func (v *verifier) note(n ledger.Numbered) {
	e := n.Entry
	switch e.Kind {
	case ledger.KindPart:
		key := partKey{e.Call, e.N}
		if before, twice := v.parts[key]; twice && before.entry.SHA256 != e.SHA256 {
			v.find(FindingLedger, e.Call, e.File, "records %d and %d say different things of one part", before.index, n.Index)
			return
		}
		v.parts[key] = part{n.Index, e}
		v.byHash[e.SHA256] = key
		if v.most == nil {
			v.most = map[string]int{}
		}
		v.most[e.Call] = max(v.most[e.Call], e.N)
	case ledger.KindDeletion:
		if _, known := v.deleted[e.Call]; !known {
			v.deleted[e.Call] = n.Index
		}
	case ledger.KindHold, ledger.KindRelease:
		if e.Hold != nil {
			v.holds[e.Hold.ID] = *e.Hold
		}
	}
}

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
		if v.late(call.EndedAt) {
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
	case v.late(call.EndedAt):
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
