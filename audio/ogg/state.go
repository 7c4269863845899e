package ogg

import (
	"encoding/binary"
	"errors"
)

// errState says that bytes are not what AppendState wrote.
var errState = errors.New("not the state of a writer")

// stateHead is serial, sequence, granule, packets ended, continued, segments.
const stateHead = 4 + 4 + 8 + 4 + 1 + 1

// AppendState appends all that the writer knows, the page being gathered
// included, so that SetState makes another writer go on as this one would.
func (w *Writer) AppendState(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, w.Serial)
	dst = binary.LittleEndian.AppendUint32(dst, w.Sequence)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(w.granule))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(w.ended))
	continued := byte(0)
	if w.continued {
		continued = 1
	}
	dst = append(dst, continued, byte(w.segments))
	dst = append(dst, w.lacing[:w.segments]...)
	return append(dst, w.body...)
}

// SetState makes w what another writer was when it wrote the state.
func (w *Writer) SetState(state []byte) error {
	if len(state) < stateHead {
		return errState
	}
	next := Writer{
		Serial:   binary.LittleEndian.Uint32(state),
		Sequence: binary.LittleEndian.Uint32(state[4:]),
		granule:  int64(binary.LittleEndian.Uint64(state[8:])),
		ended:    int(binary.LittleEndian.Uint32(state[16:])),
	}
	next.continued, next.segments = state[20] == 1, int(state[21])
	rest := state[stateHead:]
	if len(rest) < next.segments {
		return errState
	}
	body := 0
	for i, n := range rest[:next.segments] {
		next.lacing[i] = n
		body += int(n)
	}
	if rest = rest[next.segments:]; len(rest) != body {
		return errState
	}
	next.body = append(next.body, rest...)
	*w = next
	return nil
}
