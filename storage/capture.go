package storage

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage/index"
)

// Announce keeps somebody's word that a conversation took place.
func (a *Archive) Announce(ctx context.Context, said earshot.Announcement) error {
	return a.index.Announce(ctx, said)
}

// SaveStreams keeps what was seen of streams.
func (a *Archive) SaveStreams(ctx context.Context, spans []earshot.StreamSpan) error {
	return a.index.SaveStreams(ctx, spans)
}

// AddSoundCheck keeps a sound check of a seat.
func (a *Archive) AddSoundCheck(ctx context.Context, check earshot.SoundCheck) error {
	return a.index.AddSoundCheck(ctx, check)
}

// unheardShort is the longest call that may be silent without carrying
// earshot.FlagSilence.
const unheardShort = 31 * time.Second

// wholly is a share, per mille.
const wholly = 1000

// noteSilence notes whether nobody is to be heard in a stored call: the index
// cannot tell from the flags, which say only that there was a long silence.
func (a *Archive) noteSilence(ctx context.Context, c earshot.Call) error {
	if c.State != earshot.CallStored {
		return nil
	}
	return a.index.MarkUnheard(ctx, c.ID, c.StartedAt.Time, a.isUnheard(c))
}

// isUnheard says whether c is a stored call in which nobody is to be heard.
func (a *Archive) isUnheard(c earshot.Call) bool {
	suspect := c.Flagged(earshot.FlagSilence) || c.DurationMs <= unheardShort.Milliseconds() || c.Talk != nil && c.Talk.SilenceShare == wholly
	return c.State == earshot.CallStored && suspect && !c.Flagged(earshot.FlagOneSided) && a.unheard(c)
}

// unheard says whether the levels of all of a call's parts are there, and nobody
// speaks in them. Nothing is measured for it: a call without levels is not said
// to be silent.
func (a *Archive) unheard(c earshot.Call) bool {
	seen := false
	for _, p := range c.Parts {
		if p.Track == earshot.TrackHelper {
			continue
		}
		file, err := a.files.ReadWhole(earshot.LevelsFile(c.ID, p.N))
		if err != nil {
			return false
		}
		agent, customer, err := levels.Parse(file)
		if err != nil || !earshot.Unheard(agent) || !earshot.Unheard(customer) {
			return false
		}
		seen = true
	}
	return seen
}

// CaptureQuery says what is verified.
type CaptureQuery struct {
	From, To time.Time // the days these lie in, both included
	Zone     *time.Location
	Branch   string              // with all below it; "" is all
	Seat     string              // "" is all
	Problem  earshot.CaptureKind // rows and findings with this alone; the totals are of all
	Limits   earshot.CaptureLimits

	Cursor string
	Limit  int // rows of a page, 1 to 1000; 0 is 100
}

// Bounds of a verification.
const (
	mostCaptureDays  = 92
	usualCaptureRows = 100
	mostCaptureRows  = 1000
	mostFindings     = 50 // of a row, where there are many rows
	fileDays         = 2  // so many of the newest days have their files looked at
)

var errCaptureDays = earshot.Fail(earshot.Invalid, "bad_days", "ask for 1 to %d days, the first before the last", mostCaptureDays)

// Capture answers whether everything was recorded; `bad_days`, `bad_limit`,
// index.ErrBadCursor. Rows with missing calls come first. Each page carries the
// findings of its rows, of a row among several at most 50.
func (a *Archive) Capture(ctx context.Context, q CaptureQuery) (earshot.Capture, error) {
	days := earshot.Days(q.From, q.To, q.Zone)
	if len(days) == 0 || len(days) > mostCaptureDays {
		return earshot.Capture{}, errCaptureDays
	}
	skip, limit, err := capturePage(q)
	if err != nil {
		return earshot.Capture{}, err
	}
	v := &verifying{archive: a, query: q, now: a.now()}
	if err := v.roster(ctx); err != nil {
		return earshot.Capture{}, err
	}
	out := earshot.Capture{From: days[0].Name, To: days[len(days)-1].Name, At: earshot.At(v.now)}
	for i, day := range slices.Backward(days) {
		if day.From.After(v.now) {
			continue
		}
		look := len(days)-i <= fileDays || q.Seat != ""
		if err := v.day(ctx, day, look); err != nil {
			return earshot.Capture{}, err
		}
		if look {
			out.FilesFrom = day.Name
		}
	}
	v.page(&out, skip, limit)
	return out, nil
}

func capturePage(q CaptureQuery) (skip, limit int, err error) {
	switch {
	case q.Limit < 0 || q.Limit > mostCaptureRows:
		return 0, 0, earshot.Fail(earshot.Invalid, "bad_limit", "a page has 1 to %d rows", mostCaptureRows)
	case q.Limit == 0:
		limit = usualCaptureRows
	default:
		limit = q.Limit
	}
	if q.Cursor != "" {
		if skip, err = strconv.Atoi(q.Cursor); err != nil || skip < 0 {
			return 0, 0, index.ErrBadCursor
		}
	}
	return skip, limit, nil
}

// verifying is a verification under way.
type verifying struct {
	archive  *Archive
	query    CaptureQuery
	now      time.Time
	branches map[string]string // of seats
	wanted   map[string]bool   // branches; nil is all
	totals   earshot.CaptureRow
	rows     []earshot.CaptureRow
	findings map[string][]earshot.CaptureFinding // by day and seat
}

func (v *verifying) roster(ctx context.Context) error {
	v.findings = map[string][]earshot.CaptureFinding{}
	seats, err := v.archive.index.Seats(ctx)
	if err != nil {
		return err
	}
	v.branches = make(map[string]string, len(seats))
	for _, s := range seats {
		v.branches[s.ID] = s.Branch
	}
	if v.query.Branch == "" {
		return nil
	}
	v.wanted, err = v.archive.index.BranchesBelow(ctx, v.query.Branch)
	return err
}

func (v *verifying) day(ctx context.Context, day earshot.CaptureDay, look bool) error {
	limits := v.query.Limits.Fill()
	facts, err := v.archive.index.CaptureFacts(ctx, day.From, day.To, v.query.Seat, v.now, limits.Tolerance)
	if err != nil {
		return err
	}
	if look {
		bad, err := v.archive.badFiles(ctx, day, v.query.Seat)
		if err != nil {
			return err
		}
		if err := v.archive.markDamaged(ctx, &facts, bad); err != nil {
			return err
		}
	}
	facts.Branch = func(seat string) string { return v.branches[seat] }
	rows, findings := limits.Verify(day, facts, v.now)
	for _, r := range rows {
		if v.wanted != nil && !v.wanted[r.Branch] {
			continue
		}
		v.totals.Add(r)
		if v.query.Problem == "" || r.Of(v.query.Problem) > 0 {
			v.rows = append(v.rows, r)
		}
	}
	for _, f := range findings {
		if v.query.Problem == "" || v.query.Problem == f.Kind {
			key := f.Day + " " + f.Seat
			v.findings[key] = append(v.findings[key], f)
		}
	}
	return nil
}

// page puts a page of the rows, and their findings, into out.
func (v *verifying) page(out *earshot.Capture, skip, limit int) {
	out.Totals = v.totals
	earshot.SortRows(v.rows)
	rest := v.rows[min(skip, len(v.rows)):]
	out.Rows = append([]earshot.CaptureRow{}, rest[:min(limit, len(rest))]...)
	if len(rest) > limit {
		out.Next = strconv.Itoa(skip + limit)
	}
	out.Findings = []earshot.CaptureFinding{}
	for _, r := range out.Rows {
		some := v.findings[r.Day+" "+r.Seat]
		earshot.SortFindings(some)
		if v.query.Seat == "" {
			some = some[:min(mostFindings, len(some))]
		}
		out.Findings = append(out.Findings, some...)
	}
	earshot.SortFindings(out.Findings)
}

// badFiles are, by call, the first file of it that is not there or not as long
// as it was when it was completed. Whether the bytes are still the same is for
// a scrub to say.
func (a *Archive) badFiles(ctx context.Context, day earshot.CaptureDay, seat string) (map[string]string, error) {
	parts, err := a.index.CaptureParts(ctx, day.From, day.To, seat)
	if err != nil {
		return nil, err
	}
	bad := map[string]string{}
	for _, p := range parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if bad[p.Call] == "" && !a.whole(p) {
			bad[p.Call] = p.File
		}
	}
	return bad, nil
}

func (a *Archive) whole(p index.CapturePart) bool {
	file, size, err := a.files.Open(p.File)
	if err != nil {
		// What cannot be asked just now is not known to be bad.
		return !errors.Is(err, fs.ErrNotExist)
	}
	// Nothing was written: closing cannot fail in a way that matters.
	_ = file.Close()
	return size == p.Bytes
}

// markDamaged says of the calls with bad files that they are damaged.
func (a *Archive) markDamaged(ctx context.Context, facts *earshot.CaptureFacts, bad map[string]string) error {
	for i, c := range facts.Odd {
		if file := bad[c.ID]; file != "" {
			facts.Odd[i].Damaged = file
			delete(bad, c.ID)
		}
	}
	for id, file := range bad {
		c, err := a.index.Call(ctx, id)
		if errors.Is(err, earshot.ErrNoCall) {
			continue
		}
		if err != nil {
			return err
		}
		facts.Odd = append(facts.Odd, earshot.CaptureCall{ID: id, Seat: c.Seat, State: c.State, StartedAt: c.StartedAt.Time,
			DurationMs: c.DurationMs, Audio: true, Damaged: file})
	}
	return nil
}
