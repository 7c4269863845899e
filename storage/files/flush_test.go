package files

import (
	"testing"
	"time"
)

// With a journal behind them parts wait up to ten seconds, and those that began
// to wait together are not written together.
func TestFlushesAreSpread(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	if every := s.flushEvery(); every != flushPlain {
		t.Errorf("without a journal bytes wait %v", every)
	}
	openJournal(t, s, JournalOptions{})
	every := s.flushEvery()
	if every != flushLazy {
		t.Errorf("with a journal bytes wait %v", every)
	}
	parts := manyParts(t, s, 500)
	tick, now := every/flushTicks, time.Now()
	written, most := 0, 0
	for range flushTicks {
		now = now.Add(tick)
		due := 0
		for _, p := range parts {
			if p.isDue(now, every) == dueNow {
				due++
				must(t, p.Flush())
			}
		}
		written, most = written+due, max(most, due)
	}
	if written != 500 || most > 200 {
		t.Errorf("%d parts of 500 were written in %v, %d of them together", written, every, most)
	}
	for _, p := range parts {
		must(t, p.Discard())
	}
}
