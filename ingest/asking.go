package ingest

import (
	"time"

	"earshot/ingest/recorder"
)

// How a sender is asked for lost packets again. A recording waits for them as
// long as recorder.DefaultReorderWait; what cannot come within that is not
// asked for.
const (
	askEvery   = 50 * time.Millisecond // between two looks at what is missing
	askAfter   = 20 * time.Millisecond // until then it may only be out of order
	askWithin  = recorder.DefaultReorderWait
	askWindow  = 1600        // packets missed at once that are remembered: askWithin of the shortest Opus frames
	askAtOnce  = 32          // sequence numbers in one request: 140 bytes at most, and no burst that a ring cannot hold
	askBurst   = 256         // sequence numbers that may be asked for on a sudden
	askRate    = 150         // and a second, in the long run
	askSilence = time.Second // a sender of whom so long nothing came hears no requests either

	// A sender is deaf once it has answered none of so many requests in so long
	// a time. It is then only asked for the newest now and then, so that one that
	// begins to answer is found.
	deafAfter  = 48 // sequence numbers
	deafSince  = 1500 * time.Millisecond
	probeEvery = 2 * time.Second
	probeSize  = 2

	// How soon the same packet is asked for again: the round trip, as RFC 6298
	// measures it, then a quarter of it longer each time.
	againUnknown = 150 * time.Millisecond // while no round trip is known
	againLeast   = 60 * time.Millisecond
	againMost    = 800 * time.Millisecond
	againSlack   = 30 * time.Millisecond // this end looks each askEvery, and senders pace what they repeat
)

// asking is how much may be asked of one sender, and how soon again.
type asking struct {
	rtt, spread time.Duration // smoothed; 0: nothing is known

	spent  float64 // sequence numbers of the burst that are used up
	filled time.Time

	unanswered int       // sequence numbers asked for since the last answer
	since      time.Time // when the first of those were
	probed     time.Time
}

// roundTrip takes a measured time between question and answer.
func (a *asking) roundTrip(d time.Duration) {
	d = min(d, againMost) // an answer that waited in its sender's queue says little
	if a.rtt == 0 {
		a.rtt, a.spread = d, d/4
		return
	}
	a.spread += (max(d-a.rtt, a.rtt-d) - a.spread) / 4
	a.rtt += (d - a.rtt) / 8
}

// again is how long to wait for an answer to the n-th request.
func (a *asking) again(n int) time.Duration {
	wait := againUnknown
	if a.rtt > 0 {
		wait = max(againLeast, a.rtt+max(4*a.spread, againSlack))
	}
	return min(wait+time.Duration(n-1)*wait/4, againMost)
}

// answered is told that what was asked for came.
func (a *asking) answered() { a.unanswered = 0 }

// deaf says whether the sender does not seem to answer.
func (a *asking) deaf(now time.Time) bool {
	return a.unanswered >= deafAfter && now.Sub(a.since) >= deafSince
}

// allowance is how many sequence numbers may be asked for now.
func (a *asking) allowance(now time.Time) int {
	a.spent = max(0, a.spent-askRate*max(0, now.Sub(a.filled)).Seconds())
	a.filled = now
	if a.deaf(now) {
		if now.Sub(a.probed) < probeEvery {
			return 0
		}
		return probeSize
	}
	return min(askAtOnce, askBurst-int(a.spent))
}

// asked is told how many were.
func (a *asking) asked(n int, now time.Time) {
	if a.unanswered == 0 {
		a.since = now
	}
	a.spent += float64(n)
	a.unanswered += n
	a.probed = now
}
