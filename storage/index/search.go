package index

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"earshot"
)

// CallQuery says which calls are searched for. Fields left empty do not filter;
// of several values of one field any may hold, of several fields all must.
type CallQuery struct {
	From, To   time.Time // started at From or later, and before To
	Seats      []string
	Agents     []string // 工号, or a whole name
	Branches   []string // with all branches below them
	Kinds      []earshot.SeatKind
	Directions []earshot.Direction
	Number     string // 1 or 2 characters: its last; 3 to 6: anywhere in it; more: its last if any call's in these states is so, else anywhere
	Account    string // exactly
	Ticket     string // exactly
	Businesses []string
	Ratings    []int
	Flags      []earshot.Flag
	Tags       []string
	States     []earshot.CallState // without any: live and stored
	HeldAt     time.Time           // only those that a hold keeps at this instant; the zero time does not filter
	FreeAt     time.Time           // only those that no hold keeps at this instant; likewise
	MinMs      int64               // at least this long
	MaxMs      int64               // at most this long; 0 is no bound
	Played     *bool               // whether anybody has played it
	Talk       TalkBounds
	Imported   *bool  // whether it was brought in from an older recorder
	Batch      string // brought in by this import

	// Notes must all be found, in any case, in the text of marks that are shared
	// or Asker's.
	Notes string

	// Words must all be found, in any case, in agent, number, account, ticket,
	// business type, tags or the text of marks; of private marks only in Asker's.
	Words string
	Asker string // the id of the user who searches

	Cursor string // Next of the page before
	Limit  int    // 1 to 200; 0 is 50
}

// TalkBounds are bounds of how a conversation went, both included; those that
// are nil do not filter. Any bound leaves out calls of which that is not known.
type TalkBounds struct {
	MinSilence, MaxSilence *int // per mille of the time; see earshot.Talk
	MinAgent, MaxAgent     *int
	MinOvertalk            *int
	MinInterruptions       *int
	MinMonologueMs         *int64
}

// CallPage is a page of calls, newest first. Next is the cursor of the page
// after it, empty where there is none. While an index that was updated makes the
// terms of its calls anew, a search looks through a bounded number of calls for
// a page: one with few calls, or none, may have a Next.
type CallPage struct {
	Calls []earshot.Call
	Next  string
}

// Bounds of a search.
const (
	usualCalls = 50
	mostCalls  = 200
	mostValues = 200 // of one field
	mostWords  = 8   // of Words
	mostText   = 200 // characters of Words
)

// effort is how many calls are looked at. In PostgreSQL, before their terms are
// asked: near in the order of time, and nearFar where they do not lie side by
// side, which takes several times as long; times walkOn, if by what was found
// these fill the page. While terms are not complete: at
// once, and for one page in the order of time or else far.
type effort struct{ near, nearFar, walkOn, window, page, far int }

func usualEffort() effort {
	return effort{near: 3_000, nearFar: 1_500, walkOn: 2, window: 10_000, page: 100_000, far: 40_000}
}

// SearchCalls finds calls, newest first; `bad_cursor`, `bad_limit`, `bad_query`.
// Calls that begin while pages are read do not disturb the pages after.
func (ix *Index) SearchCalls(ctx context.Context, q CallQuery) (CallPage, error) {
	s, err := ix.search(ctx, q)
	if err != nil {
		return CallPage{}, err
	}
	page := CallPage{}
	var ids []string
	switch terms := s.terms(); {
	case len(terms) > 0:
		ids, page.Next, err = s.pageByTerms(ctx, terms)
	case s.toLookThrough():
		ids, page.Next, err = s.lookThrough(ctx)
	default:
		ids, page.Next, err = s.page(ctx, s.after, position{}, s.limit)
	}
	if err != nil {
		return CallPage{}, failed("search calls", err)
	}
	page.Calls, err = callsOf(ctx, ix.read, ids)
	return page, failed("read the calls found", err)
}

func (ix *Index) search(ctx context.Context, q CallQuery) (*search, error) {
	after, err := afterOf(q)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(q.Limit, usualCalls, mostCalls)
	if err != nil {
		return nil, err
	}
	if err := q.validate(); err != nil {
		return nil, err
	}
	var roots []string
	treeWhole := false
	if len(q.Branches) > 0 {
		all, err := ix.Branches(ctx)
		if err != nil {
			return nil, err
		}
		roots = q.Branches
		q.Branches = sortedKeys(subtree(all, q.Branches))
		tree, err := treeOf(ctx, ix.read, false) // after the branches: one that is changed meanwhile is another
		if err != nil {
			return nil, failed("look how the branches are", err)
		}
		treeWhole = tree == ix.termsTree.Load()
	}
	s := &search{roots: roots, treeWhole: treeWhole, CallQuery: q, db: ix.read, after: after, limit: limit, effort: ix.effort, whole: ix.termsWhole.Load()}
	s.words = strings.Fields(strings.ToLower(q.Words))
	s.notes = strings.Fields(strings.ToLower(q.Notes))
	s.numberAt, err = s.whereNumber(ctx)
	return s, failed("look for a number", err)
}

func (q CallQuery) validate() error {
	for _, n := range []int{len(q.Seats), len(q.Agents), len(q.Branches), len(q.Kinds), len(q.Directions), len(q.Businesses),
		len(q.Ratings), len(q.Flags), len(q.Tags), len(q.States)} {
		if n > mostValues {
			return earshot.Fail(earshot.Invalid, "bad_query", "one field takes at most %d values", mostValues)
		}
	}
	if utf8.RuneCountInString(q.Words) > mostText || len(strings.Fields(q.Words)) > mostWords {
		return earshot.Fail(earshot.Invalid, "bad_query", "at most %d words of together %d characters are searched for", mostWords, mostText)
	}
	if utf8.RuneCountInString(q.Notes) > mostText || len(strings.Fields(q.Notes)) > mostWords {
		return earshot.Fail(earshot.Invalid, "bad_query", "at most %d words of together %d characters are searched for", mostWords, mostText)
	}
	if q.MinMs < 0 || q.MaxMs < 0 || q.MaxMs > 0 && q.MaxMs < q.MinMs {
		return earshot.Fail(earshot.Invalid, "bad_query", "a length is at least 0, and the longest not below the shortest")
	}
	if err := q.Talk.validate(); err != nil {
		return err
	}
	for _, text := range []string{q.Number, q.Account, q.Ticket, q.Words, q.Notes, q.Batch} {
		if strings.Contains(text, "\x00") || !utf8.ValidString(text) || len(text) > 4*mostText {
			return earshot.Fail(earshot.Invalid, "bad_query", "what is searched for is not text")
		}
	}
	return nil
}

// mostShare is all of the time, per mille.
const mostShare = 1000

func (t TalkBounds) validate() error {
	for _, b := range []struct{ min, max *int }{{t.MinSilence, t.MaxSilence}, {t.MinAgent, t.MaxAgent}, {t.MinOvertalk, nil}} {
		least, most := orZero(b.min), mostShare
		if b.max != nil {
			most = *b.max
		}
		if least < 0 || most > mostShare || most < least {
			return earshot.Fail(earshot.Invalid, "bad_query", "a share is 0 to %d, and the greatest not below the least", mostShare)
		}
	}
	if orZero(t.MinInterruptions) < 0 || orZero(t.MinMonologueMs) < 0 {
		return earshot.Fail(earshot.Invalid, "bad_query", "interruptions and monologues are at least 0")
	}
	return nil
}

// hit is a call found.
type hit struct {
	ID        string `bun:"id"`
	StartedAt int64  `bun:"started_at"`
}

func (h hit) position() position { return position{at: h.StartedAt, id: h.ID} }

// page is one page of ids after a position, and down to a last one unless that
// is zero; next is the cursor of the page after it.
func (s *search) page(ctx context.Context, after, last position, limit int) (ids []string, next string, err error) {
	hits, err := s.hits(ctx, after, last, 0, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(hits) > limit {
		hits = hits[:limit]
		next = s.cursor(hits[limit-1].position())
	}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids, next, nil
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
