package recorder

import "fmt"

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
	if off < 0 || off+int64(len(p)) > m.size+int64(len(m.tail)) {
		return fmt.Errorf("patch %d bytes at %d of %d", len(p), off, m.size+int64(len(m.tail)))
	}
	m.patches = append(m.patches, patch{off, append([]byte(nil), p...)})
	return nil
}

// Bytes reads the part's file, which may have grown or been sealed meanwhile.
func (m *memory) Bytes() ([]byte, error) {
	all, err := m.file.Bytes()
	if err != nil {
		return nil, err
	}
	if int64(len(all)) < m.size {
		return nil, fmt.Errorf("%d bytes where %d were written", len(all), m.size)
	}
	all = append(all[:m.size:m.size], m.tail...)
	for _, p := range m.patches {
		copy(all[p.off:], p.bytes)
	}
	return all, nil
}

func (m *memory) State() FileState         { return FileState{} } // nobody takes a snapshot up again
func (m *memory) Seal(func(Sealed, error)) {}
func (m *memory) Discard() error           { return nil }
