package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"earshot"
)

// search is a query made ready.
type search struct {
	CallQuery
	db    *bun.DB
	after position
	limit int
	words []string // patterns for LIKE
}

// numberAnywhere says whether the number is looked for in its middle too.
func (s *search) numberAnywhere() bool { return utf8.RuneCountInString(s.Number) >= 3 }

// hasText says whether calls have to be looked through, since no index answers.
func (s *search) hasText() bool { return len(s.words) > 0 || s.numberAnywhere() }

// withoutText is the search of all that would have to be looked through.
func (s *search) withoutText() *search {
	c := *s
	c.words = nil
	if c.numberAnywhere() {
		c.Number = ""
	}
	return &c
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
		return arms[0].arm(after, last).Offset(int64(offset)).Limit(int64(limit))
	}
	parts, args := make([]string, len(arms)), make([]any, len(arms))
	for i, a := range arms {
		parts[i] = fmt.Sprintf("SELECT id, started_at FROM (?) AS arm%d", i)
		args[i] = a.arm(after, last).Limit(int64(offset + limit))
	}
	return s.db.NewRaw(strings.Join(parts, " UNION ")+
		fmt.Sprintf(" ORDER BY started_at DESC, id DESC LIMIT %d OFFSET %d", limit, offset), args...)
}

// mostArms is how many values of a field get an arm each; more go into an IN.
const mostArms = 32

// arms are searches that together find what s does: one for each value of a
// field, the first of those by which most is told apart that has several.
func (s *search) arms() []*search {
	c := *s
	switch {
	case several(s.Agents):
		return split(s.Agents, func(one []string) *search { a := c; a.Agents = one; return &a })
	case several(s.Seats):
		return split(s.Seats, func(one []string) *search { a := c; a.Seats = one; return &a })
	case several(s.Tags):
		return split(s.Tags, func(one []string) *search { a := c; a.Tags = one; return &a })
	case several(s.Businesses):
		return split(s.Businesses, func(one []string) *search { a := c; a.Businesses = one; return &a })
	case several(s.Branches):
		return split(s.Branches, func(one []string) *search { a := c; a.Branches = one; return &a })
	case several(s.Ratings):
		return split(s.Ratings, func(one []int) *search { a := c; a.Ratings = one; return &a })
	case several(s.Flags):
		return split(s.Flags, func(one []earshot.Flag) *search { a := c; a.Flags = one; return &a })
	}
	return []*search{&c}
}

func several[T any](values []T) bool { return len(values) > 1 && len(values) <= mostArms }

func split[T any](values []T, with func(one []T) *search) []*search {
	arms := make([]*search, len(values))
	for i := range values {
		arms[i] = with(values[i : i+1])
	}
	return arms
}

// arm is the query of a search that has been split. Calls of one tag, else of
// one flag, are walked along the index of that; others along one of calls.
func (s *search) arm(after, last position) *bun.SelectQuery {
	q := s.db.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at")
	at, id := "calls.started_at", "calls.id"
	tags, flags := s.Tags, texts(s.Flags)
	switch {
	case len(tags) == 1:
		q, at, id, tags = along(q, tagTable, tags[0]), "label.started_at", "label.call", nil
	case len(flags) == 1:
		q, at, id, flags = along(q, flagTable, flags[0]), "label.started_at", "label.call", nil
	default:
		q = q.TableExpr("calls")
	}
	if after.id != "" {
		q = q.Where(fmt.Sprintf("(%s, %s) < (?, ?)", at, id), after.at, after.id)
	}
	if last.id != "" {
		q = q.Where(fmt.Sprintf("(%s, %s) >= (?, ?)", at, id), last.at, last.id)
	}
	if !s.From.IsZero() {
		q = q.Where(at+" >= ?", s.From.UnixMilli())
	}
	if !s.To.IsZero() {
		q = q.Where(at+" < ?", s.To.UnixMilli())
	}
	q = s.labelled(s.labelled(q, tagTable, tags), flagTable, flags)
	return s.text(s.inState(s.facts(q))).OrderExpr(at + " DESC, " + id + " DESC")
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
	return q.Where("calls.id IN (?)", s.db.NewSelect().Table(table).Column("call").Where("value IN (?)", bun.In(values)))
}

// facts adds the filters that an index of calls answers. What an index leaves
// out (no number, no rating, …) is said in its own words: so it can be used.
func (s *search) facts(q *bun.SelectQuery) *bun.SelectQuery {
	q = oneOf(q, "calls.seat", s.Seats)
	q = oneOf(q, "calls.agent", s.Agents)
	q = oneOf(q, "calls.branch", s.Branches)
	q = oneOf(q, unlessAlone("calls.kind", s.Kinds), s.Kinds)
	q = oneOf(q, unlessAlone("calls.direction", s.Directions), s.Directions)
	if len(s.Businesses) > 0 && !slices.Contains(s.Businesses, "") {
		q = q.Where("calls.business <> ''")
	}
	q = oneOf(q, "calls.business", s.Businesses)
	if len(s.Ratings) > 0 && !slices.Contains(s.Ratings, 0) {
		q = q.Where("calls.rating > 0")
	}
	q = oneOf(q, "calls.rating", s.Ratings)
	if s.Account != "" {
		q = q.Where("calls.account <> ''").Where("calls.account = ?", s.Account)
	}
	if s.Ticket != "" {
		q = q.Where("calls.ticket <> ''").Where("calls.ticket = ?", s.Ticket)
	}
	if s.Number != "" && !s.numberAnywhere() {
		end := reversed(s.Number)
		q = q.Where("calls.number_reversed <> ''").
			Where("calls.number_reversed >= ?", end).Where("calls.number_reversed < ?", end+"\U0010FFFF")
	}
	return q
}

// inState keeps calls in one of the states. Almost all calls are stored, so an
// index finds the others only.
func (s *search) inState(q *bun.SelectQuery) *bun.SelectQuery {
	switch {
	case len(s.States) == 0:
		return q.Where("calls.state <> ?", earshot.CallDeleted)
	case !slices.Contains(s.States, earshot.CallStored):
		return oneOf(q.Where("calls.state <> 'stored'"), "calls.state", s.States)
	}
	return oneOf(q, "calls.state || ''", s.States)
}

// unlessAlone is column, in a form that no index answers if there are several
// values: they are nearly all calls, and collecting those is slow.
func unlessAlone[T any](column string, values []T) string {
	if len(values) > 1 {
		return column + " || ''"
	}
	return column
}

// text adds the filters that look into text.
func (s *search) text(q *bun.SelectQuery) *bun.SelectQuery {
	if s.numberAnywhere() {
		q = q.Where("calls.number LIKE ? ESCAPE '!'", contains(s.Number))
	}
	for _, word := range s.words {
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("calls.words LIKE ? ESCAPE '!'", word)
			if s.Asker == "" {
				return q
			}
			own := s.db.NewSelect().Table("marks").Column("call").
				Where("maker = ?", s.Asker).Where("NOT shared").Where("words LIKE ? ESCAPE '!'", word)
			return q.WhereOr("calls.id IN (?)", own)
		})
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
	return q.Where(column+" IN (?)", bun.In(values))
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
