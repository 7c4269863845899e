package ledger

import (
	"sync/atomic"
	"testing"
	"time"
)

func BenchmarkAppend(b *testing.B) {
	l, err := Open(b.TempDir(), Options{HeadEvery: time.Hour})
	must(b, err)
	b.SetParallelism(32)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(b.Context(), part(int(n.Add(1)))); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	must(b, l.Close())
}

func BenchmarkVerifyAll(b *testing.B) {
	l, err := Open(b.TempDir(), Options{HeadEvery: time.Hour})
	must(b, err)
	batch := make([]Entry, 1000)
	for n := range 50 {
		for i := range batch {
			batch[i] = part(n*1000 + i)
		}
		_, err := l.Append(b.Context(), batch...)
		must(b, err)
		_, err = l.Sign(b.Context())
		must(b, err)
	}
	entries := int64(0)
	for b.Loop() {
		report, err := l.VerifyAll(b.Context(), nil)
		if err != nil || !report.OK() {
			b.Fatal(err, report.Findings)
		}
		entries += report.Entries
	}
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
	must(b, l.Close())
}
