package storage_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

// node is one of several with an archive each over the same index.
type node struct {
	*storage.Archive
	analysis *storage.Analysis
	files    *files.Store
	index    *index.Index
}

// nodes runs test with two nodes over one index of each engine.
func nodes(t *testing.T, test func(t *testing.T, both [2]node)) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/index.db" },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			where := url(t)
			var both [2]node
			for i := range both {
				ix, err := index.Open(t.Context(), where)
				must(t, err)
				t.Cleanup(func() { must(t, ix.Close()) })
				store, err := files.Open(t.TempDir(), files.Options{})
				must(t, err)
				t.Cleanup(func() { must(t, store.Close()) })
				both[i] = nodeOver(store, store, ix)
			}
			test(t, both)
		})
	}
}

func nodeOver(store *files.Store, as storage.Files, ix *index.Index) node {
	clock := func() time.Time { return now }
	archive := storage.New(as, ix, storage.Options{Now: clock})
	analysis := storage.NewAnalysis(storage.AnalysisOptions{Archive: archive, Alone: true, Now: clock, Log: slog.New(slog.DiscardHandler)})
	return node{archive, analysis, store, ix}
}

// TestEditsOfTwoNodesAreAllKept has people mark, tag and rate a call on two nodes,
// while one of them judges it anew again and again.
func TestEditsOfTwoNodesAreAllKept(t *testing.T) {
	const rounds = 12
	nodes(t, func(t *testing.T, both [2]node) {
		ctx := t.Context()
		a := &analysing{Archive: both[0].Archive, files: both[0].files}
		c := a.withLevels(t, a.hushed(t, 0, nil))
		must(t, a.SaveCall(ctx, c))
		var editing sync.WaitGroup
		for n, on := range both {
			editing.Go(func() {
				for i := range rounds {
					if _, err := on.AddMark(ctx, c.ID, earshot.Mark{Kind: earshot.MarkNote, StartMs: int64(i), EndMs: int64(i), By: "lina", Text: fmt.Sprint(n, i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		editing.Go(func() {
			account, rating := "3301", 4
			for _, patch := range []earshot.CallPatch{{Account: &account}, {Rating: &rating}} {
				if _, err := both[1].PatchCall(ctx, c.ID, patch); err != nil {
					t.Error(err)
				}
			}
		})
		editing.Go(func() {
			set := earshot.DefaultThresholds()
			for i := range rounds {
				set.Hotline.SilenceMs = int64(39_990 + 20*(i%2)) // its silence is 40 s
				if err := judgeAll(t, both[0], set); err != nil {
					t.Error(err)
				}
			}
		})
		editing.Wait()
		got, err := both[1].Call(ctx, c.ID)
		must(t, err)
		notes := 0
		for _, m := range got.Marks {
			if m.Kind == earshot.MarkNote {
				notes++
			}
		}
		same(t, "notes", notes, 2*rounds)
		same(t, "account and rating", []any{got.Account, got.Rating}, []any{"3301", 4})
		if got.Talk == nil || got.Flagged(earshot.FlagSilence) || len(silences(got)) > 0 {
			t.Errorf("judged by thresholds of before: %+v %v", got.Talk, got.Flags)
		}
	})
}

func judgeAll(t *testing.T, on node, set earshot.ThresholdsByKind) error {
	if _, err := on.analysis.SetThresholds(t.Context(), set, "lina"); err != nil {
		return err
	}
	note, err := on.analysis.Start(t.Context(), storage.AnalysisRange{All: true})
	if err != nil {
		return err
	}
	_, err = on.analysis.Finish(t.Context(), note)
	return err
}

// slowFiles are files of which those of audio open only when they are let.
type slowFiles struct {
	*files.Store
	opening chan struct{} // gets a value when somebody opens one
	let     chan struct{}
}

func (s slowFiles) Open(name string) (io.ReadSeekCloser, int64, error) {
	s.opening <- struct{}{}
	<-s.let
	return s.Store.Open(name)
}

// TestMeasuringKeepsNobodyWaiting: while the levels of a call are measured people
// edit it, and what they did stays. A call that got other audio meanwhile is not
// judged by the old.
func TestMeasuringKeepsNobodyWaiting(t *testing.T) {
	nodes(t, func(t *testing.T, both [2]node) {
		ctx := t.Context()
		ix, store := both[0].index, both[0].files
		slow := slowFiles{store, make(chan struct{}), make(chan struct{})}
		on := nodeOver(store, slow, ix)
		a := &analysing{Archive: on.Archive, files: store}
		edited := a.hushed(t, 0, nil) // its audio is no Opus
		must(t, a.SaveCall(ctx, edited))
		renewed := a.hushed(t, time.Minute, nil)
		must(t, a.SaveCall(ctx, renewed))
		ended := make(chan error, 1)
		go func() { ended <- judgeAll(t, on, earshot.DefaultThresholds()) }()

		<-slow.opening // the newer one first
		must(t, store.WriteWhole(earshot.LevelsFile(renewed.ID, 1), levels.Append(nil, bytes.Repeat([]byte{20}, 600), bytes.Repeat([]byte{90}, 600))))
		renewed.Parts[0].SHA256 = "bb"
		must(t, a.SaveCall(ctx, renewed))
		slow.let <- struct{}{}
		<-slow.opening
		mark, err := a.AddMark(ctx, edited.ID, earshot.Mark{Kind: earshot.MarkNote, By: "lina", Text: "x"})
		must(t, err)
		slow.let <- struct{}{}
		must(t, <-ended)

		got, err := a.Call(ctx, edited.ID)
		must(t, err)
		if got.Untold == "" {
			t.Error("it is not said that nothing can be told")
		}
		same(t, "marks", got.Marks, []earshot.Mark{mark})
		if got, err = a.Call(ctx, renewed.ID); err != nil || got.Talk == nil || got.Untold != "" {
			t.Errorf("the call with other audio: %+v, untold %q, %v", got.Talk, got.Untold, err)
		}
	})
}
