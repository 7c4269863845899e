package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const dropPause = 5 * time.Second // before files that could not be made safe are tried again

// writing is the journal's writer; it ends when stop is closed and all is
// written.
func (j *Journal) writing() {
	w := writer{Journal: j}
	for {
		select {
		case <-j.wake:
			w.round()
		case <-j.stop:
			w.round()
			w.leave()
			return
		}
	}
}

// writer is the state of the writer's goroutine.
type writer struct {
	*Journal
	open *segment // the one whose file is open
	told bool     // that the disk does not take it
}

// round writes all that waits, with one sync at most for each segment.
func (w *writer) round() {
	w.mu.Lock()
	chunks := w.queue
	w.queue = nil
	w.mu.Unlock()
	for len(chunks) > 0 {
		n := 1
		for n < len(chunks) && chunks[n].segment == chunks[0].segment {
			n++
		}
		w.write(chunks[0].segment, chunks[:n])
		chunks = chunks[n:]
	}
	w.tell()
}

// write writes chunks of one segment.
func (w *writer) write(s *segment, chunks []chunk) {
	var sync, begun bool
	err := w.turnTo(s)
	for _, c := range chunks {
		if err == nil {
			err = w.put(s, c.data)
		}
		sync, begun = sync || c.sync, begun || c.begun
	}
	if err == nil && sync {
		err = w.store.syncFile(s.file, s.name())
	}
	w.written(s, chunks, sync, begun, err)
}

// put writes data whole or not at all.
func (w *writer) put(s *segment, data []byte) error {
	n, err := s.file.WriteAt(data, s.size)
	if err != nil {
		// Half a record at the end would look like damage later. Where it cannot
		// be cut off it is told as such.
		return errors.Join(err, s.file.Truncate(s.size))
	}
	s.size += int64(n)
	return nil
}

// turnTo makes s the open segment. The one before it is synced first: its last
// records are no less precious for what follows.
func (w *writer) turnTo(s *segment) error {
	if w.open == s {
		if s.file == nil {
			return errors.New("the segment has been given up")
		}
		return nil
	}
	before := w.open
	w.open = s
	if before != nil && before.file != nil {
		err := errors.Join(w.store.syncFile(before.file, before.name()), before.file.Close())
		before.file = nil
		if err != nil {
			return fmt.Errorf("the segment before it: %w", err)
		}
	}
	// Nothing is allocated ahead: a sync has to note a grown size or a block that
	// is now in use alike, and a nearly full disk should still take what it can.
	f, err := w.dir.OpenFile(s.name(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	s.file = f
	w.mu.Lock()
	w.kept = append(w.kept, s.head.number)
	w.mu.Unlock()
	w.store.step("segment created", s.name())
	return w.store.syncDir(w.dir, ".")
}

// written notes what became of chunks.
func (w *writer) written(s *segment, chunks []chunk, sync, begun bool, err error) {
	step := "records written"
	switch {
	case err != nil:
		w.giveUp(s)
		step = "segment given up"
	case begun:
		step = "states synced"
	}
	defer w.store.step(step, s.name())
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range chunks {
		*w.room(c) -= len(c.data)
		if sync || err != nil {
			w.synced = c.upto
		}
		if err != nil {
			w.lost += c.records
		}
		if cap(c.data) <= keepBuffer {
			w.spare = c.data[:0]
		}
	}
	w.since = time.Time{}
	if len(w.queue) > 0 {
		w.since = w.queue[0].at
	}
	switch {
	case err != nil:
		w.breakOff(s, err)
	case begun:
		s.whole = true
		w.dropBefore = s.head.number
		if !s.broken {
			w.trouble, w.lost = nil, 0
		}
		wake(w.dropWake)
	}
}

// giveUp closes a segment that could not be written. One without its states on
// the disk is of no use, and on a full disk in the way.
func (w *writer) giveUp(s *segment) {
	if s.file == nil {
		return
	}
	// Nothing is expected of it any more; the failure before is what is told.
	_ = s.file.Close()
	s.file = nil
	w.mu.Lock()
	useless := !s.whole
	w.mu.Unlock()
	if !useless || w.dir.Remove(s.name()) != nil {
		return
	}
	w.mu.Lock()
	w.kept = slices.DeleteFunc(w.kept, func(n uint64) bool { return n == s.head.number })
	w.mu.Unlock()
}

// leave syncs and closes the open segment.
func (w *writer) leave() {
	if w.open == nil || w.open.file == nil {
		return
	}
	err := w.open.file.Close()
	w.open.file = nil
	if err != nil {
		w.mu.Lock()
		w.breakOff(w.open, err)
		w.mu.Unlock()
	}
}

// tell logs trouble once each way, however long it lasts.
func (w *writer) tell() {
	w.mu.Lock()
	trouble := w.trouble
	w.mu.Unlock()
	switch {
	case trouble != nil && !w.told:
		w.store.opts.Log.LogAttrs(context.Background(), slog.LevelError, "the disk does not take the journal", slog.Any("err", trouble))
	case trouble == nil && w.told:
		w.store.opts.Log.LogAttrs(context.Background(), slog.LevelInfo, "the disk takes the journal again")
	}
	w.told = trouble != nil
}

// dropping takes old segments away until stop is closed.
func (j *Journal) dropping() {
	var again <-chan time.Time
	for {
		select {
		case <-j.dropWake:
		case <-again:
		case <-j.stop:
			return
		}
		again = nil
		j.mu.Lock()
		before, last := j.dropBefore, j.dropErr
		j.mu.Unlock()
		err := j.dropOlder(before)
		if err != nil {
			again = time.After(dropPause)
			if last == nil {
				j.store.opts.Log.LogAttrs(context.Background(), slog.LevelError, "old segments of the journal are kept", slog.Any("err", err))
			}
		}
		j.mu.Lock()
		j.dropErr = err
		j.mu.Unlock()
	}
}

// dropOlder makes all files safe and takes the segments before a number away.
func (j *Journal) dropOlder(before uint64) error {
	j.mu.Lock()
	var old []uint64
	for _, n := range j.kept {
		if n < before {
			old = append(old, n)
		}
	}
	j.mu.Unlock()
	if len(old) == 0 {
		return nil
	}
	if err := j.store.makeSafe(); err != nil {
		return fmt.Errorf("make files safe before the journal forgets: %w", err)
	}
	j.store.step("files safe", segmentName(before))
	for _, n := range old { // the oldest first: what is left after a crash has no holes
		if err := j.dir.Remove(segmentName(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("drop a journal segment: %w", err)
		}
		j.store.step("segment dropped", segmentName(n))
	}
	if err := j.store.syncDir(j.dir, "."); err != nil {
		return fmt.Errorf("sync the journal's folder: %w", err)
	}
	j.mu.Lock()
	j.kept = slices.DeleteFunc(j.kept, func(n uint64) bool { return n < before })
	j.mu.Unlock()
	return nil
}

func (s *segment) name() string { return segmentName(s.head.number) }

func segmentName(number uint64) string { return fmt.Sprintf("%08d", number) + segmentSuffix }

// listSegments gives the numbers of the segments in a folder, in order, and the
// next one to use. Numbers of segments set aside are not used again.
func listSegments(dir *os.Root) (found []uint64, next uint64, err error) {
	f, err := dir.Open(".")
	if err != nil {
		return nil, 0, err
	}
	entries, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, 0, err
	}
	next = 1
	for _, entry := range entries {
		base, aside := strings.CutSuffix(entry.Name(), damagedSuffix)
		digits, ok := strings.CutSuffix(base, segmentSuffix)
		number, bad := strconv.ParseUint(digits, 10, 63)
		if !ok || bad != nil || base != segmentName(number) {
			continue
		}
		next = max(next, number+1)
		if !aside && entry.Type().IsRegular() {
			found = append(found, number)
		}
	}
	slices.Sort(found)
	return found, next, nil
}
