package earshot

import (
	"fmt"
	"time"
)

// Policy says how long calls of a sort are kept. An empty Branch, Kind or
// Business is any. KeepDays is a promise, DeleteDays an order; a call is only
// deletable when it is past both of every policy that is about it, so one that
// never deletes keeps its calls for ever.
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
// another or is it; see Under.
func (p Policy) About(c Call, under func(branch, in string) bool) bool {
	return (p.Branch == "" || p.Branch == c.Branch || under(c.Branch, p.Branch)) && p.aboutSort(c)
}

func (p Policy) aboutSort(c Call) bool {
	return (p.Kind == "" || p.Kind == c.Kind) && (p.Business == "" || p.Business == c.Business)
}

// Under is for Decide: whether a branch lies in another of the tree or is it. A
// branch that is not in the tree lies nowhere, not even in itself.
func Under(tree []Branch) func(branch, in string) bool {
	parents := make(map[string]string, len(tree))
	for _, b := range tree {
		parents[b.ID] = b.Parent
	}
	return func(branch, in string) bool {
		for range len(parents) + 1 { // a tree that is none ends too
			parent, known := parents[branch]
			if !known {
				return false
			}
			if branch == in {
				return true
			}
			branch = parent
		}
		return false
	}
}

// Fate is what retention says of a call.
type Fate struct {
	Deletable bool   // it may go now
	Policy    string // by whose order, or whose promise keeps it; empty: nobody asked for it to go
	Hold      string // the hold that keeps it; empty if none does
	DueAt     Time   // when it may go, if no hold were there; null: never
}

// Decide says whether a stored call may go at now. policies and holds may be
// about other calls too. By default everything is kept: to go, a call must be
// past all days of every policy that is about it, and one of them must order it;
// a policy that never deletes keeps it for ever. Days are counted from the
// call's end, in the time zone of now.
//
// Where a call's branch has been taken out of the tree nobody can say any more
// which branch's promises it was under: so all of them count, but none orders.
func Decide(c Call, policies []Policy, holds []Hold, under func(branch, in string) bool, now time.Time) Fate {
	var fate Fate
	for _, h := range holds {
		if h.Active(now) && h.Covers(c) {
			fate.Hold = h.ID
			break
		}
	}
	if c.EndedAt.IsZero() {
		return fate
	}
	ended, lost := c.EndedAt.In(now.Location()), !under(c.Branch, c.Branch)
	var due time.Time
	ordered, never := false, false
	for _, p := range policies {
		about := p.About(c, under)
		if !about && (!lost || !p.aboutSort(c)) {
			continue
		}
		ordered = ordered || about && p.DeleteDays > 0
		switch at := ended.AddDate(0, 0, max(p.KeepDays, p.DeleteDays)); {
		case never:
		case p.DeleteDays == 0:
			never, fate.Policy = true, p.ID
		case at.After(due):
			due, fate.Policy = at, p.ID
		}
	}
	if never || !ordered {
		return fate
	}
	fate.DueAt = At(due)
	fate.Deletable = c.State == CallStored && fate.Hold == "" && !now.Before(fate.DueAt.Time)
	return fate
}

// RetentionReason says why retention ran.
type RetentionReason string

// Why retention runs.
const (
	RetainNightly  RetentionReason = "nightly"
	RetainDiskFull RetentionReason = "disk_full" // only what was due anyway goes, the oldest first
)

// ByRetention is who deletes what policies order.
const ByRetention = "retention"

// RetentionRun is what one run of retention did.
type RetentionRun struct {
	ID      string          `json:"id"` // UUIDv7
	At      Time            `json:"at" format:"date-time"`
	EndedAt Time            `json:"endedAt" format:"date-time"` // null while it runs, and of one that was cut off
	Deleted int             `json:"deleted"`                    // calls
	Bytes   int64           `json:"bytes"`                      // of audio
	Failed  int             `json:"failed"`                     // calls that could not be deleted; they are tried again
	Reason  RetentionReason `json:"reason" enum:"nightly,disk_full"`
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

// Tombstone is what is left of c when d deletes it: where and when it was, what
// its parts were and their hashes, why it is gone. What was said of people and
// by people (number, account, ticket, the agent's name, marks, tags) goes.
func (c Call) Tombstone(d Deletion) Call {
	t := c.Clone()
	t.State, t.Deleted = CallDeleted, &d
	t.Number, t.Account, t.Ticket = "", "", ""
	t.Marks, t.Tags = []Mark{}, []string{}
	if t.Agent != nil {
		t.Agent.Name = ""
	}
	return t
}
