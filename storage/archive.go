// Package storage joins what is kept of calls: the audio and call files, and the
// index over them. The files are the truth: a call's own file is written before
// the index, which can be made again from it.
//
// What happens to calls is recorded in the ledger, too. A hold is there before it
// is anywhere else, a stored part soon after it is stored, a deletion as soon as
// it is decided; what a crash leaves between two of these places is finished by
// the notary, which reads what the ledger has and the index does not know of.
//
// It starts no goroutine that outlives the call that started it, but for those that
// make Playables, which end when these are closed. Notarise and Nightly run until
// their context ends, on goroutines of their caller.
package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/storage/convert"
	"earshot/storage/files"
	"earshot/storage/index"
)

// Files is what the archive needs of the place where files are kept. Names have
// slashes. Open, ReadWhole and Remove fail with fs.ErrNotExist where there is no
// such file, and take the names of unfinished files too.
type Files interface {
	Open(name string) (file io.ReadSeekCloser, size int64, err error)
	ReadWhole(name string) ([]byte, error)
	WriteWhole(name string, data []byte) error // all or nothing, and durable
	Remove(name string) error
	Unfinished() ([]string, error) // names of files that were begun and not completed
}

// unfinished is what the name of a file that is not complete ends with.
const unfinished = ".part"

// damaged is what the name of a file that was set aside ends with.
const damaged = ".damaged"

// Archive keeps calls. Its methods may be called from any goroutine.
type Archive struct {
	files Files
	index *index.Index
	now   func() time.Time
	calls files.Locks // one editor of a call's file and rows at a time

	measuring files.Locks // a levels file is made once

	thresholds atomic.Pointer[earshot.ThresholdsByKind] // as the index had them last; nil: it was never asked
	convert    *convert.Converter

	mp3Places mp3Places // of the files that were jumped in last

	playing *Playables // nil: nothing is converted for playing

	ledger    Ledger // nil: nothing is recorded there
	location  *time.Location
	log       *slog.Logger
	alarms    *earshot.Alarms
	found     func(context.Context, Finding) error
	releasing files.Locks             // a hold is released once
	recording sync.Mutex              // one batch of parts goes into the ledger at a time
	retaining sync.Mutex              // one run of retention at a time
	catching  sync.Mutex              // one reader of the ledger's end at a time
	wake      chan struct{}           // there is something for the notary
	step      func(what string) error // called after each step that a crash can follow; tests fail there
}

// Options of an archive; the zero value of each field has a default.
type Options struct {
	Now      func() time.Time                     // time.Now
	Ledger   Ledger                               // none: holds, parts and deletions are recorded nowhere else
	Location *time.Location                       // what a day is, for retention; Asia/Shanghai
	Log      *slog.Logger                         // none
	Alarms   *earshot.Alarms                      // where damage is raised; nowhere
	Found    func(context.Context, Finding) error // keeps what the notary found wrong; the log alone has it
	Convert  *convert.Converter                   // decodes what our own decoders do not; ffmpeg where it is installed
}

// New joins files and index, which stay the caller's to close.
func New(files Files, ix *index.Index, opts Options) *Archive {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Location == nil {
		opts.Location = time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Alarms == nil {
		opts.Alarms = &earshot.Alarms{}
	}
	if opts.Convert == nil {
		opts.Convert = convert.New()
	}
	return &Archive{
		convert: opts.Convert,
		files:   files, index: ix, now: opts.Now, ledger: opts.Ledger, location: opts.Location, log: opts.Log,
		alarms: opts.Alarms, found: opts.Found, wake: make(chan struct{}, 1), step: func(string) error { return nil },
	}
}

// Failures of this package that callers tell apart.
var (
	ErrNotStored = earshot.Fail(earshot.Conflict, "not_stored", "the call is live, or about to be stored; try again")
)

// SaveCall writes the call's file and puts the call into the index, in place of
// what was there. Where the index fails the file is written nevertheless: put
// the call again later. A call that is deleted stays so.
func (a *Archive) SaveCall(ctx context.Context, c earshot.Call) error {
	return a.SaveCalls(ctx, []earshot.Call{c})
}

// saveAtOnce is how many call files are written at the same time: the disk makes
// them safe together.
const saveAtOnce = 32

// SaveCalls is SaveCall for many calls, none of them twice: their files side by
// side, and all of them in one transaction of the index.
func (a *Archive) SaveCalls(ctx context.Context, calls []earshot.Call) error {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(x, y earshot.Call) int { return strings.Compare(x.ID, y.ID) })
	for _, c := range calls {
		if !earshot.ValidCallID(c.ID) {
			return earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", c.ID)
		}
	}
	thresholds := a.ThresholdsNow(ctx)
	rows := make([]index.Restored, len(calls))
	var judging errgroup.Group // levels are read for it
	judging.SetLimit(saveAtOnce)
	for i, c := range calls {
		defer a.calls.Lock(c.ID)() // in the order of ids: two who save many do not wait for each other
		judging.Go(func() error {
			rows[i] = a.judged(c, thresholds)
			return nil
		})
	}
	if err := judging.Wait(); err != nil {
		return err
	}
	return a.put(ctx, rows)
}

// judged is a call as it is to be kept.
func (a *Archive) judged(c earshot.Call, thresholds earshot.ThresholdsByKind) index.Restored {
	c = c.Clone()
	a.judge(&c, thresholds)
	return index.Restored{Call: c, Unheard: a.isUnheard(c)}
}

// put writes files and index, with what holds the calls; those that are deleted
// stay so. The caller holds the calls' locks.
func (a *Archive) put(ctx context.Context, calls []index.Restored) error {
	written := false
	err := a.index.SaveWritten(ctx, calls, func(rows []index.Restored) error {
		written = true
		if err := a.writeFiles(rows); err != nil {
			return err
		}
		return a.step("call files written")
	})
	if err != nil && !written {
		err = errors.Join(err, a.writeWithoutIndex(ctx, calls))
	}
	if err == nil && slices.ContainsFunc(calls, func(r index.Restored) bool { return r.Call.State == earshot.CallStored }) {
		a.wakeNotary()
	}
	return err
}

func (a *Archive) writeFiles(rows []index.Restored) error {
	var writing errgroup.Group
	writing.SetLimit(saveAtOnce)
	for _, r := range rows {
		writing.Go(func() error { return a.writeFile(r.Call) })
	}
	return writing.Wait()
}

// writeWithoutIndex writes files of calls as well as can be told while the index is
// away: it does not keep them from being written.
func (a *Archive) writeWithoutIndex(ctx context.Context, rows []index.Restored) error {
	var some []index.Restored
	for _, r := range rows {
		if r.Call.State != earshot.CallDeleted && a.isDeleted(ctx, r.Call.ID) {
			continue
		}
		r.Call.Holds = a.HoldsOn(ctx, r.Call)
		some = append(some, r)
	}
	return a.writeFiles(some)
}

// isDeleted asks the index, and where that is away the call's own file.
func (a *Archive) isDeleted(ctx context.Context, id string) bool {
	known, err := a.index.Call(ctx, id)
	if err != nil {
		known, err = a.readFile(id)
	}
	return err == nil && known.State == earshot.CallDeleted
}

// readFile is what the call's own file says; fs.ErrNotExist where there is none.
func (a *Archive) readFile(id string) (earshot.Call, error) {
	var c earshot.Call
	text, err := a.files.ReadWhole(earshot.CallFile(id))
	if err != nil {
		return c, fmt.Errorf("read the file of call %s: %w", id, err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read the file of call %s: %w", id, err)
	}
	if c.ID != id {
		return c, fmt.Errorf("read the file of call %s: it is about %q", id, c.ID)
	}
	return c.Clone(), nil
}

func (a *Archive) writeFile(c earshot.Call) error {
	text, err := json.MarshalIndent(c.Clone(), "", " ")
	if err != nil {
		return fmt.Errorf("write the file of call %s: %w", c.ID, err)
	}
	if err := a.files.WriteWhole(earshot.CallFile(c.ID), append(text, '\n')); err != nil {
		return fmt.Errorf("write the file of call %s: %w", c.ID, err)
	}
	return nil
}

// Call is the call id, earshot.ErrNoCall, or of a deleted call
// earshot.ErrDeleted; see Tombstone.
func (a *Archive) Call(ctx context.Context, id string) (earshot.Call, error) {
	c, err := a.index.Call(ctx, id)
	if err == nil && c.State == earshot.CallDeleted {
		err = earshot.ErrDeleted
	}
	if err != nil {
		return earshot.Call{}, err
	}
	return c, nil
}

// Search finds calls, newest first; see index.CallQuery.
func (a *Archive) Search(ctx context.Context, q index.CallQuery) (index.CallPage, error) {
	return a.index.SearchCalls(ctx, q)
}

// Count is how many calls a search finds, at most index.MostCounted.
func (a *Archive) Count(ctx context.Context, q index.CallQuery) (int, error) {
	return a.index.CountCalls(ctx, q)
}

// Seats are all seats with their tokens' hashes.
func (a *Archive) Seats(ctx context.Context) ([]earshot.Seat, error) { return a.index.Seats(ctx) }

// SaveTokens keeps the hashes of a seat's tokens.
func (a *Archive) SaveTokens(ctx context.Context, seat string, tokens []earshot.SeatToken) error {
	return a.index.SaveTokens(ctx, seat, tokens)
}

// SaveAgent keeps who a 工号 belongs to.
func (a *Archive) SaveAgent(ctx context.Context, agent earshot.Agent) error {
	return a.index.SaveAgent(ctx, agent)
}

// OpenCalls are the calls a seat of the node may go on with now: those left
// live, and those stored as interrupted within the last minute.
func (a *Archive) OpenCalls(ctx context.Context, node string) ([]earshot.Call, error) {
	return a.index.OpenCalls(ctx, node, a.now())
}

// Audio opens the file of a call's part n; n 0 means the only part. It fails
// with earshot.ErrNoCall, earshot.ErrNoPart (also for a part that is still being
// written) and earshot.ErrManyParts. The caller closes the file.
func (a *Archive) Audio(ctx context.Context, id string, n int) (io.ReadSeekCloser, earshot.Part, error) {
	c, err := a.Call(ctx, id)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	part, err := partOf(c, n)
	if err != nil {
		return nil, earshot.Part{}, err
	}
	file, err := a.openPart(part)
	return file, part, err
}

// partOf is the part n of c, or the only one if n is 0.
func partOf(c earshot.Call, n int) (earshot.Part, error) {
	if n == 0 && len(c.Parts) > 1 {
		return earshot.Part{}, earshot.ErrManyParts
	}
	for _, p := range c.Parts {
		if (n == 0 || p.N == n) && p.SHA256 != "" {
			return p, nil
		}
	}
	return earshot.Part{}, earshot.ErrNoPart
}

func (a *Archive) openPart(part earshot.Part) (io.ReadSeekCloser, error) {
	file, _, err := a.files.Open(part.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, earshot.ErrNoPart.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open part %s: %w", part.File, err)
	}
	return file, nil
}
