package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"earshot"
)

// CallQuery says which calls are searched for. Fields left empty do not filter;
// of several values of one field any may hold, of several fields all must.
type CallQuery struct {
	From, To   time.Time // started at From or later, and before To
	Seats      []string
	Agents     []string // 工号
	Branches   []string // with all branches below them
	Kinds      []earshot.SeatKind
	Directions []earshot.Direction
	Number     string // one or two characters: its last; three or more: anywhere in it
	Account    string // exactly
	Ticket     string // exactly
	Businesses []string
	Ratings    []int
	Flags      []earshot.Flag
	Tags       []string
	States     []earshot.CallState // without any: live and stored

	// Words must all be found, in any case, in agent, number, account, ticket,
	// business type, tags or the text of marks; of private marks only in Asker's.
	Words string
	Asker string // the id of the user who searches

	Cursor string // Next of the page before
	Limit  int    // 1 to 200; 0 is 50
}

// CallPage is a page of calls, newest first. Next is the cursor of the page
// after it, empty where there is none. A search by words looks through a bounded
// number of calls for a page: one with few calls, or none, may have a Next.
type CallPage struct {
	Calls []earshot.Call
	Next  string
}

// Bounds of a search.
const (
	usualCalls = 50
	mostCalls  = 200
	mostValues = 200    // of one field
	mostWords  = 8      // of Words
	mostText   = 200    // characters of Words
	window     = 20_000 // calls looked through at once for text
	mostLooked = 10 * window
)

// SearchCalls finds calls, newest first; `bad_cursor`, `bad_limit`, `bad_query`.
// Calls that begin while pages are read do not disturb the pages after.
func (ix *Index) SearchCalls(ctx context.Context, q CallQuery) (CallPage, error) {
	s, err := ix.search(ctx, q)
	if err != nil {
		return CallPage{}, err
	}
	page := CallPage{}
	var ids []string
	if s.hasText() {
		ids, page.Next, err = s.lookThrough(ctx)
	} else {
		ids, page.Next, err = s.page(ctx, s.after, nil, s.limit)
	}
	if err != nil {
		return CallPage{}, failed("search calls", err)
	}
	page.Calls, err = callsOf(ctx, ix.read, ids)
	return page, failed("read the calls found", err)
}

// search is a query made ready.
type search struct {
	CallQuery
	db    *bun.DB
	after position
	limit int
	words []string // patterns for LIKE
}

func (ix *Index) search(ctx context.Context, q CallQuery) (*search, error) {
	after, err := parseCursor(q.Cursor)
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
	if len(q.States) == 0 {
		q.States = []earshot.CallState{earshot.CallLive, earshot.CallStored}
	}
	if len(q.Branches) > 0 {
		all, err := ix.Branches(ctx)
		if err != nil {
			return nil, err
		}
		q.Branches = sortedKeys(subtree(all, q.Branches))
	}
	s := &search{CallQuery: q, db: ix.read, after: after, limit: limit}
	for _, word := range strings.Fields(strings.ToLower(q.Words)) {
		s.words = append(s.words, contains(word))
	}
	return s, nil
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
	for _, text := range []string{q.Number, q.Account, q.Ticket, q.Words} {
		if strings.Contains(text, "\x00") || !utf8.ValidString(text) || len(text) > 4*mostText {
			return earshot.Fail(earshot.Invalid, "bad_query", "what is searched for is not text")
		}
	}
	return nil
}

// numberAnywhere says whether the number is looked for in its middle too.
func (s *search) numberAnywhere() bool { return utf8.RuneCountInString(s.Number) >= 3 }

// hasText says whether calls have to be looked through, since no index answers.
func (s *search) hasText() bool { return len(s.words) > 0 || s.numberAnywhere() }

// page is one page of ids after a position, and down to a last one if given.
func (s *search) page(ctx context.Context, after position, last *position, limit int) ([]string, string, error) {
	var rows []callRow
	q := s.filtered(s.db.NewSelect().Model(&rows).Column("id", "started_at"), after)
	if last != nil {
		q = q.Where("(calls.started_at, calls.id) >= (?, ?)", last.at, last.id)
		q = s.text(q)
	}
	err := newestFirst(q).Limit(int64(limit) + 1).Scan(ctx)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = position{rows[limit-1].StartedAt, rows[limit-1].ID}.String()
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, next, nil
}

// lookThrough searches for text, window by window, until the page is full or
// enough calls have been looked through.
func (s *search) lookThrough(ctx context.Context) (ids []string, next string, err error) {
	after := s.after
	for looked := 0; looked < mostLooked; looked += window {
		last, more, err := s.windowEnd(ctx, after)
		if err != nil {
			return nil, "", fmt.Errorf("find how far to look: %w", err)
		}
		found, next, err := s.page(ctx, after, &last, s.limit-len(ids))
		ids = append(ids, found...)
		if err != nil || next != "" {
			return ids, next, err
		}
		if !more {
			return ids, "", nil
		}
		after = last
		if len(ids) == s.limit {
			break
		}
	}
	return ids, after.String(), nil
}

// windowEnd is the last call of the window after a position, and whether there
// may be more behind it.
func (s *search) windowEnd(ctx context.Context, after position) (position, bool, error) {
	var rows []callRow
	q := s.filtered(s.db.NewSelect().Model(&rows).Column("id", "started_at"), after)
	err := newestFirst(q).Offset(window - 1).Limit(1).Scan(ctx)
	if err != nil || len(rows) == 0 {
		return position{at: 0, id: ""}, false, err
	}
	return position{rows[0].StartedAt, rows[0].ID}, true, nil
}

func newestFirst(q *bun.SelectQuery) *bun.SelectQuery {
	return q.OrderExpr("calls.started_at DESC, calls.id DESC")
}

// filtered adds all filters that an index answers.
func (s *search) filtered(q *bun.SelectQuery, after position) *bun.SelectQuery {
	q = q.ModelTableExpr("calls")
	if after.id != "" {
		q = q.Where("(calls.started_at, calls.id) < (?, ?)", after.at, after.id)
	}
	if !s.From.IsZero() {
		q = q.Where("calls.started_at >= ?", s.From.UnixMilli())
	}
	if !s.To.IsZero() {
		q = q.Where("calls.started_at < ?", s.To.UnixMilli())
	}
	q = oneOf(q, "calls.seat", s.Seats)
	q = oneOf(q, "calls.agent", s.Agents)
	q = oneOf(q, "calls.branch", s.Branches)
	q = oneOf(q, "calls.kind", s.Kinds)
	q = oneOf(q, "calls.direction", s.Directions)
	q = oneOf(q, "calls.state", s.States)
	if len(s.Businesses) > 0 {
		q = oneOf(q.Where("calls.business <> ''"), "calls.business", s.Businesses)
	}
	if len(s.Ratings) > 0 {
		q = oneOf(q, "calls.rating", s.Ratings)
	}
	if s.Account != "" {
		q = q.Where("calls.account <> '' AND calls.account = ?", s.Account)
	}
	if s.Ticket != "" {
		q = q.Where("calls.ticket <> '' AND calls.ticket = ?", s.Ticket)
	}
	if s.Number != "" && !s.numberAnywhere() {
		end := reversed(s.Number)
		q = q.Where("calls.number_reversed <> '' AND calls.number_reversed >= ? AND calls.number_reversed < ?", end, end+"\U0010FFFF")
	}
	return s.labelled(s.labelled(q, tagTable, s.Tags), flagTable, texts(s.Flags))
}

// labelled keeps calls that have one of the tags or flags.
func (s *search) labelled(q *bun.SelectQuery, table string, values []string) *bun.SelectQuery {
	if len(values) == 0 {
		return q
	}
	return q.Where("calls.id IN (?)", s.db.NewSelect().Table(table).Column("call").Where("value IN (?)", bun.In(values)))
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

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
