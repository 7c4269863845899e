package recorder

import (
	"fmt"
	"io"
)

// memory is a File that exists for a snapshot only: what a part's own file has,
// and what comes behind it.
type memory struct {
	file    File
	size    int64 // of what the file had when the snapshot was taken
	tail    []byte
	patches []patch
}

// patch is what is written over a file's bytes.
type patch struct {
	off   int64
	bytes []byte
}

func (m *memory) Append(p []byte) error {
	m.tail = append(m.tail, p...)
	return nil
}

func (m *memory) Patch(off int64, p []byte) error {
	if off < 0 || off+int64(len(p)) > m.length() {
		return fmt.Errorf("patch %d bytes at %d of %d", len(p), off, m.length())
	}
	m.patches = append(m.patches, patch{off, append([]byte(nil), p...)})
	return nil
}

// ReadAt reads what the part's file, which may have grown or been sealed meanwhile,
// had, and what comes behind it.
func (m *memory) ReadAt(b []byte, off int64) (n int, err error) {
	if had := min(int64(len(b)), m.size-off); had > 0 {
		if n, err = m.file.ReadAt(b[:had], off); int64(n) < had {
			return n, fmt.Errorf("%d bytes where %d were written: %w", off+int64(n), m.size, err)
		}
	}
	if behind := off + int64(n) - m.size; behind >= 0 && behind < int64(len(m.tail)) {
		n += copy(b[n:], m.tail[behind:])
	}
	for _, p := range m.patches {
		p.over(b[:n], off)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// over lays the patch over what of it b has, which lies at off.
func (p patch) over(b []byte, off int64) {
	if from := p.off - off; from >= 0 && from < int64(len(b)) {
		copy(b[from:], p.bytes)
	} else if from < 0 && -from < int64(len(p.bytes)) {
		copy(b, p.bytes[-from:])
	}
}

func (m *memory) length() int64 { return m.size + int64(len(m.tail)) }

func (m *memory) Bytes() ([]byte, error) { return io.ReadAll(io.NewSectionReader(m, 0, m.length())) }

func (m *memory) State() FileState         { return FileState{Bytes: m.length()} } // nobody takes a snapshot up again
func (m *memory) Seal(func(Sealed, error)) {}
func (m *memory) Discard() error           { return nil }
