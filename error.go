package earshot

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is; each front (HTTP, command line)
// translates it once.
type Kind int

// The kinds of failure.
const (
	Internal     Kind = iota // ours; the detail is for the log alone
	Invalid                  // the request is wrong in itself
	Unauthorized             // who asks is not known
	Forbidden                // who asks may not
	NotFound                 // what is asked for does not exist
	Conflict                 // the present state does not allow it
	TooLarge                 // more than is taken at once
	Limited                  // too often
	Unsupported              // a media type or format that is not taken
	Unavailable              // something we need is away; try again
	NoRoom                   // there is nowhere left to keep it
	Gone                     // it was there, and is deleted for good
)

// Error is a failure with a stable code for machines and a sentence for people.
// Err, the detail, goes to the log and never leaves the system.
type Error struct {
	Kind Kind
	Code string // lower_snake_case, stable
	Text string // English; the dashboard translates by Code
	Err  error
}

// Fail makes an Error.
func Fail(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Because adds the detail to a copy of e.
func (e *Error) Because(err error) *Error {
	with := *e
	with.Err = err
	return &with
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

// Is matches errors of the same code, so that errors.Is(err, ErrNotLive) holds
// for a copy with a detail.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// AsError is the Error in err's chain; any other error becomes an Internal one.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Code: "internal", Text: "something went wrong here; it has been logged", Err: err}
}

// Failures that more than one package speaks of.
var (
	ErrNoSeat      = Fail(NotFound, "no_seat", "there is no such seat")
	ErrNoCall      = Fail(NotFound, "no_call", "there is no such call")
	ErrNoPart      = Fail(NotFound, "no_part", "the call has no such part")
	ErrDeleted     = Fail(Gone, "deleted", "the call was deleted, as retention orders; its tombstone is left")
	ErrNotLive     = Fail(Conflict, "not_live", "the call is not live")
	ErrSeatOffline = Fail(Conflict, "seat_offline", "the seat is not connected")
	ErrBadToken    = Fail(Unauthorized, "bad_token", "the token is missing or wrong")
	ErrSignIn      = Fail(Unauthorized, "sign_in", "sign in first")
	ErrForbidden   = Fail(Forbidden, "forbidden", "your role does not allow this")
	ErrManyParts   = Fail(Conflict, "many_parts", "the call has several parts; ask for one, or for an excerpt")
)
