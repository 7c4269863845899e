package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"earshot"
)

// roomMaker deletes what retention allows to go, the oldest first, until so many
// bytes are freed; storage.Archive is one.
type roomMaker interface {
	MakeRoom(ctx context.Context, bytes int64) (freed int64, err error)
}

// How the disk's room is rationed.
const (
	lastBytes    = 256 << 20   // below so much new calls are refused, where the reserve is not small
	lastShare    = 4           // else below this part of the reserve
	easyShare    = 20          // an alarm ends at so much of the reserve above it: 5 %
	roomEvery    = time.Minute // if nothing could go, it is asked again
	roomShare    = 10          // what is freed at once beyond the reserve: 10 %
	foundFailing = 3           // looks in a row that must fail, or not, before the disk is said to
)

// diskWatch sees how much room the disk has and whether it takes writes, says
// so early, has room made, and at last has new calls refused, until there is
// room again.
type diskWatch struct {
	space   func() (free, total uint64, err error)
	healthy func() error
	room    roomMaker
	reserve reserve
	alarms  earshot.AlarmSource
	log     *slog.Logger
	now     func() time.Time

	full *atomic.Bool // new calls are refused

	low     bool
	failing int // looks in a row that went the other way than what is said
	failed  bool
	asked   time.Time // when room was last asked for
	making  *sync.WaitGroup
	freed   chan int64 // what a making of room came to
	busy    bool
}

func newDiskWatch(w diskWatch) *diskWatch {
	w.full, w.making, w.freed = new(atomic.Bool), new(sync.WaitGroup), make(chan int64, 1)
	return &w
}

// run looks each second until ctx ends, and has room made beside it.
func (w *diskWatch) run(ctx context.Context) {
	defer w.making.Wait()
	every(ctx, watchEvery, func() {
		if want := w.look(); want > 0 {
			w.makeRoom(ctx, want)
		}
	})
}

// look sees how the disk fares, and answers how many bytes should go.
func (w *diskWatch) look() (want int64) {
	now := w.now()
	free, total, err := w.space()
	if err != nil {
		w.sayFailed(now, fmt.Errorf("free space: %w", err))
		return 0
	}
	keep := w.reserve.bytes(total)
	last := min(lastBytes, keep/lastShare)
	trouble := w.healthy()
	w.sayFull(now, free, last, errors.Is(trouble, syscall.ENOSPC))
	if w.full.Load() && errors.Is(trouble, syscall.ENOSPC) {
		trouble = nil // said already
	}
	w.sayFailed(now, trouble)
	w.low = free < keep || w.low && free < keep+keep/easyShare
	if !w.low {
		w.alarms.Clear(earshot.AlarmDiskLow)
		w.asked = time.Time{}
		return 0
	}
	w.alarms.Raise(earshot.AlarmDiskLow, earshot.Warning, now,
		fmt.Sprintf("%s free of %s, reserve %s", size(free), size(total), size(keep)))
	return w.wanted(now, free, keep)
}

// wanted is how many bytes should go now, if any.
func (w *diskWatch) wanted(now time.Time, free, keep uint64) int64 {
	select {
	case freed := <-w.freed:
		w.busy = false
		if freed > 0 { // there may be more
			w.asked = time.Time{}
		}
	default:
	}
	if w.busy || free >= keep || now.Sub(w.asked) < roomEvery {
		return 0
	}
	return int64(keep + keep/roomShare - free)
}

func (w *diskWatch) makeRoom(ctx context.Context, bytes int64) {
	w.busy, w.asked = true, w.now()
	w.making.Go(func() {
		freed, err := w.room.MakeRoom(ctx, bytes)
		if err != nil && !ended(ctx, err) {
			w.log.Error("no room can be made on the disk", "wanted", size(uint64(bytes)), "freed", size(uint64(freed)), "err", err)
		} else if err == nil {
			w.log.Warn("the disk is nearly full: what retention allows to go was deleted", "wanted", size(uint64(bytes)), "freed", size(uint64(freed)))
		}
		w.freed <- freed
	})
}

// sayFull refuses new calls below last, or where the disk says itself that it is
// full, and takes them again somewhat above.
func (w *diskWatch) sayFull(now time.Time, free, last uint64, refused bool) {
	full := free < last || refused || w.full.Load() && free < last+last/lastShare
	w.full.Store(full)
	if full {
		w.alarms.Raise(earshot.AlarmDiskFull, earshot.Critical, now,
			fmt.Sprintf("%s free; new calls begin above %s", size(free), size(last+last/lastShare)))
	} else {
		w.alarms.Clear(earshot.AlarmDiskFull)
	}
}

// sayFailed says that the disk takes no writes, and only after some looks that it
// does again.
func (w *diskWatch) sayFailed(now time.Time, err error) {
	switch {
	case err != nil:
		w.failed, w.failing = true, 0
		w.alarms.Raise(earshot.AlarmDiskFailed, earshot.Critical, now, err.Error())
	case w.failed:
		if w.failing++; w.failing >= foundFailing {
			w.failed, w.failing = false, 0
			w.alarms.Clear(earshot.AlarmDiskFailed)
		}
	}
}

// spaceAt asks the file system on which dir lies.
func spaceAt(dir string) func() (free, total uint64, err error) {
	return func() (free, total uint64, err error) {
		var stat unix.Statfs_t
		if err := unix.Statfs(dir, &stat); err != nil {
			return 0, 0, err
		}
		return stat.Bavail * uint64(stat.Bsize), stat.Blocks * uint64(stat.Bsize), nil
	}
}

// reserve is how much of the disk is to stay free: the least of what is given.
type reserve struct {
	fixed   uint64  // bytes
	percent float64 // of the disk
}

func (r reserve) bytes(total uint64) uint64 {
	share := uint64(math.MaxUint64)
	if r.percent > 0 {
		share = uint64(float64(total) * r.percent / 100)
	}
	if r.fixed > 0 {
		return min(r.fixed, share)
	}
	return share
}

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// parseReserve reads sizes and shares with commas between, like 5GiB,5%.
func parseReserve(text string) (reserve, error) {
	var r reserve
	wrong := fmt.Errorf("--disk-reserve: a size and a share of the disk, or one of them, like 5GiB,5%%, not %q", text)
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		unit, number := 0.0, ""
		if n, ok := strings.CutSuffix(field, "%"); ok {
			number = n
		}
		for _, u := range sizeUnits {
			if n, ok := strings.CutSuffix(field, u.name); ok && number == "" {
				unit, number = u.bytes, n
			}
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		switch {
		case err != nil || !(value > 0) || value*max(unit, 1) > 1<<60:
			return r, wrong
		case unit == 0 && (value >= 100 || r.percent > 0), unit > 0 && r.fixed > 0:
			return r, wrong
		case unit == 0:
			r.percent = value
		default:
			r.fixed = uint64(value * unit)
		}
	}
	return r, nil
}

// size is so many bytes for people, with two figures: an alarm is not to change
// with each packet.
func size(bytes uint64) string {
	for _, u := range sizeUnits {
		if n := float64(bytes) / u.bytes; n >= 1 {
			digits := 0
			if n < 10 && u.bytes > 1 {
				digits = 1
			} else if n >= 100 {
				n = math.Floor(n/10) * 10
			}
			return strconv.FormatFloat(n, 'f', digits, 64) + " " + u.name
		}
	}
	return "0 B"
}
