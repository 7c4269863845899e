package earshot

import "time"

// Listener is somebody who was allowed to listen to a seat.
type Listener struct {
	User  string
	Ended func(Listened) // called once, when the listening ends
}

// Listened is what somebody heard of a seat.
type Listened struct {
	Seat  string
	Call  string // open when it began; empty if none
	Since time.Time
	Heard time.Duration // how long audio was sent
}
