package index

import (
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"earshot"
)

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
		q = q.Where("NOT "+a.exists(), a.holding("holds.call = calls.id", a.FreeAt)).Where("NOT "+a.exists(), a.holding(coveredBy, a.FreeAt))
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

// exists asks of one call after another whether it has a row elsewhere.
// PostgreSQL would rather collect the calls that have one, of all calls: OFFSET
// keeps it from that.
func (s *search) exists() string {
	if isPostgres(s.db) {
		return "EXISTS (? OFFSET 0)"
	}
	return "EXISTS (?)"
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
	return q.Where(not+a.exists(), a.db.NewSelect().Table("call_terms").ColumnExpr("1").
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

// holding are the holds active at an instant that cover a call in that way.
func (a *arm) holding(how string, at time.Time) *bun.SelectQuery {
	return a.db.NewSelect().TableExpr("holds").ColumnExpr("1").Where(activeHold, at.UnixMilli()).Where(how)
}

// labelled keeps calls that have one of several tags or flags.
func (s *search) labelled(q *bun.SelectQuery, table string, values []string) *bun.SelectQuery {
	if len(values) == 0 {
		return q
	}
	return q.Where(s.exists(), s.db.NewSelect().TableExpr(table+" AS label").ColumnExpr("1").
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
			return q.WhereOr(s.exists(), own)
		})
	}
	for _, word := range s.notes {
		q = q.Where(s.exists(), s.db.NewSelect().Table("marks").ColumnExpr("1").Where("marks.call = calls.id").
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
