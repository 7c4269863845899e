package earshot

import (
	"time"
	"unicode/utf8"
)

// Bounds of marks.
const (
	MostMarks    = 500  // of people, on one call
	MostMarkText = 2000 // characters

	latestMark = int64(48 * time.Hour / time.Millisecond) // on the timeline: longer than any call
)

// Validate says what is wrong with m, or nil.
func (m Mark) Validate() error {
	if m.Kind != "" && m.StartMs >= 0 && m.EndMs >= m.StartMs && m.EndMs <= latestMark &&
		utf8.ValidString(m.Text) && utf8.RuneCountInString(m.Text) <= MostMarkText {
		return nil
	}
	return Fail(Invalid, "bad_mark", "a mark has a kind, does not end before it starts or beyond any call, and has at most %d characters of text", MostMarkText)
}

// ByHand says whether marks of this kind are made, changed and taken away by people.
func (k MarkKind) ByHand() bool { return k == MarkBookmark || k == MarkNote }
