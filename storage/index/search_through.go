package index

import (
	"context"
	"fmt"
)

// toLookThrough says whether calls have to be looked through one by one, since
// terms would answer and are not complete.
func (s *search) toLookThrough() bool { return !s.whole && s.wantsTerms() }

// lookThrough searches window by window along the path, until the page is full
// or enough calls have been looked through.
func (s *search) lookThrough(ctx context.Context) (ids []string, next string, err error) {
	after, most, window := s.after, s.effort.page, s.effort.window
	if s.arms()[0].by != byTime {
		most = s.effort.far
	}
	along := s.pathAlone()
	for looked := 0; looked < most && len(ids) < s.limit; looked += window {
		last, err := along.hits(ctx, after, position{}, window-1, 1)
		if err != nil {
			return nil, "", fmt.Errorf("find how far to look: %w", err)
		}
		if len(last) == 0 { // so few are left that the window has no end
			found, next, err := s.page(ctx, after, position{}, s.limit-len(ids))
			return append(ids, found...), next, err
		}
		found, next, err := s.page(ctx, after, last[0].position(), s.limit-len(ids))
		ids = append(ids, found...)
		if err != nil || next != "" {
			return ids, next, err
		}
		after = last[0].position()
	}
	return ids, s.cursor(after), nil
}
