package main

import (
	"context"
	"time"

	"earshot/ingest"

	"github.com/prometheus/client_golang/prometheus"
)

// packetsTotal is what became of the packets of recorded calls.
var packetsTotal = prometheus.NewDesc("earshot_recorder_packets_total",
	"Packets of calls, by what became of them: recorded, or why not.", []string{"fate"}, nil)

// recorderMetrics tells the floor's counters to whoever asks for metrics.
type recorderMetrics struct{ floor *ingest.Floor }

func (recorderMetrics) Describe(descs chan<- *prometheus.Desc) { descs <- packetsTotal }

// Collect tells nothing while the floor does not answer: a counter that fell to
// zero would be a lie.
func (m recorderMetrics) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := m.floor.Stats(ctx)
	if err != nil {
		return
	}
	for fate, n := range map[string]uint64{
		"recorded": s.Packets, "lost": s.Lost, "late": s.Late, "duplicate": s.Duplicate,
		"garbage": s.Garbage, "stray": s.Stray, "overflow": s.Overflow,
	} {
		metrics <- prometheus.MustNewConstMetric(packetsTotal, prometheus.CounterValue, float64(n), fate)
	}
}
