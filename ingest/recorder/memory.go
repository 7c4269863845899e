package recorder

import "fmt"

// memory is a File that exists for a snapshot only.
type memory struct{ data []byte }

func (m *memory) Append(p []byte) error {
	m.data = append(m.data, p...)
	return nil
}

func (m *memory) Patch(off int64, p []byte) error {
	if off < 0 || off+int64(len(p)) > int64(len(m.data)) {
		return fmt.Errorf("patch %d bytes at %d of %d", len(p), off, len(m.data))
	}
	copy(m.data[off:], p)
	return nil
}

func (m *memory) Bytes() ([]byte, error)   { return m.data, nil }
func (m *memory) Seal(func(Sealed, error)) {}
func (m *memory) Discard() error           { return nil }
