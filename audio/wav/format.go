package wav

import "encoding/binary"

// format is a fmt chunk.
type format struct {
	encoding       Encoding
	channels, rate int
	bits           int // of a sample as it lies there: 12 lie in 16
	raw            int // of a sample, as the chunk says
	block          int // bytes of a block; of PCM, of one sample of all channels
}

// parseFormat reads a fmt chunk, and refuses what no file can have.
func parseFormat(b []byte) (f format, err error) {
	if len(b) < 16 {
		return f, notWAV("a fmt chunk of %d bytes", len(b))
	}
	le := binary.LittleEndian
	f.encoding = Encoding(le.Uint16(b))
	f.channels = int(le.Uint16(b[2:]))
	f.rate = int(le.Uint32(b[4:]))
	f.block = int(le.Uint16(b[12:]))
	f.raw = int(le.Uint16(b[14:]))
	f.bits = (f.raw + 7) / 8 * 8
	if f.encoding == 0xFFFE {
		if len(b) < 40 {
			return f, notWAV("an extensible format of %d bytes", len(b))
		}
		f.encoding = Encoding(le.Uint16(b[24:])) // the subformat's first bytes
	}
	switch {
	case f.channels < 1 || f.channels > 64:
		return f, notWAV("%d channels", f.channels)
	case f.rate < 1000 || f.rate > 768000:
		return f, notWAV("%d samples a second", f.rate)
	}
	return f, nil
}

// blockHead is how many bytes of a block come before the samples' codes.
func (f format) blockHead() int {
	switch f.encoding {
	case MSADPCM:
		return 7 * f.channels
	case IMA:
		return 4 * f.channels
	}
	return 0
}

// samplesIn is how many samples a channel the first n bytes of a block hold.
func (f format) samplesIn(n int) int {
	switch f.encoding {
	case GSM:
		return n / 65 * 320 // in two frames of 32.5 bytes
	case MSADPCM, IMA:
		rest := n - f.blockHead()
		if rest < 0 {
			return 0
		}
		first := 1 // the head holds a sample, or two
		if f.encoding == MSADPCM {
			first = 2
		}
		return first + rest*2/f.channels
	}
	return n * 8 / max(f.bits*f.channels, 8)
}

// check says what is wrong with a format for blocks.
func (f format) check() error {
	switch {
	case f.encoding == GSM && (f.block != 65 || f.channels != 1):
		return notWAV("GSM 6.10 with blocks of %d bytes and %d channels", f.block, f.channels)
	case f.encoding.InBlocks() && f.encoding != GSM && (f.block <= f.blockHead() || f.channels > 2 || f.raw != 4):
		return notWAV("ADPCM with blocks of %d bytes, %d channels, %d bits", f.block, f.channels, f.raw)
	}
	return nil
}
