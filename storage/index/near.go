package index

import (
	"context"
	"fmt"
)

// mostNearArms is of how many branches, or kinds and directions, each is walked;
// of more, calls of all are looked at in the order of time.
const mostNearArms = 4

// nearThenTerms are calls found in PostgreSQL: those near along an index, on as
// far as by what was found so far fills the page, and then by terms. What few
// calls have terms find soon; what many have would be collected of a whole slice.
func (s *search) nearThenTerms(ctx context.Context, clauses []clause, limit int) ([]hit, error) {
	near := s.nearPath()
	step := near.nearStep()
	most := step * max(s.effort.walkOn, 1)
	var found []hit
	at := s.after
	for looked := 0; step > 0; {
		end, whole, err := near.endAfter(ctx, at, step)
		if err != nil {
			return nil, fmt.Errorf("find how far to look: %w", err)
		}
		hits, err := near.hits(ctx, at, end, 0, limit-len(found))
		found = append(found, hits...)
		if err != nil || whole || len(found) >= limit {
			return found, err
		}
		looked, at = looked+step, end
		step = stepOn(looked, len(found), limit, most)
	}
	older, err := s.olderByTerms(ctx, clauses, at, limit-len(found))
	return append(found, older...), err
}

// stepOn is how many more calls to look at after so many of which some were
// found: a quarter more than fills the page if the others are alike, none where
// that is too many in all.
func stepOn(looked, found, limit, most int) int {
	if found == 0 {
		return 0
	}
	step := looked*(limit-found)/found*5/4 + 1
	if looked+step > most {
		return 0
	}
	return step
}

// nearPath is the search along what near calls are looked at by.
func (s *search) nearPath() *search {
	arms := s.arms()
	if len(arms) <= mostNearArms || arms[0].by != byBranch && arms[0].by != byKind {
		return s
	}
	c := *s
	c.inTime = true
	return &c
}

// nearStep is how many calls are looked at first.
func (s *search) nearStep() int {
	arms := s.arms()
	if arms[0].by == byTime {
		return s.effort.near
	}
	return max(s.effort.nearFar/len(arms), min(s.effort.nearFar, s.limit))
}

// endAfter is the last of the next calls along the search's path, and whether
// there are no more.
func (s *search) endAfter(ctx context.Context, after position, calls int) (end position, whole bool, err error) {
	last, err := s.pathAlone().hits(ctx, after, position{}, calls-1, 1)
	if err != nil || len(last) == 0 {
		return position{}, true, err
	}
	return last[0].position(), false, nil
}
