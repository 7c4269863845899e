package earshot

import (
	"cmp"
	"slices"
	"time"
)

// CaptureLimits say when something is found; the zero value of a field stands
// for that of DefaultCaptureLimits.
type CaptureLimits struct {
	Gap        time.Duration // so much of a side may be missing from a call
	GapShare   float64       // or this share of its length
	Tolerance  time.Duration // announcers' clocks may differ by so much
	Grace      time.Duration // an announced call has so long to come to the shelf
	Unrecorded time.Duration // so much speech in one talk without an open call is a call nobody started
}

// DefaultCaptureLimits are the limits where nobody says otherwise.
var DefaultCaptureLimits = CaptureLimits{
	Gap: 10 * time.Second, GapShare: 0.05, Tolerance: 30 * time.Second, Grace: 2 * time.Minute, Unrecorded: time.Minute,
}

// Fill puts the defaults where nothing is said.
func (l CaptureLimits) Fill() CaptureLimits {
	d := DefaultCaptureLimits
	l.Gap = cmp.Or(l.Gap, d.Gap)
	l.GapShare = cmp.Or(l.GapShare, d.GapShare)
	l.Tolerance = cmp.Or(l.Tolerance, d.Tolerance)
	l.Grace = cmp.Or(l.Grace, d.Grace)
	l.Unrecorded = cmp.Or(l.Unrecorded, d.Unrecorded)
	return l
}

// gapsOver says whether so much missing of a call is over the limit.
func (l CaptureLimits) gapsOver(gapMs, durationMs int64) bool {
	return gapMs > l.Gap.Milliseconds() || durationMs > 0 && float64(gapMs) > l.GapShare*float64(durationMs) && gapMs > 1000
}

// recordedShare of an announced conversation must be on the shelf.
const recordedShare = 0.5

// unendedAfter is how long after its start a call cannot still be open.
const unendedAfter = LongestCall + time.Hour

// CaptureDay is a day of the site's time zone: from From, before To.
type CaptureDay struct {
	Name     string // YYYY-MM-DD
	From, To time.Time
}

// Days are the days from one to another in a time zone, both included.
func Days(from, to time.Time, zone *time.Location) []CaptureDay {
	var days []CaptureDay
	y, m, d := from.In(zone).Date()
	for at := time.Date(y, m, d, 0, 0, 0, 0, zone); !at.After(to); {
		y, m, d := at.Date()
		next := time.Date(y, m, d+1, 0, 0, 0, 0, zone)
		days = append(days, CaptureDay{Name: at.Format(time.DateOnly), From: at, To: next})
		at = next
	}
	return days
}

// CaptureCall is what verification needs to know of a call.
type CaptureCall struct {
	ID         string
	Seat       string
	State      CallState
	StartedAt  time.Time
	DurationMs int64
	Audio      bool // a file of it was completed

	// What is the matter with it.
	Damaged  string // the file, or "?" where the call is only marked so; "" if it is not
	Unheard  bool
	OneSided bool
	GapMs    int64 // of the worse side
	GapSide  Side
}

func (c CaptureCall) end() time.Time {
	return c.StartedAt.Add(time.Duration(c.DurationMs) * time.Millisecond)
}

// SeatCalls are the figures of a seat's calls in a day.
type SeatCalls struct {
	Seat    string
	Branch  string
	Calls   int
	Stored  int
	Deleted int
	TalkMs  int64
}

// CaptureFacts are all that is known of a day.
type CaptureFacts struct {
	Calls     []SeatCalls
	Announced map[string]int // by seat
	// Open are the announcements that name no recorded call by its id.
	Open []Announcement
	// Near are the calls, with audio, of seats with open announcements, about the
	// day: also those of the hours before and after.
	Near []CaptureCall
	// Odd are the day's calls that something may be the matter with: without
	// audio, damaged, with gaps, one-sided, silent, or open for too long.
	Odd     []CaptureCall
	Streams []StreamSpan
	Checks  []SoundCheck
	// Branch is a seat's branch.
	Branch func(seat string) string
}

// Verify sets what was announced and seen in a day against what is on the
// shelf, as it is known at now. Rows are in no order, findings neither.
func (l CaptureLimits) Verify(day CaptureDay, facts CaptureFacts, now time.Time) ([]CaptureRow, []CaptureFinding) {
	v := verification{limits: l.Fill(), day: day, facts: facts, now: now, rows: map[string]*CaptureRow{}}
	v.calls()
	v.announcements()
	v.streams()
	v.checks()
	rows := make([]CaptureRow, 0, len(v.rows))
	for _, r := range v.rows {
		rows = append(rows, *r)
	}
	return rows, v.findings
}

type verification struct {
	limits   CaptureLimits
	day      CaptureDay
	facts    CaptureFacts
	now      time.Time
	rows     map[string]*CaptureRow
	findings []CaptureFinding
}

func (v *verification) row(seat string) *CaptureRow {
	r := v.rows[seat]
	if r == nil {
		r = &CaptureRow{Day: v.day.Name, Seat: seat}
		if v.facts.Branch != nil {
			r.Branch = v.facts.Branch(seat)
		}
		v.rows[seat] = r
	}
	return r
}

func (v *verification) found(f CaptureFinding) {
	r := v.row(f.Seat)
	f.Day, f.Branch = r.Day, r.Branch
	*r.count(f.Kind)++
	r.Problems++
	v.findings = append(v.findings, f)
}

func (v *verification) calls() {
	for _, c := range v.facts.Calls {
		r := v.row(c.Seat)
		if r.Branch == "" {
			r.Branch = c.Branch
		}
		r.Calls, r.Stored, r.Deleted, r.TalkMs = c.Calls, c.Stored, c.Deleted, c.TalkMs
	}
	for _, c := range v.facts.Odd {
		v.odd(c)
	}
}

// odd finds the gravest thing about a call, and gaps beside it.
func (v *verification) odd(c CaptureCall) {
	f := CaptureFinding{Seat: c.Seat, At: At(c.StartedAt), Call: c.ID, OfMs: c.DurationMs}
	if c.State == CallLive {
		if v.now.Sub(c.StartedAt) > unendedAfter {
			f.Kind, f.OfMs = CaptureUnended, 0
			v.found(f)
		}
		return
	}
	if c.State != CallStored {
		return
	}
	switch {
	case !c.Audio && c.DurationMs > 0:
		f.Kind = CaptureMissing
		v.found(f)
		return // its gap is all of it
	case c.Damaged != "":
		f.Kind, f.File = CaptureDamaged, c.Damaged
		if f.File == "?" {
			f.File = ""
		}
		v.found(f)
	case c.Unheard:
		f.Kind = CaptureSilent
		v.found(f)
	case c.OneSided:
		f.Kind = CaptureOneSided
		v.found(f)
	}
	if v.limits.gapsOver(c.GapMs, c.DurationMs) {
		v.found(CaptureFinding{Kind: CaptureGaps, Seat: c.Seat, At: f.At, Call: c.ID, Ms: c.GapMs, OfMs: c.DurationMs, Side: c.GapSide})
	}
}

func (v *verification) announcements() {
	for seat, n := range v.facts.Announced {
		v.row(seat).Announced = n
	}
	silent := map[string]bool{} // calls without audio: found already
	for _, c := range v.facts.Odd {
		silent[c.ID] = !c.Audio
	}
	near := map[string][]CaptureCall{}
	for _, c := range v.facts.Near {
		near[c.Seat] = append(near[c.Seat], c)
	}
	open := map[string][]Announcement{}
	for _, a := range v.facts.Open {
		if !silent[a.Ref] && v.now.Sub(a.end()) > v.limits.Grace {
			open[a.Seat] = append(open[a.Seat], a)
		}
	}
	for seat, list := range open {
		for _, a := range v.unmatched(list, near[seat]) {
			v.found(a)
		}
	}
}

// pair is a call that may be the announced one.
type pair struct {
	a, c int
	away time.Duration
}

// unmatched are the announcements of a seat that no call answers. A call that
// began about when the announcement says answers it, each at most one, the
// nearest first; so does whatever covers half of the time announced, because a
// call may hold several conversations.
func (v *verification) unmatched(list []Announcement, calls []CaptureCall) []CaptureFinding {
	var pairs []pair
	for i, a := range list {
		for j, c := range calls {
			if away := c.StartedAt.Sub(a.At.Time).Abs(); away <= v.limits.Tolerance {
				pairs = append(pairs, pair{i, j, away})
			}
		}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return cmp.Compare(x.away, y.away) })
	answer, taken := make([]int, len(list)), make([]bool, len(calls))
	for i := range answer {
		answer[i] = -1
	}
	for _, p := range pairs {
		if answer[p.a] < 0 && !taken[p.c] {
			answer[p.a], taken[p.c] = p.c, true
		}
	}
	var missing []CaptureFinding
	for i, a := range list {
		recorded := covered(a, calls)
		if answer[i] >= 0 {
			recorded = max(recorded, calls[answer[i]].DurationMs)
		}
		enough := float64(recorded) >= recordedShare*float64(a.DurationMs)
		if a.DurationMs > 0 && enough || a.DurationMs == 0 && (answer[i] >= 0 || within(a.At.Time, v.limits.Tolerance, calls)) {
			continue
		}
		f := CaptureFinding{Kind: CaptureMissing, Seat: a.Seat, At: a.At, Ref: a.Ref, Number: a.Number, Source: a.Source, Ms: recorded, OfMs: a.DurationMs}
		if answer[i] >= 0 {
			f.Call = calls[answer[i]].ID
		}
		missing = append(missing, f)
	}
	return missing
}

// covered is how much of the announced time the calls hold, in milliseconds. A
// seat's calls do not overlap.
func covered(a Announcement, calls []CaptureCall) int64 {
	var ms int64
	for _, c := range calls {
		from, to := c.StartedAt, c.end()
		if from.Before(a.At.Time) {
			from = a.At.Time
		}
		if to.After(a.end()) {
			to = a.end()
		}
		if to.After(from) {
			ms += to.Sub(from).Milliseconds()
		}
	}
	return ms
}

// within says whether a call was under way at an instant and went on for a while.
func within(at time.Time, goesOn time.Duration, calls []CaptureCall) bool {
	return slices.ContainsFunc(calls, func(c CaptureCall) bool {
		return !c.StartedAt.After(at) && c.end().Sub(at) >= goesOn
	})
}

func (v *verification) streams() {
	seen := map[string]bool{}
	warned := map[string]bool{}
	once := func(f CaptureFinding, stream string) {
		if key := string(f.Kind) + string(f.Side) + stream; !warned[key] {
			warned[key] = true
			v.found(f)
		}
	}
	for _, s := range v.facts.Streams {
		r := v.row(s.Seat)
		if !seen[s.ID] {
			seen[s.ID] = true
			r.Streams++
		}
		if at := s.OutsideAt; s.OutsideMs >= v.limits.Unrecorded.Milliseconds() && !at.Before(v.day.From) && at.Before(v.day.To) {
			v.found(CaptureFinding{Kind: CaptureUnrecorded, Seat: s.Seat, At: at, Ms: s.OutsideMs})
		}
		if s.Since.Before(v.day.From) || !s.Since.Before(v.day.To) {
			continue
		}
		if s.DeadMic != "" {
			once(CaptureFinding{Kind: CaptureDeadMic, Seat: s.Seat, At: s.Since, Side: s.DeadMic}, s.ID)
		}
		if s.Bleed {
			once(CaptureFinding{Kind: CaptureBleed, Seat: s.Seat, At: s.Since}, s.ID)
		}
	}
}

// checks keeps each seat's last sound check: one that failed and was mended is
// nobody's concern any more.
func (v *verification) checks() {
	for _, c := range v.facts.Checks {
		r := v.row(c.Seat)
		if r.SoundCheck == nil || !c.At.Before(r.SoundCheck.At.Time) {
			check := c
			r.SoundCheck = &check
		}
	}
	for _, r := range v.rows {
		if c := r.SoundCheck; c != nil && c.Result != SoundOK {
			v.found(CaptureFinding{Kind: CaptureSoundCheck, Seat: c.Seat, At: c.At, Result: c.Result})
		}
	}
}

// SortRows puts the rows with missing calls first, then those with most
// problems, then the newest day.
func SortRows(rows []CaptureRow) {
	slices.SortFunc(rows, func(x, y CaptureRow) int {
		return cmp.Or(cmp.Compare(y.Missing, x.Missing), cmp.Compare(y.Unrecorded, x.Unrecorded), cmp.Compare(y.Problems, x.Problems),
			cmp.Compare(y.Day, x.Day), cmp.Compare(x.Branch, y.Branch), cmp.Compare(x.Seat, y.Seat))
	})
}

// SortFindings puts the gravest first, of one kind the newest.
func SortFindings(findings []CaptureFinding) {
	rank := map[CaptureKind]int{}
	for i, kind := range CaptureKinds {
		rank[kind] = i
	}
	slices.SortStableFunc(findings, func(x, y CaptureFinding) int {
		return cmp.Or(cmp.Compare(rank[x.Kind], rank[y.Kind]), y.At.Compare(x.At.Time), cmp.Compare(x.Seat, y.Seat), cmp.Compare(x.Call, y.Call))
	})
}

// heardLevel is −dBov: what is not louder is background.
const heardLevel = 50

// Unheard says whether nobody is to be heard in the levels of a side.
func Unheard(levels []byte) bool {
	return !slices.ContainsFunc(levels, func(level byte) bool { return level < heardLevel })
}
