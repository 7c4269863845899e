package monitor

import (
	"context"
	"io"
	"os"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/index"
	"earshot/storage/ledger"
	"earshot/storage/session"
)

// Index is what the monitor needs of the index; index.Index satisfies it. What
// does not exist is answered with the index's own errors (index.ErrNoUser, …).
type Index interface {
	Branches(ctx context.Context) ([]earshot.Branch, error)
	Branch(ctx context.Context, id string) (earshot.Branch, error)
	CreateBranch(ctx context.Context, b earshot.Branch) error
	SaveBranch(ctx context.Context, b earshot.Branch) error
	DeleteBranch(ctx context.Context, id string) error

	Seats(ctx context.Context) ([]earshot.Seat, error)
	Seat(ctx context.Context, id string) (earshot.Seat, error)
	CreateSeat(ctx context.Context, s earshot.Seat) error
	SaveSeat(ctx context.Context, s earshot.Seat) error
	DeleteSeat(ctx context.Context, id string) error
	SaveTokens(ctx context.Context, seat string, tokens []earshot.SeatToken) error

	Users(ctx context.Context) ([]earshot.User, error)
	User(ctx context.Context, id string) (earshot.User, error)
	CreateUser(ctx context.Context, u earshot.User) error
	SaveUser(ctx context.Context, u earshot.User) error
	DeleteUser(ctx context.Context, id string) error

	AddAudit(ctx context.Context, row earshot.Audit) error
	SearchAudit(ctx context.Context, q index.AuditQuery) (index.AuditPage, error)

	savedSearches

	Healthy(ctx context.Context) error
}

// Archive is what the monitor needs of the stored calls; storage.Archive
// satisfies it.
type Archive interface {
	Call(ctx context.Context, id string) (earshot.Call, error)
	Search(ctx context.Context, q index.CallQuery) (index.CallPage, error)
	// Count is how many calls Search finds in all, at most index.MostCounted.
	Count(ctx context.Context, q index.CallQuery) (int, error)
	// Played says which of the calls somebody has played.
	Played(ctx context.Context, ids []string) (map[string]bool, error)
	PatchCall(ctx context.Context, id string, facts earshot.CallPatch) (earshot.Call, error)
	AddMark(ctx context.Context, call string, mark earshot.Mark) (earshot.Mark, error)
	ChangeMark(ctx context.Context, call string, mark earshot.Mark) error
	DeleteMark(ctx context.Context, call, mark string) error
	// Audio opens the stored file of part n, or of the only part if n is 0.
	Audio(ctx context.Context, call string, n int) (io.ReadSeekCloser, earshot.Part, error)
	// AudioFrom is Audio of a part that begins at fromMs of the call's timeline.
	AudioFrom(ctx context.Context, call string, n int, fromMs int64) (io.ReadSeekCloser, earshot.Part, error)
	// Excerpt is a self-contained file of [fromMs, toMs) of the call's timeline,
	// cut from part n, or from the only one in it if n is 0; toMs 0 is the end.
	Excerpt(ctx context.Context, call string, n int, fromMs, toMs int64) (*storage.Clip, error)
	// Playable is a part that browsers do not play as one that they do.
	Playable(ctx context.Context, call string, n int) (*os.File, earshot.Part, error)
	Levels(ctx context.Context, call string) (earshot.Levels, error)

	// Capture answers whether everything was recorded.
	Capture(ctx context.Context, q storage.CaptureQuery) (earshot.Capture, error)
	Announce(ctx context.Context, said earshot.Announcement) error
	AddSoundCheck(ctx context.Context, check earshot.SoundCheck) error

	// Tombstone is what is left of a deleted call; of any other it fails with
	// earshot.ErrNoCall.
	Tombstone(ctx context.Context, id string) (earshot.Call, error)
	HoldsOn(ctx context.Context, call earshot.Call) []earshot.Hold
	Holds(ctx context.Context, q index.HoldQuery) (index.HoldPage, error)
	Hold(ctx context.Context, h earshot.Hold) (earshot.Hold, error)
	Release(ctx context.Context, id, by, reason string) (earshot.Hold, error)

	Policies(ctx context.Context) ([]earshot.Policy, error)
	Policy(ctx context.Context, id string) (earshot.Policy, error)
	CreatePolicy(ctx context.Context, p earshot.Policy) error
	SavePolicy(ctx context.Context, p earshot.Policy) error
	DeletePolicy(ctx context.Context, id string) error
	Due(ctx context.Context, at time.Time, cursor string, limit int) (storage.DuePage, error)
	DueUnder(ctx context.Context, policies []earshot.Policy, at time.Time, cursor string, limit int) (storage.DuePage, error)
	Runs(ctx context.Context, limit int) ([]earshot.RetentionRun, error)

	Pending(ctx context.Context) (int64, error)
	Proofs(ctx context.Context, call string) ([]storage.Proof, error)
}

// Ledger is what the monitor needs of the ledger; ledger.Ledger satisfies it.
type Ledger interface {
	Head() ledger.Head
	Keys() []ledger.Key // oldest first
	Fingerprint() string
	WitnessStates() []ledger.WitnessState
}

// Live is what the monitor needs of the live state; session.Store satisfies it.
type Live interface {
	Tell(ctx context.Context, event earshot.Event) error
	Snapshot(ctx context.Context) (session.Snapshot, error)
	Follow(ctx context.Context, since string, fn func(earshot.Event) error) error
	FollowLevels(ctx context.Context, fn func(node string, at time.Time, levels []earshot.SeatLevels)) error
	Reap(ctx context.Context) error
	Healthy(ctx context.Context) error
}
