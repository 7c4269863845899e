package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"earshot"
	"earshot/ingest"
	"earshot/storage/files"
)

// recovery is what came back of calls whose process was killed.
type recovery struct {
	calls, back int
	took        time.Duration
	lost        []time.Duration // of each call: from its last record on the disk to the kill
}

// killed has a process of its own record what is injected, kills it in the midst
// of its calls, and brings them back from its journal.
func killed(ctx context.Context, opts Options, dir string) (r recovery, err error) {
	program := opts.Server
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return r, fmt.Errorf("finding this program: %w", err)
		}
	}
	data := filepath.Join(dir, "killed")
	cmd := exec.CommandContext(ctx, program, "bench", "seats", strconv.Itoa(opts.Seats), "--listeners=0", "--inject", "--for=1h", "--data="+data)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return r, fmt.Errorf("starting the process to kill: %w", err)
	}
	waited := pause(ctx, opts.Warm+opts.For)
	at := time.Now()
	if err := errors.Join(waited, cmd.Process.Kill()); err != nil {
		return r, err
	}
	_ = cmd.Wait()                 // how it ended is in its state
	if cmd.ProcessState.Exited() { // by itself, not by the kill
		return r, fmt.Errorf("%w: %s", errServerEnded, bytes.TrimSpace(said.Bytes()))
	}
	r, err = bringBack(ctx, filepath.Join(data, "data"), opts.Seats)
	for i := range r.lost {
		r.lost[i] += at.Sub(zero)
	}
	return r, err
}

// zero is what times without a meaning of their own count from.
var zero = time.Unix(0, 0)

// bringBack replays the folder's journal. What it answers as lost counts from
// each call's end to zero.
func bringBack(ctx context.Context, data string, seats int) (r recovery, err error) {
	began := time.Now()
	store, err := files.Open(data, files.Options{})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	journal, err := store.OpenJournal(files.JournalOptions{})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	replayed, err := ingest.Replay(ctx, ingest.ReplayOptions{
		Node: "bench", Journal: ingest.DiskJournal(journal), Files: ingest.Disk(store),
		Shelf: &shelf{seats: seats, calls: map[string]earshot.Call{}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return r, err
	}
	r.took, r.calls = time.Since(began), seats
	for _, call := range replayed.Calls() {
		r.back++
		r.lost = append(r.lost, zero.Sub(call.EndedAt.Time))
	}
	slices.Sort(r.lost)
	return r, nil
}

func (r recovery) print(line func(name, format string, args ...any)) {
	line("killed, and brought back", "%d of %d calls in %.1f s, index apart", r.back, r.calls, r.took.Seconds())
	if n := len(r.lost); n > 0 {
		line("audio lost with the kill", "p50 %v, at most %v of what had come", r.lost[n/2].Round(time.Millisecond), r.lost[n-1].Round(time.Millisecond))
	}
}
