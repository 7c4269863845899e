package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"
)

// resumsAtOnce is how many patched files are read again for their sums at the
// same time.
const resumsAtOnce = 4

// Sealed is what a complete file is known by.
type Sealed struct {
	SHA256 string // hex
	Bytes  int64
}

// Seal completes the file, together with others that wait for it: write, sync,
// rename to the final name, sync the folder. Then done is called with the result
// on a goroutine of its own. While a journal is being written and only room on the
// disk is missing, it is tried again until Close. After a failure the file keeps its .part name with
// what reached the disk; only a failure to sync the folder leaves it under the
// final name.
func (p *Part) Seal(done func(Sealed, error)) {
	s := p.store
	s.mu.Lock()
	refused := s.closed || !p.end(partEnding)
	if !refused {
		s.busy.Add(1)
	}
	s.mu.Unlock()
	if refused {
		go done(Sealed{}, fmt.Errorf("seal %s: %w", p.name, ErrClosed))
		return
	}
	n := &naming{part: p, from: p.name + partSuffix, to: p.name, done: func(n *naming) {
		sealed, err := p.outcome(n)
		go func() {
			defer s.busy.Done()
			done(sealed, err)
		}()
	}}
	p.mu.Lock()
	resum := p.resum
	p.mu.Unlock()
	if !resum {
		s.commits.submit(n) // open: Close waits for busy first
		return
	}
	go func() { // its end is that of n
		for n.err = p.sumInTurn(); s.waitsFor(n.err); n.err = p.sumInTurn() {
			time.Sleep(retryPause)
		}
		s.commits.submit(n)
	}()
}

// sumInTurn is sumAgain, for a few files at a time.
func (p *Part) sumInTurn() error {
	p.store.resums <- struct{}{}
	defer func() { <-p.store.resums }()
	return p.sumAgain()
}

// prepare writes what is left and gives the file to be synced.
func (p *Part) prepare() (*os.File, error) {
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.write(); err != nil {
		return nil, err
	}
	p.store.step("written", p.name)
	return p.file, nil
}

// sumAgain writes what is left and reads the file for its sum: patched bytes
// were summed as they were.
func (p *Part) sumAgain() error {
	if _, err := p.prepare(); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(p.file, 0, p.written)); err != nil {
		return err
	}
	p.mu.Lock()
	p.sum = sum
	p.mu.Unlock()
	return nil
}

// sealed ends a part that has its final name. The caller holds io.
func (p *Part) sealed() {
	p.mu.Lock()
	p.stage = partSealed
	p.mu.Unlock()
	p.store.forget(p)
}

// outcome is what became of a part that was to be sealed.
func (p *Part) outcome(n *naming) (Sealed, error) {
	if !n.named {
		p.io.Lock()
		defer p.io.Unlock()
		p.gone()
	}
	if n.err != nil {
		return Sealed{}, fmt.Errorf("seal %s: %w", p.name, n.err)
	}
	return Sealed{hex.EncodeToString(p.sum.Sum(nil)), p.written}, nil
}
