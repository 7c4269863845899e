package storage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"earshot"
	"earshot/audio/levels"
	"earshot/audio/ogg"
	"earshot/audio/opus"
	"earshot/audio/pcm"
	"earshot/storage/convert"
)

// meter measures the levels of a part's file by decoding it: those of a part
// that a crash left without its levels.
type meter struct {
	part            earshot.Part
	agent, customer levels.Steps
}

// measure decodes file, which takes about a second for three minutes of both
// sides. What cannot be decoded is a gap.
func measure(ctx context.Context, c *convert.Converter, part earshot.Part, file io.ReadSeeker) (agent, customer []byte, err error) {
	m := meter{part: part}
	if part.Codec == earshot.Opus {
		err = m.opus(ctx, file)
	} else {
		err = m.brought(ctx, c, file)
	}
	if err != nil {
		return nil, nil, err
	}
	m.agent.Extend(part.DurationMs)
	m.customer.Extend(part.DurationMs)
	return m.agent.Bytes(), m.customer.Bytes(), nil
}

// side is where the levels of the file's only channel, or of channel i, go.
func (m *meter) side(i int) *levels.Steps {
	switch m.part.Track {
	case earshot.TrackCustomer:
		return &m.customer
	case earshot.TrackMixed, earshot.TrackAgent: // however many channels there are
		return &m.agent
	case earshot.TrackSwapped:
		i = 1 - i
	}
	if i == 1 {
		return &m.customer
	}
	return &m.agent
}

func (m *meter) opus(ctx context.Context, file io.Reader) error {
	r, err := ogg.NewOpusReader(file)
	if err != nil {
		return unmeasurable(err)
	}
	sides, err := newEars(r.Head)
	if err != nil {
		return err
	}
	at := int64(0) // samples
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := opus.Samples(p.Data)
		if err != nil {
			continue // the next page's granule tells the time again
		}
		for i, level := range sides.hear(p.Data) {
			m.side(i).Add(at/samplesPerMs, int64(n)/samplesPerMs, level)
		}
		at += int64(n)
		if p.Granule != ogg.NoGranule {
			at = p.Granule
			if p.Last { // what comes behind the end is no part of it
				return nil
			}
		}
	}
}

// errUnmeasurable means that a file's levels cannot be told, now or later.
var errUnmeasurable = errors.New("its levels cannot be measured")

func unmeasurable(err error) error { return fmt.Errorf("%w: %w", errUnmeasurable, err) }

// ears decode the packets of a file, of one mono stream, two, or one of stereo.
type ears struct {
	mono   []*opus.Meter
	stereo *opus.Decoder
	pcm    []int16
}

func newEars(head ogg.OpusHead) (*ears, error) {
	switch {
	case head.Streams == 1 && head.Coupled == 1:
		d, err := opus.NewDecoder(8000, 2)
		if err != nil {
			return nil, err
		}
		return &ears{stereo: d, pcm: make([]int16, d.MaxSamples())}, nil
	case head.Streams <= 2 && head.Coupled == 0:
		e := &ears{}
		for range head.Streams {
			e.mono = append(e.mono, opus.NewMeter())
		}
		return e, nil
	}
	return nil, unmeasurable(fmt.Errorf("%d streams, %d of them stereo", head.Streams, head.Coupled))
}

// hear is the level of each side.
func (e *ears) hear(packet []byte) []byte {
	if e.stereo != nil {
		n, err := e.stereo.Decode(packet, e.pcm)
		if err != nil || empty(packet) {
			return nil
		}
		both := e.pcm[:2*n]
		return []byte{levels.OfPCM(pcm.Channel(nil, both, 2, 0)), levels.OfPCM(pcm.Channel(nil, both, 2, 1))}
	}
	out := make([]byte, 0, len(e.mono))
	for i, meter := range e.mono {
		one := packet
		if i < len(e.mono)-1 {
			var err error
			if one, packet, err = opus.SplitSelfDelimited(packet); err != nil {
				return out
			}
		}
		level, err := meter.Level(one)
		if err != nil || empty(one) {
			level = earshot.LevelGap
		}
		out = append(out, level)
	}
	return out
}

// empty says whether a packet is a filler: it has no sound in it.
func empty(packet []byte) bool {
	p, err := opus.Parse(packet)
	if err != nil {
		return true
	}
	for _, frame := range p.Frames {
		if len(frame) > 0 {
			return false
		}
	}
	return true
}
