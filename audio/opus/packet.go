// Package opus takes Opus packets apart and puts them together again without
// touching what was encoded (RFC 6716, section 3 and appendix B), and decodes
// them with pion/opus under guard. Packet surgery is pure: it starts no
// goroutine and keeps nothing. A Decoder belongs to one goroutine.
package opus

import (
	"errors"
	"fmt"
)

// SampleRate is the rate in Hz in which Opus counts time.
const SampleRate = 48000

// Limits of RFC 6716.
const (
	MaxFrameBytes    = 1275 // of one frame
	MaxFrames        = 48   // in one packet
	MaxPacketSamples = 5760 // 120 ms
)

// ErrMalformed is in the chain of every error about a packet that RFC 6716
// does not allow.
var ErrMalformed = errors.New("malformed Opus packet")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Errors without detail, made once so that the checks on the hot path do not
// allocate.
var (
	errEmpty     = malformed("no bytes")
	errShort     = malformed("it ends too early")
	errNoFrames  = malformed("it says that it has no frames")
	errTooLong   = malformed("longer than 120 ms")
	errFrameSize = malformed("a frame has more than %d bytes", MaxFrameBytes)
	errUnequal   = malformed("its bytes cannot be shared by frames of equal size")
)

// Mode is which of Opus's coders made a frame.
type Mode byte

// The modes.
const (
	SILK Mode = iota
	Hybrid
	CELT
)

// TOC is a packet's first byte.
type TOC byte

// Config is the configuration number, 0 to 31: mode, bandwidth and frame size.
func (t TOC) Config() int { return int(t >> 3) }

// Stereo says whether the frames have two channels.
func (t TOC) Stereo() bool { return t&4 != 0 }

// Channels is 1 or 2.
func (t TOC) Channels() int { return 1 + int(t>>2&1) }

// Code is how the packet counts its frames, 0 to 3.
func (t TOC) Code() int { return int(t & 3) }

// Mode is which coder made the frames.
func (t TOC) Mode() Mode {
	switch c := t.Config(); {
	case c < 12:
		return SILK
	case c < 16:
		return Hybrid
	default:
		return CELT
	}
}

// FrameSamples is the length of each frame in samples at 48 kHz.
func (t TOC) FrameSamples() int { return FrameSamples(byte(t)) }

// FrameSamples is the length of one frame in samples at 48 kHz, by the TOC byte.
func FrameSamples(toc byte) int {
	c := int(toc >> 3)
	switch {
	case c < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{480, 960, 1920, 2880}[c&3]
	case c < 16: // hybrid: 10, 20 ms
		return 480 << (c & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		return 120 << (c & 3)
	}
}

// Samples is the length of a packet in samples at 48 kHz. It looks at the
// frame count alone; Parse checks the rest. It also measures a packet in
// self-delimited framing, and by its first stream a multistream packet.
func Samples(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, errEmpty
	}
	count := 1
	switch packet[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(packet) < 2 {
			return 0, errShort
		}
		count = int(packet[1] & 0x3f)
	}
	if count == 0 {
		return 0, errNoFrames
	}
	n := count * FrameSamples(packet[0])
	if n > MaxPacketSamples {
		return 0, errTooLong
	}
	return n, nil
}

// Packet is a packet taken apart. Its frames lie in the bytes it was made of.
type Packet struct {
	TOC     TOC
	Frames  [][]byte
	VBR     bool // frames may differ in size
	Padding int  // bytes of padding, without those that say how many
}

// Samples is the length in samples at 48 kHz.
func (p Packet) Samples() int { return len(p.Frames) * p.TOC.FrameSamples() }

// Parse takes a packet apart, and refuses whatever RFC 6716 section 3.4 calls
// malformed with ErrMalformed.
func Parse(packet []byte) (Packet, error) {
	var l layout
	if err := l.read(packet, false); err != nil {
		return Packet{}, err
	}
	p := Packet{TOC: TOC(packet[0]), VBR: l.vbr, Padding: l.padding, Frames: make([][]byte, l.count)}
	at := l.start
	for i := range p.Frames {
		end := at + int(l.sizes[i])
		p.Frames[i] = packet[at:end:end]
		at = end
	}
	return p, nil
}
