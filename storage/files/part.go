package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	partSuffix = ".part"
	tempSuffix = ".tmp"

	flushAt = 64 << 10 // so many buffered bytes do not wait for the next flush
)

// Part is a file that grows. Append and Patch only touch memory; the store's
// flusher writes behind them.
type Part struct {
	store *Store
	name  string

	io      sync.Mutex // held while the disk is touched; taken before mu
	file    *os.File   // nil until the first flush, and after the end
	written int64      // bytes of the file that have been written
	foreign bool       // it lies on another file system than the audio folder

	mu      sync.Mutex
	start   int64 // where buffer lies in the file
	writing int   // bytes before start that are on their way to the disk
	buffer  []byte
	patches []patch   // of bytes before start, oldest first
	sum     hash.Hash // of everything appended
	resum   bool      // bytes were patched: sum is of no use
	due     time.Time // when the buffer is written at the latest; zero until the flusher saw it
	stage   stage
}

type patch struct {
	off  int64
	data []byte
}

type stage int

const (
	partOpen stage = iota
	partEnding
	partSealed
	partGone // discarded, failed, or left behind by Close
)

// Create begins the file name, which is called name+".part" until it is sealed
// and comes to the disk with the first flush. A disk that cannot take it shows
// in Append once the buffer is full, and in Healthy.
func (s *Store) Create(name string) (*Part, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("create %s: %w", name, ErrClosed)
	}
	for _, taken := range []string{name, name + partSuffix} {
		if _, err := s.audio.Lstat(taken); err == nil {
			return nil, ErrExists.Because(errors.New(taken))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("create %s: %w", name, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("create %s: %w", name, ErrClosed)
	}
	if s.parts[name] != nil {
		return nil, ErrExists.Because(errors.New(name + partSuffix))
	}
	p := &Part{store: s, name: name, sum: sha256.New()}
	s.parts[name] = p
	return p, nil
}

// Name is the name that the file will have when it is complete.
func (p *Part) Name() string { return p.name }

// Append adds data to the end of the file, all of it or nothing. It does not
// wait for the disk; ErrOverflow says that the disk is too far behind.
func (p *Part) Append(data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != partOpen {
		return fmt.Errorf("append to %s: %w", p.name, ErrClosed)
	}
	before := len(p.buffer)
	if p.writing+before+len(data) > p.store.opts.MaxBuffer {
		return ErrOverflow
	}
	if p.buffer == nil {
		p.buffer = takeBytes(len(data))
	}
	p.buffer = append(p.buffer, data...)
	p.sum.Write(data)
	if before < flushAt && len(p.buffer) >= flushAt {
		select {
		case p.store.kick <- p:
		default: // the flusher is busy, and finds it by itself
		}
	}
	return nil
}

// Patch overwrites bytes that have been appended, beginning at off.
func (p *Part) Patch(off int64, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stage != partOpen:
		return fmt.Errorf("patch %s: %w", p.name, ErrClosed)
	case off < 0 || off+int64(len(data)) > p.start+int64(len(p.buffer)):
		return fmt.Errorf("patch %s: bytes %d to %d have not been appended", p.name, off, off+int64(len(data)))
	}
	p.resum = true
	if off >= p.start && len(p.patches) == 0 {
		copy(p.buffer[off-p.start:], data)
		return nil
	}
	// The same place again replaces what waits there: a header that is patched
	// while the disk is away must not pile up.
	kept := p.patches[:0]
	for _, old := range p.patches {
		if old.off != off || len(old.data) != len(data) {
			kept = append(kept, old)
		}
	}
	p.patches = append(kept, patch{off, append([]byte{}, data...)})
	return nil
}

// Bytes is everything appended so far, as patched; after Seal the sealed file.
func (p *Part) Bytes() ([]byte, error) {
	p.io.Lock()
	defer p.io.Unlock()
	p.mu.Lock()
	stage := p.stage
	buffer := append([]byte{}, p.buffer...)
	patches := append([]patch{}, p.patches...)
	p.mu.Unlock()
	switch stage {
	case partSealed:
		return p.store.ReadWhole(p.name)
	case partGone:
		return nil, fmt.Errorf("read %s: %w", p.name, ErrClosed)
	}
	all := make([]byte, p.written, p.written+int64(len(buffer)))
	if p.file != nil {
		if _, err := io.ReadFull(io.NewSectionReader(p.file, 0, p.written), all); err != nil {
			return nil, fmt.Errorf("read %s%s: %w", p.name, partSuffix, err)
		}
	}
	all = append(all, buffer...)
	for _, patch := range patches {
		copy(all[patch.off:], patch.data)
	}
	return all, nil
}

// ReadAt reads what was appended, as patched, wherever it lies by now: in memory, on
// the disk, or in the sealed file. At its end, which may be a later one the next
// time, it answers io.EOF.
func (p *Part) ReadAt(b []byte, off int64) (int, error) {
	p.io.Lock()
	defer p.io.Unlock()
	p.mu.Lock()
	stage := p.stage
	p.mu.Unlock()
	switch stage {
	case partSealed:
		return p.readSealed(b, off)
	case partGone:
		return 0, fmt.Errorf("read %s: %w", p.name, ErrClosed)
	}
	n := 0
	if onDisk := min(int64(len(b)), p.written-off); onDisk > 0 {
		var err error
		if n, err = p.file.ReadAt(b[:onDisk], off); err != nil {
			return n, fmt.Errorf("read %s%s: %w", p.name, partSuffix, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if behind := off + int64(n) - p.start; behind >= 0 && behind < int64(len(p.buffer)) {
		n += copy(b[n:], p.buffer[behind:])
	}
	for _, patch := range p.patches {
		overlay(b[:n], off, patch.data, patch.off)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// overlay lays data, which lies at dataOff, over what of it b has, which lies at off.
func overlay(b []byte, off int64, data []byte, dataOff int64) {
	if from := dataOff - off; from >= 0 && from < int64(len(b)) {
		copy(b[from:], data)
	} else if from < 0 && -from < int64(len(data)) {
		copy(b, data[-from:])
	}
}

func (p *Part) readSealed(b []byte, off int64) (n int, err error) {
	f, err := p.store.audio.Open(p.name)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", p.name, err)
	}
	n, err = f.ReadAt(b, off)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return n, err
}

// Discard takes the unfinished file away.
func (p *Part) Discard() error {
	if !p.end(partGone) {
		return fmt.Errorf("discard %s: %w", p.name, ErrClosed)
	}
	p.io.Lock()
	defer p.io.Unlock()
	defer p.store.forget(p)
	if p.file == nil {
		return nil
	}
	closed := p.file.Close()
	p.file = nil
	if err := errors.Join(closed, p.store.audio.Remove(p.name+partSuffix)); err != nil {
		return fmt.Errorf("discard %s: %w", p.name, err)
	}
	return nil
}

// Flush writes what is buffered to the disk, without a sync, and waits for it.
// Recordings leave that to the store; an import that appends faster than a disk
// writes calls it now and then.
func (p *Part) Flush() error {
	p.io.Lock()
	defer p.io.Unlock()
	p.mu.Lock()
	stage, idle := p.stage, len(p.buffer) == 0 && len(p.patches) == 0
	p.mu.Unlock()
	if stage != partOpen {
		return fmt.Errorf("flush %s: %w", p.name, ErrClosed)
	}
	if idle {
		return nil
	}
	return p.write()
}

// write brings buffer and patches to the disk; what it could not write it puts
// back. The caller holds io.
func (p *Part) write() error {
	if err := p.create(); err != nil {
		return err
	}
	data, patches := p.takeBuffer()
	n, err := p.file.WriteAt(data, p.written)
	p.written += int64(n)
	for err == nil && len(patches) > 0 {
		if _, err = p.file.WriteAt(patches[0].data, patches[0].off); err == nil {
			patches = patches[1:]
		}
	}
	p.putBack(data, n, patches)
	return err
}

// create makes the file if that has not been done.
func (p *Part) create() error {
	if p.file != nil {
		return nil
	}
	if err := p.store.makeFolder(p.name); err != nil {
		return err
	}
	f, err := p.store.audio.OpenFile(p.name+partSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	p.file, p.foreign = f, p.store.isForeign(f)
	p.store.step("created", p.name)
	return nil
}

func (p *Part) takeBuffer() ([]byte, []patch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	data, patches := p.buffer, p.patches
	p.start += int64(len(data))
	p.writing = len(data)
	p.buffer, p.patches = nil, nil
	return data, patches
}

// putBack gives the buffer back after n of its bytes were written, with the
// patches that were not.
func (p *Part) putBack(data []byte, n int, patches []patch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writing = 0
	if n == len(data) {
		giveBytes(data)
		p.due = time.Time{}
	} else {
		p.start -= int64(len(data) - n)
		p.buffer = append(data[n:len(data):len(data)], p.buffer...)
	}
	p.patches = append(patches, p.patches...)
}

// end moves an open part to a stage, and says whether it was open.
func (p *Part) end(to stage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != partOpen {
		return false
	}
	p.stage = to
	return true
}

// leave writes and syncs a part that nobody sealed and closes it as it is.
func (p *Part) leave() error {
	if !p.end(partEnding) {
		return nil
	}
	p.io.Lock()
	defer p.io.Unlock()
	defer p.gone()
	p.mu.Lock()
	empty := p.file == nil && len(p.buffer) == 0
	p.mu.Unlock()
	if empty {
		return nil
	}
	if err := p.write(); err != nil {
		return err
	}
	return p.store.syncFile(p.file, p.name)
}

// gone ends a part whose file stays under its temporary name. The caller holds
// io.
func (p *Part) gone() {
	p.mu.Lock()
	p.stage, p.buffer, p.patches = partGone, nil, nil
	p.mu.Unlock()
	if p.file != nil {
		_ = p.file.Close() // what matters was synced before, or has failed already
		p.file = nil
	}
	p.store.forget(p)
}

func (s *Store) forget(p *Part) {
	s.mu.Lock()
	delete(s.parts, p.name)
	s.mu.Unlock()
}
