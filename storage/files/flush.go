package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	flushPlain = time.Second      // a part's bytes wait so long at most
	flushLazy  = 10 * time.Second // where a journal has them already
	flushTicks = 10               // looks at all parts in that time
)

// bytesPool holds buffers of parts: each is needed for seconds, and there are
// hundreds.
var bytesPool = sync.Pool{New: func() any { return new([flushAt]byte) }}

// takeBytes gives an empty buffer for a part that begins with so many bytes.
func takeBytes(first int) []byte {
	if first > flushAt {
		return make([]byte, 0, first)
	}
	return bytesPool.Get().(*[flushAt]byte)[:0]
}

// giveBytes gives a buffer back, unless it has grown.
func giveBytes(b []byte) {
	if cap(b) == flushAt {
		bytesPool.Put((*[flushAt]byte)(b[:flushAt]))
	}
}

// flushEvery is how long a part's bytes may wait.
func (s *Store) flushEvery() time.Duration {
	if s.opts.FlushEvery > 0 {
		return s.opts.FlushEvery
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal != nil {
		return flushLazy
	}
	return flushPlain
}

// flushing writes parts behind those who append, until Close.
func (s *Store) flushing() {
	defer close(s.ended)
	every := s.flushEvery()
	tick := time.NewTicker(max(every/flushTicks, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			if want := s.flushEvery(); want != every {
				every = want
				tick.Reset(max(every/flushTicks, time.Millisecond))
			}
			s.flushDue(now, every)
		case p := <-s.kick:
			if err := p.Flush(); err != nil && !errors.Is(err, ErrClosed) {
				s.noteTrouble(p.trouble(err))
			}
		case <-s.stop:
			return
		}
	}
}

// flushDue writes the parts whose bytes have waited long enough or are many.
func (s *Store) flushDue(now time.Time, every time.Duration) {
	var due []*Part
	waiting := false
	for _, p := range s.openParts() {
		switch p.isDue(now, every) {
		case dueNow:
			due = append(due, p)
		case dueLater:
			waiting = true
		}
	}
	err := s.flushParts(due)
	// While nothing was to be written nothing is known of the disk.
	if err != nil || len(due) > 0 || !waiting {
		s.noteTrouble(err)
	}
}

type dueness int

const (
	dueNever dueness = iota // nothing waits
	dueLater
	dueNow
)

// isDue says when the part is to be written. Its deadline is set where it is
// first seen to have bytes, at random in the second half of every: hundreds of
// parts that were last written together are not to be so again.
func (p *Part) isDue(now time.Time, every time.Duration) dueness {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.buffer) == 0 && len(p.patches) == 0:
		return dueNever
	case len(p.buffer) >= flushAt:
		return dueNow
	case p.due.IsZero():
		p.due = now.Add(every/2 + rand.N(every/2+1) - every/flushTicks)
	}
	if now.Before(p.due) {
		return dueLater
	}
	return dueNow
}

// flushAll gives every part's buffer to the disk.
func (s *Store) flushAll() {
	s.noteTrouble(s.flushParts(s.openParts()))
}

// flushParts writes parts. One that cannot be written keeps its bytes and is
// tried again; what is told is why the last of them failed.
func (s *Store) flushParts(parts []*Part) (failed error) {
	for _, p := range parts {
		if err := p.Flush(); err != nil && !errors.Is(err, ErrClosed) {
			failed = p.trouble(err)
		}
	}
	return failed
}

func (p *Part) trouble(err error) error {
	return fmt.Errorf("write %s%s: %w", p.name, partSuffix, err)
}

func (s *Store) openParts() []*Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := make([]*Part, 0, len(s.parts))
	for _, p := range s.parts {
		parts = append(parts, p)
	}
	return parts
}

// noteTrouble keeps why the disk did not take everything, for Healthy.
func (s *Store) noteTrouble(failed error) {
	s.mu.Lock()
	before := s.trouble
	s.trouble = failed
	s.mu.Unlock()
	// Said once each way, however long it lasts.
	switch {
	case failed != nil && before == nil:
		s.opts.Log.LogAttrs(context.Background(), slog.LevelError, "the disk does not take recordings", slog.Any("err", failed))
	case failed == nil && before != nil:
		s.opts.Log.LogAttrs(context.Background(), slog.LevelInfo, "the disk takes recordings again")
	}
}

// makeSafe writes all parts, those being sealed with them, and makes the disk
// keep what it was given.
func (s *Store) makeSafe() error {
	parts := s.openParts()
	var errs []error
	for _, p := range parts {
		if err := p.writeAny(); err != nil {
			errs = append(errs, p.trouble(err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		s.noteTrouble(errs[0])
		return err
	}
	return s.syncDisk()
}

// writeAny writes a part that is open or being sealed, and syncs it where a sync
// of the disk does not reach it.
func (p *Part) writeAny() error {
	p.io.Lock()
	defer p.io.Unlock()
	p.mu.Lock()
	ended := p.stage == partSealed || p.stage == partGone
	idle := len(p.buffer) == 0 && len(p.patches) == 0
	p.mu.Unlock()
	if ended {
		return nil
	}
	if !idle {
		if err := p.write(); err != nil {
			return err
		}
	}
	if p.file != nil && p.foreign {
		return p.store.syncFile(p.file, p.name)
	}
	return nil
}
