package earshot

import "time"

// Hold is what keeps calls from deletion, whatever retention says and however
// full the disk is: one call, or every call of a seat that touches a window of
// time. A window that is open at its end also holds what is still to come.
type Hold struct {
	ID   string `json:"id"`                      // UUIDv7
	Call string `json:"call"`                    // empty for a window
	Seat string `json:"seat"`                    // of a window; empty for a call
	From Time   `json:"from" format:"date-time"` // of a window
	To   Time   `json:"to" format:"date-time"`   // of a window; null: open

	Reason string `json:"reason"`
	By     string `json:"by"` // user id
	At     Time   `json:"at" format:"date-time"`
	Until  Time   `json:"until" format:"date-time"` // null: without end

	ReleasedAt    Time   `json:"releasedAt" format:"date-time"` // null while it holds
	ReleasedBy    string `json:"releasedBy"`
	ReleaseReason string `json:"releaseReason"`
}

// Active says whether the hold keeps anything at now.
func (h Hold) Active(now time.Time) bool {
	return h.ReleasedAt.IsZero() && (h.Until.IsZero() || now.Before(h.Until.Time))
}

// Covers says whether the hold is about call c: the call itself, or its seat and
// any instant between its start and its end. A call without an end goes on.
func (h Hold) Covers(c Call) bool {
	if h.Call != "" {
		return h.Call == c.ID
	}
	return h.Seat == c.Seat && (h.To.IsZero() || !c.StartedAt.After(h.To.Time)) &&
		(c.EndedAt.IsZero() || !c.EndedAt.Before(h.From.Time))
}

// Validate says what is wrong with a new hold, or nil.
func (h Hold) Validate() error {
	switch {
	case h.Call == "" && h.Seat == "", h.Call != "" && h.Seat != "":
		return Fail(Invalid, "bad_hold", "a hold is on one call, or on one seat and a window of time")
	case h.Call != "" && !ValidCallID(h.Call):
		return Fail(Invalid, "bad_call", "a call's id is a UUIDv7, not %q", h.Call)
	case h.Seat != "" && h.From.IsZero():
		return Fail(Invalid, "bad_window", "a window has a beginning")
	case h.Seat != "" && !h.To.IsZero() && !h.From.Before(h.To.Time):
		return Fail(Invalid, "bad_window", "a window ends after it begins")
	case !validText(h.Reason, 500):
		return Fail(Invalid, "bad_reason", "a reason is 1 to 500 characters")
	case !h.Until.IsZero() && !h.At.Before(h.Until.Time):
		return Fail(Invalid, "bad_until", "a hold ends after it was made")
	}
	return nil
}

// Released is h as it is when by releases it at an instant, for a reason; `released`
// where it is already, `bad_reason`.
func (h Hold) Released(at time.Time, by, reason string) (Hold, error) {
	switch {
	case !h.ReleasedAt.IsZero():
		return h, ErrReleased
	case !validText(reason, 500):
		return h, Fail(Invalid, "bad_reason", "a reason is 1 to 500 characters")
	}
	h.ReleasedAt, h.ReleasedBy, h.ReleaseReason = At(at), by, reason
	return h, nil
}

// ErrReleased means that somebody released the hold before.
var ErrReleased = Fail(Conflict, "released", "the hold is released already")
