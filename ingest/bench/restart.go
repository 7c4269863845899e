package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"earshot"
)

// restart measures how long a server needs after a kill until every open call is
// stored, in the index, and flagged as interrupted.
func restart(ctx context.Context, opts Options, dir string, out io.Writer) error {
	password := rand.Text()
	if err := furnish(ctx, opts, dir, password); err != nil {
		return err
	}
	made := time.Now()
	if err := killAged(ctx, opts, dir); err != nil {
		return err
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-34s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("calls open at the kill", "%d, every %dth for %v, the others for %v (made in %.0f s)", opts.Seats, longEvery, opts.OpenFor+speechFor, speechFor, time.Since(made).Seconds())
	size, err := folderSize(filepath.Join(dir, "data", "journal"))
	if err != nil {
		return err
	}
	line("journal", "%.0f MB", float64(size)/1e6)
	began := time.Now()
	s, err := startServerAs(ctx, opts, dir, password)
	if err != nil {
		return err
	}
	signedIn := time.Since(began)
	back, err := s.interrupted(ctx, opts.Seats)
	took := time.Since(began)
	if err = errors.Join(err, s.stop()); err != nil {
		return err
	}
	long := 0
	for _, call := range back {
		if call.DurationMs >= opts.OpenFor.Milliseconds() {
			long++
		}
	}
	line("somebody has signed in", "%.1f s after the server was started", signedIn.Seconds())
	line("stored, in the index, flagged", "%d of %d calls after %.1f s; %d are longer than %v", len(back), opts.Seats, took.Seconds(), long, opts.OpenFor)
	return nil
}

// furnish makes the index and its seats.
func furnish(ctx context.Context, opts Options, dir, password string) error {
	s, err := startServerAs(ctx, opts, dir, password)
	if err != nil {
		return err
	}
	_, err = s.makeSeats(ctx, opts.Seats)
	return errors.Join(err, s.stop())
}

// killAged has a process of its own record calls, and kills it.
func killAged(ctx context.Context, opts Options, dir string) error {
	cmd := exec.CommandContext(ctx, opts.Server, "bench", "seats", strconv.Itoa(opts.Seats), "--listeners=0", "--inject",
		"--open-for="+opts.OpenFor.String(), "--data="+dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the process to kill: %w", err)
	}
	ready := false
	for scan := bufio.NewScanner(lines); !ready && scan.Scan(); {
		ready = strings.Contains(scan.Text(), recorded)
	}
	waited := pause(ctx, time.Second) // for the journal's last sync
	err = errors.Join(waited, cmd.Process.Kill())
	_ = cmd.Wait() // how it ended is known
	if !ready {
		return fmt.Errorf("%w: %s", errServerEnded, bytes.TrimSpace(said.Bytes()))
	}
	return err
}

// interrupted waits until the index has n calls that are stored and interrupted.
func (s *server) interrupted(ctx context.Context, n int) ([]earshot.Call, error) {
	deadline := time.Now().Add(storeWithin)
	for {
		var all []earshot.Call
		for cursor := ""; ; {
			var page struct {
				Calls []earshot.Call
				Next  string
			}
			if err := s.call(ctx, http.MethodGet, "/api/v1/calls?state=stored&flag=interrupted&limit=200&cursor="+url.QueryEscape(cursor), nil, &page); err != nil {
				return nil, err
			}
			all = append(all, page.Calls...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(all) >= n || time.Now().After(deadline) {
			return all, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func folderSize(dir string) (size int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if info, infoErr := entry.Info(); infoErr == nil {
			size += info.Size()
		}
	}
	return size, err
}
