// Package ingest takes what seats send, has it recorded and lets supervisors
// hear it. It knows no screens and no database: what it needs of the index is
// the Shelf, of the live state the Board.
//
// A packet's way: whatever reads the wire calls Track.Receive, which passes it
// to listeners at once and puts it into the track's ring. Each tenth of a second
// the floor's loop empties all rings, measures, cuts the audio into calls and
// feeds their recordings. Commands come to the same loop as small actions, so
// seats and open calls have one owner and no lock.
//
// Nothing in the loop waits for a disk, for Redis or for the index. Goroutines
// of a Floor, all joined by Close:
//
//   - the loop (Floor.loop): ends once every call has ended and is sealed, or
//     when Close runs out of time;
//   - the keeper, and a few workers while calls wait for it: puts calls on the
//     shelf, and tries again while it is away; ends when Close has had it keep
//     what it can;
//   - the publisher: puts states, events, levels and heartbeats on the board;
//     ends with Close, after the node was taken off the board;
//   - the roster's reader and the one that follows the board's events for it:
//     end with the loop;
//   - the kicker, which tells streams that another took their place: ends with
//     the loop.
//
// Those of a Wire are listed there; Close ends the wire first.
package ingest
