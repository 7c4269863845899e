package storage_test

import (
	"bytes"
	"flag"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"earshot"
	"earshot/storage"
)

var liveHours = flag.Int("live.hours", 1, "how long the call of TestALiveCallOfHoursStaysOnTheDisk is")

// TestALiveCallOfHoursStaysOnTheDisk: who takes a growing part of hours up near its
// end has no more of it in memory than that.
func TestALiveCallOfHoursStaysOnTheDisk(t *testing.T) {
	h := open(t)
	c := stored()
	packets := slices.Repeat([][]byte{append([]byte{0xf8}, bytes.Repeat([]byte{7}, 59)...)}, *liveHours*3600*50) // 24 kbit/s a side
	file := twoSided(t, c, 1, start, packets, packets, false)
	part, err := h.files.Create(earshot.PartFile(c.ID, 1, earshot.Opus))
	must(t, err)
	for piece := range slices.Chunk(file, 1<<20) {
		must(t, part.Append(piece))
		must(t, part.Flush())
	}
	facts := earshot.Part{N: 1, File: part.Name(), Codec: earshot.Opus, Channels: 2, DurationMs: int64(*liveHours) * 3_600_000}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	rest, err := storage.LiveAudioFrom(facts, io.NewSectionReader(part, 0, part.State().Bytes), facts.DurationMs-10_000)
	must(t, err)
	n, err := io.Copy(io.Discard, rest)
	must(t, err)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	t.Logf("%d bytes of %d in %v: %d bytes of memory", n, len(file), took, after.TotalAlloc-before.TotalAlloc)
	if used := after.TotalAlloc - before.TotalAlloc; n < 50_000 || used > 4<<20 {
		t.Errorf("%d bytes of memory for the last %d of %d", used, n, len(file))
	}
	must(t, part.Discard())
}
