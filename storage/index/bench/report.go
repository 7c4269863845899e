package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// nameWidth is how many columns the names of filters have.
const nameWidth = 46

// tell writes a line about what was measured: ✗ where it is too slow, and how
// often it was measured if that was twice.
func (s *searcher) tell(m *measured) {
	verdict := ""
	if m.again {
		verdict = "  (2×)"
	}
	if m.share(0.95) > s.within(m.words) {
		verdict += "  ✗"
	}
	fmt.Fprintf(s.out, "%s%s %6.1f   %6.1f   %6.1f%s\n", m.name, blanks(nameWidth-width(m.name)),
		ms(m.share(0.5)), ms(m.share(0.95)), ms(m.took[len(m.took)-1]), verdict)
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
func (s *searcher) judge(ctx context.Context, all []*measured) error {
	var slow []string
	for _, m := range all {
		if m.share(0.95) <= s.within(m.words) {
			continue
		}
		slow = append(slow, m.name)
		plan, err := s.ix.ExplainCalls(ctx, m.worst)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "\n✗ %s · %.1f ms > %.0f ms\n%s\n", m.name, ms(m.share(0.95)), ms(s.within(m.words)), indented(plan))
	}
	fmt.Fprintln(s.out)
	for _, words := range []bool{false, true} {
		s.sum(all, words)
	}
	if len(slow) > 0 {
		return errors.New("太慢 too slow: " + strings.Join(slow, "; "))
	}
	fmt.Fprintln(s.out, "✓ 全部达标 all as fast as asked for")
	return nil
}

// sum writes what all searches with words, or without, took together.
func (s *searcher) sum(all []*measured, words bool) {
	whole, kinds, met := &measured{}, 0, 0
	for _, m := range all {
		if m.words != words {
			continue
		}
		whole.took = append(whole.took, m.took...)
		if kinds++; m.share(0.95) <= s.within(words) {
			met++
		}
	}
	if kinds == 0 {
		return
	}
	slices.Sort(whole.took)
	fmt.Fprintf(s.out, "%s: %d/%d ≤ %.0f ms · %d 次 searches · p50 %.1f ms · p95 %.1f ms · p99 %.1f ms · max %.1f ms\n",
		map[bool]string{false: "不含词 without words", true: "含词 with words"}[words], met, kinds, ms(s.within(words)), len(whole.took),
		ms(whole.share(0.5)), ms(whole.share(0.95)), ms(whole.share(0.99)), ms(whole.took[len(whole.took)-1]))
}

func indented(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
