package index

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"earshot"
)

// clause is what a call must have for one filter: of several alternatives any,
// each of which is several terms that it must have all.
type clause [][]string

// clauses are those of all filters that have terms. A call that is deleted has
// others than one that is not.
func (s *search) clauses() []clause {
	deleted := slices.Contains(s.States, earshot.CallDeleted)
	if !deleted {
		return s.clausesOf(kept)
	}
	all := s.clausesOf(gone)
	if slices.ContainsFunc(s.States, func(c earshot.CallState) bool { return c != earshot.CallDeleted }) {
		for i, c := range s.clausesOf(kept) {
			all[i] = append(all[i], c...)
		}
	}
	return all
}

func (s *search) clausesOf(f fate) []clause {
	return slices.Concat(s.stateTerms(f), s.placeTerms(f), s.factTerms(f), s.talkTerms(f), s.textTerms(f))
}

// anyOf is a clause of terms of which one is enough, none for no terms.
func anyOf(terms []string) []clause {
	if len(terms) == 0 {
		return nil
	}
	c := make(clause, len(terms))
	for i, t := range terms {
		c[i] = []string{t}
	}
	return []clause{c}
}

// stateTerms are the clause of states, where stored calls, which nearly all are,
// are not wanted.
func (s *search) stateTerms(f fate) []clause {
	if slices.Contains(s.States, earshot.CallStored) {
		return nil
	}
	var terms []string
	for _, state := range s.States {
		if fateOf(state) == f {
			terms = append(terms, f.term(termState, string(state)))
		}
	}
	return anyOf(terms)
}

// placeTerms are the clauses of where a call was: branch, kind and direction.
func (s *search) placeTerms(f fate) []clause {
	kinds, directions := texts(s.Kinds), texts(s.Directions)
	branches := s.branchesForTerms()
	if len(branches) == 0 {
		return s.kindClause(f)
	}
	if len(kinds) == 0 && len(directions) == 0 {
		return anyOf(f.terms(termBranch, branches))
	}
	return slices.Concat(anyOf(f.pairs(termBranchKind, branches, kinds)), anyOf(f.pairs(termBranchDirection, branches, directions)))
}

func (f fate) pairs(kind byte, as, bs []string) []string {
	var terms []string
	for _, a := range as {
		for _, b := range bs {
			terms = append(terms, f.term(kind, pair(clean(a), b)))
		}
	}
	return terms
}

// kindClause is that of kind and direction; it is one, as they are in their
// index.
func (s *search) kindClause(f fate) []clause {
	if len(s.Kinds) == 0 && len(s.Directions) == 0 {
		return nil
	}
	kinds, directions := f.terms(termKind, texts(s.Kinds)), f.terms(termDirection, texts(s.Directions))
	var c clause
	for _, k := range orNothing(kinds) {
		for _, d := range orNothing(directions) {
			c = append(c, slices.DeleteFunc([]string{k, d}, func(t string) bool { return t == "" }))
		}
	}
	return []clause{c}
}

func orNothing(terms []string) []string {
	if len(terms) == 0 {
		return []string{""}
	}
	return terms
}

// factTerms are the clauses of what else a call is.
func (s *search) factTerms(f fate) []clause {
	var ratings, account, ticket, number, length, played, imported, batch []string
	for _, r := range s.Ratings {
		ratings = append(ratings, f.term(termRating, strconv.Itoa(r)))
	}
	if s.Account != "" {
		account = f.terms(termAccount, []string{s.Account})
	}
	if s.Ticket != "" {
		ticket = f.terms(termTicket, []string{s.Ticket})
	}
	if s.numberAt == atEnd && utf8.RuneCountInString(s.Number) < shortNumber {
		number = f.terms(termEnd, []string{s.Number})
	}
	if s.MinMs > 0 || s.MaxMs > 0 {
		length = lengths.within(f, &s.MinMs, someOrNil(s.MaxMs))
	}
	if s.Played != nil {
		played = []string{playedTerm(f, *s.Played)}
	}
	if s.Imported != nil {
		imported = []string{originTerm(f, *s.Imported)}
	}
	if s.Batch != "" {
		batch = f.terms(termBatch, []string{s.Batch})
	}
	return slices.Concat(
		anyOf(f.terms(termSeat, s.Seats)), anyOf(f.terms(termAgent, s.Agents)), anyOf(f.terms(termBusiness, s.Businesses)), anyOf(ratings),
		anyOf(f.terms(termTag, s.Tags)), anyOf(f.terms(termFlag, texts(s.Flags))), anyOf(account), anyOf(ticket), anyOf(number), anyOf(length),
		anyOf(played), anyOf(imported), anyOf(batch),
	)
}

// someOrNil is nil for 0, which is no bound.
func someOrNil(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// talkBound is a range of one of the columns that say how a conversation went.
type talkBound struct {
	column      string
	ladder      ladder
	least, most *int64
}

// bounds are those that filter.
func (t TalkBounds) bounds() []talkBound {
	all := []talkBound{
		{"talk_silence", silences, wide(t.MinSilence), wide(t.MaxSilence)},
		{"talk_agent", agentShares, wide(t.MinAgent), wide(t.MaxAgent)},
		{"talk_overtalk", overtalks, wide(t.MinOvertalk), nil},
		{"talk_interruptions", interruptions, wide(t.MinInterruptions), nil},
		{"talk_monologue", monologues, t.MinMonologueMs, nil},
	}
	return slices.DeleteFunc(all, func(b talkBound) bool { return b.least == nil && b.most == nil })
}

func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	w := int64(*n)
	return &w
}

// talkTerms are the clauses of how the conversation went.
func (s *search) talkTerms(f fate) []clause {
	var clauses []clause
	for _, b := range s.Talk.bounds() {
		clauses = append(clauses, anyOf(b.ladder.within(f, b.least, b.most))...)
	}
	return clauses
}

// textTerms are the clauses of words.
func (s *search) textTerms(f fate) []clause {
	var clauses []clause
	for _, word := range s.words {
		clauses = append(clauses, s.wordClause(f, termWords, word))
	}
	for _, word := range s.notes {
		clauses = append(clauses, s.wordClause(f, termMark, word))
	}
	if s.numberAt == anywhere || s.numberAt == atEnd && utf8.RuneCountInString(s.Number) >= shortNumber {
		clauses = append(clauses, clause{f.terms(termNumber, trigrams(s.Number))})
	}
	return clauses
}

// wordClause is that of a word in what all may search, or in private marks of
// who asks.
func (s *search) wordClause(f fate, kind byte, word string) clause {
	pieces := wordGrams(word)
	c := clause{f.terms(kind, pieces)}
	if s.Asker != "" {
		var own []string
		for _, p := range pieces {
			own = append(own, f.term(termPrivate, pair(clean(s.Asker), p)))
		}
		c = append(c, own)
	}
	return c
}

// expression is clauses in the language of SQLite's word index, or of
// PostgreSQL's, with before in front of each term.
func expression(clauses []clause, before, and, or string) string {
	all := make([]string, len(clauses))
	for i, c := range clauses {
		any := make([]string, len(c))
		for j, terms := range c {
			any[j] = "(" + before + strings.Join(terms, and+before) + ")"
		}
		all[i] = "(" + strings.Join(any, or) + ")"
	}
	return strings.Join(all, and)
}
