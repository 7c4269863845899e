package storage

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"earshot/audio/excerpt"
)

// TestPlacesAreFoundOnce: however many jump in a file at once, and seek on before they
// hear anything, it is gone through once; only so many files are remembered.
func TestPlacesAreFoundOnce(t *testing.T) {
	const asking = 16
	var places mp3Places
	var asked, found atomic.Int64
	x := &excerpt.MP3Index{}
	find := func() (*excerpt.MP3Index, error) {
		found.Add(1)
		for asked.Load() < asking {
			runtime.Gosched()
		}
		for range 1000 { // for whoever has not come so far
			runtime.Gosched()
		}
		return x, nil
	}
	var all sync.WaitGroup
	for range asking {
		all.Go(func() {
			asked.Add(1)
			if got, err := places.of("a", find); got != x || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	all.Wait()
	if n := found.Load(); n != 1 {
		t.Errorf("gone through %d times", n)
	}
	broken := errors.New("the disk is gone")
	if _, err := places.of("b", func() (*excerpt.MP3Index, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	for i := range 2 * mostMP3Places {
		if _, err := places.of(strconv.Itoa(i), find); err != nil {
			t.Error(err)
		}
	}
	if len(places.known) != mostMP3Places || len(places.order) != mostMP3Places {
		t.Errorf("%d files are remembered", len(places.known))
	}
}
