package files

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// The end of a busy server: 500 calls are completed at once, each an audio file
// and its levels.
func BenchmarkSeal500Calls(b *testing.B) {
	for n := range b.N {
		s, err := Open(b.TempDir(), Options{FlushEvery: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		var parts []*Part
		for call := range 500 {
			for _, ext := range []string{"opus", "levels"} {
				p, err := s.Create(fmt.Sprintf("2026/11/21/%d-%d.%s", n, call, ext))
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Append(make([]byte, 20_000)); err != nil {
					b.Fatal(err)
				}
				parts = append(parts, p)
			}
		}
		s.flushAll()
		var sealing sync.WaitGroup
		for _, p := range parts {
			sealing.Add(1)
			p.Seal(func(_ Sealed, err error) {
				defer sealing.Done()
				if err != nil {
					b.Error(err)
				}
			})
		}
		sealing.Wait()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
