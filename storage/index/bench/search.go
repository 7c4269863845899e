package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"

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

	Only   *regexp.Regexp // of what name the filters and pairs are; nil is all
	Totals bool           // not the first page, but how many there are
}

// measured is how long searches by one filter or by a pair took.
type measured struct {
	name  string
	words bool
	took  []time.Duration // in order
	worst index.CallQuery
	again bool // measured a second time, since it had been too slow
}

// share is the time within which that share of the searches answered.
func (m *measured) share(of float64) time.Duration {
	return m.took[max(int(math.Ceil(of*float64(len(m.took))))-1, 0)]
}

// Search measures the first page of searches by each filter and by each pair of
// filters, and writes what they took as it goes, a line each. Half of the pairs
// are found together on at least one call, the others are taken from two calls:
// often there is nothing to find. What is too slow is measured once more, since
// other work on the machine makes single searches slow; if it is so again, how
// the engine goes about it is written and Search fails.
func Search(ctx context.Context, ix *index.Index, o SearchOptions, out io.Writer) error {
	s := &searcher{ix: ix, SearchOptions: o, Rand: rand.New(rand.NewPCG(o.Seed, 2)), out: out}
	if err := s.sample(ctx); err != nil {
		return err
	}
	if len(s.calls) == 0 {
		return earshot.Fail(earshot.Invalid, "no_calls", "the index has no calls to search for")
	}
	fmt.Fprintf(out, "%s p50 ms   p95 ms   max ms\n", blanks(nameWidth))
	all, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return s.judge(ctx, all)
}

type searcher struct {
	SearchOptions
	*rand.Rand
	ix    *index.Index
	out   io.Writer
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

func (s *searcher) measure(ctx context.Context) ([]*measured, error) {
	var all []*measured
	add := func(name string, words bool, set func(q *index.CallQuery)) error {
		if s.Only != nil && !s.Only.MatchString(name) {
			return nil
		}
		m, err := s.run(ctx, name, words, set)
		if err == nil && m.share(0.95) > s.within(words) {
			if m, err = s.run(ctx, name, words, set); err == nil {
				m.again = true
			}
		}
		if err != nil {
			return err
		}
		all = append(all, m)
		s.tell(m)
		return nil
	}
	filters := s.filters()
	for _, a := range filters {
		if err := add(a.name, a.words, func(q *index.CallQuery) { a.set(q, s.like(), s.Rand) }); err != nil {
			return nil, err
		}
	}
	for i, a := range filters {
		for _, b := range filters[i+1:] {
			err := add(a.name+" + "+b.name, a.words || b.words, func(q *index.CallQuery) {
				like := s.like()
				a.set(q, like, s.Rand)
				if s.one() {
					like = s.like()
				}
				b.set(q, like, s.Rand)
			})
			if err != nil {
				return nil, err
			}
		}
	}
	if len(all) == 0 {
		return nil, earshot.Fail(earshot.Invalid, "bad_bench", "no filter and no pair has such a name")
	}
	return all, nil
}

func (s *searcher) within(words bool) time.Duration {
	if words {
		return s.WordsWithin
	}
	return s.Within
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
		if err := s.ask(ctx, q); err != nil {
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

func (s *searcher) ask(ctx context.Context, q index.CallQuery) (err error) {
	if s.Totals {
		_, err = s.ix.CountCalls(ctx, q)
		return err
	}
	_, err = s.ix.SearchCalls(ctx, q)
	return err
}
