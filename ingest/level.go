package ingest

import (
	"earshot"
	"earshot/audio/levels"
	"earshot/audio/opus"
	"earshot/ingest/recorder"
)

// meterRate is what Opus is decoded to where a level is wanted, in Hz: cheap,
// and enough.
const meterRate = 8000

// meter measures a packet's loudness by decoding it, in −dBov as RFC 6464 has
// it: 0 loudest, 127 silence. right is recorder.NoLevel where there is one
// channel. It belongs to the goroutine that reads its track.
type meter interface {
	measure(payload []byte) (left, right uint8)
}

// newMeter is the meter for a track.
func newMeter(track recorder.Track) meter {
	switch {
	case track.Codec == earshot.PCMU:
		return monoMeter(levels.OfULaw)
	case track.Codec == earshot.PCMA:
		return monoMeter(levels.OfALaw)
	case track.Channels == 2:
		return &stereoMeter{}
	}
	m := opus.NewMeter()
	return monoMeter(func(packet []byte) uint8 {
		level, err := m.Level(packet)
		if err != nil {
			return recorder.NoLevel // a broken packet says nothing of loudness
		}
		return level
	})
}

// monoMeter is a meter of one channel.
type monoMeter func(payload []byte) uint8

func (m monoMeter) measure(payload []byte) (left, right uint8) { return m(payload), recorder.NoLevel }

// stereoMeter tells the two sides in one Opus track apart, which the header
// extension does not.
type stereoMeter struct {
	decoder *opus.Decoder
	pcm     []int16 // interleaved
	channel []int16 // one of the two
}

func (m *stereoMeter) measure(packet []byte) (left, right uint8) {
	if m.decoder == nil {
		decoder, err := opus.NewDecoder(meterRate, 2)
		if err != nil {
			return recorder.NoLevel, recorder.NoLevel
		}
		m.decoder = decoder
		m.pcm = make([]int16, decoder.MaxSamples())
		m.channel = make([]int16, decoder.MaxSamples()/2)
	}
	n, err := m.decoder.Decode(packet, m.pcm)
	if err != nil {
		return recorder.NoLevel, recorder.NoLevel
	}
	return m.of(n, 0), m.of(n, 1)
}

func (m *stereoMeter) of(n, channel int) uint8 {
	for i := range n {
		m.channel[i] = m.pcm[2*i+channel]
	}
	return levels.OfPCM(m.channel[:n])
}
