package storage_test

import (
	"context"
	"testing"
	"time"

	"earshot"
	"earshot/storage/files"
)

// stuckFiles are files whose disk takes none until it is let.
type stuckFiles struct {
	*files.Store
	writing, goOn chan struct{}
}

func (s stuckFiles) WriteWhole(name string, data []byte) error {
	s.writing <- struct{}{}
	<-s.goOn
	return s.Store.WriteWhole(name, data)
}

// TestCallsEndWhileAnalysisWaitsForItsDisk: calls are kept while the files of those
// that were judged anew are not written yet.
func TestCallsEndWhileAnalysisWaitsForItsDisk(t *testing.T) {
	nodes(t, func(t *testing.T, both [2]node) {
		store, ix := both[0].files, both[0].index
		stuck := stuckFiles{store, make(chan struct{}), make(chan struct{})}
		on, others := nodeOver(store, stuck, ix), nodeOver(store, store, ix)
		a := &analysing{Archive: others.Archive, files: store}
		judged, ending := a.withLevels(t, a.hushed(t, 0, nil)), a.hushed(t, time.Minute, nil)
		must(t, a.SaveCall(t.Context(), judged))
		set := earshot.DefaultThresholds()
		set.Hotline.SilenceMs = 41_000 // its silence is 40 s
		ended := make(chan error, 1)
		go func() { ended <- judgeAll(t, on, set) }()
		<-stuck.writing
		soon, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		err := a.SaveCall(soon, ending)
		stuck.goOn <- struct{}{}
		must(t, <-ended)
		must(t, err)
		if got := a.read(t, judged.ID); len(silences(got)) > 0 || got.Talk == nil {
			t.Errorf("not judged anew: %v", got.Marks)
		}
		a.read(t, ending.ID)
	})
}
