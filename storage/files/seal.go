package files

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Sealed is what a complete file is known by.
type Sealed struct {
	SHA256 string // hex
	Bytes  int64
}

// Seal completes the file on another goroutine: write, sync, rename to the
// final name, sync the folder. Then done is called there with the result. After
// a failure the file keeps its .part name with what reached the disk; only a
// failure to sync the folder leaves it under the final name.
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
	go func() {
		defer s.busy.Done()
		s.seals <- struct{}{}
		sealed, err := p.seal()
		<-s.seals
		done(sealed, err)
	}()
}

func (p *Part) seal() (Sealed, error) {
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.complete(); err != nil {
		p.gone()
		return Sealed{}, fmt.Errorf("seal %s: %w", p.name, err)
	}
	sealed := Sealed{hex.EncodeToString(p.sum.Sum(nil)), p.written}
	p.mu.Lock()
	p.stage, p.buffer = partSealed, nil
	p.mu.Unlock()
	p.store.forget(p)
	if err := p.store.syncFolder(p.name); err != nil {
		return Sealed{}, fmt.Errorf("seal %s: %w", p.name, err)
	}
	p.store.step("folder synced", p.name)
	return sealed, nil
}

// complete takes the file as far as its final name.
func (p *Part) complete() error {
	if err := p.write(); err != nil {
		return err
	}
	p.store.step("written", p.name)
	if p.resum {
		if err := p.sumAgain(); err != nil {
			return err
		}
	}
	if err := p.store.syncFile(p.file, p.name); err != nil {
		return err
	}
	p.store.step("synced", p.name)
	if err := p.file.Close(); err != nil {
		return err
	}
	p.file = nil
	if err := p.store.audio.Rename(p.name+partSuffix, p.name); err != nil {
		return err
	}
	p.store.step("renamed", p.name)
	return nil
}

// sumAgain reads the file for its sum: patched bytes were summed as they were.
func (p *Part) sumAgain() error {
	p.sum = sha256.New()
	_, err := io.Copy(p.sum, io.NewSectionReader(p.file, 0, p.written))
	return err
}
