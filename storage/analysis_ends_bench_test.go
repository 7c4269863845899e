package storage_test

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
)

// slowedFiles are files that are safe so much later: as on a disk that turns.
type slowedFiles struct {
	*files.Store
	late time.Duration
}

func (s slowedFiles) WriteWhole(name string, data []byte) error {
	time.Sleep(s.late)
	return s.Store.WriteWhole(name, data)
}

// BenchmarkEndsBesideAnalysis has calls end, one each 50 ms, while the archive is
// judged anew beside recording, and while it is not: how long a call's end takes.
// One b.N is a run over -analyse.calls calls.
func BenchmarkEndsBesideAnalysis(b *testing.B) {
	for name, late := range map[string]time.Duration{"this disk": 0, "a disk that turns": 15 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			ix, err := index.Open(b.Context(), "sqlite:"+b.TempDir()+"/index.db")
			check(b, err)
			defer func() { check(b, ix.Close()) }()
			store, err := files.Open(b.TempDir(), files.Options{})
			check(b, err)
			defer func() { check(b, store.Close()) }()
			fillConversations(b, store, storage.New(store, ix, storage.Options{}), *analyseCalls)
			archive := storage.New(slowedFiles{store, late}, ix, storage.Options{})
			for b.Loop() {
				alone := endCalls(b, archive, time.After(5*time.Second))
				judged := make(chan time.Time)
				go func() {
					defer close(judged)
					judgeBeside(b, archive)
				}()
				beside := endCalls(b, archive, judged)
				for what, took := range map[string][]time.Duration{"alone": alone, "beside": beside} {
					slices.Sort(took)
					b.ReportMetric(ms(took[len(took)/2]), what+"-median-ms")
					b.ReportMetric(ms(took[len(took)*99/100]), what+"-p99-ms")
					b.ReportMetric(ms(took[len(took)-1]), what+"-max-ms")
				}
			}
		})
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func judgeBeside(b *testing.B, archive *storage.Archive) {
	analysis := storage.NewAnalysis(storage.AnalysisOptions{Archive: archive, Rest: 1, Alone: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	set := earshot.DefaultThresholds()
	set.Hotline.SilenceMs = 7_654
	_, err := analysis.SetThresholds(b.Context(), set, "bench")
	if err == nil {
		var note index.AnalysisNote
		if note, err = analysis.Start(b.Context(), storage.AnalysisRange{All: true}); err == nil {
			_, err = analysis.Finish(b.Context(), note)
		}
	}
	if err != nil {
		b.Error(err)
	}
}

// endCalls stores a call each 50 ms until then, and says how long each took.
func endCalls(b *testing.B, archive *storage.Archive, until <-chan time.Time) (took []time.Duration) {
	each := time.NewTicker(50 * time.Millisecond)
	defer each.Stop()
	for {
		select {
		case <-until:
			return took
		case <-each.C:
		}
		at := start.Add(24 * time.Hour)
		c := earshot.Call{ID: earshot.NewID(at), Seat: "s2", Branch: "hall", Kind: earshot.Hotline, Direction: earshot.Inbound,
			State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Minute)), DurationMs: 60_000, Channels: 2}.Clone()
		began := time.Now()
		check(b, archive.SaveCall(b.Context(), c))
		took = append(took, time.Since(began))
	}
}
