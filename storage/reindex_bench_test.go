package storage_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
	"earshot/storage/files"
	"earshot/storage/index"
)

// BenchmarkReindex makes an index of ten thousand calls again.
func BenchmarkReindex(b *testing.B) {
	const calls = 10_000
	dir := b.TempDir()
	fatal := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range calls {
		c := stored()
		at := start.Add(time.Duration(i) * time.Minute)
		c.ID, c.StartedAt, c.EndedAt = earshot.NewID(at), earshot.At(at), earshot.At(at.Add(time.Minute))
		c.Number, c.Tags, c.Flags = "13812345678", []string{"vip"}, []earshot.Flag{earshot.FlagGaps}
		c.Parts = []earshot.Part{{N: 1, File: earshot.PartFile(c.ID, 1, earshot.Opus), SHA256: c.ID, DurationMs: 60000,
			Clock: []earshot.ClockPoint{{At: c.StartedAt}, {FileMs: 60000, At: c.EndedAt}}}}
		c.Gaps = []earshot.Gap{{Side: earshot.SideAgent, EndMs: 40, Cause: earshot.CauseLost}}
		c.Marks = []earshot.Mark{{ID: "m", Kind: "note", By: "lina", Text: "退费", Shared: true}}
		text, err := json.MarshalIndent(c, "", " ")
		fatal(err)
		name := filepath.Join(dir, "audio", earshot.CallFile(c.ID))
		fatal(os.MkdirAll(filepath.Dir(name), 0o700))
		fatal(os.WriteFile(name, text, 0o600))
	}
	store, err := files.Open(dir, files.Options{})
	fatal(err)
	defer func() { fatal(store.Close()) }()
	for b.Loop() {
		ix, err := index.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "index.db"))
		fatal(err)
		done, err := storage.New(store, ix, storage.Options{}).Reindex(b.Context(), storage.ReindexOptions{Walk: store.Walk})
		fatal(err)
		if done.Calls != calls || len(done.Problems) > 0 {
			b.Errorf("%+v", done)
		}
		fatal(ix.Close())
	}
	b.ReportMetric(float64(calls*b.N)/b.Elapsed().Seconds(), "calls/s")
}
