package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"earshot"
)

// A search that no single index answers goes two ways, one after the other.
// The newest calls along the index that suits best are looked at: where many of
// them are wanted, they fill the page. What is wanted of older calls is rare
// then, and found by the calls' terms.

// clause is what a call must have for one filter: of several alternatives any,
// each of which is several terms that it must have all.
type clause [][]string

// terms are the clauses of a search, none where it does without: where an index
// has just what is asked for, or leaves few calls to look at.
func (s *search) terms() []clause {
	switch s.arms()[0].by {
	case byHold, byTicket, byAccount, byNumber:
		return nil
	}
	if slices.Contains(s.States, earshot.CallDeleted) || len(s.States) == 1 && s.States[0] == earshot.CallLive {
		return nil
	}
	for _, word := range slices.Concat(s.words, s.notes) {
		if len(wordGrams(word)) == 0 { // nearly every call has it
			return nil
		}
	}
	clauses := s.factTerms()
	if len(clauses) == 1 && s.onPath() {
		return nil
	}
	return append(clauses, s.textTerms()...)
}

// onPath says whether the path is by an index on all that is asked for.
func (s *search) onPath() bool {
	by := s.arms()[0].by
	return !s.hasText() && by != byTime && by != byState
}

// factTerms are the clauses of what a call is; kind and direction are one, as
// they are in their index.
func (s *search) factTerms() []clause {
	var clauses []clause
	add := func(terms ...string) {
		if len(terms) == 0 {
			return
		}
		var c clause
		for _, t := range terms {
			c = append(c, []string{t})
		}
		clauses = append(clauses, c)
	}
	add(termsOfValues(termSeat, s.Seats)...)
	add(termsOfValues(termAgent, s.Agents)...)
	add(termsOfValues(termBranch, s.Branches)...)
	add(termsOfValues(termBusiness, s.Businesses)...)
	add(termsOfValues(termTag, s.Tags)...)
	add(termsOfValues(termFlag, texts(s.Flags))...)
	var ratings []string
	for _, r := range s.Ratings {
		ratings = append(ratings, term(termRating, strconv.Itoa(r)))
	}
	add(ratings...)
	if c := s.kindClause(); c != nil {
		clauses = append(clauses, c)
	}
	if s.numberAt == atEnd && utf8.RuneCountInString(s.Number) < shortNumber {
		add(term(termEnd, s.Number))
	}
	if s.MinMs > 0 || s.MaxMs > 0 {
		add(lengthTerms(s.MinMs, s.MaxMs)...)
	}
	if s.Played != nil {
		add(playedTerm(*s.Played))
	}
	return clauses
}

func (s *search) kindClause() clause {
	if len(s.Kinds) == 0 && len(s.Directions) == 0 {
		return nil
	}
	kinds, directions := termsOfValues(termKind, texts(s.Kinds)), termsOfValues(termDirection, texts(s.Directions))
	var c clause
	for _, k := range orNothing(kinds) {
		for _, d := range orNothing(directions) {
			c = append(c, slices.DeleteFunc([]string{k, d}, func(t string) bool { return t == "" }))
		}
	}
	return c
}

func orNothing(terms []string) []string {
	if len(terms) == 0 {
		return []string{""}
	}
	return terms
}

func termsOfValues(kind byte, values []string) []string {
	terms := make([]string, len(values))
	for i, v := range values {
		terms[i] = term(kind, clean(v))
	}
	return terms
}

// textTerms are the clauses of words.
func (s *search) textTerms() []clause {
	var clauses []clause
	for _, word := range s.words {
		clauses = s.addWord(clauses, termWords, word)
	}
	for _, word := range s.notes {
		clauses = s.addWord(clauses, termMark, word)
	}
	if s.numberAt == anywhere {
		clauses = append(clauses, clause{termsOfValues(termNumber, trigrams(s.Number))})
	}
	return clauses
}

// addWord adds the clause of a word in what all may search, or in private marks
// of who asks.
func (s *search) addWord(clauses []clause, kind byte, word string) []clause {
	pieces := wordGrams(word)
	c := clause{termsOfValues(kind, pieces)}
	if s.Asker != "" {
		var own []string
		for _, p := range pieces {
			own = append(own, term(termPrivate, private(clean(s.Asker), p)))
		}
		c = append(c, own)
	}
	return append(clauses, c)
}

// expression is clauses in the language of SQLite's word index, or of
// PostgreSQL's.
func expression(clauses []clause, and, or string) string {
	all := make([]string, len(clauses))
	for i, c := range clauses {
		any := make([]string, len(c))
		for j, terms := range c {
			any[j] = "(" + strings.Join(terms, and) + ")"
		}
		all[i] = "(" + strings.Join(any, or) + ")"
	}
	return strings.Join(all, and)
}

// pageByTerms is a page of the search.
func (s *search) pageByTerms(ctx context.Context, clauses []clause) (ids []string, next string, err error) {
	hits, err := s.byTerms(ctx, clauses, s.limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(hits) > s.limit {
		hits = hits[:s.limit]
		next = hits[s.limit-1].position().String()
	}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids, next, nil
}

// byTerms are the calls found, at most limit.
func (s *search) byTerms(ctx context.Context, clauses []clause, limit int) ([]hit, error) {
	end, whole, err := s.nearEnd(ctx)
	if err != nil {
		return nil, fmt.Errorf("find how far to look: %w", err)
	}
	hits, err := s.hits(ctx, s.after, end, 0, limit)
	if err != nil || whole || len(hits) >= limit {
		return hits, err
	}
	older, err := s.olderByTerms(ctx, clauses, end, limit-len(hits))
	return append(hits, older...), err
}

// nearEnd is the last of the calls that are looked at, and whether there are no
// more along the index.
func (s *search) nearEnd(ctx context.Context) (end position, whole bool, err error) {
	along, near := s.pathAlone(), s.effort.nearFar
	if arms := along.arms(); arms[0].by == byTime {
		near = s.effort.near
	} else {
		near = max(near/len(arms), min(near, s.limit))
	}
	last, err := along.hits(ctx, s.after, position{}, near-1, 1)
	if err != nil || len(last) == 0 {
		return position{}, true, err
	}
	return last[0].position(), false, nil
}

// pathAlone is the search by nothing but the index that s walks.
func (s *search) pathAlone() *search {
	c := &search{db: s.db, effort: s.effort, limit: s.limit, bare: true}
	c.From, c.To = s.From, s.To
	switch s.arms()[0].by {
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

// olderByTerms are the calls found behind a position, by their terms.
func (s *search) olderByTerms(ctx context.Context, clauses []clause, after position, limit int) ([]hit, error) {
	first, end := int64(0), firstPlace(after.at+1) // places from first up to, not including, end
	if !s.From.IsZero() {
		first = firstPlace(s.From.UnixMilli())
	}
	hits, err := s.inPlaces(ctx, clauses, after, first, end, limit)
	if err != nil || len(hits) < limit {
		return byPosition(hits), err
	}
	// Calls of one millisecond are not in order among themselves: have them all.
	last := hits[len(hits)-1].StartedAt
	hits = slices.DeleteFunc(hits, func(h hit) bool { return h.StartedAt == last })
	same, err := s.inPlaces(ctx, clauses, after, firstPlace(last), firstPlace(last+1), 0)
	hits = byPosition(append(hits, same...))
	return hits[:min(limit, len(hits))], err
}

func byPosition(hits []hit) []hit {
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.StartedAt, a.StartedAt), cmp.Compare(b.ID, a.ID))
	})
	return hits
}

// inPlaces are calls found with places in a span, the newest first; limit 0 is
// no bound.
func (s *search) inPlaces(ctx context.Context, clauses []clause, after position, first, end int64, limit int) ([]hit, error) {
	var hits []hit
	err := s.db.NewRaw("?", s.placesQuery(clauses, after, first, end, limit)).Scan(ctx, &hits)
	return hits, err
}

func (s *search) placesQuery(clauses []clause, after position, first, end int64, limit int) *bun.SelectQuery {
	a := arm{*s, byTerms}
	q := s.db.NewSelect().ColumnExpr("calls.id AS id, calls.started_at AS started_at")
	if isPostgres(s.db) {
		// Walking all places in order for the sake of LIMIT is not what is wanted.
		found := s.db.NewSelect().Table("call_terms").ColumnExpr("call, place").Where("terms @@ ?::tsquery", expression(clauses, " & ", " | ")).
			Where("place >= ?", first).Where("place < ?", end)
		q = q.WithQuery(bun.NewWithQuery("found", found).Materialized()).TableExpr("found").Join("JOIN calls ON calls.id = found.call").OrderExpr("found.place DESC")
	} else {
		q = q.TableExpr("call_words").Join("CROSS JOIN call_terms ON call_terms.place = call_words.rowid").
			Join("CROSS JOIN calls ON calls.id = call_terms.call").Where("call_words MATCH ?", expression(clauses, " AND ", " OR ")).
			Where("call_words.rowid >= ?", first).Where("call_words.rowid < ?", end).OrderExpr("call_words.rowid DESC")
	}
	if after.id != "" {
		q = q.Where("(calls.started_at, calls.id) < (?, ?)", after.at, after.id)
	}
	if limit > 0 {
		q = q.Limit(int64(limit))
	}
	return a.filters(q, "calls.started_at")
}
