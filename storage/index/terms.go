package index

import (
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A term is a short name of something that can be asked of a call: a seat, a
// flag, two letters that stand side by side. Each is a letter, which says of
// what kind it is, and a hash. Calls that have the terms asked for are then
// looked at: so that two things share a hash does no harm.
const (
	termSeat      = 's'
	termAgent     = 'a' // 工号 or name
	termBranch    = 'b'
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
	termWords     = 'g' // two letters of what everybody may search; alone a letter that is no ASCII
	termMark      = 'm' // the same of shared marks
	termPrivate   = 'p' // the same of private marks, with their maker
	termPlayed    = 'y' // whether somebody has played it
)

// termsVersion is the form of the terms below. Who changes what calls have, or
// how it is written, counts on: all terms are made anew then.
const termsVersion = 1

func term(kind byte, value string) string {
	h := fnv.New64a()
	h.Write([]byte(value)) //nolint:errcheck // a hash takes everything
	return string(kind) + strconv.FormatUint(h.Sum64()>>19, 36)
}

// lengths are where classes of lengths begin, in milliseconds.
var lengths = [...]int64{0, 10_000, 30_000, 60_000, 120_000, 180_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000, 2_700_000, 3_600_000, 7_200_000, 10_800_000}

func lengthClass(ms int64) int {
	at, found := slices.BinarySearch(lengths[:], ms)
	if found {
		return at
	}
	return max(at-1, 0)
}

// lengthTerms are the terms of calls of that many milliseconds; most 0 is no
// bound.
func lengthTerms(least, most int64) []string {
	if most == 0 {
		most = math.MaxInt64
	}
	var terms []string
	for class := lengthClass(least); class <= lengthClass(most); class++ {
		terms = append(terms, term(termLength, strconv.Itoa(class)))
	}
	return terms
}

// grams are the pieces of a text by which it is found: each two letters that
// stand side by side, and each letter that is no ASCII.
func grams(text string) []string {
	var found []string
	before := ' '
	for _, r := range text {
		if unicode.IsSpace(r) {
			before = ' '
			continue
		}
		if before != ' ' {
			found = append(found, string(before)+string(r))
		}
		if r >= utf8.RuneSelf {
			found = append(found, string(r))
		}
		before = r
	}
	return found
}

// wordGrams are the grams that whatever contains word has: of longer words the
// pairs are enough. There are none of a single ASCII character.
func wordGrams(word string) []string {
	letters := []rune(word)
	if len(letters) == 1 {
		return grams(word)
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

func private(maker, gram string) string { return maker + "\x00" + gram }

func playedTerm(played bool) string { return term(termPlayed, strconv.FormatBool(played)) }

// termsOf are all terms of a call, each once and in order, but whether it has
// been played.
func termsOf(rows callRows) []string {
	c := rows.call
	terms := []string{
		term(termSeat, c.Seat), term(termAgent, c.Agent), term(termBranch, c.Branch), term(termKind, string(c.Kind)),
		term(termDirection, string(c.Direction)), term(termAccount, c.Account), term(termTicket, c.Ticket), term(termBusiness, c.Business),
		term(termRating, strconv.Itoa(c.Rating)), term(termLength, strconv.Itoa(lengthClass(c.DurationMs))),
		term(termAgent, c.AgentName),
	}
	add := func(kind byte, values ...string) {
		for _, v := range values {
			terms = append(terms, term(kind, v))
		}
	}
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
			add(termPrivate, private(m.Maker, gram))
		}
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

// Places are in the order of calls' starts: so SQLite's word index, which goes
// by place, hands out the newest first.
const placeBits = 20

// placeOf is the place that the call id would have, if no other has it.
func placeOf(id string, startedAt int64) int64 {
	h := fnv.New64a()
	h.Write([]byte(id)) //nolint:errcheck // a hash takes everything
	return firstPlace(startedAt) | int64(h.Sum64()>>(64-placeBits))
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
