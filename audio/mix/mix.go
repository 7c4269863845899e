// Package mix makes one mono track of a conversation's two sides, for a
// listener that takes only one. A Mixer belongs to one goroutine and starts
// none.
package mix

import (
	"fmt"

	"earshot"
	"earshot/audio/g711"
	"earshot/audio/opus"
	"earshot/audio/pcm"
)

// The mix is G.711 µ-law in frames of 20 ms: any listener can play it and
// nothing but a table is needed to code it.
const (
	Rate         = 8000
	FrameSamples = 160
	// maxQueued bounds what a side that runs ahead of the listener's clock may
	// keep waiting: 200 ms.
	maxQueued = 10 * FrameSamples
)

// Mixer adds the sides up.
type Mixer struct {
	codec   earshot.Codec
	sides   []side
	sum     []int16
	dropped int
}

type side struct {
	decoder *opus.Decoder
	pcm     []int16
	queue   []int16
}

// New mixes n sides, all of one codec.
func New(codec earshot.Codec, n int) (*Mixer, error) {
	m := &Mixer{codec: codec, sides: make([]side, n), sum: make([]int16, FrameSamples)}
	for i := range m.sides {
		m.sides[i].queue = make([]int16, 0, maxQueued+Rate*120/1000)
		if codec != earshot.Opus {
			continue
		}
		d, err := opus.NewDecoder(Rate, 1)
		if err != nil {
			return nil, err
		}
		m.sides[i].decoder, m.sides[i].pcm = d, make([]int16, d.MaxSamples())
	}
	return m, nil
}

// Push queues one packet's audio of side i. What is queued beyond 200 ms is
// dropped, the oldest first.
func (m *Mixer) Push(i int, payload []byte) error {
	s := &m.sides[i]
	switch m.codec {
	case earshot.Opus:
		n, err := s.decoder.Decode(payload, s.pcm)
		if err != nil {
			return err
		}
		s.queue = append(s.queue, s.pcm[:n]...)
	case earshot.PCMU:
		s.queue = g711.DecodeULaw(s.queue, payload)
	case earshot.PCMA:
		s.queue = g711.DecodeALaw(s.queue, payload)
	default:
		return fmt.Errorf("codec %q cannot be mixed", m.codec)
	}
	if over := len(s.queue) - maxQueued; over > 0 {
		s.queue = s.queue[:copy(s.queue, s.queue[over:])]
		m.dropped += over
	}
	return nil
}

// Queued is how many samples of side i wait, at 8 kHz.
func (m *Mixer) Queued(i int) int { return len(m.sides[i].queue) }

// Dropped is how many samples were dropped so far.
func (m *Mixer) Dropped() int { return m.dropped }

// Pull appends the next 20 ms of the mix. A side of which nothing waits is
// silent; any says whether there was audio at all.
func (m *Mixer) Pull(dst []byte) (frame []byte, any bool) {
	clear(m.sum)
	for i := range m.sides {
		s := &m.sides[i]
		n := min(len(s.queue), FrameSamples)
		any = any || n > 0
		for k, v := range s.queue[:n] {
			m.sum[k] = pcm.Clip(int(m.sum[k]) + int(v))
		}
		s.queue = s.queue[:copy(s.queue, s.queue[n:])]
	}
	return g711.EncodeULaw(dst, m.sum), any
}
