package files

import (
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"earshot"
)

// ErrShorter says that an unfinished file cannot be resumed.
var ErrShorter = earshot.Fail(earshot.Conflict, "file_shorter", "the unfinished file is shorter than its state says")

// PartState is all that must be known to go on with an unfinished file.
type PartState struct {
	Bytes int64  // appended so far
	Sum   []byte // the SHA-256 over them, as crypto/sha256 marshals its state
	Resum bool   // bytes were patched: the sum is of no use
}

// State is what Resume needs to go on from here. It touches memory only.
func (p *Part) State() PartState {
	p.mu.Lock()
	defer p.mu.Unlock()
	st := PartState{Bytes: p.start + int64(len(p.buffer)), Resum: p.resum}
	if !p.resum {
		// crypto/sha256 marshals into memory and cannot fail; without a sum the
		// file would be read again.
		sum, err := p.sum.(encoding.BinaryMarshaler).MarshalBinary()
		st.Sum, st.Resum = sum, err != nil
	}
	return st
}

// Resume takes an unfinished file up again where its state was st: it is cut to
// st.Bytes, and Append goes on there. Where st.Bytes is 0 there need not be one.
// It fails with ErrExists where the file is complete, with ErrShorter where
// bytes are missing, and with fs.ErrNotExist where all are.
func (s *Store) Resume(name string, st PartState) (*Part, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	p := &Part{store: s, name: name, sum: sha256.New(), start: st.Bytes, written: st.Bytes}
	p.resum = st.Resum
	if st.Bytes > 0 && !st.Resum {
		p.resum = p.sum.(encoding.BinaryUnmarshaler).UnmarshalBinary(st.Sum) != nil
	}
	if err := s.enter(p); err != nil {
		return nil, fmt.Errorf("resume %s: %w", name, err)
	}
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.takeUp(st.Bytes); err != nil {
		p.gone()
		return nil, fmt.Errorf("resume %s: %w", name, err)
	}
	return p, nil
}

// enter puts a part among those that are open.
func (s *Store) enter(p *Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.parts[p.name] != nil {
		return ErrExists.Because(errors.New(p.name + partSuffix))
	}
	s.parts[p.name] = p
	return nil
}

// takeUp opens the unfinished file and cuts it. The caller holds io.
func (p *Part) takeUp(bytes int64) error {
	s := p.store
	if _, err := s.audio.Lstat(p.name); err == nil {
		return ErrExists.Because(errors.New(p.name))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.audio.OpenFile(p.name+partSuffix, os.O_RDWR, 0)
	if bytes == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p.file, p.foreign = f, s.isForeign(f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < bytes {
		return ErrShorter.Because(fmt.Errorf("%d bytes, not %d", info.Size(), bytes))
	}
	if info.Size() == bytes {
		return nil
	}
	return f.Truncate(bytes)
}
