package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/ingest/recorder"
)

// replayAtOnce is how many calls are put on the shelf at the same time.
const replayAtOnce = 8

// ReplayOptions say what a crash left and where it goes. All but Alarms and Log
// must be given.
type ReplayOptions struct {
	Node    string
	Journal Journal
	Files   Files
	Shelf   Shelf
	// SaveAll, if given, puts many calls on the shelf at once: what Shelf.SaveCall
	// does, with one transaction for all.
	SaveAll func(ctx context.Context, calls []earshot.Call) error
	// Mend makes the best of the files of a call, or of those of its parts that
	// are not complete: what Options.Recover does.
	Mend   func(earshot.Call) (earshot.Call, error)
	Alarms *earshot.Alarms
	Log    *slog.Logger
	Now    func() time.Time
}

// Replayed are the calls that Replay brought back, for Options.Replayed.
type Replayed struct {
	calls   []replayedCall
	numbers []uint32 // in the journal
	next    uint32   // the lowest that is free
}

type replayedCall struct {
	call    earshot.Call
	indexed bool
}

// Calls are the calls as they were stored.
func (r *Replayed) Calls() []earshot.Call {
	calls := make([]earshot.Call, 0, len(r.calls))
	for _, c := range r.calls {
		calls = append(calls, c.call)
	}
	return calls
}

// Replay stores the calls of which the journal tells and that were not stored
// when this node ended: from the packets that had come, up to the last. It is to
// be called before anything else looks at unfinished files, and before New. What
// cannot be brought back so is left to whoever mends files, and the journal's
// segments are kept aside before newer ones replace them; the calls that could be
// are answered beside the error. An index that is away is no error: the calls
// have their files, and New sees to the rest.
func Replay(ctx context.Context, opts ReplayOptions) (*Replayed, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Alarms == nil {
		opts.Alarms = new(earshot.Alarms)
	}
	out, err := recorder.Replay(opts.Journal, opts.Files)
	opts.tellDamage(out.Damage)
	opts.tellLost(out.Calls, err)
	r := &Replayed{next: out.Next, calls: make([]replayedCall, len(out.Calls))}
	saved := opts.saveWhole(ctx, out.Calls)
	var storing errgroup.Group // the disk, not the processor, is waited for
	storing.SetLimit(replayAtOnce)
	for i, c := range out.Calls {
		r.numbers = append(r.numbers, c.Number)
		storing.Go(func() error {
			r.calls[i] = opts.store(ctx, c, saved)
			return nil
		})
	}
	_ = storing.Wait() // always nil: what fails is logged, and tried again
	kept := r.calls[:0]
	for _, c := range r.calls {
		if c.call.ID != "" {
			kept = append(kept, c)
		}
	}
	r.calls = kept
	return r, err
}

// tellDamage raises an alarm for what cannot be read of the journal, and keeps it
// for people.
func (o *ReplayOptions) tellDamage(damage []recorder.Damage) {
	if len(damage) == 0 {
		return
	}
	for _, d := range damage {
		o.Log.Error("the journal is damaged", "file", d.File, "from", d.From, "to", d.To, "why", d.Why)
	}
	if err := o.Journal.SetAside(); err != nil {
		o.Log.Error("the damaged journal could not be kept", "err", err)
	}
	first := damage[0]
	o.Alarms.From("journal").Raise(earshot.AlarmDamage, earshot.Warning, o.Now(),
		fmt.Sprintf("journal %s, bytes %d to %d: %s (%d in all)", first.File, first.From, first.To, first.Why, len(damage)))
}

// tellLost raises an alarm where the journal could be read and calls not be made
// of it, because of err or for a reason of their own, and keeps all of it: a
// newer version, or people, may know what to make of it.
func (o *ReplayOptions) tellLost(calls []recorder.Replayed, err error) {
	for _, c := range calls {
		if err == nil && c.Err != nil {
			err = fmt.Errorf("call %s: %w", cmp.Or(c.Call.ID, fmt.Sprintf("number %d", c.Number)), c.Err)
		}
		if err == nil && len(c.Refused) > 0 {
			err = fmt.Errorf("call %s: the disk did not take part %d", c.Call.ID, c.Refused[0])
		}
	}
	if err == nil {
		return
	}
	if aside := o.Journal.SetAsideAll(); aside != nil {
		o.Log.Error("the journal could not be kept", "err", aside)
	}
	o.Alarms.From("replay").Raise(earshot.AlarmDamage, earshot.Critical, o.Now(), "not all that the journal tells was brought back: "+err.Error())
}

// whole says whether a call came back as it was, and nothing of it is to be mended.
func whole(c recorder.Replayed) bool { return c.Err == nil && len(c.Lost) == 0 }

// saveWhole puts the calls that came back whole on the shelf together, and says
// whether it has them. Where it has not, each is tried alone.
func (o *ReplayOptions) saveWhole(ctx context.Context, replayed []recorder.Replayed) bool {
	var calls []earshot.Call
	for _, c := range replayed {
		if whole(c) {
			calls = append(calls, c.Call)
		}
	}
	if o.SaveAll == nil || len(calls) == 0 {
		return false
	}
	attempt, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	err := o.SaveAll(attempt, calls)
	if err != nil {
		o.Log.Error("the calls of the journal could not be put on the shelf together", "calls", len(calls), "err", err)
	}
	return err == nil
}

// store puts a call on the shelf as it was replayed, with what could be mended
// of its damaged files; saved says that those that came back whole are there.
func (o *ReplayOptions) store(ctx context.Context, c recorder.Replayed, saved bool) replayedCall {
	call := c.Call
	if c.Err != nil {
		o.Log.Error("a call cannot be brought back from the journal: its file is mended", "call", call.ID, "err", c.Err)
		if call.ID == "" || o.Mend == nil {
			return replayedCall{}
		}
		call = earshot.Call{ID: call.ID, State: earshot.CallLive, Node: o.Node}
	}
	out := replayedCall{call: call}
	switch {
	case saved && whole(c):
		out.indexed = true
	case c.Err == nil:
		out.indexed = o.save(ctx, call)
	}
	if o.Mend != nil && (c.Err != nil || len(c.Lost) > 0) {
		mended, err := o.Mend(call)
		if err != nil {
			o.Log.Error("an unfinished call could not be made whole", "call", call.ID, "err", err)
			if c.Err != nil {
				return replayedCall{}
			}
			return out
		}
		out.call = mended
		markDamaged(&out.call, c.Last)
		out.indexed = o.save(ctx, out.call)
	}
	if !c.Ended {
		o.Log.Warn("a call was interrupted when this node ended", "call", call.ID, "seat", out.call.Seat)
	}
	return out
}

// save puts the call into the index and its file beside its parts, or the file
// alone. It says whether the index has it.
func (o *ReplayOptions) save(ctx context.Context, call earshot.Call) bool {
	attempt, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	err := o.Shelf.SaveCall(attempt, call)
	if err == nil {
		return true
	}
	if fileErr := writeCall(o.Files, call); fileErr != nil {
		err = errors.Join(err, fileErr)
	}
	o.Log.Error("a call of the journal could not be put into the index yet", "call", call.ID, "err", err)
	return false
}

// markDamaged says what a call lost with the end of a file, or with the journal's
// record of it: all between the parts, or up to the last that is known to have
// come.
func markDamaged(call *earshot.Call, last time.Time) {
	call.SetFlag(earshot.FlagDamaged)
	call.SetFlag(earshot.FlagInterrupted)
	if end := call.OffsetMs(last); !last.IsZero() && end > call.DurationMs {
		call.DurationMs, call.EndedAt = end, earshot.At(last)
	}
	covered := int64(0)
	for _, p := range call.Parts {
		gapBefore(call, covered, p.StartMs)
		covered = max(covered, p.StartMs+p.DurationMs)
	}
	gapBefore(call, covered, call.DurationMs)
}

// leastDamage is how long a hole is, in ms, that damage is blamed for.
const leastDamage = 100

func gapBefore(call *earshot.Call, from, to int64) {
	if to-from < leastDamage {
		return
	}
	for _, side := range []earshot.Side{earshot.SideAgent, earshot.SideCustomer} {
		known := false
		for _, g := range call.Gaps {
			known = known || g.Side == side && g.StartMs < to && g.EndMs > from
		}
		if !known && (call.Channels == 2 || side == earshot.SideAgent) {
			call.Gaps = append(call.Gaps, earshot.Gap{Side: side, StartMs: from, EndMs: to, Cause: earshot.CauseDamaged})
		}
	}
}

// takeReplayed has the calls of the last life told, kept where the index was
// away, and gone on with by seats that come back in time.
func (f *Floor) takeReplayed() {
	r := f.opts.Replayed
	if r == nil {
		return
	}
	f.nextNumber = r.next
	for _, c := range r.calls {
		f.publisher.tellCall(f.wall(f.opts.Now()), c.call)
		if !c.indexed {
			f.keeper.keepCall(c.call, nil, nil)
		}
		f.post(func(now time.Time) { f.rememberInterrupted(c.call, now) })
	}
}

// readCall is a call as its file has it.
func readCall(files Files, id string) (earshot.Call, error) {
	var call earshot.Call
	text, err := files.ReadWhole(earshot.CallFile(id))
	if err == nil {
		err = json.Unmarshal(text, &call)
	}
	if err == nil && call.ID != id {
		err = fmt.Errorf("it is of call %q", call.ID)
	}
	if err != nil {
		return earshot.Call{}, fmt.Errorf("read the file of call %s: %w", id, err)
	}
	return call, nil
}
