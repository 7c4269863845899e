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
		q = q.TableExpr("(?) AS held", a.held()).Join("CROSS JOIN calls").Where("calls.id = held.call")
	case byWindow:
		q = q.Distinct().TableExpr("holds").Join("CROSS JOIN calls").Where("holds.seat <> ''").Where(activeHold, a.HeldAt.UnixMilli()).
			Where("calls.started_at >= holds.from_at - ?", reachBack.Milliseconds()).
			Where("calls.started_at <= CASE WHEN holds.to_at = 0 THEN ? ELSE holds.to_at END", maxStart).Where(coveredBy)
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

// filters adds all that is asked of a call.
func (a *arm) filters(q *bun.SelectQuery, at string) *bun.SelectQuery {
	if !a.From.IsZero() {
		q = q.Where(at+" >= ?", a.From.UnixMilli())
	}
	if !a.To.IsZero() {
		q = q.Where(at+" < ?", a.To.UnixMilli())
	}
	if a.MinMs > 0 {
		q = q.Where("calls.duration_ms >= ?", a.MinMs)
	}
	if a.MaxMs > 0 {
		q = q.Where("calls.duration_ms <= ?", a.MaxMs)
	}
	if !a.FreeAt.IsZero() {
		q = q.Where("NOT EXISTS (?)", a.holding("holds.call = calls.id", a.FreeAt)).Where("NOT EXISTS (?)", a.holding(coveredBy, a.FreeAt))
	}
	q = a.played(q)
	if a.by != byTag {
		q = a.labelled(q, tagTable, a.Tags)
	}
	if a.by != byFlag {
		q = a.labelled(q, flagTable, texts(a.Flags))
	}
	return a.text(a.inState(a.talk(a.facts(q))))
}

// played keeps calls that somebody has played, or that nobody has. Who searches
// by terms has their row at hand.
func (a *arm) played(q *bun.SelectQuery) *bun.SelectQuery {
	if a.Played == nil {
		return q
	}
	if a.by == byTerms {
		return q.Where("(terms_at.played_at > 0) = ?", *a.Played)
	}
	not := map[bool]string{false: "NOT "}[*a.Played]
	return q.Where(not+"EXISTS (?)", a.db.NewSelect().Table("call_terms").ColumnExpr("1").
		Where("call_terms.call = calls.id").Where("call_terms.played_at > 0"))
}

// talk adds the bounds of how conversations went; a null is within none.
func (a *arm) talk(q *bun.SelectQuery) *bun.SelectQuery {
	for _, b := range a.Talk.bounds() {
		if b.least != nil {
			q = q.Where("calls."+b.column+" >= ?", *b.least)
		}
		if b.most != nil {
			q = q.Where("calls."+b.column+" <= ?", *b.most)
		}
	}
	return q
}

// reachBack is longer than any call: one that began so long before a window of
// time is not in it.
const reachBack = 7 * 24 * time.Hour

// held are the calls that active holds name.
func (a *arm) held() *bun.SelectQuery {
	return a.db.NewSelect().TableExpr("holds").Distinct().ColumnExpr("call").Where(activeHold, a.HeldAt.UnixMilli()).Where("call <> ''")
}

// holding are the holds active at an instant that cover a call in that way.
func (a *arm) holding(how string, at time.Time) *bun.SelectQuery {
	return a.db.NewSelect().TableExpr("holds").ColumnExpr("1").Where(activeHold, at.UnixMilli()).Where(how)
}

// along walks the calls that have one tag or flag.
func along(q *bun.SelectQuery, table, value string) *bun.SelectQuery {
	return q.TableExpr(table+" AS label").Join("JOIN calls ON calls.id = label.call").Where("label.value = ?", value)
}

// labelled keeps calls that have one of several tags or flags.
func (s *search) labelled(q *bun.SelectQuery, table string, values []string) *bun.SelectQuery {
	if len(values) == 0 {
		return q
	}
	return q.Where("EXISTS (?)", s.db.NewSelect().TableExpr(table+" AS label").ColumnExpr("1").
		Where("label.call = calls.id").Where("label.value IN (?)", bun.List(values)))
}

// column is a column of calls, in a form that no index answers unless the arm
// walks the one on it.
func (a *arm) column(name string, by path) string {
	switch {
	case a.by == by:
		return "calls." + name
	case by == byRating:
		return "calls." + name + " + 0"
	}
	return "calls." + name + " || ''"
}

// facts adds the filters on what the row of a call says. What an index leaves
// out (no number, no rating, …) is said in its own words: so it can be used.
func (a *arm) facts(q *bun.SelectQuery) *bun.SelectQuery {
	q = oneOf(q, a.column("seat", bySeat), a.Seats)
	q = a.agents(q)
	q = oneOf(q, a.column("branch", byBranch), a.Branches)
	q = oneOf(q, a.column("kind", byKind), a.Kinds)
	q = oneOf(q, a.column("direction", byKind), a.Directions)
	q = oneOf(q, a.column("business", byBusiness), a.Businesses)
	q = oneOf(q, a.column("rating", byRating), a.Ratings)
	if a.Account != "" {
		q = q.Where(a.column("account", byAccount)+" = ?", a.Account)
	}
	if a.Ticket != "" {
		q = q.Where(a.column("ticket", byTicket)+" = ?", a.Ticket)
	}
	if a.numberAt == atEnd {
		end, column := reversed(a.Number), a.column("number_reversed", byNumber)
		q = q.Where(column+" >= ?", end).Where(column+" < ?", end+"\U0010FFFF")
	}
	if a.Batch != "" {
		q = q.Where(a.column("origin_batch", byBatch)+" = ?", a.Batch)
	}
	if a.Imported != nil {
		q = q.Where(map[bool]string{true: "calls.origin_batch IS NOT NULL", false: "calls.origin_batch IS NULL"}[*a.Imported])
	}
	switch a.by {
	case byTicket, byAccount, byBusiness:
		q = q.Where("calls." + string(a.by) + " <> ''")
	case byNumber:
		q = q.Where("calls.number_reversed <> ''")
	case byName:
		q = q.Where("calls.agent_name <> ''")
	case byRating:
		q = q.Where("calls.rating > 0")
	}
	return q
}

// agents keeps calls of agents with one of several 工号 or names.
func (a *arm) agents(q *bun.SelectQuery) *bun.SelectQuery {
	switch {
	case len(a.Agents) == 0:
		return q
	case a.by == byAgent:
		return q.Where("calls.agent = ?", a.Agents[0])
	case a.by == byName:
		return q.Where("calls.agent_name = ?", a.Agents[0])
	}
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where(a.column("agent", byAgent)+" IN (?)", bun.List(a.Agents)).
			WhereOr("calls.agent_name <> '' AND "+a.column("agent_name", byName)+" IN (?)", bun.List(a.Agents))
	})
}

// named are the values that may be names: a call without a name is of no agent
// whose name is empty.
func named(agents []string) []string {
	return slices.DeleteFunc(slices.Clone(agents), func(a string) bool { return a == "" })
}

// inState keeps calls in one of the states. Almost all calls are stored, so an
// index finds the others only.
func (a *arm) inState(q *bun.SelectQuery) *bun.SelectQuery {
	if a.bare {
		return q
	}
	if len(a.States) == 0 {
		return q.Where("calls.state <> ?", earshot.CallDeleted)
	}
	if a.by == byState {
		q = q.Where("calls.state <> 'stored'")
	}
	return oneOf(q, a.column("state", byState), a.States)
}

// text adds the filters that look into text.
func (s *search) text(q *bun.SelectQuery) *bun.SelectQuery {
	if s.numberAt == anywhere {
		q = q.Where("calls.number LIKE ? ESCAPE '!'", contains(s.Number))
	}
	for _, word := range s.words {
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			word = contains(word)
			q = q.Where("calls.words LIKE ? ESCAPE '!'", word)
			if s.Asker == "" {
				return q
			}
			own := s.db.NewSelect().Table("marks").ColumnExpr("1").Where("marks.call = calls.id").
				Where("maker = ?", s.Asker).Where("NOT shared").Where("marks.words LIKE ? ESCAPE '!'", word)
			return q.WhereOr("EXISTS (?)", own)
		})
	}
	for _, word := range s.notes {
		q = q.Where("EXISTS (?)", s.db.NewSelect().Table("marks").ColumnExpr("1").Where("marks.call = calls.id").
			Where("(marks.shared OR marks.maker = ?)", s.Asker).Where("marks.words LIKE ? ESCAPE '!'", contains(word)))
	}
	return q
}

func oneOf[T any](q *bun.SelectQuery, column string, values []T) *bun.SelectQuery {
	switch len(values) {
	case 0:
		return q
	case 1:
		return q.Where(column+" = ?", values[0])
	}
	return q.Where(column+" IN (?)", bun.List(values))
}

// contains is the LIKE pattern, with ! as its escape, of what has text in it.
func contains(text string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
