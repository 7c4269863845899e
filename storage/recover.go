package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"earshot"
	"earshot/storage/index"
)

// RecoverAll recovers every call that a crash left: those the index has as live
// on the node, and those of which there are unfinished files. To be called
// before anything is recorded. Calls that could be recovered are answered though
// others could not.
func (a *Archive) RecoverAll(ctx context.Context, node string) ([]earshot.Call, error) {
	left, err := a.leftLive(ctx, node)
	if err != nil {
		return nil, err
	}
	calls := make([]earshot.Call, len(left))
	errs := make([]error, len(left))
	var group errgroup.Group
	group.SetLimit(4) // the disk, not the processor, is waited for
	for i, c := range left {
		group.Go(func() error {
			calls[i], errs[i] = a.Recover(ctx, c)
			return nil // one call's failure does not end the others
		})
	}
	_ = group.Wait() // always nil: the errors are in errs
	recovered := []earshot.Call{}
	for i := range calls {
		if errs[i] == nil {
			recovered = append(recovered, calls[i])
		}
	}
	return recovered, errors.Join(errs...)
}

// leftLive are the calls that a crash left, oldest first.
func (a *Archive) leftLive(ctx context.Context, node string) ([]earshot.Call, error) {
	open, err := a.OpenCalls(ctx, node)
	if err != nil {
		return nil, err
	}
	left := make(map[string]earshot.Call)
	for _, c := range open {
		if c.State == earshot.CallLive {
			left[c.ID] = c
		}
	}
	names, err := a.files.Unfinished()
	if err != nil {
		return nil, fmt.Errorf("list unfinished files: %w", err)
	}
	for _, name := range names {
		id, _, ok := partName(strings.TrimSuffix(name, unfinished))
		if _, known := left[id]; !ok || known {
			continue
		}
		c, err := a.index.Call(ctx, id)
		if errors.Is(err, earshot.ErrNoCall) {
			c, err = earshot.Call{ID: id, State: earshot.CallLive, Node: node}, nil
		}
		if err != nil {
			return nil, err
		}
		if c.State != earshot.CallDeleted {
			left[id] = c
		}
	}
	calls := make([]earshot.Call, 0, len(left))
	for _, c := range left {
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b earshot.Call) int { return strings.Compare(a.ID, b.ID) })
	return calls, nil
}

// partName takes the name of a part's file apart, of its audio or its levels.
func partName(name string) (call string, n int, ok bool) {
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	i := strings.LastIndexByte(base, '-')
	if i < 0 || !earshot.ValidCallID(base[:i]) {
		return "", 0, false
	}
	n, err := strconv.Atoi(base[i+1:])
	return base[:i], n, err == nil && n > 0
}

// Recover makes a stored call of one that a crash left live, and saves it: its
// unfinished files are cut behind the last good page and made complete, and it
// is flagged as interrupted. Its own file, where there is one, is believed more
// than call, which comes from the index. Levels are not measured here, since
// decoding takes time: Levels does when it is asked.
func (a *Archive) Recover(ctx context.Context, call earshot.Call) (earshot.Call, error) {
	if !earshot.ValidCallID(call.ID) {
		return earshot.Call{}, earshot.Fail(earshot.Invalid, "bad_call", "a call's id is a UUIDv7, not %q", call.ID)
	}
	defer a.calls.Lock(call.ID)()
	r := recovery{archive: a, call: call.Clone()}
	if err := r.run(ctx); err != nil {
		return earshot.Call{}, fmt.Errorf("recover call %s: %w", call.ID, err)
	}
	kept := a.judged(r.call, a.ThresholdsNow(ctx))
	if err := a.put(ctx, []index.Restored{kept}); err != nil {
		return earshot.Call{}, err
	}
	return kept.Call, r.clear()
}

// recovery is the recovery of one call.
type recovery struct {
	archive *Archive
	call    earshot.Call
	seat    string   // as the files say
	over    []string // unfinished files that are not needed any more
}

// mostMissing is how many numbers of parts may be missing in a row: a part whose
// file could not be made leaves its number out.
const mostMissing = 3

func (r *recovery) run(ctx context.Context) error {
	if err := r.believeFile(); err != nil {
		return err
	}
	before := len(r.call.Parts)
	highest := 0
	for _, p := range r.call.Parts {
		highest = max(highest, p.N)
	}
	sealed := make([]earshot.Part, 0, before)
	missing := 0
	for n := 1; n <= highest || missing < mostMissing; n++ {
		part, found, err := r.part(n)
		if err != nil {
			return err
		}
		if !found {
			missing++
			continue
		}
		missing = 0
		sealed = append(sealed, part)
		r.call.Parts = append(slices.DeleteFunc(r.call.Parts, func(p earshot.Part) bool { return p.N == n }), part)
	}
	r.call.Parts = sealed
	return r.finish(ctx)
}

// believeFile takes the call's own file for what is known of it.
func (r *recovery) believeFile() error {
	text, err := r.archive.files.ReadWhole(earshot.CallFile(r.call.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var c earshot.Call
	if json.Unmarshal(text, &c) == nil && c.ID == r.call.ID && c.State != earshot.CallDeleted {
		r.call = c.Clone()
	}
	return nil
}

// part is the part n, complete; not found where nothing of it can be heard.
func (r *recovery) part(n int) (earshot.Part, bool, error) {
	known := earshot.Part{N: n}
	for _, p := range r.call.Parts {
		if p.N == n {
			known = p
		}
	}
	if known.SHA256 != "" {
		return known, true, nil
	}
	if part, found, err := r.imported(known, n); found || err != nil {
		return part, found, err
	}
	for _, codec := range []earshot.Codec{earshot.Opus, earshot.PCMA} { // µ-law has A-law's name
		name := earshot.PartFile(r.call.ID, n, codec)
		for _, from := range []string{name, name + unfinished} {
			data, err := r.archive.files.ReadWhole(from)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return known, false, err
			}
			if from != name {
				r.over = append(r.over, from)
			}
			part, err := r.seal(known, name, codecOf(codec, data), data, from == name)
			if errors.Is(err, errUnreadable) {
				err = r.setAside(name, data)
			} else if err == nil {
				return part, true, nil
			}
			if err != nil && !errors.Is(err, errNoAudio) {
				return known, false, err
			}
		}
	}
	return known, false, nil
}

// setAside keeps what cannot be made a part of the call for people to look at.
func (r *recovery) setAside(name string, data []byte) error {
	r.call.SetFlag(earshot.FlagDamaged)
	if err := r.archive.files.WriteWhole(name+damaged, data); err != nil {
		return err
	}
	r.archive.tellSetAside(r.call.ID, name+damaged)
	return nil
}

// tellSetAside keeps that a file was set aside. Where that fails the names of all
// files tell it later.
func (a *Archive) tellSetAside(call, file string) {
	if a.found == nil {
		return
	}
	err := a.found(context.Background(), Finding{At: earshot.At(a.now()), Code: FindingSetAside, Call: call, File: file,
		Text: "no audio could be read from what a crash left of this file"})
	if err != nil {
		a.log.Error("a file was set aside", "file", file, "err", err)
	}
}

// codecOf is codec, or what the file says of the two that share its name.
func codecOf(codec earshot.Codec, data []byte) earshot.Codec {
	const encodingAt, uLaw = 20, 7
	if codec == earshot.PCMA && len(data) > encodingAt && data[encodingAt] == uLaw {
		return earshot.PCMU
	}
	return codec
}

// seal makes the file complete, unless it is, and tells what it holds.
func (r *recovery) seal(known earshot.Part, name string, codec earshot.Codec, data []byte, complete bool) (earshot.Part, error) {
	whole := data
	if complete {
		data = slices.Clone(data) // mending writes into it
	}
	m, err := mend(data, codec)
	if err != nil {
		return known, err
	}
	if !complete {
		whole = m.audio
		if err := r.archive.files.WriteWhole(name, whole); err != nil {
			return known, err
		}
	}
	if r.call.StartedAt.IsZero() {
		r.call.StartedAt = r.begin(m)
	}
	if r.seat == "" {
		r.seat = m.seat
	}
	sum := sha256.Sum256(whole)
	part := r.facts(known, m)
	part.File, part.Bytes, part.SHA256 = name, int64(len(whole)), hex.EncodeToString(sum[:])
	r.damage(part, m)
	return part, nil
}

// begin is when a call began of which nothing but a file is left.
func (r *recovery) begin(m mended) earshot.Time {
	made, _ := earshot.IDTime(r.call.ID)
	if m.start.IsZero() || m.start.After(made) {
		return earshot.At(made)
	}
	return earshot.At(m.start)
}

// facts joins what is known of a part with what its file says.
func (r *recovery) facts(known earshot.Part, m mended) earshot.Part {
	part := m.part
	part.N, part.StartMs, part.DurationMs = known.N, known.StartMs, m.durationMs
	if known.Track != "" {
		part.Track = known.Track
	} else {
		part.StartMs = r.placeOf(m)
		if part.Track == "" {
			part.Track = r.oneSided()
		}
	}
	at := r.call.StartedAt.Add(time.Duration(part.StartMs) * time.Millisecond)
	part.Clock = []earshot.ClockPoint{
		{FileMs: 0, At: earshot.At(at)},
		{FileMs: part.DurationMs, At: earshot.At(at.Add(time.Duration(part.DurationMs) * time.Millisecond))},
	}
	return part
}

// placeOf is where a part begins: when its file says, else behind the others.
func (r *recovery) placeOf(m mended) int64 {
	if !m.start.IsZero() {
		return max(r.call.OffsetMs(m.start), 0)
	}
	return endOf(r.call.Parts)
}

func endOf(parts []earshot.Part) (ms int64) {
	for _, p := range parts {
		if p.SHA256 != "" {
			ms = max(ms, p.StartMs+p.DurationMs)
		}
	}
	return ms
}

// oneSided is what one mono track holds: what the call's other mono parts do.
func (r *recovery) oneSided() earshot.TrackKind {
	for _, p := range r.call.Parts {
		if p.Channels == 1 && p.Track != "" && p.Track != earshot.TrackHelper {
			return p.Track
		}
	}
	return earshot.TrackMixed
}

// damage notes what inside a part cannot be heard.
func (r *recovery) damage(part earshot.Part, m mended) {
	for _, d := range m.damaged {
		r.call.SetFlag(earshot.FlagDamaged)
		for _, side := range sidesOf(part.Track) {
			r.call.Gaps = append(r.call.Gaps, earshot.Gap{
				Side: side, StartMs: part.StartMs + d.fromMs, EndMs: part.StartMs + max(d.toMs, d.fromMs), Cause: earshot.CauseDamaged})
		}
	}
}

func sidesOf(track earshot.TrackKind) []earshot.Side {
	switch track {
	case earshot.TrackBoth, earshot.TrackSwapped:
		return []earshot.Side{earshot.SideAgent, earshot.SideCustomer}
	case earshot.TrackCustomer:
		return []earshot.Side{earshot.SideCustomer}
	}
	return []earshot.Side{earshot.SideAgent}
}

// finish sets what the end of a call sets.
func (r *recovery) finish(ctx context.Context) error {
	c := &r.call
	if c.StartedAt.IsZero() {
		made, _ := earshot.IDTime(c.ID)
		c.StartedAt = earshot.At(made)
	}
	if c.Seat == "" {
		if err := r.takeSeat(ctx); err != nil {
			return err
		}
	}
	if c.State == earshot.CallLive || c.EndedAt.IsZero() {
		c.SetFlag(earshot.FlagInterrupted)
		end := endOf(c.Parts)
		for _, g := range c.Gaps {
			end = max(end, g.EndMs)
		}
		for _, m := range c.Marks {
			end = max(end, m.EndMs)
		}
		c.DurationMs = end
		c.EndedAt = earshot.At(c.StartedAt.Add(time.Duration(end) * time.Millisecond))
	}
	c.State = earshot.CallStored
	c.Channels = max(c.Channels, 1)
	for _, p := range c.Parts {
		if p.Track == earshot.TrackBoth || p.Track == earshot.TrackSwapped {
			c.Channels = 2
		}
	}
	return nil
}

// takeSeat fills in the facts of a call of which nothing but files is left.
func (r *recovery) takeSeat(ctx context.Context) error {
	c := &r.call
	c.Seat, c.Kind, c.Direction = r.seat, earshot.Counter, earshot.NoDirection
	seat, err := r.archive.index.Seat(ctx, r.seat)
	if errors.Is(err, earshot.ErrNoSeat) {
		return nil
	}
	if err == nil {
		c.Branch, c.Kind = seat.Branch, seat.Kind
	}
	return err
}

// clear takes away unfinished files that have become complete ones, and those
// that nobody needs. What is left after a failure is found again the next time.
func (r *recovery) clear() error {
	highest := 0
	for _, p := range r.call.Parts {
		highest = max(highest, p.N)
		r.over = append(r.over, p.File+unfinished)
	}
	for n := range highest + mostMissing {
		r.over = append(r.over, earshot.LevelsFile(r.call.ID, n+1)+unfinished)
	}
	for _, name := range r.over {
		if err := r.archive.files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear away %s: %w", name, err)
		}
	}
	return nil
}
