package mp3

import (
	"encoding/binary"
	"fmt"
)

// blank is an empty frame of f's stream with room for n bytes of main data: in it
// there is nothing to be heard.
func (f Frame) blank(n int) ([]byte, error) {
	for bitrate := byte(1); bitrate < 15; bitrate++ {
		b := append([]byte{}, f.Data[:headerBytes]...)
		b[1] |= 0x01                  // no checksum
		b[2] = b[2]&0x0c | bitrate<<4 // rate; no padding
		b[3] &= 0xcf                  // nothing of joint stereo
		h, ok := parseHeader(b)
		if ok && h.size() >= h.body()+h.sideInfo()+n {
			return append(b, make([]byte, h.size()-headerBytes)...), nil
		}
	}
	return nil, fmt.Errorf("an MP3 frame with %d bytes of data: there is none", n)
}

// Silence is a frame of f's stream that is silent and hands reservoir on to the
// frame behind it.
func (f Frame) Silence(reservoir []byte) ([]byte, error) {
	b, err := f.blank(len(reservoir))
	if err != nil {
		return nil, err
	}
	copy(b[len(b)-len(reservoir):], reservoir)
	return b, nil
}

// About is what an information frame says of the frames behind it.
type About struct {
	Frames int   // this one left out
	Bytes  int64 // of the frames, this one left out
	Head   int   // samples a channel that players are to leave out at the start: at least 529
	Tail   int   // and at the end
	VBR    bool
	Index  [100]byte // where each hundredth of the time lies, in 256ths of the bytes
}

// InfoFrame is the information frame of a file whose first frame is f.
func (f Frame) InfoFrame(a About) ([]byte, error) {
	const fields, lame = 8 + 4 + 4 + 100 + 4, 36
	b, err := f.blank(fields + lame)
	if err != nil {
		return nil, err
	}
	h, _ := parseHeader(b)
	be := binary.BigEndian
	at := b[headerBytes+h.sideInfo():]
	copy(at, "Info")
	if a.VBR {
		copy(at, "Xing")
	}
	be.PutUint32(at[4:], 0x0f)
	be.PutUint32(at[8:], uint32(a.Frames))
	be.PutUint32(at[12:], uint32(min(a.Bytes+int64(len(b)), 1<<32-1)))
	copy(at[16:], a.Index[:])
	tag := at[fields:]
	copy(tag, "LAME cut ") // players believe what follows only behind this name
	gap := (a.Head-decoderDelay)<<12 | (a.Tail + decoderDelay)
	tag[21], tag[22], tag[23] = byte(gap>>16), byte(gap>>8), byte(gap)
	be.PutUint32(tag[28:], uint32(min(a.Bytes+int64(len(b)), 1<<32-1)))
	be.PutUint16(tag[34:], checksum(b[:headerBytes+h.sideInfo()+fields+34]))
	return b, nil
}

// checksum is the CRC-16 of an information frame.
func checksum(b []byte) (sum uint16) {
	for _, c := range b {
		sum ^= uint16(c)
		for range 8 {
			low := sum & 1
			sum >>= 1
			if low == 1 {
				sum ^= 0xa001
			}
		}
	}
	return sum
}
