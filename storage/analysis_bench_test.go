package storage_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
)

// BenchmarkAnalyse judges calls of six minutes anew, each with its file and its
// rows written.
func BenchmarkAnalyse(b *testing.B) {
	store, err := files.Open(b.TempDir(), files.Options{})
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	check(err)
	defer func() { check(store.Close()) }()
	ix, err := index.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "index.db"))
	check(err)
	defer func() { check(ix.Close()) }()
	archive := storage.New(store, ix, storage.Options{})
	analysis := storage.NewAnalysis(storage.AnalysisOptions{Archive: archive, Alone: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	const calls, steps = 400, 3600
	line := levels.Append(nil, bytes.Repeat([]byte{25, 25, 30, 60, 70, 70}, steps/6), bytes.Repeat([]byte{70, 70, 70, 25, 30, 28}, steps/6))
	for i := range calls {
		at := start.Add(time.Duration(i) * time.Second)
		c := earshot.Call{ID: earshot.NewID(at), Seat: "s1", Branch: "hall", Kind: earshot.Hotline, State: earshot.CallStored,
			StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(6 * time.Minute)), DurationMs: 360_000, Channels: 2}.Clone()
		c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2,
			DurationMs: 360_000, Bytes: 5, SHA256: "aa", Clock: []earshot.ClockPoint{}}}
		check(store.WriteWhole(earshot.LevelsFile(c.ID, 1), line))
		check(archive.SaveCall(b.Context(), c))
	}
	set, ms := earshot.DefaultThresholds(), int64(30_000)
	began, done := time.Now(), int64(0)
	for b.Loop() {
		ms++
		set.Hotline.SilenceMs = ms // every call is judged otherwise
		_, err := analysis.SetThresholds(b.Context(), set, "bench")
		check(err)
		note, err := analysis.Start(b.Context(), storage.AnalysisRange{})
		check(err)
		note, err = analysis.Finish(b.Context(), note)
		check(err)
		done += note.Changed
	}
	b.ReportMetric(float64(done)/time.Since(began).Seconds(), "calls/s")
}
