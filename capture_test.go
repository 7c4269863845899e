package earshot_test

import (
	"slices"
	"testing"
	"time"

	"earshot"
)

var captureDay = earshot.Days(noon, noon, time.FixedZone("", 8*3600))[0]

// at is an instant of the day.
func at(hour, minute, second int) time.Time {
	return captureDay.From.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
}

func TestDays(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	days := earshot.Days(time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC), zone)
	if len(days) != 2 || days[0].Name != "2026-02-28" || days[1].Name != "2026-03-01" || !days[0].To.Equal(days[1].From) ||
		!days[0].From.Equal(time.Date(2026, 2, 27, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", days)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	spring := earshot.Days(time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), time.Date(2026, 3, 29, 12, 0, 0, 0, berlin), berlin)
	if len(spring) != 1 || spring[0].To.Sub(spring[0].From) != 23*time.Hour {
		t.Errorf("a day of 23 hours: %+v", spring)
	}
	if days := earshot.Days(noon, noon.AddDate(0, 0, -1), zone); len(days) != 0 {
		t.Errorf("backwards: %+v", days)
	}
}

// A day begins at midnight of the zone: the instant before is of the day before,
// at the ends of weeks, months and years as well.
func TestDaysAtTheirEnds(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*3600)
	for _, row := range []struct{ ends, begins string }{
		{"2026-11-20", "2026-11-21"},
		{"2026-11-22", "2026-11-23"}, // a Monday
		{"2026-11-30", "2026-12-01"},
		{"2026-12-31", "2027-01-01"},
		{"2028-02-28", "2028-02-29"},
		{"2027-02-28", "2027-03-01"},
	} {
		midnight, err := time.ParseInLocation(time.DateOnly, row.begins, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[time.Time][]string{
			midnight.Add(-100 * time.Millisecond): {row.ends},
			midnight.Add(-1):                      {row.ends},
			midnight:                              {row.begins},
			midnight.UTC():                        {row.begins},
		} {
			if got := names(earshot.Days(at, at, shanghai)); !slices.Equal(got, want) {
				t.Errorf("%s is of %v, want %v", at, got, want)
			}
		}
		if got := names(earshot.Days(midnight.Add(-1), midnight, shanghai)); !slices.Equal(got, []string{row.ends, row.begins}) {
			t.Errorf("around the end of %s: %v", row.ends, got)
		}
	}
}

func names(days []earshot.CaptureDay) (names []string) {
	for _, d := range days {
		names = append(names, d.Name)
	}
	return names
}

// Which announcements a call answers.
func TestAnnouncementsAreMatched(t *testing.T) {
	call := func(id string, from time.Time, long time.Duration) earshot.CaptureCall {
		return earshot.CaptureCall{ID: id, Seat: "s1", State: earshot.CallStored, StartedAt: from, DurationMs: long.Milliseconds(), Audio: true}
	}
	say := func(ref string, from time.Time, long time.Duration) earshot.Announcement {
		return earshot.Announcement{Seat: "s1", Ref: ref, At: earshot.At(from), DurationMs: long.Milliseconds()}
	}
	for _, row := range []struct {
		name    string
		said    []earshot.Announcement
		calls   []earshot.CaptureCall
		missing []string
	}{
		{"no call at all", []earshot.Announcement{say("a", at(10, 0, 0), time.Minute)}, nil, []string{"a"}},
		{"one at the same time", []earshot.Announcement{say("a", at(10, 0, 0), 5*time.Minute)}, []earshot.CaptureCall{call("1", at(10, 0, 5), 5*time.Minute)}, nil},
		{"clocks that differ", []earshot.Announcement{say("a", at(10, 0, 0), 40*time.Second)}, []earshot.CaptureCall{call("1", at(10, 0, 29), 40*time.Second)}, nil},
		{"clocks that differ too much", []earshot.Announcement{say("a", at(10, 0, 0), 40*time.Second)}, []earshot.CaptureCall{call("1", at(10, 0, 41), 40*time.Second)}, []string{"a"}},
		{"two in a row, one recorded", []earshot.Announcement{say("a", at(10, 0, 0), 5*time.Minute), say("b", at(10, 5, 0), 5*time.Minute)},
			[]earshot.CaptureCall{call("1", at(10, 0, 0), 5*time.Minute)}, []string{"b"}},
		{"two short ones, one recorded", []earshot.Announcement{say("a", at(10, 0, 0), 10*time.Second), say("b", at(10, 0, 20), 10*time.Second)},
			[]earshot.CaptureCall{call("1", at(10, 0, 19), 10*time.Second)}, []string{"a"}},
		{"one long recording holds several", []earshot.Announcement{say("a", at(10, 0, 0), 5*time.Minute), say("b", at(10, 30, 0), 0)},
			[]earshot.CaptureCall{call("1", at(9, 0, 0), 3*time.Hour)}, nil},
		{"recorded in two pieces", []earshot.Announcement{say("a", at(10, 0, 0), 10*time.Minute)},
			[]earshot.CaptureCall{call("1", at(10, 0, 0), 3*time.Minute), call("2", at(10, 4, 0), 3*time.Minute)}, nil},
		{"only the beginning was recorded", []earshot.Announcement{say("a", at(10, 0, 0), 10*time.Minute)},
			[]earshot.CaptureCall{call("1", at(10, 0, 0), 30*time.Second)}, []string{"a"}},
		{"length unknown, a call began then", []earshot.Announcement{say("a", at(10, 0, 0), 0)}, []earshot.CaptureCall{call("1", at(10, 0, 20), time.Second)}, nil},
		{"length unknown, the call before was ending", []earshot.Announcement{say("a", at(10, 0, 0), 0)},
			[]earshot.CaptureCall{call("1", at(9, 50, 0), 10*time.Minute+time.Second)}, []string{"a"}},
		{"another seat's call", []earshot.Announcement{say("a", at(10, 0, 0), 0)},
			[]earshot.CaptureCall{{ID: "1", Seat: "s2", StartedAt: at(10, 0, 0), DurationMs: 60_000, Audio: true}}, []string{"a"}},
		{"it may still be on its way", []earshot.Announcement{say("a", at(23, 58, 30), 0)}, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, found := earshot.DefaultCaptureLimits.Verify(captureDay, earshot.CaptureFacts{Open: row.said, Near: row.calls}, at(24, 0, 0))
			got := map[string]bool{}
			for _, f := range found {
				if f.Kind != earshot.CaptureMissing {
					t.Errorf("found %+v", f)
				}
				got[f.Ref] = true
			}
			if len(got) != len(row.missing) {
				t.Fatalf("missing %v, want %v", got, row.missing)
			}
			for _, ref := range row.missing {
				if !got[ref] {
					t.Errorf("missing %v, want %v", got, row.missing)
				}
			}
		})
	}
}

// What is found about calls, streams and sound checks.
func TestCaptureFindings(t *testing.T) {
	odd := func(change func(*earshot.CaptureCall)) earshot.CaptureFacts {
		c := earshot.CaptureCall{ID: "c", Seat: "s1", State: earshot.CallStored, StartedAt: at(10, 0, 0), DurationMs: 600_000, Audio: true}
		change(&c)
		return earshot.CaptureFacts{Odd: []earshot.CaptureCall{c}}
	}
	streams := func(spans ...earshot.StreamSpan) earshot.CaptureFacts { return earshot.CaptureFacts{Streams: spans} }
	span := earshot.StreamSpan{ID: "st", Seat: "s1", Since: earshot.At(at(10, 0, 0)), Until: earshot.At(at(10, 30, 0))}
	check := func(hour int, result earshot.SoundResult) earshot.SoundCheck {
		return earshot.SoundCheck{Seat: "s1", At: earshot.At(at(hour, 0, 0)), Result: result}
	}
	with := func(s earshot.StreamSpan, change func(*earshot.StreamSpan)) earshot.StreamSpan { change(&s); return s }
	for _, row := range []struct {
		name  string
		facts earshot.CaptureFacts
		want  []earshot.CaptureKind
	}{
		{"a fine call", odd(func(*earshot.CaptureCall) {}), nil},
		{"no audio at all, and nothing else is said of it", odd(func(c *earshot.CaptureCall) { c.Audio, c.GapMs, c.OneSided = false, 600_000, true }), []earshot.CaptureKind{earshot.CaptureMissing}},
		{"gaps of 10 s", odd(func(c *earshot.CaptureCall) { c.GapMs = 10_000 }), nil},
		{"gaps of 11 s", odd(func(c *earshot.CaptureCall) { c.GapMs = 11_000 }), []earshot.CaptureKind{earshot.CaptureGaps}},
		{"gaps of 6 % of a short call", odd(func(c *earshot.CaptureCall) { c.DurationMs, c.GapMs = 60_000, 3600 }), []earshot.CaptureKind{earshot.CaptureGaps}},
		{"half a second of a very short call", odd(func(c *earshot.CaptureCall) { c.DurationMs, c.GapMs = 5000, 500 }), nil},
		{"damaged and one-sided: the graver", odd(func(c *earshot.CaptureCall) { c.Damaged, c.OneSided = "f.opus", true }), []earshot.CaptureKind{earshot.CaptureDamaged}},
		{"silent", odd(func(c *earshot.CaptureCall) { c.Unheard = true }), []earshot.CaptureKind{earshot.CaptureSilent}},
		{"one-sided with gaps", odd(func(c *earshot.CaptureCall) { c.OneSided, c.GapMs = true, 60_000 }), []earshot.CaptureKind{earshot.CaptureOneSided, earshot.CaptureGaps}},
		{"live for an hour", odd(func(c *earshot.CaptureCall) { c.State, c.Audio, c.StartedAt = earshot.CallLive, false, at(23, 0, 0) }), nil},
		{"live for too long", odd(func(c *earshot.CaptureCall) { c.State, c.Audio = earshot.CallLive, false }), []earshot.CaptureKind{earshot.CaptureUnended}},
		{"deleted by retention", odd(func(c *earshot.CaptureCall) { c.State, c.OneSided = earshot.CallDeleted, true }), nil},
		{"a quiet stream", streams(span), nil},
		{"talk without a call", streams(with(span, func(s *earshot.StreamSpan) { s.OutsideMs, s.OutsideAt = 60_000, earshot.At(at(10, 5, 0)) })), []earshot.CaptureKind{earshot.CaptureUnrecorded}},
		{"a word without a call", streams(with(span, func(s *earshot.StreamSpan) { s.OutsideMs, s.OutsideAt = 59_000, earshot.At(at(10, 5, 0)) })), nil},
		{"talk of the day before", streams(with(span, func(s *earshot.StreamSpan) { s.OutsideMs, s.OutsideAt = 60_000, earshot.At(at(-1, 5, 0)) })), nil},
		{"dead in two hours of one stream: once", streams(with(span, func(s *earshot.StreamSpan) { s.DeadMic = earshot.SideCustomer }),
			with(span, func(s *earshot.StreamSpan) { s.DeadMic, s.Since = earshot.SideCustomer, earshot.At(at(11, 0, 0)) })), []earshot.CaptureKind{earshot.CaptureDeadMic}},
		{"bleeding", streams(with(span, func(s *earshot.StreamSpan) { s.Bleed = true })), []earshot.CaptureKind{earshot.CaptureBleed}},
		{"a check that failed", earshot.CaptureFacts{Checks: []earshot.SoundCheck{check(8, earshot.SoundOK), check(9, earshot.SoundSwapped)}}, []earshot.CaptureKind{earshot.CaptureSoundCheck}},
		{"a check that failed and was mended", earshot.CaptureFacts{Checks: []earshot.SoundCheck{check(8, earshot.SoundSwapped), check(9, earshot.SoundOK)}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			rows, found := earshot.DefaultCaptureLimits.Verify(captureDay, row.facts, at(24, 0, 0))
			if len(found) != len(row.want) {
				t.Fatalf("found %+v, want %v", found, row.want)
			}
			for i, f := range found {
				if f.Kind != row.want[i] || f.Seat != "s1" || f.Day != captureDay.Name {
					t.Errorf("found %+v, want %s", f, row.want[i])
				}
			}
			problems := 0
			for _, r := range rows {
				problems += r.Problems
				for _, kind := range earshot.CaptureKinds {
					problems -= r.Of(kind)
				}
			}
			if problems != 0 {
				t.Errorf("the kinds of %+v do not add up", rows)
			}
		})
	}
}

// An announced call without any audio is missing once, not twice.
func TestSilentCallIsMissingOnce(t *testing.T) {
	c := earshot.CaptureCall{ID: "c", Seat: "s1", State: earshot.CallStored, StartedAt: at(10, 0, 0), DurationMs: 60_000}
	_, found := earshot.DefaultCaptureLimits.Verify(captureDay, earshot.CaptureFacts{
		Odd: []earshot.CaptureCall{c}, Open: []earshot.Announcement{{Seat: "s1", Ref: "c", At: earshot.At(at(10, 0, 0))}},
	}, at(24, 0, 0))
	if len(found) != 1 || found[0].Call != "c" {
		t.Errorf("found %+v", found)
	}
}

func TestMissingComesFirst(t *testing.T) {
	rows := []earshot.CaptureRow{{Seat: "a", Problems: 9, Gaps: 9}, {Seat: "b", Missing: 1, Problems: 1}, {Seat: "c"}, {Seat: "d", Unrecorded: 1, Problems: 1}}
	earshot.SortRows(rows)
	order := ""
	for _, r := range rows {
		order += r.Seat
	}
	findings := []earshot.CaptureFinding{{Kind: earshot.CaptureGaps, Seat: "1", At: earshot.At(at(3, 0, 0))}, {Kind: earshot.CaptureMissing, Seat: "2", At: earshot.At(at(1, 0, 0))},
		{Kind: earshot.CaptureMissing, Seat: "3", At: earshot.At(at(2, 0, 0))}}
	earshot.SortFindings(findings)
	for _, f := range findings {
		order += f.Seat
	}
	if order != "bdac321" {
		t.Errorf("in the order %s", order)
	}
}
