package index

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"

	"earshot"
)

// position is a place in a list that goes from the newest to the oldest: the
// time and the id of a row. The zero position is before the newest.
type position struct {
	at int64
	id string
}

// String is the cursor for what comes after the position.
func (p position) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1." + strconv.FormatInt(p.at, 10) + "." + p.id))
}

var cursorID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// parseCursor reads a cursor; the empty one is the zero position.
func parseCursor(cursor string) (position, error) {
	if cursor == "" {
		return position{}, nil
	}
	if len(cursor) > 200 {
		return position{}, ErrBadCursor
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, ErrBadCursor.Because(err)
	}
	version, rest, _ := strings.Cut(string(text), ".")
	at, id, _ := strings.Cut(rest, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if version != "1" || err != nil || ms < 0 || !cursorID.MatchString(id) {
		return position{}, ErrBadCursor
	}
	return position{at: ms, id: id}, nil
}

// limitOf is how many rows a page has: limit, at most most, usual where none
// was asked for.
func limitOf(limit, usual, most int) (int, error) {
	switch {
	case limit < 0 || limit > most:
		return 0, earshot.Fail(earshot.Invalid, "bad_limit", "a page has 1 to %d rows", most)
	case limit == 0:
		return usual, nil
	}
	return limit, nil
}
