package index

import (
	"fmt"

	"github.com/uptrace/bun"
)

// PostgreSQL's word index collects all calls that have the terms asked for
// before it hands out any. So there each term begins with the slice of time that
// its call started in: a search asks slice by slice, the newest first, and ends
// with the one that fills the page. What it collects in vain is what one slice
// has, however many there are; and calls that come write to one part of the
// index, which stays at hand. SQLite's word index goes by place, and its terms
// are without.

// sliceBits of a place are within a slice: those of a millisecond, and of 2^29
// milliseconds, about six days.
const sliceBits = placeBits + 29

// sliceMark is where in an expression the slice goes; no term has it.
const sliceMark = "~"

// sliceOf names the slice that a place is in. All names are as long: so that
// none and a term look like another and its term.
func sliceOf(place int64) string { return fmt.Sprintf("%04x", place>>sliceBits) }

// sliced are terms as a call at that place has them in PostgreSQL.
func sliced(place int64, terms []string) []string {
	slice := sliceOf(place)
	for i, t := range terms {
		terms[i] = slice + t
	}
	return terms
}

// alongSlices adds where calls with places in a span are found, as terms_at and
// calls, newest first. They come in order since each slice, and each call, is
// found for the one before it, one by one as they are wanted: LATERAL leaves no
// other way. Sorting all of them in the end would collect all.
//
// place + 0 keeps the index on places out of it: to walk it is never better, and
// to guess how many calls have a term is what PostgreSQL cannot do. OFFSET 0
// keeps it from reading all calls for the same reason.
func alongSlices(q *bun.SelectQuery, clauses []clause, first, end int64) *bun.SelectQuery {
	slices := q.DB().NewRaw(`
		SELECT max(place) >> ?0 AS n FROM call_terms WHERE place >= ?1 AND place < ?2
		UNION ALL
		SELECT (SELECT max(place) >> ?0 FROM call_terms WHERE place >= ?1 AND place < slices.n << ?0) FROM slices WHERE slices.n IS NOT NULL`,
		sliceBits, first, end)
	return q.WithRecursive("slices", slices).TableExpr("slices").
		Join(`CROSS JOIN LATERAL (SELECT call, place, played_at FROM call_terms
			WHERE terms @@ replace(?, ?, lpad(to_hex(slices.n), 4, '0'))::tsquery AND place + 0 >= ? AND place + 0 < ?
			ORDER BY place DESC) AS terms_at`, expression(clauses, sliceMark, " & ", " | "), sliceMark, first, end).
		Join("CROSS JOIN LATERAL (SELECT * FROM calls WHERE calls.id = terms_at.call OFFSET 0) AS calls")
}
