package opus

import (
	"errors"
	"fmt"
)

// Errors of splitting and merging packets that are each well formed.
var (
	// ErrIndivisible means that a packet's frames do not end where it should be split.
	ErrIndivisible = errors.New("the Opus frames cannot be divided so")
	// ErrDiffer means that packets differ in mode, bandwidth, frame size or channels.
	ErrDiffer = errors.New("the Opus packets differ in configuration")
)

// Filler is a whole packet: an empty 20 ms CELT frame, fullband, mono. It
// stands where a packet is missing: decoders conceal it or are silent, and
// unlike an empty SILK frame it does not disturb the other stream of a
// multistream packet.
const Filler byte = 0xF8

// AppendFiller appends an empty CELT packet of so many samples at 48 kHz: 120,
// 240, 480, or a multiple of 960 up to 5760. Anything else is ErrIndivisible.
func AppendFiller(dst []byte, samples int) ([]byte, error) {
	switch samples {
	case 120, 240, 480, 960:
		toc := Filler
		for n := samples; n < 960; n *= 2 {
			toc -= 8
		}
		return append(dst, toc), nil
	case 1920:
		return append(dst, Filler|1), nil
	}
	if samples <= 0 || samples > MaxPacketSamples || samples%960 != 0 {
		return dst, fmt.Errorf("%w: no filler has %d samples", ErrIndivisible, samples)
	}
	return append(dst, Filler|3, byte(samples/960)), nil
}

// Split makes a packet of each of packet's frames, without padding.
func Split(packet []byte) ([][]byte, error) {
	p, err := Parse(packet)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(p.Frames))
	for i, frame := range p.Frames {
		out[i] = join(p.TOC, [][]byte{frame})
	}
	return out, nil
}

// SplitTo splits packet into packets of so many samples at 48 kHz each. It is
// ErrIndivisible where frames would have to be cut or some samples were left
// over.
func SplitTo(packet []byte, samples int) ([][]byte, error) {
	p, err := Parse(packet)
	if err != nil {
		return nil, err
	}
	if p.Samples() == samples {
		return [][]byte{packet}, nil
	}
	frame := p.TOC.FrameSamples()
	if samples <= 0 || samples%frame != 0 || p.Samples()%samples != 0 {
		return nil, fmt.Errorf("%w: %d frames of %d samples into pieces of %d", ErrIndivisible, len(p.Frames), frame, samples)
	}
	each := samples / frame
	out := make([][]byte, 0, len(p.Frames)/each)
	for at := 0; at < len(p.Frames); at += each {
		out = append(out, join(p.TOC, p.Frames[at:at+each]))
	}
	return out, nil
}

// Merge makes one packet of all the packets' frames, without padding. They must
// agree in configuration and channels (else ErrDiffer) and fill no more than
// 120 ms.
func Merge(packets [][]byte) ([]byte, error) {
	if len(packets) == 0 {
		return nil, errEmpty
	}
	var frames [][]byte
	var toc TOC
	for i, packet := range packets {
		p, err := Parse(packet)
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", i, err)
		}
		if i == 0 {
			toc = p.TOC
		}
		if p.TOC>>2 != toc>>2 {
			return nil, fmt.Errorf("%w: packet %d has 0x%02x, the first 0x%02x", ErrDiffer, i, byte(p.TOC), byte(toc))
		}
		frames = append(frames, p.Frames...)
	}
	if len(frames)*toc.FrameSamples() > MaxPacketSamples {
		return nil, errTooLong
	}
	return join(toc, frames), nil
}

// join writes frames as one packet in the shortest form. There are 1 to 48 of
// them, each of a lawful size.
func join(toc TOC, frames [][]byte) []byte {
	size, equal := 4, true
	for _, f := range frames {
		size += len(f) + 2
		equal = equal && len(f) == len(frames[0])
	}
	head := byte(toc &^ 3)
	out := make([]byte, 0, size)
	switch {
	case len(frames) == 1:
		out = append(out, head)
	case len(frames) == 2 && equal:
		out = append(out, head|1)
	case len(frames) == 2:
		out = appendSize(append(out, head|2), len(frames[0]))
	case equal:
		out = append(out, head|3, byte(len(frames)))
	default:
		out = append(out, head|3, 0x80|byte(len(frames)))
		for _, f := range frames[:len(frames)-1] {
			out = appendSize(out, len(f))
		}
	}
	for _, f := range frames {
		out = append(out, f...)
	}
	return out
}

// SelfDelimit appends packet to dst in self-delimited framing (RFC 6716,
// appendix B): as all streams but the last of a multistream packet are
// written. Nothing is encoded again, padding is kept. It allocates only to
// grow dst; on an error dst is answered as it was.
func SelfDelimit(dst, packet []byte) ([]byte, error) {
	var l layout
	if err := l.read(packet, false); err != nil {
		return dst, err
	}
	dst = append(dst, packet[:l.start]...)
	dst = appendSize(dst, int(l.sizes[l.count-1]))
	return append(dst, packet[l.start:]...), nil
}

// SplitSelfDelimited takes the first stream's packet off a multistream packet:
// first is that packet as it was before SelfDelimit, in memory of its own, rest
// what follows it.
func SplitSelfDelimited(packet []byte) (first, rest []byte, err error) {
	var l layout
	if err := l.read(packet, true); err != nil {
		return nil, nil, err
	}
	first = make([]byte, 0, l.end-l.lastWidth)
	first = append(first, packet[:l.start-l.lastWidth]...)
	first = append(first, packet[l.start:l.end]...)
	return first, packet[l.end:], nil
}
