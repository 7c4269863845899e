package ogg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// PreSkip is what libopus's encoder looks ahead at 48 kHz: so many samples at
// the start of a recording are no audio.
const PreSkip = 312

// ErrNotOpus is in the chain of errors about headers that are not Opus's.
var ErrNotOpus = errors.New("not an Opus header")

func notOpus(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotOpus, fmt.Sprintf(format, args...))
}

// OpusHead is the first packet of Opus in Ogg.
type OpusHead struct {
	Channels  int
	PreSkip   int // samples at 48 kHz to leave out at the start
	InputRate uint32
	Gain      int16 // dB, times 256
	Family    byte  // 0: mono or stereo in one stream; 1: streams in Vorbis order
	Streams   int
	Coupled   int
	Mapping   []byte
}

// Mono is the head of one stream of one or two channels.
func Mono(channels int) OpusHead {
	return OpusHead{Channels: channels, PreSkip: PreSkip, InputRate: 48000, Streams: 1, Coupled: channels - 1, Mapping: []byte{0, 1}[:channels]}
}

// TwoMono is the head of two mono streams, left and right. Its mapping family
// is 1, which all players take; opusdec refuses 255.
func TwoMono() OpusHead {
	return OpusHead{Channels: 2, PreSkip: PreSkip, InputRate: 48000, Family: 1, Streams: 2, Mapping: []byte{0, 1}}
}

// Append writes the head as a packet.
func (h OpusHead) Append(dst []byte) []byte {
	dst = append(dst, "OpusHead\x01"...)
	dst = append(dst, byte(h.Channels))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.PreSkip))
	dst = binary.LittleEndian.AppendUint32(dst, h.InputRate)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.Gain))
	dst = append(dst, h.Family)
	if h.Family != 0 {
		dst = append(dst, byte(h.Streams), byte(h.Coupled))
		dst = append(dst, h.Mapping...)
	}
	return dst
}

// ParseOpusHead reads the first packet of Opus in Ogg; mapping families 0 and 1.
func ParseOpusHead(p []byte) (OpusHead, error) {
	if len(p) < 19 || string(p[:8]) != "OpusHead" {
		return OpusHead{}, notOpus("no OpusHead of 19 bytes")
	}
	if p[8]>>4 != 0 {
		return OpusHead{}, notOpus("version %d", p[8])
	}
	h := OpusHead{
		Channels:  int(p[9]),
		PreSkip:   int(binary.LittleEndian.Uint16(p[10:])),
		InputRate: binary.LittleEndian.Uint32(p[12:]),
		Gain:      int16(binary.LittleEndian.Uint16(p[16:])),
		Family:    p[18],
	}
	switch {
	case h.Family == 0 && (h.Channels == 1 || h.Channels == 2):
		h.Streams, h.Coupled = 1, h.Channels-1
		h.Mapping = []byte{0, 1}[:h.Channels]
		return h, nil
	case h.Family == 0:
		return OpusHead{}, notOpus("%d channels in family 0", h.Channels)
	case h.Family != 1:
		return OpusHead{}, notOpus("mapping family %d", h.Family)
	case h.Channels < 1 || h.Channels > 8:
		return OpusHead{}, notOpus("%d channels in family 1", h.Channels)
	case len(p) < 21+h.Channels:
		return OpusHead{}, notOpus("a mapping of %d channels is missing", h.Channels)
	}
	h.Streams, h.Coupled = int(p[19]), int(p[20])
	h.Mapping = append([]byte(nil), p[21:21+h.Channels]...)
	if h.Streams == 0 || h.Coupled > h.Streams || h.Streams+h.Coupled > 255 {
		return OpusHead{}, notOpus("%d streams, %d of them coupled", h.Streams, h.Coupled)
	}
	for _, m := range h.Mapping {
		if m != 255 && int(m) >= h.Streams+h.Coupled {
			return OpusHead{}, notOpus("a channel from stream %d of %d", m, h.Streams+h.Coupled)
		}
	}
	return h, nil
}

// OpusTags is the second packet of Opus in Ogg.
type OpusTags struct {
	Vendor   string
	Comments []string // KEY=value
}

// Get is the value of the first comment with the key, whose case does not
// matter.
func (t OpusTags) Get(key string) string {
	for _, c := range t.Comments {
		if k, v, ok := strings.Cut(c, "="); ok && strings.EqualFold(k, key) {
			return v
		}
	}
	return ""
}

// Append writes the tags as a packet.
func (t OpusTags) Append(dst []byte) []byte {
	dst = append(dst, "OpusTags"...)
	dst = appendText(dst, t.Vendor)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.Comments)))
	for _, c := range t.Comments {
		dst = appendText(dst, c)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// ParseOpusTags reads the second packet of Opus in Ogg.
func ParseOpusTags(p []byte) (OpusTags, error) {
	if len(p) < 8 || string(p[:8]) != "OpusTags" {
		return OpusTags{}, notOpus("no OpusTags")
	}
	p = p[8:]
	var t OpusTags
	var err error
	if t.Vendor, p, err = takeText(p); err != nil {
		return OpusTags{}, err
	}
	if len(p) < 4 {
		return OpusTags{}, notOpus("tags end too early")
	}
	n := binary.LittleEndian.Uint32(p)
	p = p[4:]
	if uint64(n)*4 > uint64(len(p)) {
		return OpusTags{}, notOpus("%d comments in %d bytes", n, len(p))
	}
	for range n {
		var c string
		if c, p, err = takeText(p); err != nil {
			return OpusTags{}, err
		}
		t.Comments = append(t.Comments, c)
	}
	return t, nil
}

func takeText(p []byte) (string, []byte, error) {
	if len(p) < 4 {
		return "", nil, notOpus("tags end too early")
	}
	n := binary.LittleEndian.Uint32(p)
	if uint64(n) > uint64(len(p)-4) {
		return "", nil, notOpus("a tag of %d bytes where %d are left", n, len(p)-4)
	}
	return string(p[4 : 4+n]), p[4+n:], nil
}

// Headers appends the pages with head and tags that begin an Opus stream.
func (w *Writer) Headers(dst []byte, head OpusHead, tags OpusTags) []byte {
	dst = w.Flush(w.Packet(dst, head.Append(nil), 0))
	return w.Flush(w.Packet(dst, tags.Append(nil), 0))
}
