// Package recorder turns the packets of one call into the files of its parts:
// it puts them in order and in time, fills what is missing and says why, and
// muxes them without encoding anything again.
//
// A Recording is a plain state machine. It starts no goroutine, and its only
// clock is the times handed to it; the same records in the same order make the
// same bytes. Records are handed over in the order of their times, as they
// arrived; the packets of one track may be a tenth of a second behind another's,
// and Advance is told the time about ten times a second, after the packets. A
// Recording belongs to one goroutine; only the results of sealed files come
// from others, and wait behind a lock.
//
// A Journaled is a Recording with a journal before it: each record is in the
// journal before the recording is told. All of a recording's state lies in plain
// structs, which one coder writes and reads, so that Replay goes on from the
// newest state with the records behind it, through the same code.
package recorder
