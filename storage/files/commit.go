package files

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	fewFiles  = 2                      // so many are synced one by one, more with the whole disk
	gatherFor = time.Millisecond       // for each open part: the busier, the more is sealed at once
	gatherMax = 500 * time.Millisecond // however busy
)

// naming is a file on its way to its final name.
type naming struct {
	part     *Part // nil for a whole file, which somebody waits for
	file     *os.File
	from, to string
	named    bool // it has its final name
	waits    bool // it has been told that it waits for room
	err      error
	done     func(*naming) // on the committer's goroutine; must not wait
}

// committer gives files their final names: all that wait together, with one sync
// of the disk and one of each folder, however many they are.
type committer struct {
	store  *Store
	wake   chan struct{} // something waits
	urgent chan struct{} // somebody waits for it
	stop   chan struct{}
	ended  chan struct{}

	mu      sync.Mutex
	closed  bool
	waiting []*naming
}

func newCommitter(s *Store) *committer {
	return &committer{
		store: s, wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
}

// submit lets n wait for the next round; false after close.
func (c *committer) submit(n *naming) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.waiting = append(c.waiting, n)
	if n.part == nil {
		wake(c.urgent)
	}
	wake(c.wake)
	return true
}

// close commits what waits and ends run.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.stop)
	<-c.ended
}

// run commits in rounds until close.
func (c *committer) run() {
	defer close(c.ended)
	var last time.Time // when the round before began
	for {
		select {
		case <-c.wake:
		case <-c.stop:
			c.round(c.take())
			return
		}
		c.gather(last)
		last = time.Now()
		c.round(c.take())
	}
}

func (c *committer) take() []*naming {
	c.mu.Lock()
	defer c.mu.Unlock()
	group := c.waiting
	c.waiting = nil
	return group
}

// gather lets some time go by after the last round for more parts to come,
// unless somebody waits.
func (c *committer) gather(last time.Time) {
	c.store.mu.Lock()
	pause := min(time.Duration(len(c.store.parts))*gatherFor, gatherMax)
	c.store.mu.Unlock()
	pause -= time.Since(last)
	if pause <= 0 {
		return
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.urgent:
	case <-c.stop:
	}
}

// round brings a group to its final names: all are written, made safe, renamed,
// and the folders made safe, each step for all before the next. One that fails
// holds up no other.
func (c *committer) round(group []*naming) {
	for _, n := range group {
		if n.part != nil && n.err == nil {
			n.file, n.err = n.part.prepare()
		}
	}
	group = c.postpone(group)
	c.makeSafe(group)
	for _, n := range group {
		if n.err == nil {
			n.err = c.rename(n)
		}
	}
	c.syncFolders(group)
	for _, n := range group {
		n.done(n)
	}
}

// postpone takes out of a group the parts for which there is no room on the disk,
// and has them wait: their last bytes are nowhere but in memory and the journal.
func (c *committer) postpone(group []*naming) []*naming {
	var now, later []*naming
	for _, n := range group {
		if n.part == nil || !c.store.waitsFor(n.err) {
			now = append(now, n)
			continue
		}
		if !n.waits {
			c.store.opts.Log.LogAttrs(context.Background(), slog.LevelError, "a file waits for room on the disk", slog.String("file", n.to), slog.Any("err", n.err))
		}
		n.err, n.waits = nil, true
		later = append(later, n)
	}
	if len(later) > 0 {
		time.AfterFunc(retryPause, func() { // Close waits for these parts, and so for this
			c.mu.Lock()
			c.waiting = append(c.waiting, later...)
			c.mu.Unlock()
			wake(c.wake)
		})
	}
	return now
}

// waitsFor says whether what failed so is tried again: while nothing but room, or
// a disk that may be written, is missing, and the journal has what the file lacks.
func (s *Store) waitsFor(err error) bool {
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) && !errors.Is(err, unix.EROFS) {
		return false
	}
	s.mu.Lock()
	journal := s.journal
	s.mu.Unlock()
	return journal != nil && journal.begun()
}

// makeSafe makes the bytes of a group safe.
func (c *committer) makeSafe(group []*naming) {
	var single, common []*naming
	for _, n := range group {
		switch {
		case n.err != nil:
		case c.store.isForeign(n.file):
			single = append(single, n)
		default:
			common = append(common, n)
		}
	}
	// Where the disk as a whole fails, each file by itself says whether it is
	// concerned.
	if len(common) <= fewFiles || c.store.syncDisk() != nil {
		single = append(single, common...)
	}
	for _, n := range single {
		n.err = c.store.syncFile(n.file, n.to)
	}
	for _, n := range group {
		if n.err == nil {
			c.store.step("synced", n.to)
		}
	}
}

// rename closes a file, whose bytes are safe, and gives it its final name.
func (c *committer) rename(n *naming) error {
	if n.part != nil {
		n.part.io.Lock()
		defer n.part.io.Unlock()
		n.part.file = nil
	}
	if err := n.file.Close(); err != nil {
		return err
	}
	if err := c.store.audio.Rename(n.from, n.to); err != nil {
		return err
	}
	n.named = true
	if n.part != nil {
		n.part.sealed()
	}
	c.store.step("renamed", n.to)
	return nil
}

// syncFolders makes the new names safe.
func (c *committer) syncFolders(group []*naming) {
	synced := make(map[string]error)
	for _, n := range group {
		if !n.named {
			continue
		}
		folder := path.Dir(n.to)
		err, known := synced[folder]
		if !known {
			err = c.store.syncDir(c.store.audio, folder)
			synced[folder] = err
		}
		n.err = errors.Join(n.err, err)
		if err == nil {
			c.store.step("folder synced", n.to)
		}
	}
}
