// Package wav writes the WAVE headers of G.711 recordings and reads WAVE files
// of all common kinds. It starts no goroutine.
package wav

import (
	"encoding/binary"
	"fmt"

	"earshot"
)

// Encoding is how samples are written.
type Encoding uint16

// The encodings, by their numbers in the file.
const (
	PCM     Encoding = 1
	MSADPCM Encoding = 2 // blocks, as Microsoft's
	Float   Encoding = 3
	ALaw    Encoding = 6
	ULaw    Encoding = 7
	IMA     Encoding = 0x11 // ADPCM in blocks, as the IMA's
	GSM     Encoding = 0x31 // GSM 6.10 in blocks of two frames, as Microsoft's
	MP3     Encoding = 0x55 // a whole MP3 file in a WAVE's clothes
)

// InBlocks says whether samples lie in blocks that can only be decoded whole.
func (e Encoding) InBlocks() bool { return e == MSADPCM || e == IMA || e == GSM }

// Of is the encoding of a G.711 codec.
func Of(codec earshot.Codec) (Encoding, error) {
	switch codec {
	case earshot.PCMA:
		return ALaw, nil
	case earshot.PCMU:
		return ULaw, nil
	}
	return 0, fmt.Errorf("a WAVE file cannot hold %s", codec)
}

// HeaderBytes is the length of the headers that AppendHeader makes.
const HeaderBytes = 58

// Where in such a header the sizes lie that change as the file grows.
const (
	riffSizeAt = 4
	factSizeAt = 46
	dataSizeAt = 54
)

// MaxDataBytes is how much audio a WAVE file can say it has.
const MaxDataBytes = 1<<32 - 1 - HeaderBytes

// AppendHeader writes the header of a G.711 recording of one or two channels
// at 8 kHz with so many bytes of audio: RIFF, fmt with its extension's size,
// fact, data.
func AppendHeader(dst []byte, encoding Encoding, channels int, dataBytes int64) []byte {
	return AppendHeaderOf(dst, Info{Encoding: encoding, Channels: channels, Rate: 8000, Bits: 8}, dataBytes)
}

// AppendHeaderOf is AppendHeader for any encoding, rate and sample size.
func AppendHeaderOf(dst []byte, info Info, dataBytes int64) []byte {
	le := binary.LittleEndian
	at := len(dst)
	dst = append(dst, "RIFF\x00\x00\x00\x00WAVEfmt \x12\x00\x00\x00"...)
	dst = le.AppendUint16(dst, uint16(info.Encoding))
	dst = le.AppendUint16(dst, uint16(info.Channels))
	dst = le.AppendUint32(dst, uint32(info.Rate))
	dst = le.AppendUint32(dst, uint32(info.Rate*info.FrameBytes()))
	dst = le.AppendUint16(dst, uint16(info.FrameBytes()))
	dst = le.AppendUint16(dst, uint16(info.Bits))
	dst = append(dst, "\x00\x00fact\x04\x00\x00\x00\x00\x00\x00\x00data\x00\x00\x00\x00"...)
	for _, p := range Patches(info.FrameBytes(), dataBytes) {
		copy(dst[at+int(p.Offset):], p.Bytes)
	}
	return dst
}

// AppendBlocksHeader writes the header of a file with blocks like those of f, so
// many bytes of them that hold so many samples a channel.
func AppendBlocksHeader(dst []byte, f File, dataBytes, samples int64) []byte {
	le := binary.LittleEndian
	size := int64(4+8+len(f.Format)+len(f.Format)&1+12+8) + dataBytes + dataBytes&1
	dst = le.AppendUint32(append(dst, "RIFF"...), uint32(min(size, 1<<32-1)))
	dst = le.AppendUint32(append(dst, "WAVEfmt "...), uint32(len(f.Format)))
	dst = append(append(dst, f.Format...), make([]byte, len(f.Format)&1)...)
	dst = le.AppendUint32(append(dst, "fact\x04\x00\x00\x00"...), uint32(min(samples, 1<<32-1)))
	return le.AppendUint32(append(dst, "data"...), uint32(min(dataBytes, 1<<32-1)))
}

// Patch is a piece of a header to be written over.
type Patch struct {
	Offset int64
	Bytes  []byte
}

// Patches are the sizes in a header of AppendHeader for so many bytes of audio,
// frameBytes of them for one sample of all channels (in G.711 the number of
// channels). An odd number must be followed by a byte of padding, see Pad.
func Patches(frameBytes int, dataBytes int64) []Patch {
	size := func(at int64, n int64) Patch {
		return Patch{at, binary.LittleEndian.AppendUint32(nil, uint32(min(n, 1<<32-1)))}
	}
	return []Patch{
		size(riffSizeAt, HeaderBytes-8+dataBytes+dataBytes&1),
		size(factSizeAt, dataBytes/int64(frameBytes)),
		size(dataSizeAt, dataBytes),
	}
}

// Pad is what must follow so many bytes of audio at the end of a file: a zero
// if they are odd.
func Pad(dataBytes int64) []byte { return make([]byte, dataBytes&1) }

// Interleave appends two sides' bytes in turn. They are of one length.
func Interleave(dst, left, right []byte) []byte {
	for i, l := range left {
		dst = append(dst, l, right[i])
	}
	return dst
}
