package monitor

import (
	"context"
	"io"
	"net/http"
	"time"

	"earshot"
)

// Floor is what the monitor needs of the place where calls are live. In one
// process ingest itself is the floor. Every method that names a call answers
// earshot.ErrNotLive when that call is not open here, and every method that
// names a seat earshot.ErrNoSeat when there is none. None of them waits for
// Redis or for the index.
type Floor interface {
	// SeatOfToken names the seat that a seat's token, or a ticket, is for.
	SeatOfToken(token string) (seat string, ok bool)
	// Ticket makes a bearer token with which user may publish as seat until expires.
	Ticket(seat, user string) (token string, expires time.Time, err error)
	// SetAgent says who sits at the seat; the empty agent is nobody.
	SetAgent(ctx context.Context, seat string, agent earshot.Agent) error

	// StartCall opens a call at the seat, ending an open one first. An offline
	// seat is accepted: its audio is a gap until it comes.
	StartCall(ctx context.Context, seat string, facts earshot.CallPatch, by string) (earshot.Call, error)
	UpdateCall(ctx context.Context, call string, facts earshot.CallPatch) (earshot.Call, error)
	EndCall(ctx context.Context, call string) (earshot.Call, error)
	PauseCall(ctx context.Context, call, reason, by string) (earshot.Call, error)
	ResumeCall(ctx context.Context, call, by string) (earshot.Call, error)
	AddMark(ctx context.Context, call string, mark earshot.Mark) (earshot.Mark, error)
	ChangeMark(ctx context.Context, call string, mark earshot.Mark) error
	RemoveMark(ctx context.Context, call, mark string) error

	// LiveCall is an open call as it stands, with the parts, gaps and marks so far.
	LiveCall(call string) (earshot.Call, bool)
	// LiveAudio is a complete file of all of part n that is older than 1.5 s;
	// n 0 means the only part, and answers earshot.ErrManyParts if there are more.
	// It is read as it is asked for, and stays as it is while the part grows.
	LiveAudio(ctx context.Context, call string, n int) (audio io.ReadSeeker, mediaType string, err error)
	// LiveLevels are the levels so far, over the call's timeline.
	LiveLevels(call string) (earshot.Levels, error)

	// Seat is a seat's live state as its node knows it, without Redis.
	Seat(seat string) (earshot.LiveSeat, error)
	// WatchSeat calls fn with the seat's state at once and whenever it changes,
	// and with its levels ten times a second while it has a stream, until ctx
	// ends. fn must not block.
	WatchSeat(ctx context.Context, seat string, fn func(earshot.LiveSeat, earshot.SeatLevels)) error

	// ServeListen answers WHEP requests on /whep/{seat} and on the listening
	// resources below it. Who asks has been authorised before.
	ServeListen(w http.ResponseWriter, r *http.Request, who Listener)
}

// Listener is somebody who was allowed to listen. Ended is called once when a
// listening ends, with the call it began in ("" if none) and how long audio was
// sent.
type Listener = earshot.Listener
