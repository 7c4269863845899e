package earshot

import (
	"fmt"
	"time"
)

// Policy says how long calls of a sort are kept. An empty Branch, Kind or
// Business is any. KeepDays is a promise, DeleteDays an order; a call is only
// deletable when it is past both of every policy that is about it.
type Policy struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Branch     string   `json:"branch"` // with all branches below it
	Kind       SeatKind `json:"kind"`
	Business   string   `json:"business"`
	KeepDays   int      `json:"keepDays"`   // keep at least so long
	DeleteDays int      `json:"deleteDays"` // delete after so long; 0: never
}

// LongestRetention bounds a policy's days: a hundred years.
const LongestRetention = 36525

// Validate says what is wrong with p, or nil. Whether the branch exists is the
// index's to say.
func (p Policy) Validate() error {
	switch {
	case !ValidID(p.ID):
		return Fail(Invalid, "bad_id", "a policy's id is 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit")
	case !validName(p.Name):
		return Fail(Invalid, "bad_name", "a name is 1 to 100 characters")
	case p.Branch != "" && !ValidID(p.Branch):
		return Fail(Invalid, "bad_branch", "that is no branch")
	case p.Kind != "" && p.Kind != Counter && p.Kind != Hotline:
		return Fail(Invalid, "bad_kind", "a kind is counter or hotline")
	case p.Business != "" && !validText(p.Business, 64):
		return Fail(Invalid, "bad_text", "a business type is at most 64 characters")
	case p.KeepDays < 0 || p.KeepDays > LongestRetention || p.DeleteDays < 0 || p.DeleteDays > LongestRetention:
		return Fail(Invalid, "bad_days", "days are 0 to %d", LongestRetention)
	case p.DeleteDays != 0 && p.DeleteDays < p.KeepDays:
		return Fail(Invalid, "bad_days", "a call cannot be deleted before it need not be kept any more")
	}
	return nil
}

// About says whether the policy is about c. under says whether a branch lies in
// another or is it.
func (p Policy) About(c Call, under func(branch, in string) bool) bool {
	return (p.Branch == "" || under(c.Branch, p.Branch)) &&
		(p.Kind == "" || p.Kind == c.Kind) && (p.Business == "" || p.Business == c.Business)
}

// Fate is what retention says of a call.
type Fate struct {
	Deletable bool   // it may go now
	Policy    string // by whose order, or whose promise keeps it; empty: nobody asked for it to go
	Hold      string // the hold that keeps it; empty if none does
	DueAt     Time   // when it may go, if no hold were there; null: never
}

// Decide says whether a stored call may go at now. policies and holds may be
// about other calls too. By default everything is kept.
func Decide(c Call, policies []Policy, holds []Hold, under func(branch, in string) bool, now time.Time) Fate {
	var fate Fate
	var keep, drop time.Time
	for _, p := range policies {
		if !p.About(c, under) {
			continue
		}
		if at := c.EndedAt.AddDate(0, 0, p.KeepDays); at.After(keep) {
			keep = at
			if drop.IsZero() || at.After(drop) {
				fate.Policy = p.ID
			}
		}
		if p.DeleteDays == 0 {
			continue
		}
		if at := c.EndedAt.AddDate(0, 0, p.DeleteDays); at.After(drop) {
			drop = at
			fate.Policy = p.ID
		}
	}
	for _, h := range holds {
		if h.Active(now) && h.Covers(c) {
			fate.Hold = h.ID
			break
		}
	}
	if drop.IsZero() || c.EndedAt.IsZero() {
		return fate
	}
	due := drop
	if keep.After(due) {
		due = keep
	}
	fate.DueAt = At(due)
	fate.Deletable = c.State == CallStored && fate.Hold == "" && !now.Before(due)
	return fate
}

// Deletion is why, when and by whom a call was deleted: what its tombstone says.
type Deletion struct {
	At     Time   `json:"at" format:"date-time"`
	By     string `json:"by"`     // user id, or "retention"
	Policy string `json:"policy"` // whose order it was
	Reason string `json:"reason"`
}

func (d Deletion) String() string {
	return fmt.Sprintf("deleted at %s by %s, policy %s: %s", d.At, d.By, d.Policy, d.Reason)
}
