package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/storage/index"
)

// ReindexOptions say what an index is made again from, beside the archive's files
// and ledger. Walk must be given.
type ReindexOptions struct {
	Walk     func(fn func(name string, size int64) error) error // every file below the audio folder
	Seats    []byte                                             // the copy of the table of seats, seats.json; nil: there is none
	Progress func(done, total int)                              // calls; may be nil
	Found    func(ReindexProblem)                               // told of each at once; may be nil
}

// ReindexProblem is something that did not come back.
type ReindexProblem struct {
	Call string // empty where it is of none
	File string // empty where it is of none
	Text string // for people, in English
}

// Reindexed is what came back.
type Reindexed struct {
	Calls    int // as their files say; of these
	Live     int // were never completed: the next start of their node stores them
	Deleted  int // are tombstones
	Mended   int // were made of their audio alone, their own file being gone or damaged
	Parts    int
	Left     int // calls of which there are unfinished files alone: the next start stores them
	Holds    int
	Entries  int64 // of the ledger
	Seats    int   // that the index had not
	Branches int   // that the index had not

	Problems []ReindexProblem
}

// reindexAtOnce is how many calls are put back in one transaction.
const reindexAtOnce = 500

// Reindex brings calls with parts, gaps, marks, tags, flags and holds back into
// the index from the files beside the audio, and holds, deletions and parts'
// records from the ledger. What it finds in the index and not in the files stays;
// of what is in both, the files' word counts, since they are always written
// first; what is deleted in either stays deleted. Into an index without seats the
// seats come from their copy, with their tokens, and branches by their ids alone.
//
// Whoever calls it has the data folder's lock. An error means that it could not
// be done; what did not come back is in Problems.
func (a *Archive) Reindex(ctx context.Context, o ReindexOptions) (Reindexed, error) {
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	if o.Found == nil {
		o.Found = func(ReindexProblem) {}
	}
	r := reindexing{ReindexOptions: o, archive: a, holds: map[string]earshot.Hold{}, agents: map[string]named{},
		branches: map[string]bool{}, lost: map[string]earshot.Call{}}
	for _, step := range []func(context.Context) error{
		r.look, r.putSeats, r.putCalls, r.mendCalls, r.putHolds, r.readLedger, r.tellLost, r.putNames, r.putBuried,
	} {
		if err := step(ctx); err != nil {
			return r.done, err
		}
	}
	a.wakeNotary()
	return r.done, nil
}

// reindexing is one run of Reindex.
type reindexing struct {
	ReindexOptions
	archive *Archive
	done    Reindexed

	found []*onDisk // in the order of their names
	mend  []*onDisk // those without a file of their own that could be read
	first bool      // the index had no seats: it is new

	holds    map[string]earshot.Hold
	agents   map[string]named
	branches map[string]bool
	lost     map[string]earshot.Call // what the ledger tells of calls that are nowhere else
	bare     []string                // deleted calls of which nothing but the tombstone is left
}

// onDisk are the files of a call.
type onDisk struct {
	id         string
	file       bool // its own
	audio      bool // a complete part
	unfinished bool
	other      bool // levels, and what was set aside
}

// named is an agent as the newest call has them.
type named struct {
	earshot.Agent
	at earshot.Time
}

func (r *reindexing) problem(call, file, format string, args ...any) {
	p := ReindexProblem{Call: call, File: file, Text: fmt.Sprintf(format, args...)}
	r.done.Problems = append(r.done.Problems, p)
	r.Found(p)
}

// look finds what there is.
func (r *reindexing) look(context.Context) error {
	calls := map[string]*onDisk{}
	err := r.Walk(func(name string, _ int64) error {
		id, kind := ownerOf(name)
		if id == "" {
			return nil
		}
		c := calls[id]
		if c == nil {
			c = &onDisk{id: id}
			calls[id] = c
			r.found = append(r.found, c)
		}
		switch kind {
		case "json":
			c.file = true
		case "audio":
			c.audio = true
		case "unfinished":
			c.unfinished = true
		default:
			c.other = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for calls: %w", err)
	}
	slices.SortFunc(r.found, func(a, b *onDisk) int { return strings.Compare(a.id, b.id) })
	return nil
}

// ownerOf says whose a file is and what it has; id is empty where it lies in
// another place than a call's files do.
func ownerOf(name string) (id, kind string) {
	base := path.Base(name)
	if stem, ok := strings.CutSuffix(base, ".json"); ok && earshot.ValidCallID(stem) && name == earshot.CallFile(stem) {
		return stem, "json"
	}
	final, begun := strings.CutSuffix(name, unfinished)
	id, _, ok := partName(strings.TrimSuffix(final, damaged))
	if !ok || path.Dir(name) != earshot.AudioFolder(id) {
		return "", ""
	}
	switch ext := path.Ext(final); {
	case ext != ".opus" && ext != ".wav" && ext != ".mp3":
		return id, "other"
	case begun:
		return id, "unfinished"
	}
	return id, "audio"
}

// parseCallFile is what the file of the call id says, if that is a call.
func parseCallFile(id string, text []byte) (earshot.Call, error) {
	var c earshot.Call
	if err := json.Unmarshal(text, &c); err != nil {
		return c, err
	}
	parts, marks := map[int]bool{}, map[string]bool{}
	for _, p := range c.Parts {
		if p.N <= 0 || parts[p.N] {
			return c, fmt.Errorf("a part has the number %d", p.N)
		}
		parts[p.N] = true
	}
	for _, m := range c.Marks {
		if m.ID == "" || marks[m.ID] {
			return c, fmt.Errorf("two marks have the id %q", m.ID)
		}
		marks[m.ID] = true
	}
	switch {
	case c.ID != id:
		return c, fmt.Errorf("it is about %q", c.ID)
	case c.State != earshot.CallLive && c.State != earshot.CallStored && c.State != earshot.CallDeleted:
		return c, fmt.Errorf("its state is %q", c.State)
	case (c.State == earshot.CallDeleted) != (c.Deleted != nil):
		return c, errors.New("it is half a tombstone")
	case c.StartedAt.IsZero():
		return c, errors.New("it has no start")
	}
	return c.Clone(), nil
}

// putCalls puts back the calls whose own files can be read.
func (r *reindexing) putCalls(ctx context.Context) error {
	for at := 0; at < len(r.found); {
		some := r.found[at:min(at+reindexAtOnce, len(r.found))]
		at += len(some)
		calls, err := r.read(ctx, some)
		if err != nil {
			return err
		}
		if err := r.put(ctx, calls); err != nil {
			return err
		}
		r.Progress(at, len(r.found))
	}
	return nil
}

// read reads the files of some calls, several at a time. Those that cannot be
// read are left for mendCalls.
func (r *reindexing) read(ctx context.Context, some []*onDisk) ([]index.Restored, error) {
	calls := make([]index.Restored, len(some))
	errs := make([]error, len(some))
	var group errgroup.Group
	group.SetLimit(8) // the disk is waited for, not the processor
	for i, c := range some {
		if c.file {
			group.Go(func() error {
				calls[i], errs[i] = r.readCall(c.id)
				return ctx.Err()
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var good []index.Restored
	for i, c := range some {
		switch {
		case !c.file && c.unfinished:
			r.done.Left++
		case !c.file && c.audio:
			r.mend = append(r.mend, c)
		case !c.file: // levels alone, or what was set aside
		case errs[i] != nil:
			r.problem(c.id, earshot.CallFile(c.id), "the call's file cannot be read: %v", errs[i])
			r.mend = append(r.mend, c)
		default:
			good = append(good, calls[i])
			if calls[i].Call.State == earshot.CallDeleted && !c.audio && !c.unfinished && !c.other {
				r.bare = append(r.bare, c.id)
			}
		}
	}
	return good, nil
}

func (r *reindexing) readCall(id string) (index.Restored, error) {
	text, err := r.archive.files.ReadWhole(earshot.CallFile(id))
	if err != nil {
		return index.Restored{}, err
	}
	c, err := parseCallFile(id, text)
	return index.Restored{Call: c, Unheard: err == nil && r.archive.isUnheard(c)}, err
}

// put puts calls into the index: all at once, or where one of them does not let
// itself be kept, each by itself.
func (r *reindexing) put(ctx context.Context, calls []index.Restored) error {
	err := r.archive.index.RestoreCalls(ctx, calls)
	if err == nil {
		for _, c := range calls {
			r.note(c.Call)
		}
		return nil
	}
	if ctx.Err() != nil || errors.Is(err, index.ErrAway) {
		return err
	}
	for i, c := range calls {
		err := r.archive.index.RestoreCalls(ctx, calls[i:i+1])
		if ctx.Err() != nil || errors.Is(err, index.ErrAway) {
			return err
		}
		if err != nil {
			r.problem(c.Call.ID, earshot.CallFile(c.Call.ID), "the call cannot be kept: %v", err)
			continue
		}
		r.note(c.Call)
	}
	return nil
}

// note takes of a call that was put back what is kept beside calls.
func (r *reindexing) note(c earshot.Call) {
	r.done.Calls++
	r.done.Parts += len(c.Parts)
	switch c.State {
	case earshot.CallLive:
		r.done.Live++
	case earshot.CallDeleted:
		r.done.Deleted++
	}
	for _, h := range c.Holds {
		if known, ok := r.holds[h.ID]; !ok || known.ReleasedAt.IsZero() {
			r.holds[h.ID] = h
		}
	}
	if a := c.Agent; a != nil && a.ID != "" {
		if known, ok := r.agents[a.ID]; !ok || a.Name != "" && (known.Name == "" || !c.StartedAt.Before(known.at.Time)) {
			r.agents[a.ID] = named{*a, c.StartedAt}
		}
	}
	r.branches[c.Branch] = true
}

// mendCalls makes calls of their audio, or of what the index still has of them.
// A file that was damaged is kept beside the new one.
func (r *reindexing) mendCalls(ctx context.Context) error {
	for _, c := range r.mend {
		if err := ctx.Err(); err != nil {
			return err
		}
		known, err := r.archive.index.Call(ctx, c.id)
		missing := errors.Is(err, earshot.ErrNoCall)
		if err != nil && !missing {
			return err
		}
		if c.file {
			if err := r.setAside(c.id); err != nil {
				r.problem(c.id, earshot.CallFile(c.id), "what is damaged cannot be set aside: %v", err)
				continue
			}
		}
		if !missing && known.State != earshot.CallStored || missing && (c.unfinished || !c.audio) {
			continue // it is deleted, or the next start's, or nothing is left of it
		}
		if missing {
			known = earshot.Call{ID: c.id, State: earshot.CallLive}
		}
		made, err := r.archive.Recover(ctx, known)
		if err != nil {
			r.problem(c.id, "", "nothing can be made of its audio: %v", err)
			continue
		}
		r.done.Mended++
		r.note(made)
	}
	return nil
}

// setAside keeps a call's damaged file for people to look at.
func (r *reindexing) setAside(id string) error {
	text, err := r.archive.files.ReadWhole(earshot.CallFile(id))
	if err != nil {
		return err
	}
	return r.archive.files.WriteWhole(earshot.CallFile(id)+damaged, text)
}

// putHolds puts back the holds that calls' files tell of.
func (r *reindexing) putHolds(ctx context.Context) error {
	holds := make([]earshot.Hold, 0, len(r.holds))
	for _, h := range r.holds {
		holds = append(holds, h)
	}
	slices.SortFunc(holds, func(a, b earshot.Hold) int { return strings.Compare(a.ID, b.ID) })
	return r.archive.index.RestoreHolds(ctx, holds)
}

// putBuried spares the notary the deleted calls of which nothing is left.
func (r *reindexing) putBuried(ctx context.Context) error {
	return r.archive.index.RestoreBuried(ctx, r.bare)
}
