package ingest

import (
	"math"
	"sync"

	"earshot"
	"earshot/ingest/recorder"
)

// meter measures a packet's loudness by decoding it, in −dBov as RFC 6464 has
// it: 0 loudest, 127 silence. right is recorder.NoLevel where there is one
// channel. It belongs to the goroutine that reads its track.
type meter interface {
	measure(payload []byte) (left, right uint8)
}

// newMeter is the meter for a track, nil where its codec cannot be measured.
func newMeter(track recorder.Track) meter {
	switch track.Codec {
	case earshot.PCMU:
		return &g711Meter{squares: ulawSquares(), channels: max(1, track.Channels)}
	case earshot.PCMA:
		return &g711Meter{squares: alawSquares(), channels: max(1, track.Channels)}
	}
	return nil
}

// g711Meter adds up the squares of samples from a table.
type g711Meter struct {
	squares  *[256]float32
	channels int
}

func (m *g711Meter) measure(payload []byte) (left, right uint8) {
	if m.channels == 1 {
		return m.level(payload, 0, 1), recorder.NoLevel
	}
	return m.level(payload, 0, 2), m.level(payload, 1, 2)
}

func (m *g711Meter) level(samples []byte, from, step int) uint8 {
	var sum float32
	n := 0
	for i := from; i < len(samples); i += step {
		sum += m.squares[samples[i]]
		n++
	}
	if n == 0 {
		return earshot.LevelSilence
	}
	return dBov(float64(sum) / float64(n))
}

// dBov turns a mean square, 1 at full scale, into −dBov.
func dBov(meanSquare float64) uint8 {
	if meanSquare < 1e-12 {
		return earshot.LevelSilence
	}
	return uint8(math.Round(min(max(-10*math.Log10(meanSquare), 0), earshot.LevelSilence)))
}

// The tables never change once made.
var (
	ulawSquares = sync.OnceValue(func() *[256]float32 { return squares(ulaw) })
	alawSquares = sync.OnceValue(func() *[256]float32 { return squares(alaw) })
)

// squares is the table of the squares of all samples of a law, 1 at full scale.
func squares(law func(byte) int) *[256]float32 {
	var table [256]float32
	for i := range table {
		v := float32(law(byte(i))) / 32768
		table[i] = v * v
	}
	return &table
}

// ulaw is a µ-law sample as 16 bits linear (ITU-T G.711).
func ulaw(b byte) int {
	b = ^b
	v := (int(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}

// alaw is an A-law sample as 16 bits linear (ITU-T G.711).
func alaw(b byte) int {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if exp := b >> 4 & 7; exp > 0 {
		v = (v + 0x100) << (exp - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}
