package earshot

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of marks.
const (
	MostMarks    = 500  // of people, on one call
	MostMarkText = 2000 // characters

	latestMark = int64(48 * time.Hour / time.Millisecond)  // on the timeline: longer than any call
	markSlack  = int64(5 * time.Second / time.Millisecond) // clocks of pages differ, and players round
)

// Validate says what is wrong with m, or nil.
func (m Mark) Validate() error {
	if m.Kind != "" && m.StartMs >= 0 && m.EndMs >= m.StartMs && m.EndMs <= latestMark &&
		utf8.ValidString(m.Text) && utf8.RuneCountInString(m.Text) <= MostMarkText &&
		(m.Kind != MarkNote || strings.TrimSpace(m.Text) != "") {
		return nil
	}
	return Fail(Invalid, "bad_mark", "a mark has a kind, does not end before it starts or beyond any call, and has at most %d characters of text; a note has some", MostMarkText)
}

// ValidateOn is Validate for a mark on call, which has lasted until now where it
// is live.
func (m Mark) ValidateOn(call Call, now time.Time) error {
	length, known := call.DurationMs, call.DurationMs > 0
	if call.State == CallLive {
		length, known = max(call.OffsetMs(now), 0), true
	}
	if known && m.EndMs > length+markSlack {
		return Fail(Invalid, "mark_beyond", "the call has lasted %d ms, and the mark would lie behind that", length)
	}
	return m.Validate()
}

// ByHand says whether marks of this kind are made, changed and taken away by people.
func (k MarkKind) ByHand() bool { return k == MarkBookmark || k == MarkNote }
