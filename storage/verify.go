package storage

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

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
