package index

import (
	"context"

	"earshot"
)

// MostCounted is the greatest total that CountCalls answers.
const MostCounted = 1001

// ErrUncounted says that calls cannot be counted soon, since their terms are
// being made anew.
var ErrUncounted = earshot.Fail(earshot.Unavailable, "not_counted", "the search index is being made anew; totals come when that is done")

// CountCalls is how many calls q finds, whatever its cursor and limit;
// MostCounted for that many or more. ErrUncounted.
func (ix *Index) CountCalls(ctx context.Context, q CallQuery) (int, error) {
	q.Cursor, q.Limit = "", 0
	s, err := ix.search(ctx, q)
	if err != nil {
		return 0, err
	}
	var hits []hit
	switch terms := s.terms(); {
	case len(terms) > 0:
		hits, err = s.byTerms(ctx, terms, MostCounted)
	case s.toLookThrough():
		return 0, ErrUncounted
	default:
		hits, err = s.hits(ctx, position{}, position{}, 0, MostCounted)
	}
	return len(hits), failed("count calls", err)
}
