package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksASecond is the unit of /proc/PID/stat: USER_HZ, 100 on every Linux there is.
const ticksASecond = 100

// process is what /proc knows of a process.
type process struct {
	cpu     time.Duration // user and system
	rss     int64         // bytes
	written int64         // bytes sent to the storage layer
	writes  int64         // system calls that write
}

func readProcess(pid int) (process, error) {
	var p process
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return p, fmt.Errorf("reading a process's time: %w", err)
	}
	// The name, in parentheses, may hold anything; what follows is counted from 3.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return p, fmt.Errorf("%sstat has %d fields", dir, len(fields))
	}
	var numbers [3]int64
	for i, at := range []int{14, 15, 24} {
		if numbers[i], err = strconv.ParseInt(fields[at-3], 10, 64); err != nil {
			return p, fmt.Errorf("%sstat: %w", dir, err)
		}
	}
	p.cpu = time.Duration(numbers[0]+numbers[1]) * time.Second / ticksASecond
	p.rss = numbers[2] * int64(os.Getpagesize())
	if p.written, err = readKey(dir+"io", "write_bytes:"); err != nil {
		return p, err
	}
	p.writes, err = readKey(dir+"io", "syscw:")
	return p, err
}

// A process that has just started gives memory back for a while.
const (
	settleEvery  = 500 * time.Millisecond
	settleWithin = 20 * time.Second
	settleFor    = 6 // readings in a row that are no lower
)

// settled is the process's memory once it no longer shrinks.
func settled(ctx context.Context, pid int) (int64, error) {
	lowest, steady := int64(0), 0
	for began := time.Now(); steady < settleFor && time.Since(began) < settleWithin; {
		p, err := readProcess(pid)
		if err != nil {
			return 0, err
		}
		if steady++; lowest == 0 || p.rss < lowest-lowest/200 {
			lowest, steady = p.rss, 0
		}
		if err := pause(ctx, settleEvery); err != nil {
			return 0, err
		}
	}
	return lowest, nil
}

func readKey(path, key string) (int64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", path, err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, key); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, key)
}

// machine is what /proc knows of all of it.
type machine struct {
	idle, total int64 // ticks of all processors
	flushes     int64 // of all disks
}

func readMachine() (machine, error) {
	var m machine
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, fmt.Errorf("reading the processors' time: %w", err)
	}
	first, _, _ := strings.Cut(string(data), "\n")
	for i, field := range strings.Fields(first) {
		n, err := strconv.ParseInt(field, 10, 64)
		if i == 0 || i > 8 { // the name; guests are in user already
			continue
		}
		if err != nil {
			return m, fmt.Errorf("/proc/stat: %w", err)
		}
		if m.total += n; i == 4 {
			m.idle = n
		}
	}
	m.flushes, err = readFlushes()
	return m, err
}

// readFlushes adds up the flush requests of whole disks (field 19, Linux 5.5).
func readFlushes() (int64, error) {
	data, err := os.ReadFile("/proc/diskstats")
	if err != nil {
		return 0, fmt.Errorf("reading the disks' counters: %w", err)
	}
	var sum int64
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 19 {
			continue
		}
		if _, err := os.Stat("/sys/block/" + fields[2]); err != nil {
			continue // a partition: its disk counts it
		}
		n, err := strconv.ParseInt(fields[18], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/diskstats: %w", err)
		}
		sum += n
	}
	return sum, nil
}

// idleSince is the part of the processors' time since then that nobody wanted.
func (m machine) idleSince(before machine) float64 {
	if m.total == before.total {
		return 1
	}
	return float64(m.idle-before.idle) / float64(m.total-before.total)
}
