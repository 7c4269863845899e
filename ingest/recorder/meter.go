package recorder

import (
	"earshot"
	"earshot/audio/levels"
	"earshot/audio/opus"
)

// meter tells the levels of packets whose sender did not: by decoding them.
type meter struct {
	track   Track
	decoder *opus.Decoder
	pcm     []int16
	channel []int16 // of one channel
	bytes   []byte  // of one channel, G.711
	failed  bool    // there is no decoder to be had
}

// fill sets the levels that p lacks. What cannot be decoded keeps none.
func (m *meter) fill(p *packet) {
	missing := p.level == NoLevel || m.track.stereo() && p.right == NoLevel
	if !missing || m.failed {
		return
	}
	found := [2]uint8{NoLevel, NoLevel}
	for c := range max(1, m.track.Channels) {
		if m.track.Codec == earshot.Opus {
			found[c] = m.opus(p.payload, c)
		} else {
			found[c] = m.g711(p.payload, c)
		}
	}
	p.level, p.right = min(p.level, found[0]), min(p.right, found[1])
}

// opus decodes once for all channels, when the first is asked for. 8 kHz is
// cheap and enough.
func (m *meter) opus(payload []byte, c int) uint8 {
	channels := max(1, m.track.Channels)
	if m.decoder == nil {
		decoder, err := opus.NewDecoder(8000, channels)
		if err != nil {
			m.failed = true
			return NoLevel
		}
		m.decoder, m.pcm = decoder, make([]int16, decoder.MaxSamples())
	}
	if c == 0 {
		n, err := m.decoder.Decode(payload, m.pcm[:cap(m.pcm)])
		if err != nil { // a packet that cannot be heard has no level
			n = 0
		}
		m.pcm = m.pcm[:n*channels]
	}
	m.channel = m.channel[:0]
	for i := c; i < len(m.pcm); i += channels {
		m.channel = append(m.channel, m.pcm[i])
	}
	if len(m.channel) == 0 {
		return NoLevel
	}
	return levels.OfPCM(m.channel)
}

func (m *meter) g711(payload []byte, c int) uint8 {
	m.bytes = m.bytes[:0]
	for i := c; i < len(payload); i += max(1, m.track.Channels) {
		m.bytes = append(m.bytes, payload[i])
	}
	if m.track.Codec == earshot.PCMA {
		return levels.OfALaw(m.bytes)
	}
	return levels.OfULaw(m.bytes)
}
