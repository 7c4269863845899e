package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"time"

	"earshot"
)

// testDisk is a disk of 100 GiB with a retention that frees what it is told to.
type testDisk struct {
	mu      sync.Mutex
	free    uint64
	trouble error
	broken  error // of asking for the space
	allowed int64 // what retention allows to go
	asked   chan int64
}

const gib = 1 << 30

func (d *testDisk) space() (free, total uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.free, 100 * gib, d.broken
}

func (d *testDisk) healthy() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trouble
}

func (d *testDisk) MakeRoom(_ context.Context, bytes int64) (int64, error) {
	d.mu.Lock()
	freed := min(bytes, d.allowed)
	d.allowed -= freed
	d.free += uint64(freed)
	d.mu.Unlock()
	d.asked <- bytes
	return freed, nil
}

// A disk fills, is emptied, fails and heals: what is said, asked and refused.
func TestDiskWatch(t *testing.T) {
	disk := &testDisk{asked: make(chan int64, 10)}
	var alarms earshot.Alarms
	now := time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)
	w := newDiskWatch(diskWatch{
		space: disk.space, healthy: disk.healthy, room: disk, reserve: reserve{fixed: 5 * gib},
		alarms: alarms.From("disk"), log: slog.New(slog.DiscardHandler), now: func() time.Time { return now },
	})
	const low, full, failed = earshot.AlarmDiskLow, earshot.AlarmDiskFull, earshot.AlarmDiskFailed
	for _, step := range []struct {
		what    string
		free    uint64
		trouble error
		broken  error
		allowed int64
		alarms  []earshot.AlarmCode
		full    bool
		asked   int64 // 0: not asked
	}{
		{what: "much room", free: 50 * gib},
		{what: "just the reserve", free: 5 * gib},
		{what: "below it, and something may go", free: 5*gib - 1, allowed: gib, alarms: []earshot.AlarmCode{low}, asked: gib/2 + 1},
		{what: "what went was enough", free: 5*gib + gib/2},
		{what: "below it, and nothing may go", free: 4 * gib, alarms: []earshot.AlarmCode{low}, asked: gib + gib/2},
		{what: "it is not asked again at once", free: 3 * gib, alarms: []earshot.AlarmCode{low}},
		{what: "a little above the reserve", free: 5*gib + 1, alarms: []earshot.AlarmCode{low}},
		{what: "well above it", free: 6 * gib},
		{what: "nearly nothing", free: 255 << 20, alarms: []earshot.AlarmCode{full, low}, full: true, asked: 5*gib + gib/2 - 255<<20},
		{what: "a little more", free: 300 << 20, alarms: []earshot.AlarmCode{full, low}, full: true},
		{what: "enough to begin again", free: 320 << 20, alarms: []earshot.AlarmCode{low}},
		{what: "room", free: 6 * gib},
		{what: "the disk says that it is full", free: 6 * gib, trouble: fmt.Errorf("write: %w", syscall.ENOSPC), alarms: []earshot.AlarmCode{full}, full: true},
		{what: "it takes writes again", free: 6 * gib},
		{what: "it is read-only", free: 6 * gib, trouble: syscall.EROFS, alarms: []earshot.AlarmCode{failed}},
		{what: "it works once", free: 6 * gib, alarms: []earshot.AlarmCode{failed}},
		{what: "and twice", free: 6 * gib, alarms: []earshot.AlarmCode{failed}},
		{what: "and three times", free: 6 * gib},
		{what: "it is gone", broken: errors.New("no such device"), alarms: []earshot.AlarmCode{failed}},
	} {
		now = now.Add(time.Second)
		disk.mu.Lock()
		disk.free, disk.trouble, disk.broken, disk.allowed = step.free, step.trouble, step.broken, step.allowed
		disk.mu.Unlock()
		want := w.look()
		if want != step.asked {
			t.Errorf("%s: %d bytes are to go, want %d", step.what, want, step.asked)
		}
		var said []earshot.AlarmCode
		for _, a := range alarms.List() {
			said = append(said, a.Code)
		}
		if fmt.Sprint(said) != fmt.Sprint(step.alarms) || w.full.Load() != step.full {
			t.Errorf("%s: alarms %v, full %v", step.what, said, w.full.Load())
		}
		if want > 0 {
			w.makeRoom(t.Context(), want)
			<-disk.asked
			w.making.Wait()
		}
	}
}

func TestReserve(t *testing.T) {
	for text, want := range map[string]uint64{ // of a disk of 100 GiB
		"5GiB,5%": 5 * gib, "2%,5GiB": 2 * gib, "10 GiB": 10 * gib, "0.5%": gib / 2, "512MiB": gib / 2, "1TiB": 1024 * gib,
	} {
		if r, err := parseReserve(text); err != nil || r.bytes(100*gib) != want {
			t.Errorf("%s: %d, %v", text, r.bytes(100*gib), err)
		}
	}
	for _, text := range []string{"", "5", "5GB", "-1GiB", "0%", "100%", "5%,6%", "1GiB,2GiB", "1GiB,", "NaN%", "9e99TiB"} {
		if r, err := parseReserve(text); err == nil {
			t.Errorf("%q is taken as %+v", text, r)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0 B", 999: "990 B", 1536: "1.5 KiB", 300 << 20: "300 MiB", 305 << 20: "300 MiB", 5 * gib: "5.0 GiB", 62 * gib: "62 GiB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}
