package storage_test

import (
	"flag"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"earshot"
	"earshot/audio/levels"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
	"earshot/storage/index/pgtest"
)

var analyseCalls = flag.Int("analyse.calls", 400, "how many stored calls BenchmarkAnalyse judges")

// BenchmarkAnalyse judges stored calls of one to eight minutes anew: by other
// thresholds, so that the file and the rows of each are written, and by the same,
// so that none are.
func BenchmarkAnalyse(b *testing.B) {
	for name, url := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + b.TempDir() + "/index.db" },
		"postgres": func() string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			ix, err := index.Open(b.Context(), url())
			check(b, err)
			defer func() { check(b, ix.Close()) }()
			store, err := files.Open(b.TempDir(), files.Options{})
			check(b, err)
			defer func() { check(b, store.Close()) }()
			archive := storage.New(store, ix, storage.Options{})
			fillConversations(b, store, archive, *analyseCalls)
			b.Run("others", func(b *testing.B) { benchAnalyse(b, store, archive, true) })
			b.Run("same", func(b *testing.B) { benchAnalyse(b, store, archive, false) })
		})
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func benchAnalyse(b *testing.B, store *files.Store, archive *storage.Archive, others bool) {
	analysis := storage.NewAnalysis(storage.AnalysisOptions{Archive: archive, Alone: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	set, done := earshot.DefaultThresholds(), int64(0)
	flushes, cpu := store.Flushes(), cpuTime(b)
	for b.Loop() {
		if others {
			set.Hotline.SilenceMs += rand.Int64N(5_000) + 1
			_, err := analysis.SetThresholds(b.Context(), set, "bench")
			check(b, err)
		}
		note, err := analysis.Start(b.Context(), storage.AnalysisRange{All: true})
		check(b, err)
		note, err = analysis.Finish(b.Context(), note)
		check(b, err)
		done += note.Done
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(done), "cpu-µs/call")
	b.ReportMetric(float64(store.Flushes()-flushes)/float64(done), "file-flushes/call")
}

// cpuTime is how long this process has been at work.
func cpuTime(b *testing.B) time.Duration {
	var used unix.Rusage
	check(b, unix.Getrusage(unix.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fillConversations stores calls in which two sides take turns, a thousand a day.
func fillConversations(b *testing.B, store *files.Store, archive *storage.Archive, n int) {
	chance := rand.New(rand.NewPCG(1, 2))
	for first := 0; first < n; first += 500 {
		var calls []earshot.Call
		var writing errgroup.Group
		for i := first; i < min(first+500, n); i++ {
			at := start.Add(-time.Duration(i) * 86 * time.Second)
			agent, customer := conversation(chance, 600+chance.IntN(4200))
			ms := int64(len(agent)) * earshot.LevelStepMs
			c := earshot.Call{ID: earshot.NewID(at), Seat: "s1", Branch: "hall", Kind: earshot.Hotline, Direction: earshot.Inbound, Number: "13812345678",
				State: earshot.CallStored, StartedAt: earshot.At(at), EndedAt: earshot.At(at.Add(time.Duration(ms) * time.Millisecond)), DurationMs: ms, Channels: 2}.Clone()
			c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.Opus), Track: earshot.TrackBoth, Codec: earshot.Opus, Channels: 2,
				DurationMs: ms, Bytes: 5, SHA256: "aa", Clock: []earshot.ClockPoint{{At: c.StartedAt}, {FileMs: ms, At: c.EndedAt}}}}
			c.Marks = []earshot.Mark{{ID: "note", Kind: earshot.MarkNote, StartMs: 1, EndMs: 2, By: "lina", Text: "退费", Shared: true}}
			writing.Go(func() error {
				return store.WriteWhole(earshot.LevelsFile(c.ID, 1), levels.Append(nil, agent, customer))
			})
			calls = append(calls, c)
		}
		check(b, writing.Wait())
		check(b, archive.SaveCalls(b.Context(), calls))
	}
}

// conversation are the levels of two sides that take turns, and at times nobody.
func conversation(chance *rand.Rand, steps int) (agent, customer []byte) {
	for len(agent) < steps {
		who := chance.IntN(9) // of nine turns four each, and a pause
		for range 5 + chance.IntN(80) {
			talks, listens := byte(22+chance.IntN(14)), byte(62+chance.IntN(10))
			switch {
			case who == 8:
				talks = listens
				fallthrough
			case who%2 == 0:
				agent, customer = append(agent, talks), append(customer, listens)
			default:
				agent, customer = append(agent, listens), append(customer, talks)
			}
		}
	}
	return agent[:steps], customer[:steps]
}
