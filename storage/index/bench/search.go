package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"earshot"
	"earshot/storage/index"
)

// SearchOptions say what is measured.
type SearchOptions struct {
	Each int // searches of each filter, and of each pair
	Seed uint64
	Now  time.Time

	// What is to be reached by 95 of 100 searches, without words and with them.
	Within, WordsWithin time.Duration
}

// filter is something to search by, taken from a call that there is.
type filter struct {
	name  string
	words bool
	set   func(q *index.CallQuery, like earshot.Call, r *rand.Rand)
}

// measured is how long searches by one filter or by a pair took.
type measured struct {
	name  string
	words bool
	took  []time.Duration // in order
	worst index.CallQuery
}

func (m *measured) share(of float64) time.Duration {
	return m.took[min(int(of*float64(len(m.took))), len(m.took)-1)]
}

// Search measures the first page of searches by each filter and by each pair of
// filters, and writes what they took and how the engine went about the slow ones.
// Half of the pairs are found together on at least one call, the others are
// taken from two calls: often there is nothing to find. It fails if more than
// five in a hundred of any kind took longer than they may.
func Search(ctx context.Context, ix *index.Index, o SearchOptions, out io.Writer) error {
	s := &searcher{ix: ix, SearchOptions: o, Rand: rand.New(rand.NewPCG(o.Seed, 2))}
	if err := s.sample(ctx); err != nil {
		return err
	}
	if len(s.calls) == 0 {
		return earshot.Fail(earshot.Invalid, "no_calls", "the index has no calls to search for")
	}
	alone, pairs, err := s.measure(ctx)
	if err != nil {
		return err
	}
	report(out, "单项 each filter", alone, len(alone))
	report(out, "两项 pairs, the slowest", pairs, 25)
	return s.judge(ctx, out, slices.Concat(alone, pairs))
}

type searcher struct {
	SearchOptions
	*rand.Rand
	ix    *index.Index
	calls []earshot.Call
}

// sample takes calls from all over the archive.
func (s *searcher) sample(ctx context.Context) error {
	newest, err := s.ix.SearchCalls(ctx, index.CallQuery{Limit: 1})
	if err != nil || len(newest.Calls) == 0 {
		return err
	}
	last := newest.Calls[0].StartedAt.Time
	for range 300 {
		before := last.Add(-time.Duration(s.Int64N(int64(700 * 24 * time.Hour))))
		page, err := s.ix.SearchCalls(ctx, index.CallQuery{To: before, Limit: 20})
		if err != nil {
			return err
		}
		s.calls = append(s.calls, page.Calls...)
	}
	return nil
}

func (s *searcher) measure(ctx context.Context) (alone, pairs []*measured, err error) {
	filters := s.filters()
	for i, a := range filters {
		m, err := s.run(ctx, a.name, a.words, func(q *index.CallQuery) { a.set(q, s.like(), s.Rand) })
		if err != nil {
			return nil, nil, err
		}
		alone = append(alone, m)
		for _, b := range filters[i+1:] {
			m, err := s.run(ctx, a.name+" + "+b.name, a.words || b.words, func(q *index.CallQuery) {
				like := s.like()
				a.set(q, like, s.Rand)
				if s.one() {
					like = s.like()
				}
				b.set(q, like, s.Rand)
			})
			if err != nil {
				return nil, nil, err
			}
			pairs = append(pairs, m)
		}
	}
	slices.SortFunc(pairs, func(a, b *measured) int { return cmp.Compare(b.share(0.95), a.share(0.95)) })
	return alone, pairs, nil
}

func (s *searcher) like() earshot.Call { return s.calls[s.IntN(len(s.calls))] }
func (s *searcher) one() bool          { return s.IntN(2) == 0 }

// run measures searches, and leaves out the first: it may have to read the disk.
func (s *searcher) run(ctx context.Context, name string, words bool, set func(q *index.CallQuery)) (*measured, error) {
	m := &measured{name: name, words: words}
	longest := time.Duration(0)
	for i := range s.Each + 1 {
		q := index.CallQuery{Asker: "inspector", Limit: 50}
		set(&q)
		begun := time.Now()
		if _, err := s.ix.SearchCalls(ctx, q); err != nil {
			return nil, fmt.Errorf("search by %s: %w", name, err)
		}
		took := time.Since(begun)
		if i == 0 {
			continue
		}
		m.took = append(m.took, took)
		if took > longest {
			longest, m.worst = took, q
		}
	}
	slices.Sort(m.took)
	return m, nil
}

func (s *searcher) filters() []filter {
	yes, no := true, false
	return []filter{
		{"时间 time", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			days := time.Duration(1+r.IntN(7)) * 24 * time.Hour
			q.From, q.To = like.StartedAt.Add(-days), like.StartedAt.Add(time.Hour)
		}},
		{"机构 branch", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Branches = []string{like.Branch} }},
		{"上级机构 parent branch", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Branches = []string{"halls"}
			if like.Kind == earshot.Hotline {
				q.Branches = []string{"hotline"}
			}
		}},
		{"席位 seat", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Seats = []string{like.Seat} }},
		{"工号 agent", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Agents = []string{agentOf(like).ID} }},
		{"姓名 agent's name", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Agents = []string{agentOf(like).Name} }},
		{"类型 kind", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Kinds = []earshot.SeatKind{like.Kind} }},
		{"方向 direction", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Directions = []earshot.Direction{like.Direction}
		}},
		{"号码 number", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Number = like.Number }},
		{"尾号两位 last two digits", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Number = like.Number[max(len(like.Number)-2, 0):]
		}},
		{"中间四位 four digits within", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			if n := len(like.Number); n > 8 {
				at := r.IntN(n - 4)
				q.Number = like.Number[at : at+4]
			}
		}},
		{"户号 account", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Account = like.Account }},
		{"工单 ticket", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Ticket = like.Ticket }},
		{"业务 business", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Businesses = []string{like.Business} }},
		{"评价 rating", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Ratings = []int{1 + r.IntN(5)}
		}},
		{"时长 length", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.MinMs = []int64{60_000, 300_000, 900_000, 1_800_000, 3_600_000}[r.IntN(5)]
			if r.IntN(2) == 0 {
				q.MaxMs = q.MinMs * 2
			}
		}},
		{"标记 flag", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Flags = []earshot.Flag{earshot.Flag(flags[r.IntN(len(flags))].name)}
		}},
		{"标签 tag", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) {
			q.Tags = []string{tags[r.IntN(len(tags))].name}
		}},
		{"冻结 held", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.HeldAt = s.Now }},
		{"已听 played", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Played = &yes }},
		{"未听 not played", false, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Played = &no }},
		{"两字词 a word", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Words = someWord(r) }},
		{"两个词 two words", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Words = someWord(r) + " " + someWord(r) }},
		{"备注 a note", true, func(q *index.CallQuery, like earshot.Call, r *rand.Rand) { q.Notes = someWord(r) }},
	}
}

func agentOf(c earshot.Call) earshot.Agent {
	if c.Agent == nil {
		return earshot.Agent{}
	}
	return *c.Agent
}

// someWord is two characters that stand side by side in what calls say.
func someWord(r *rand.Rand) string {
	from := [][]string{troubles, outcomes, streets, businesses, openings}[r.IntN(5)]
	letters := []rune(from[r.IntN(len(from))])
	at := r.IntN(len(letters) - 1)
	return string(letters[at : at+2])
}

func report(out io.Writer, title string, all []*measured, most int) {
	fmt.Fprintf(out, "\n%s%s p50 ms   p95 ms   max ms\n", title, blanks(44-width(title)))
	for _, m := range all[:min(most, len(all))] {
		fmt.Fprintf(out, "%s%s %6.1f   %6.1f   %6.1f\n", m.name, blanks(44-width(m.name)), ms(m.share(0.5)), ms(m.share(0.95)), ms(m.took[len(m.took)-1]))
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// width is how many columns a text takes on a terminal.
func width(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x2e80 {
			n++
		}
	}
	return n
}

func blanks(n int) string { return strings.Repeat(" ", max(n, 1)) }

// judge sums up, and shows the plans of what is too slow.
func (s *searcher) judge(ctx context.Context, out io.Writer, all []*measured) error {
	var slow []string
	for _, kind := range []struct {
		name   string
		words  bool
		within time.Duration
	}{{"不含词 without words", false, s.Within}, {"含词 with words", true, s.WordsWithin}} {
		whole := &measured{}
		for _, m := range all {
			if m.words != kind.words {
				continue
			}
			whole.took = append(whole.took, m.took...)
			if m.share(0.95) > kind.within {
				slow = append(slow, m.name)
				plan, err := s.ix.ExplainCalls(ctx, m.worst)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "\n✗ %s · %.1f ms > %.0f ms · %d 项 conditions\n%s\n", m.name, ms(m.share(0.95)), ms(kind.within), asked(m.worst), indented(plan))
			}
		}
		slices.Sort(whole.took)
		fmt.Fprintf(out, "\n%s: %d 次 searches · p50 %.1f ms · p95 %.1f ms · p99 %.1f ms · max %.1f ms\n", kind.name, len(whole.took),
			ms(whole.share(0.5)), ms(whole.share(0.95)), ms(whole.share(0.99)), ms(whole.took[len(whole.took)-1]))
	}
	if len(slow) > 0 {
		return errors.New("太慢 too slow: " + strings.Join(slow, "; "))
	}
	return nil
}

func asked(q index.CallQuery) int {
	n := 0
	for _, is := range []bool{
		!q.From.IsZero(), len(q.Branches) > 0, len(q.Seats) > 0, len(q.Agents) > 0, len(q.Kinds) > 0, len(q.Directions) > 0, q.Number != "", q.Account != "",
		q.Ticket != "", len(q.Businesses) > 0, len(q.Ratings) > 0, q.MinMs > 0, len(q.Flags) > 0, len(q.Tags) > 0, !q.HeldAt.IsZero(), q.Played != nil,
		q.Words != "", q.Notes != "",
	} {
		if is {
			n++
		}
	}
	return n
}

func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
