package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"earshot"
	"earshot/storage/files"
)

// startKeeper runs a keeper, with what waits at once, until the test ends.
func startKeeper(t testing.TB, shelf Shelf, files Files, waiting ...func(*keeper)) *keeper {
	k := newKeeper(shelf, files, slog.New(slog.DiscardHandler))
	for _, put := range waiting {
		put(k)
	}
	var running sync.WaitGroup
	running.Go(k.run)
	t.Cleanup(func() {
		if err := k.close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		running.Wait()
	})
	return k
}

// TestStatesOfACallAreKeptInOrder has one state of a call take long, while newer
// ones come and other calls are kept.
func TestStatesOfACallAreKeptInOrder(t *testing.T) {
	var mu sync.Mutex
	var states []string
	note := func(state string) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, state)
	}
	begun, release, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var others sync.WaitGroup
	first := func(k *keeper) {
		k.put("a", &chore{do: func(context.Context) error {
			close(begun)
			<-release
			note("first")
			return errors.New("refused")
		}})
		for i := range 20 {
			others.Add(1)
			k.put(fmt.Sprint("b", i), &chore{kept: others.Done, do: func(context.Context) error {
				<-begun
				return nil
			}})
		}
	}
	k := startKeeper(t, nil, nil, first)
	<-begun
	for _, state := range []string{"second", "third"} {
		k.put("a", &chore{kept: func() { close(last) }, do: func(context.Context) error { note(state); return nil }})
	}
	others.Wait() // one call holds up no other
	close(release)
	<-last
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(states, []string{"first", "third"}) {
		t.Errorf("the call's states were kept as %q", states)
	}
}

// BenchmarkKeeping500 is what 500 calls that end together take to be kept: their
// files, on the real disk, one sync for all that are written at the same time.
func BenchmarkKeeping500(b *testing.B) {
	store, err := files.Open(filepath.Join(b.TempDir(), "data"), files.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }() // only measured
	k := startKeeper(b, diskShelf{&fakeShelf{news: &news{}, files: &fakeFiles{news: &news{}, whole: map[string][]byte{}}, calls: map[string]earshot.Call{}}, Disk(store)}, Disk(store))
	before := store.Flushes()
	for b.Loop() {
		var kept sync.WaitGroup
		for range 500 {
			kept.Add(1)
			k.keepCall(earshot.Call{ID: earshot.NewID(dawn), State: earshot.CallStored}, nil, kept.Done)
		}
		kept.Wait()
	}
	b.ReportMetric(float64(store.Flushes()-before)/float64(b.N), "flushes/op")
}
