// Package mp3 finds the frames of MP3 files itself, so that their duration is
// right whatever lies around and between them, and decodes them with go-mp3
// under guard: it is fed whole frames only, its panics are caught, and files
// that it is known to decode wrong are refused with ErrUntrusted. It starts no
// goroutine.
package mp3

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors about MP3 files.
var (
	// ErrNotMP3 means that no frames were found.
	ErrNotMP3 = errors.New("not an MP3 file")
	// ErrUntrusted means that the file has audio, but not of a kind that go-mp3
	// decodes right: another decoder is needed.
	ErrUntrusted = errors.New("the MP3 decoder cannot be trusted with this file")
	// ErrFreeFormat means frames without a bitrate; it is an ErrUntrusted too.
	ErrFreeFormat = fmt.Errorf("%w: free format", ErrUntrusted)
)

// Version is the version of MPEG audio, which goes with the sample rate.
type Version byte

// The versions.
const (
	MPEG1  Version = iota // 32, 44.1, 48 kHz
	MPEG2                 // 16, 22.05, 24 kHz
	MPEG25                // 8, 11.025, 12 kHz
)

// String is the version's name.
func (v Version) String() string { return [...]string{"MPEG-1", "MPEG-2", "MPEG-2.5"}[v] }

// header is a Layer III frame's header, taken apart.
type header struct {
	version  Version
	bitrate  int // bit/s; 0 is free format
	rate     int // Hz
	padding  bool
	crc      bool
	channels int
}

const headerBytes = 4

var bitrates = [2][15]int{
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// parseHeader reads a Layer III header, and refuses what cannot be one.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerBytes {
		return h, false
	}
	v := binary.BigEndian.Uint32(b)
	const sync, layer3 = 0x7ff, 1
	version, bitrate, rate := v>>19&3, v>>12&15, v>>10&3
	if v>>21 != sync || v>>17&3 != layer3 || version == 1 || bitrate == 15 || rate == 3 || v&3 == 2 {
		return h, false
	}
	h.version = [4]Version{MPEG25, 0, MPEG2, MPEG1}[version]
	h.rate = [3]int{44100, 48000, 32000}[rate] >> h.version
	h.bitrate = 1000 * bitrates[min(h.version, 1)][bitrate]
	h.padding = v>>9&1 == 1
	h.crc = v>>16&1 == 0
	h.channels = 2
	if v>>6&3 == 3 {
		h.channels = 1
	}
	return h, true
}

// samples is how many samples a channel a frame has.
func (h header) samples() int {
	if h.version == MPEG1 {
		return 1152
	}
	return 576
}

// size is a frame's length in bytes, header included; 0 in free format.
func (h header) size() int {
	if h.bitrate == 0 {
		return 0
	}
	n := h.samples() / 8 * h.bitrate / h.rate
	if h.padding {
		n++
	}
	return n
}

// sideInfo is how many bytes of side information follow header and checksum.
func (h header) sideInfo() int {
	switch {
	case h.version == MPEG1 && h.channels == 2:
		return 32
	case h.version == MPEG1 || h.channels == 2:
		return 17
	default:
		return 9
	}
}

// body is where the side information begins.
func (h header) body() int {
	if h.crc {
		return headerBytes + 2
	}
	return headerBytes
}

// like says whether two headers can be of one stream.
func (h header) like(o header) bool {
	return h.version == o.version && h.rate == o.rate && (h.bitrate == 0) == (o.bitrate == 0)
}

// sizeInDecoder is the frame's length as go-mp3 computes it: halving after the
// padding was added, it loses it in some MPEG-2 frames.
func (h header) sizeInDecoder() int {
	n := 144 * h.bitrate / h.rate
	if h.padding {
		n++
	}
	if h.version != MPEG1 {
		n >>= 1
	}
	return n
}

// trusted says why go-mp3 cannot decode the frame, or nil.
func (h header) trusted() error {
	switch {
	case h.bitrate == 0:
		return ErrFreeFormat
	case h.version == MPEG25:
		return fmt.Errorf("%w: %s at %d Hz", ErrUntrusted, h.version, h.rate)
	case h.sizeInDecoder() != h.size():
		return fmt.Errorf("%w: %s at %d Hz and %d kbit/s", ErrUntrusted, h.version, h.rate, h.bitrate/1000)
	}
	return nil
}
