package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"earshot"
)

// search is a query made ready.
type search struct {
	CallQuery
	db     *bun.DB
	after  position
	limit  int
	effort effort
	words  []string // in lower case
	notes  []string // in lower case
	bare   bool     // calls of any state, for counting how far to look
	whole  bool     // the terms of all calls are there

	roots     []string // the branches asked for, without those below them
	inTime    bool     // walks by time, whatever is asked for
	treeWhole bool     // and all calls have terms for each branch above theirs

	numberAt numberAt
}

// hasText says whether calls have to be looked through, since no index answers.
func (s *search) hasText() bool {
	return len(s.words) > 0 || len(s.notes) > 0 || s.numberAt == anywhere
}

// hits are the calls found after a position, and down to a last one unless that
// is zero.
func (s *search) hits(ctx context.Context, after, last position, offset, limit int) ([]hit, error) {
	var hits []hit
	err := s.db.NewRaw("?", s.statement(after, last, offset, limit)).Scan(ctx, &hits)
	return hits, err
}

// statement is the query for hits. Of several seats (or agents, …) each has an
// arm of its own, which comes from an index in order and ends early; an IN would
// collect and sort all calls of all of them.
func (s *search) statement(after, last position, offset, limit int) schema.QueryAppender {
	arms := s.arms()
	if len(arms) == 1 {
		return arms[0].query(after, last).Offset(int64(offset)).Limit(int64(limit))
	}
	parts, args := make([]string, len(arms)), make([]any, len(arms))
	for i, a := range arms {
		parts[i] = fmt.Sprintf("SELECT id, started_at FROM (?) AS arm%d", i)
		args[i] = a.query(after, last).Limit(int64(offset + limit))
	}
	return s.db.NewRaw(strings.Join(parts, " UNION ")+
		fmt.Sprintf(" ORDER BY started_at DESC, id DESC LIMIT %d OFFSET %d", limit, offset), args...)
}

// path is the filter whose index a search walks, newest first. We choose it
// ourselves: neither engine knows that few rows are wanted of many, and their
// guesses differ.
type path string

const (
	byTime     path = "" // the index on started_at alone
	byTicket   path = "ticket"
	byAccount  path = "account"
	byNumber   path = "number"
	byAgent    path = "agent"
	byName     path = "agent_name"
	bySeat     path = "seat"
	byTag      path = "tag"
	byFlag     path = "flag"
	byBranch   path = "branch"
	byRating   path = "rating"
	byBusiness path = "business"
	byState    path = "state"
	byKind     path = "kind" // and direction: one index has both
	byBatch    path = "origin_batch"
	byImported path = "imported"
	byHold     path = "hold"   // the calls that are held by themselves
	byWindow   path = "window" // those at seats of which a window of time is held
	byTerms    path = "terms"  // see pageByTerms
)

// arm is a search with one value of the field whose index it walks.
type arm struct {
	search
	by path
}

// mostArms is how many values of a field get an arm each. More are a large share
// of all calls, which walking by time finds soon.
const mostArms = 32

// arms are searches that together find what s does, along the filter that by
// experience leaves the fewest calls. Tags and flags may be on nearly all calls
// or on few: walking theirs is right for both.
func (s *search) arms() []arm {
	switch {
	case !s.HeldAt.IsZero(): // few are
		return []arm{{*s, byHold}, {*s, byWindow}}
	case s.inTime:
		return []arm{{*s, byTime}}
	case s.Ticket != "":
		return []arm{{*s, byTicket}}
	case s.Account != "":
		return []arm{{*s, byAccount}}
	case s.numberAt == atEnd && utf8.RuneCountInString(s.Number) >= longNumber:
		return []arm{{*s, byNumber}}
	case len(s.States) == 1 && s.States[0] == earshot.CallLive:
		return []arm{{*s, byState}}
	case s.Batch != "":
		return []arm{{*s, byBatch}}
	case few(s.Agents):
		return append(split(s, byAgent, s.Agents, func(a *arm, one []string) { a.Agents = one }),
			split(s, byName, named(s.Agents), func(a *arm, one []string) { a.Agents = one })...)
	case few(s.Seats):
		return split(s, bySeat, s.Seats, func(a *arm, one []string) { a.Seats = one })
	case few(s.Tags):
		return split(s, byTag, s.Tags, func(a *arm, one []string) { a.Tags = one })
	case few(s.Flags):
		return split(s, byFlag, s.Flags, func(a *arm, one []earshot.Flag) { a.Flags = one })
	case few(s.Branches):
		return split(s, byBranch, s.Branches, func(a *arm, one []string) { a.Branches = one })
	case few(s.Ratings) && !slices.Contains(s.Ratings, 0):
		return split(s, byRating, s.Ratings, func(a *arm, one []int) { a.Ratings = one })
	case few(s.Businesses) && !slices.Contains(s.Businesses, ""):
		return split(s, byBusiness, s.Businesses, func(a *arm, one []string) { a.Businesses = one })
	case s.Imported != nil && *s.Imported && isPostgres(s.db):
		return []arm{{*s, byImported}}
	case few(s.States) && !slices.Contains(s.States, earshot.CallStored):
		return split(s, byState, s.States, func(a *arm, one []earshot.CallState) { a.States = one })
	case few(s.Kinds) || few(s.Directions):
		return s.kindArms()
	}
	return []arm{{*s, byTime}}
}

// kindArms have one kind and one direction each.
func (s *search) kindArms() []arm {
	kinds, directions := s.Kinds, s.Directions
	if len(kinds) == 0 {
		kinds = []earshot.SeatKind{earshot.Counter, earshot.Hotline}
	}
	if len(directions) == 0 {
		directions = []earshot.Direction{earshot.Inbound, earshot.Outbound, earshot.NoDirection}
	}
	var arms []arm
	for i := range kinds {
		for j := range directions {
			a := arm{*s, byKind}
			a.Kinds, a.Directions = kinds[i:i+1], directions[j:j+1]
			arms = append(arms, a)
		}
	}
	return arms
}

func few[T any](values []T) bool { return len(values) > 0 && len(values) <= mostArms }

func split[T any](s *search, by path, values []T, set func(a *arm, one []T)) []arm {
	arms := make([]arm, len(values))
	for i := range values {
		arms[i] = arm{*s, by}
		set(&arms[i], values[i:i+1])
	}
	return arms
}

// callsFor adds the calls of each row that q has, found for it: there are few of
// these rows, but PostgreSQL would rather look at all calls in the order of time.
func callsFor(q *bun.SelectQuery, where string, args ...any) *bun.SelectQuery {
	if isPostgres(q.DB()) {
		return q.Join("CROSS JOIN LATERAL (SELECT * FROM calls WHERE "+where+" OFFSET 0) AS calls", args...)
	}
	return q.Join("CROSS JOIN calls").Where(where, args...)
}

// query is the arm's query for hits.
func (a *arm) query(after, last position) *bun.SelectQuery {
	q := a.db.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at")
	at, id := "calls.started_at", "calls.id"
	switch a.by {
	case byNumber: // a range of numbers: SQLite would rather take one of times
		q, at = q.TableExpr("calls"), "+calls.started_at"
	case byTag:
		q, at, id = along(q, tagTable, a.Tags[0]), "label.started_at", "label.call"
	case byFlag:
		q, at, id = along(q, flagTable, string(a.Flags[0])), "label.started_at", "label.call"
	case byHold:
		q = callsFor(q.TableExpr("(?) AS held", a.held()), "calls.id = held.call")
	case byWindow:
		q = callsFor(q.Distinct().TableExpr("holds").Where("holds.seat <> ''").Where(activeHold, a.HeldAt.UnixMilli()),
			"calls.started_at >= holds.from_at - ? AND calls.started_at <= CASE WHEN holds.to_at = 0 THEN ? ELSE holds.to_at END AND "+coveredBy,
			reachBack.Milliseconds(), int64(maxStart))
	default:
		q = q.TableExpr("calls")
	}
	if after.id != "" {
		q = q.Where(fmt.Sprintf("(%s, %s) < (?, ?)", at, id), after.at, after.id)
	}
	if last.id != "" {
		q = q.Where(fmt.Sprintf("(%s, %s) >= (?, ?)", at, id), last.at, last.id)
	}
	return a.filters(q, at).OrderExpr(at + " DESC, " + id + " DESC")
}

// reachBack is longer than any call: one that began so long before a window of
// time is not in it.
const reachBack = 7 * 24 * time.Hour

// held are the calls that active holds name.
func (a *arm) held() *bun.SelectQuery {
	return a.db.NewSelect().TableExpr("holds").Distinct().ColumnExpr("call").Where(activeHold, a.HeldAt.UnixMilli()).Where("call <> ''")
}

// along walks the calls that have one tag or flag.
func along(q *bun.SelectQuery, table, value string) *bun.SelectQuery {
	return q.TableExpr(table+" AS label").Join("JOIN calls ON calls.id = label.call").Where("label.value = ?", value)
}
