package ingest

import (
	"context"

	"earshot"
)

// Shelf is what ingest needs of the index. Its failures never stop a recording:
// what could not be put is put again later.
type Shelf interface {
	// Seats are all seats with their token hashes.
	Seats(ctx context.Context) ([]earshot.Seat, error)
	// SaveTokens keeps a seat's token hashes, after the first use of a new one.
	SaveTokens(ctx context.Context, seat string, tokens []earshot.SeatToken) error
	// SaveAgent keeps who a 工号 belongs to.
	SaveAgent(ctx context.Context, agent earshot.Agent) error
	// SaveCall puts a call with its parts, gaps and marks, replacing what was
	// there, and writes the call's file beside its parts.
	SaveCall(ctx context.Context, call earshot.Call) error
	// SaveStreams keeps what was seen of streams, in place of what was known of
	// the same spans.
	SaveStreams(ctx context.Context, spans []earshot.StreamSpan) error
	// Announce keeps that somebody said a conversation began.
	Announce(ctx context.Context, said earshot.Announcement) error
	// OpenCalls are the calls that node left live, or stored as interrupted
	// within the last minute: a seat that comes back goes on with them.
	OpenCalls(ctx context.Context, node string) ([]earshot.Call, error)
}

// Board is what ingest needs of the live state. It is a projection: a failure
// is retried, and after one everything is put again.
type Board interface {
	// PutSeat replaces a seat's live state, renews its lease and tells the event.
	PutSeat(ctx context.Context, seat earshot.LiveSeat) error
	// PutNode replaces a node's state and renews the leases of its seats.
	PutNode(ctx context.Context, node earshot.LiveNode, seats []string) error
	// DropNode takes a node that ends and its seats away.
	DropNode(ctx context.Context, node string) error
	// Tell appends an event.
	Tell(ctx context.Context, event earshot.Event) error
	// PutLevels sends one tick of levels for all of a node's seats.
	PutLevels(ctx context.Context, node string, levels []earshot.SeatLevels) error
	// Follow calls fn for each event after since ("" is now) until ctx ends.
	Follow(ctx context.Context, since string, fn func(earshot.Event) error) error
}
