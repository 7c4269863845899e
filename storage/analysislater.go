package storage

import "time"

// retries are calls that failed, each of which waits twice as long as the time
// before until it is tried again. It remembers those only that are still looked
// for.
type retries struct {
	waiting map[string]retry
	before  map[string]retry // those of the round before that this one has not met yet
}

type retry struct {
	at   time.Time
	wait time.Duration
}

// How long a call that failed waits.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// begin begins a round, in which each call that is looked for is met once.
func (r *retries) begin() {
	r.before, r.waiting = r.waiting, make(map[string]retry)
}

// due are those of ids that need not wait.
func (r *retries) due(ids []string, now time.Time) []string {
	var due []string
	for _, id := range ids {
		known, waits := r.before[id]
		if waits && now.Before(known.at) {
			r.waiting[id] = known
		} else {
			due = append(due, id)
		}
	}
	return due
}

// failed has id wait, and says whether it never did before.
func (r *retries) failed(id string, now time.Time) (first bool) {
	known, again := r.before[id]
	wait := firstRetry
	if again {
		wait = min(2*known.wait, lastRetry)
	}
	r.waiting[id] = retry{now.Add(wait), wait}
	return !again
}
