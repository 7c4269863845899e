package recorder

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"earshot"
)

// Options are a recording's settings.
type Options struct {
	// Software is written into the files' tags.
	Software string
	// ReorderWait is how long a missing packet is waited for; 0: 4 s.
	ReorderWait time.Duration
	// SealedPart is told that a part's files are complete, with its SHA-256 and
	// bytes, or why not. It is called on another goroutine, or, where a file
	// could not be made, during the call that ended the part.
	SealedPart func(n int, p earshot.Part, err error)
}

// DefaultReorderWait is how long a missing packet is waited for: a seat whose
// network is gone for two seconds sends all again that was lost.
const DefaultReorderWait = 4 * time.Second

// Failures of Open.
var (
	ErrTracks = earshot.Fail(earshot.Unsupported, "bad_tracks", "a call has one or two tracks: one side, both, or one with both in it; Opus or G.711, mono or stereo")
	ErrEnded  = earshot.Fail(earshot.Conflict, "call_ended", "the call has ended")
)

// Recording is one call while it is recorded.
type Recording struct {
	call    earshot.Call // facts, marks, and parts of before
	desk    desk
	take    *take
	absent  map[earshot.Side]absent // sides without audio between takes
	known   map[earshot.Side]bool   // sides that have been there
	pauses  []span
	harmed  []span // of which records were lost
	paused  bool
	earlier stitched // levels of parts from before
	last    int64
	ended   bool
	failed  error // of a file, not told yet
}

// New begins the recording of a call. A call that already has parts, because
// the recorder was not running for a while, goes on behind them.
func New(call *earshot.Call, files Files, opts Options) *Recording {
	r := &Recording{call: call.Clone(), absent: map[earshot.Side]absent{}, known: map[earshot.Side]bool{}}
	r.desk = desk{
		call: call.ID, seat: call.Seat, software: opts.Software, epoch: call.StartedAt.Time, files: files,
		wait:       samples(cmp.Or(opts.ReorderWait, DefaultReorderWait)),
		results:    &results{sealed: map[int]Sealed{}},
		sealedPart: opts.SealedPart,
	}
	r.desk.gaps.gaps = slices.Clone(call.Gaps)
	since := absent{cause: earshot.CauseDisconnected, opened: forever}
	for _, p := range call.Parts {
		r.desk.parts = max(r.desk.parts, p.N)
		since.from = max(since.from, (p.StartMs+p.DurationMs)*milli)
		since.cause = earshot.CauseRecorderDown
		for _, side := range sidesOf(p.Track) {
			r.known[side] = true
		}
	}
	for _, side := range bothSides {
		r.absent[side] = since
	}
	return r
}

var bothSides = []earshot.Side{earshot.SideAgent, earshot.SideCustomer}

func sidesOf(kind earshot.TrackKind) []earshot.Side {
	switch kind {
	case earshot.TrackBoth:
		return bothSides
	case earshot.TrackCustomer:
		return bothSides[1:]
	}
	return bothSides[:1]
}

// Open says that these are the call's tracks from now on: all of them, those
// that were there before included. The part being written ends, a new one
// begins with the first packet of any of them.
func (r *Recording) Open(at time.Time, tracks []Track) error {
	if r.ended {
		return ErrEnded
	}
	if !validTracks(tracks) {
		return ErrTracks
	}
	now := r.now(at)
	before, failed := r.take, error(nil)
	if before != nil && before.begun {
		failed = r.endTake(now, earshot.CauseStalled)
	}
	r.take = newTake(&r.desk, tracks, now)
	if before != nil {
		r.take.follow(before)
	}
	for _, l := range r.take.lanes {
		if r.paused {
			l.pauses = append(l.pauses, span{never, forever})
		}
		for _, s := range r.harmed {
			l.harm(s)
		}
		for _, side := range l.sides {
			if a, ok := r.absent[side]; ok {
				a.opened = now
				r.absent[side] = a
			}
		}
	}
	return failed
}

func validTracks(tracks []Track) bool {
	for _, t := range tracks {
		known := t.Codec == earshot.Opus || t.Codec == earshot.PCMU || t.Codec == earshot.PCMA
		if !known || t.Channels < 0 || t.Channels > 2 || !t.Mixed && !t.stereo() && t.Side != earshot.SideAgent && t.Side != earshot.SideCustomer {
			return false
		}
	}
	switch len(tracks) {
	case 1:
		return true
	case 2:
		a, b := tracks[0], tracks[1]
		return a.Side != b.Side && !a.Mixed && !b.Mixed && !a.stereo() && !b.stereo()
	}
	return false
}

// now moves the recording's time on to at.
func (r *Recording) now(at time.Time) int64 {
	now := r.desk.at(at)
	r.last = max(r.last, now)
	return now
}

// Packet takes a packet. What belongs to no open track is counted and dropped.
// An error is the file's; the recording goes on.
func (r *Recording) Packet(p Packet) error {
	now := r.now(p.Arrival)
	if r.take == nil || r.paused && !r.take.begun {
		if !r.paused {
			r.desk.stats.Stray++
		}
		return nil
	}
	err := r.take.packet(&p, now)
	r.note()
	return r.tell(err)
}

// Close says that a side's stream ended or broke. The part goes on with the
// other side; with the last one it ends. A failure of its file is told by the
// next Packet, Advance or End.
func (r *Recording) Close(at time.Time, side earshot.Side) {
	now := r.now(at)
	if r.take == nil {
		return
	}
	l := r.take.lane(side)
	if l == nil || l.closed {
		return
	}
	others := false
	for _, other := range r.take.lanes {
		others = others || other != l && !other.closed
	}
	if !others {
		r.failed = errors.Join(r.failed, r.endTake(now, earshot.CauseDisconnected))
		return
	}
	l.close(now, earshot.CauseDisconnected)
	r.leave(l, earshot.CauseDisconnected)
	r.failed = errors.Join(r.failed, r.take.pull())
}

// tell is err with what failed before.
func (r *Recording) tell(err error) error {
	if r.failed != nil {
		err = errors.Join(r.failed, err)
		r.failed = nil
	}
	return err
}

// endTake ends the part or parts being written.
func (r *Recording) endTake(now int64, cause earshot.Cause) error {
	if r.take == nil {
		return nil
	}
	err := r.take.end(now, cause)
	if slices.ContainsFunc(r.take.parts, func(p *part) bool { return p.astray(now) }) {
		r.call.SetFlag(earshot.FlagDamaged)
	}
	r.note()
	for _, l := range r.take.lanes {
		r.leave(l, cause)
	}
	r.take = nil
	return err
}

// Overflow says that packets of a side were thrown away before they came here.
func (r *Recording) Overflow(at time.Time, side earshot.Side, lost int) {
	r.now(at)
	r.desk.stats.Overflow += uint64(max(0, lost))
	if r.take == nil {
		return
	}
	if l := r.take.lane(side); l != nil {
		l.overflow += int64(max(0, lost))
	}
}

// SenderReport hands over an RTCP sender report of a side. It only serves to
// align two tracks of one peer, which share a clock: hand over none where each
// side is a device of its own.
func (r *Recording) SenderReport(side earshot.Side, ssrc uint32, ntp time.Time, timestamp uint32) {
	if r.take == nil {
		return
	}
	if l := r.take.lane(side); l != nil && l.begun && l.source.ssrc == ssrc {
		_, ts := l.source.extend(0, timestamp)
		l.report = report{known: true, ssrc: ssrc, ntp: r.desk.at(ntp), ts: ts}
	}
}

// Pause says that nothing is to be kept from now on, until Resume.
func (r *Recording) Pause(at time.Time) {
	now := r.now(at)
	if r.paused {
		return
	}
	r.paused = true
	r.pauses = append(r.pauses, span{now, forever})
	if r.take != nil {
		for _, l := range r.take.lanes {
			l.pause(now)
		}
	}
}

// Resume ends a pause.
func (r *Recording) Resume(at time.Time) {
	now := r.now(at)
	if !r.paused {
		return
	}
	r.paused = false
	r.pauses[len(r.pauses)-1].to = now
	if r.take != nil {
		for _, l := range r.take.lanes {
			l.resume(now)
		}
	}
}

// Advance says that time passed: what has waited long enough is given up, and
// pages a second old are written.
func (r *Recording) Advance(at time.Time) error {
	now := r.now(at)
	if r.take == nil {
		return r.tell(nil)
	}
	err := r.take.advance(now)
	r.note()
	return r.tell(err)
}

// End ends the call: its parts are sealed, its end, length, gaps and flags set.
func (r *Recording) End(at time.Time) error {
	if r.ended {
		return nil
	}
	now := r.now(at)
	err := r.endTake(now, earshot.CauseStalled)
	r.finishAbsences(now, &r.desk.gaps)
	r.ended = true
	r.call.EndedAt = earshot.At(at)
	r.call.DurationMs = max(0, now/milli)
	call := r.Call()
	for _, flag := range Flags(call, r.Levels()) {
		r.call.SetFlag(flag)
	}
	return r.tell(err)
}

// Missing says whether packets are waited for that belong before others which are
// here: they may still come.
func (r *Recording) Missing() bool {
	return r.take != nil && slices.ContainsFunc(r.take.lanes, func(l *lane) bool { return !l.closed && len(l.pending) > 0 })
}

// Stats is what became of packets so far.
func (r *Recording) Stats() Stats { return r.desk.stats }

// Call is a copy of what is known: the facts as they were given and changed,
// with parts, gaps and length so far. Its state is the caller's business.
func (r *Recording) Call() earshot.Call {
	call := r.call.Clone()
	call.Parts = append(call.Parts, r.parts()...)
	r.desk.results.fill(call.Parts)
	gaps := r.desk.gaps.clone()
	if !r.ended {
		call.DurationMs = max(0, r.last/milli)
		if r.take != nil && r.take.begun {
			for _, l := range r.take.lanes {
				l.open(&gaps)
			}
		}
		r.finishAbsences(r.last, &gaps)
	}
	call.Gaps = gaps.sorted()
	call.Channels = channels(call.Parts)
	return call
}

// parts are those of this recording that have a file.
func (r *Recording) parts() []earshot.Part {
	var parts []earshot.Part
	for _, p := range r.all() {
		parts = append(parts, p.now())
	}
	slices.SortFunc(parts, func(a, b earshot.Part) int { return cmp.Compare(a.N, b.N) })
	return parts
}

// all are the parts of this recording that have a file.
func (r *Recording) all() []*part {
	parts := slices.Clone(r.desk.done)
	if r.take != nil {
		parts = append(parts, r.take.parts...)
	}
	return slices.DeleteFunc(parts, func(p *part) bool { return p.file == nil })
}

// channels is 2 where the sides can be told apart.
func channels(parts []earshot.Part) int {
	sides := map[earshot.Side]bool{}
	for _, p := range parts {
		if p.Track != earshot.TrackMixed {
			for _, side := range sidesOf(p.Track) {
				sides[side] = true
			}
		}
	}
	return max(1, len(sides))
}

// Facts changes what people and devices say of the call: facts, marks, tags.
// What the recorder itself knows it must leave alone.
func (r *Recording) Facts(change func(*earshot.Call)) {
	parts, gaps := r.call.Parts, r.call.Gaps
	change(&r.call)
	r.call.Parts, r.call.Gaps = parts, gaps
}

// Levels are the call's levels over its timeline so far. Those of parts from
// before New are in them once Earlier has handed them over.
func (r *Recording) Levels() earshot.Levels {
	out := stitched{agent: slices.Clone(r.earlier.agent), customer: slices.Clone(r.earlier.customer)}
	for _, p := range r.all() {
		out.add(p.facts.StartMs, p.steps[0].Bytes(), p.steps[1].Bytes())
	}
	if r.ended {
		return out.levels(r.call.DurationMs)
	}
	return out.levels(r.last / milli)
}
