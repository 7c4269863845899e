// Package bench measures what seats cost: it makes N seats of two tracks speak,
// and tells what the server needed for it and what it lost.
//
// Over the network (Seats) the server is a child process, so that its time on
// the processors is known apart from that of the seats and listeners, which are
// in this one. With Inject the packets go behind the wire, straight into the
// tracks of a floor in this process, which writes real files.
//
// Goroutines: a pacer for each half of the seats, and pion's for each
// connection; all end before Seats returns.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"earshot"
)

// Options say what to measure.
type Options struct {
	Seats     int
	Listeners int           // on the first seats, both sides each; not with Inject
	For       time.Duration // measured, after Warm; 20 s
	Warm      time.Duration // before that; 3 s
	Inject    bool          // behind the wire, in this process
	Kill      bool          // with Inject: kill a process that records the same, and bring its calls back

	// OpenFor, with Inject, has every fifth call be open for so long and the others
	// for half a minute, by a clock that runs fast. With Kill a server is started on
	// what the killed process left, and timed; without it the process says when it
	// may be killed.
	OpenFor time.Duration

	// Against is a MediaMTX binary that records the same load afterwards, for
	// comparison; empty is none.
	Against string

	Server string   // the earshot binary to run; this one if empty
	Args   []string // more flags for it
	Data   string   // folder for recordings, kept afterwards; one of its own, taken away, if empty
}

func (o *Options) fill() error {
	switch {
	case o.Seats < 1 || o.Seats > 5000:
		return earshot.Fail(earshot.Invalid, "bad_seats", "between 1 and 5000 seats, not %d", o.Seats)
	case o.Listeners < 0:
		return earshot.Fail(earshot.Invalid, "bad_listeners", "a number of listeners, not %d", o.Listeners)
	case o.Inject && o.Listeners > 0:
		return earshot.Fail(earshot.Invalid, "bad_listeners", "injected packets have no listeners")
	case o.Kill && !o.Inject:
		return earshot.Fail(earshot.Invalid, "bad_kill", "only a process that packets are injected into is killed")
	case o.Inject && o.Against != "":
		return earshot.Fail(earshot.Invalid, "bad_against", "nothing can be injected into another server")
	}
	if o.OpenFor != 0 && (!o.Inject || o.OpenFor < time.Minute || o.OpenFor >= earshot.LongestCall-time.Minute) {
		return earshot.Fail(earshot.Invalid, "bad_open_for", "injected calls are open for a minute or more, and for less than %v; not %v", earshot.LongestCall, o.OpenFor)
	}
	if o.For <= 0 {
		o.For = 20 * time.Second
	}
	if o.Warm <= 0 {
		o.Warm = 3 * time.Second
	}
	if o.Server == "" && (!o.Inject || o.OpenFor > 0) {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("finding this program: %w", err)
		}
		o.Server = self
	}
	return nil
}

// The load: what a browser sends of speech at 32 kbit/s.
const (
	frameEvery   = 20 * time.Millisecond
	frameSamples = 960
	frameBytes   = 81
	tracksASeat  = 2
)

// figures are what was measured.
type figures struct {
	opts     Options
	span     time.Duration
	sent     int64         // packets, in the span
	cpu      time.Duration // of the server in the span
	idleRSS  int64         // bytes, with the seats known and none connected
	busyRSS  int64
	written  int64 // bytes to the disk, by the server
	writes   int64 // system calls that write, by the server
	flushes  int64 // of all disks, by whomever
	ordered  int64 // flushes that the store ordered; with Inject
	kill     *recovery
	idlePart float64

	allSent int64 // from beginning to end
	gaps    map[earshot.Cause]time.Duration
	calls   int

	delays []time.Duration
	heard  int64 // packets at listeners
	toHear int64
}

// Seats measures and writes the figures to out.
func Seats(ctx context.Context, opts Options, out io.Writer) error {
	if err := opts.fill(); err != nil {
		return err
	}
	dir := opts.Data
	if dir == "" {
		made, err := os.MkdirTemp("", "earshot-bench-")
		if err != nil {
			return fmt.Errorf("making a folder: %w", err)
		}
		dir = made
		defer func() { _ = os.RemoveAll(made) }() // a temporary folder
	}
	switch {
	case opts.OpenFor > 0 && opts.Kill:
		return restart(ctx, opts, dir, out)
	case opts.OpenFor > 0:
		return aged(ctx, opts, dir, out)
	}
	measure := overNetwork
	if opts.Inject {
		measure = behindTheWire
	}
	f, err := measure(ctx, opts, dir)
	if err != nil {
		return err
	}
	if opts.Kill {
		r, err := killed(ctx, opts, dir)
		if err != nil {
			return fmt.Errorf("killing a process: %w", err)
		}
		f.kill = &r
	}
	f.print(out)
	if opts.Against == "" {
		return nil
	}
	other, err := rival(ctx, opts, dir)
	if err != nil {
		return fmt.Errorf("MediaMTX: %w", err)
	}
	f.compare(out, other)
	return nil
}

// span samples the server before and after the measured time. Both halves of
// what it takes are read from /proc, so it runs on Linux alone.
func (f *figures) sample(ctx context.Context, pid int, sent func() int64) error {
	if err := pause(ctx, f.opts.Warm); err != nil {
		return err
	}
	a, err := readProcess(pid)
	if err != nil {
		return err
	}
	before, err := readMachine()
	if err != nil {
		return err
	}
	began, first := time.Now(), sent()
	if err := pause(ctx, f.opts.For); err != nil {
		return err
	}
	b, err := readProcess(pid)
	if err != nil {
		return err
	}
	after, err := readMachine()
	if err != nil {
		return err
	}
	f.span, f.sent = time.Since(began), sent()-first
	f.cpu, f.busyRSS, f.written, f.writes = b.cpu-a.cpu, b.rss, b.written-a.written, b.writes-a.writes
	f.flushes = after.flushes - before.flushes
	f.idlePart = after.idleSince(before)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lost is the part of what was sent that is not in the recordings, in packets.
func (f *figures) lost() float64 {
	var gone time.Duration
	for cause, d := range f.gaps {
		if cause == earshot.CauseLost || cause == earshot.CauseOverflow || cause == earshot.CauseStalled || cause == earshot.CauseDamaged {
			gone += d
		}
	}
	return float64(gone) / float64(frameEvery)
}

func (f *figures) print(out io.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-34s %s\n", name, fmt.Sprintf(format, args...))
	}
	way := "over loopback, server apart"
	if f.opts.Inject {
		way = "injected behind the wire, generator included"
	}
	line("seats", "%d × %d tracks, %s", f.opts.Seats, tracksASeat, way)
	line("packets", "%d in %.1f s", f.sent, f.span.Seconds())
	line("server CPU for a recorded packet", "%.1f µs (%.0f %% of one core)", float64(f.cpu.Microseconds())/float64(max(f.sent, 1)), 100*f.cpu.Seconds()/f.span.Seconds())
	line("memory for a seat, above idle", "%.0f KiB (idle %.1f MiB)", float64(f.busyRSS-f.idleRSS)/1024/float64(f.opts.Seats), float64(f.idleRSS)/(1<<20))
	line("calls stored", "%d of %d", f.calls, f.opts.Seats)
	line("packets lost", "%.0f of %d%s", f.lost(), f.allSent, f.causes())
	line("written to disk", "%.2f MB/s", float64(f.written)/1e6/f.span.Seconds())
	line("writes", "%.0f a second", float64(f.writes)/f.span.Seconds())
	if f.opts.Inject {
		line("disk flushes ordered", "%.1f a second", float64(f.ordered)/f.span.Seconds())
	}
	line("disk flushes, whole machine", "%.1f a second", float64(f.flushes)/f.span.Seconds())
	if f.kill != nil {
		f.kill.print(line)
	}
	if n := len(f.delays); n > 0 {
		line("delay, sent to heard", "p50 %v, p99 %v, p99.9 %v, over %d packets", f.delay(.5), f.delay(.99), f.delay(.999), n)
		line("packets not heard", "%d of %d", max(f.toHear-f.heard, 0), f.toHear)
	}
	state := "no"
	if f.idlePart < 0.05 {
		state = "YES: the figures say little"
	}
	line("machine saturated", "%s (%.0f %% idle)", state, 100*f.idlePart)
}

// delay is what the part p of what was heard did not exceed.
func (f *figures) delay(p float64) time.Duration {
	slices.Sort(f.delays)
	return f.delays[min(len(f.delays)-1, int(p*float64(len(f.delays))))].Round(10 * time.Microsecond)
}

func (f *figures) causes() string {
	var text string
	for _, cause := range []earshot.Cause{earshot.CauseLost, earshot.CauseOverflow, earshot.CauseStalled, earshot.CauseDisconnected, earshot.CauseDrift, earshot.CauseDamaged} {
		if d := f.gaps[cause]; d > 0 {
			text += fmt.Sprintf("; %s %v", cause, d)
		}
	}
	return text
}

// count adds up the gaps of stored calls.
func (f *figures) count(call earshot.Call) {
	f.calls++
	for _, g := range call.Gaps {
		f.gaps[g.Cause] += time.Duration(g.EndMs-g.StartMs) * time.Millisecond
	}
}

var errServerEnded = errors.New("the server ended by itself")
