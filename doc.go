// Package earshot holds the nouns and rules of a recorder and live monitor for
// service counters and hotlines: what a branch, a seat, a call, a part, a gap
// and a mark are, and what may be done with them. It does no I/O and imports
// nothing outside the standard library; every other package speaks in its
// terms.
package earshot
