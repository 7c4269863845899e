package index

import (
	"context"
	"strings"
	"unicode/utf8"
)

// numberAt says where in calls' numbers the number searched for is looked for.
type numberAt int

const (
	nowhere  numberAt = iota // there is none
	atEnd                    // an index answers
	anywhere                 // calls have to be looked through
)

// Of a number searched for: with less characters than shortNumber it must be at
// a number's end; with longNumber or more it is a whole number to people, and
// those that end so are all that is meant, if any in the states asked for does.
const (
	shortNumber = 3
	longNumber  = 7
)

// withinMark begins the cursors of a search for a long number anywhere: what
// the first page saw holds for all after it, whatever calls come meanwhile.
const withinMark = "within."

// whereNumber decides numberAt, as the page before did where there was one. The
// other filters have no say: that nobody has a whole number and an account is
// known at once, and to look for it anywhere would take long.
func (s *search) whereNumber(ctx context.Context) (numberAt, error) {
	n := utf8.RuneCountInString(s.Number)
	switch {
	case n == 0:
		return nowhere, nil
	case n < shortNumber:
		return atEnd, nil
	case n < longNumber || strings.HasPrefix(s.Cursor, withinMark):
		return anywhere, nil
	case s.Cursor != "":
		return atEnd, nil
	}
	ends := arm{search{CallQuery: CallQuery{Number: s.Number, States: s.States}, db: s.db, numberAt: atEnd}, byNumber}
	found, err := ends.inState(ends.facts(s.db.NewSelect().TableExpr("calls"))).Exists(ctx)
	if found {
		return atEnd, err
	}
	return anywhere, err
}

// cursor is that of the page after the one that ends at a position.
func (s *search) cursor(at position) string {
	if s.numberAt == anywhere && utf8.RuneCountInString(s.Number) >= longNumber {
		return withinMark + at.String()
	}
	return at.String()
}

// afterOf reads the cursor of a search; ErrBadCursor.
func afterOf(q CallQuery) (position, error) {
	return parseCursor(strings.TrimPrefix(q.Cursor, withinMark))
}
