package index

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

// A search that no single index answers goes by the calls' terms. SQLite's word
// index hands calls out newest first, so a page costs little however many there
// are. PostgreSQL's collects all calls of a slice of time that have the terms
// before it hands out any: so there the newest calls along the index that suits
// best are looked at first. Where many of them are wanted, they fill the page;
// what is wanted of older calls is rare then, and found by terms.

// terms are the clauses of a search, none where it does without: where an index
// has just what is asked for, or leaves few calls to look at.
func (s *search) terms() []clause {
	if !s.whole || !s.wantsTerms() {
		return nil
	}
	return s.clauses()
}

// wantsTerms says whether terms are what answers.
func (s *search) wantsTerms() bool {
	by := s.arms()[0].by
	if by == byHold || by == byNumber || len(s.States) == 1 && s.States[0] == earshot.CallLive {
		return false // few calls are left
	}
	if clauses := s.clauses(); len(clauses) != 1 {
		return len(clauses) > 0
	}
	inBranch := len(s.Branches) > 0 && len(s.Kinds)+len(s.Directions) > 0 // two filters, one clause
	return s.hasText() || by == byTime || inBranch
}

// pageByTerms is a page of the search.
func (s *search) pageByTerms(ctx context.Context, clauses []clause) (ids []string, next string, err error) {
	hits, err := s.byTerms(ctx, clauses, s.limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(hits) > s.limit {
		hits = hits[:s.limit]
		next = s.cursor(hits[s.limit-1].position())
	}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids, next, nil
}

// byTerms are the calls found, at most limit.
func (s *search) byTerms(ctx context.Context, clauses []clause, limit int) ([]hit, error) {
	if !isPostgres(s.db) {
		return s.olderByTerms(ctx, clauses, s.after, limit)
	}
	return s.nearThenTerms(ctx, clauses, limit)
}

// pathAlone is the search by nothing but the index that s walks.
func (s *search) pathAlone() *search {
	c := &search{db: s.db, effort: s.effort, limit: s.limit, bare: true}
	c.From, c.To = s.From, s.To
	switch s.arms()[0].by {
	case byTicket:
		c.Ticket = s.Ticket
	case byAccount:
		c.Account = s.Account
	case byNumber:
		c.Number, c.numberAt = s.Number, atEnd
	case byBatch:
		c.Batch = s.Batch
	case byImported:
		c.Imported = s.Imported
	case byAgent, byName:
		c.Agents = s.Agents
	case bySeat:
		c.Seats = s.Seats
	case byTag:
		c.Tags = s.Tags
	case byFlag:
		c.Flags = s.Flags
	case byBranch:
		c.Branches = s.Branches
	case byRating:
		c.Ratings = s.Ratings
	case byBusiness:
		c.Businesses = s.Businesses
	case byKind:
		c.Kinds, c.Directions = s.Kinds, s.Directions
	}
	return c
}

// span is from which place up to which, not including it, the calls are that s
// may find and that started before the millisecond of a position.
func (s *search) span(after position) (first, end int64) {
	end = firstPlace(maxStart)
	if !s.From.IsZero() {
		first = firstPlace(s.From.UnixMilli())
	}
	if !s.To.IsZero() {
		end = firstPlace(s.To.UnixMilli())
	}
	if after.id != "" {
		end = min(end, firstPlace(after.at))
	}
	return first, end
}

// olderByTerms are the calls found behind a position, by their terms. Places
// have milliseconds in order, not the calls within one: so the millisecond that
// the position is in, and the last of what is found, are gone through by
// themselves.
func (s *search) olderByTerms(ctx context.Context, clauses []clause, after position, limit int) ([]hit, error) {
	var found []hit
	if after.id != "" {
		var err error
		if found, err = s.inMillisecond(ctx, clauses, after.at, after, limit); err != nil || len(found) >= limit {
			return found, err
		}
	}
	wanted := limit - len(found)
	hits, err := scanned(ctx, s.placesQuery(clauses, after, wanted))
	if err != nil || len(hits) < wanted {
		return append(found, byPosition(hits)...), err
	}
	last := hits[wanted-1].StartedAt
	whole := slices.DeleteFunc(hits, func(h hit) bool { return h.StartedAt == last })
	found = append(found, byPosition(whole)...)
	others, err := s.inMillisecond(ctx, clauses, last, position{}, limit-len(found))
	return append(found, others...), err
}

// inMillisecond are the calls found that started at that millisecond and are
// behind a position. Days of old recordings of which only the date is known all
// start at one: so the next ones are looked at along the index on time, and where
// these do not fill the page, which means that few have the terms, all that do.
func (s *search) inMillisecond(ctx context.Context, clauses []clause, at int64, after position, limit int) ([]hit, error) {
	if !s.From.IsZero() && at < s.From.UnixMilli() || !s.To.IsZero() && at >= s.To.UnixMilli() {
		return nil, nil
	}
	same := *s
	same.inTime, same.From, same.To = true, time.UnixMilli(at), time.UnixMilli(at+1)
	end, whole, err := same.endAfter(ctx, after, s.effort.near)
	if err != nil {
		return nil, err
	}
	hits, err := same.hits(ctx, after, end, 0, limit)
	if err != nil || whole || len(hits) >= limit {
		return hits, err
	}
	rest := same.inPlaces(clauses, firstPlace(at), firstPlace(at+1)).Where("calls.id < ?", end.id).OrderExpr("calls.id DESC")
	others, err := scanned(ctx, rest.Limit(int64(limit-len(hits))))
	return append(hits, others...), err
}

func scanned(ctx context.Context, q *bun.SelectQuery) ([]hit, error) {
	var hits []hit
	err := q.Scan(ctx, &hits)
	return hits, err
}

func byPosition(hits []hit) []hit {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.StartedAt, a.StartedAt), cmp.Compare(b.ID, a.ID))
	})
	return hits
}

// placesQuery finds calls by their terms that started before the millisecond of
// a position, the newest first.
func (s *search) placesQuery(clauses []clause, after position, limit int) *bun.SelectQuery {
	first, end := s.span(after)
	q := s.inPlaces(clauses, first, end).Limit(int64(limit))
	if isPostgres(s.db) {
		return q // they come so
	}
	return q.OrderExpr("call_words.rowid DESC")
}

// inPlaces finds calls by their terms, from a place up to another, not including
// it.
func (s *search) inPlaces(clauses []clause, first, end int64) *bun.SelectQuery {
	a := arm{*s, byTerms}
	q := s.db.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at")
	if isPostgres(s.db) {
		q = alongSlices(q, clauses, first, end)
	} else {
		q = q.TableExpr("call_words").Join("CROSS JOIN call_terms AS terms_at ON terms_at.place = call_words.rowid").
			Join("CROSS JOIN calls ON calls.id = terms_at.call").Where("call_words MATCH ?", expression(clauses, "", " AND ", " OR ")).
			Where("call_words.rowid >= ?", first).Where("call_words.rowid < ?", end)
	}
	return a.filters(q, "calls.started_at")
}
