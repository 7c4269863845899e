package index

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"earshot"
)

// A term is a short name of something that can be asked of a call: a seat, a
// flag, two letters that stand side by side. Each is a letter, which says of
// what kind it is, and a hash. Calls that have the terms asked for are then
// looked at: so that two things share a hash does no harm.
const (
	termSeat      = 's'
	termAgent     = 'a' // 工号 or name
	termBranch    = 'b' // its own, and each above
	termKind      = 'k'
	termDirection = 'd'
	termAccount   = 'c'
	termTicket    = 'i'
	termBusiness  = 'u'
	termRating    = 'r'
	termTag       = 't'
	termFlag      = 'f'
	termLength    = 'l' // in which of lengths
	termEnd       = 'e' // the last, and the last two characters of a number
	termNumber    = 'n' // three characters of a number
	termWords     = 'g' // a letter, and two side by side, of what everybody may search
	termMark      = 'm' // the same of shared marks
	termPrivate   = 'p' // the same of private marks, with their maker
	termPlayed    = 'y' // whether somebody has played it

	termBranchKind      = 'j' // branch and kind: of two filters that many calls meet, each
	termBranchDirection = 'h' // alone, nearly none may meet both
	termOrigin          = 'o' // whether it was brought in
	termBatch           = 'x' // by which import
	termSilence         = 'q' // in which of the classes
	termAgentShare      = 'v'
	termOvertalk        = 'w'
	termInterrupted     = 'z'
	termMonologue       = '1'
	termState           = '2'
)

// termsVersion is the form of the terms below. Who changes what calls have, or
// how it is written, counts on: all terms are made anew then.
const termsVersion = 5

// term is written often: hence no hash.Hash, and one allocation. 31 bits of the
// hash, to which its halves are folded, tell things apart well enough and are
// six letters.
func term(kind byte, value string) string {
	text := make([]byte, 1, 16)
	text[0] = kind
	h := hashOf(value)
	return string(strconv.AppendUint(text, (h>>32^h)&math.MaxInt32, 36))
}

// hashOf is FNV-1a.
func hashOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// fate says whether calls are there or are deleted: these have terms of their
// own, so that neither are in the way of a search for the others.
type fate string

const (
	kept fate = ""
	gone fate = "\x00gone\x00"
)

func fateOf(s earshot.CallState) fate {
	if s == earshot.CallDeleted {
		return gone
	}
	return kept
}

func (f fate) term(kind byte, value string) string { return term(kind, string(f)+value) }

func (f fate) terms(kind byte, values []string) []string {
	terms := make([]string, len(values))
	for i, v := range values {
		terms[i] = f.term(kind, clean(v))
	}
	return terms
}

// pair is the value of a term for two things at once.
func pair(a, b string) string { return a + "\x00" + b }

// grams are the pieces of a text by which it is found: each letter, and each two
// that stand side by side.
func grams(text string) []string {
	found := make([]string, 0, 2*len(text))
	before := -1 // where the letter before begins, if one stands there
	for at, r := range text {
		if unicode.IsSpace(r) {
			before = -1
			continue
		}
		end := at + utf8.RuneLen(r)
		if before >= 0 {
			found = append(found, text[before:end])
		}
		found = append(found, text[at:end])
		before = at
	}
	return found
}

// wordGrams are the grams that whatever contains word has: of longer words the
// pairs are enough.
func wordGrams(word string) []string {
	letters := []rune(word)
	if len(letters) == 1 {
		return []string{word}
	}
	var found []string
	for i := 1; i < len(letters); i++ {
		found = append(found, string(letters[i-1:i+1]))
	}
	return found
}

// trigrams are each three characters of a number.
func trigrams(number string) []string {
	letters := []rune(strings.ToLower(number))
	var found []string
	for i := 3; i <= len(letters); i++ {
		found = append(found, string(letters[i-3:i]))
	}
	return found
}

// ending is the last n characters of a number, or less.
func ending(number string, n int) string {
	letters := []rune(number)
	return string(letters[max(len(letters)-n, 0):])
}

func playedTerm(f fate, played bool) string { return f.term(termPlayed, strconv.FormatBool(played)) }

// termsOf are all terms of a call, each once and in order, but whether it has
// been played.
func termsOf(rows callRows) []string {
	c, f := rows.call, fateOf(rows.call.State)
	terms := make([]string, 0, 128)
	add := func(kind byte, values ...string) {
		for _, v := range values {
			terms = append(terms, f.term(kind, clean(v)))
		}
	}
	add(termState, string(c.State))
	add(termSeat, c.Seat)
	add(termAgent, c.Agent, c.AgentName)
	add(termKind, string(c.Kind))
	add(termDirection, string(c.Direction))
	for _, branch := range append([]string{c.Branch}, rows.above...) {
		add(termBranch, branch)
		terms = append(terms, f.term(termBranchKind, pair(clean(branch), string(c.Kind))), f.term(termBranchDirection, pair(clean(branch), string(c.Direction))))
	}
	add(termAccount, c.Account)
	add(termTicket, c.Ticket)
	add(termBusiness, c.Business)
	add(termRating, strconv.Itoa(c.Rating))
	terms = append(terms, lengths.of(f, c.DurationMs)...)
	for n := 1; n < shortNumber; n++ {
		add(termEnd, ending(c.Number, n))
	}
	add(termNumber, trigrams(c.Number)...)
	for _, l := range rows.tags {
		add(termTag, l.Value)
	}
	for _, l := range rows.flags {
		add(termFlag, l.Value)
	}
	add(termWords, grams(c.Words)...)
	for _, m := range rows.marks {
		if m.Shared {
			add(termMark, grams(m.Words)...)
			continue
		}
		for _, gram := range grams(m.Words) {
			terms = append(terms, f.term(termPrivate, pair(m.Maker, gram)))
		}
	}
	terms = append(terms, talkTerms(f, c.talkColumns)...)
	terms = append(terms, originTerm(f, c.OriginBatch != nil))
	if c.OriginBatch != nil {
		add(termBatch, *c.OriginBatch)
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

func originTerm(f fate, imported bool) string {
	return f.term(termOrigin, strconv.FormatBool(imported))
}

// talkTerms are of what is known of how the conversation went.
func talkTerms(f fate, t talkColumns) []string {
	switch {
	case t.Silence == nil:
		return nil
	case t.Agent == nil:
		return silences.of(f, int64(*t.Silence))
	}
	return slices.Concat(
		silences.of(f, int64(*t.Silence)), agentShares.of(f, int64(*t.Agent)), overtalks.of(f, int64(orZero(t.Overtalk))),
		interruptions.of(f, int64(orZero(t.Interruptions))), monologues.of(f, orZero(t.MonologueMs)),
	)
}

// Places are in the order of calls' starts: so SQLite's word index, which goes
// by place, hands out the newest first.
const placeBits = 20

// placeOf is the place that the call id would have, if no other has it.
func placeOf(id string, startedAt int64) int64 {
	return firstPlace(startedAt) | int64(hashOf(id)>>(64-placeBits))
}

// firstPlace is the least of all places of calls that started at that
// millisecond.
func firstPlace(startedAt int64) int64 {
	return min(max(startedAt, 0), maxStart) << placeBits
}

const maxStart = math.MaxInt64>>placeBits - 1

// nextPlace is another of the same millisecond.
func nextPlace(place int64) int64 {
	const low = 1<<placeBits - 1
	return place&^low | (place+1)&low
}
