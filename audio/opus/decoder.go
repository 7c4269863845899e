package opus

import (
	"errors"
	"fmt"

	pion "github.com/pion/opus"

	"earshot"
	"earshot/audio/levels"
)

// ErrDecode is in the chain of every error of decoding a well-formed packet.
var ErrDecode = errors.New("the Opus packet cannot be decoded")

// Decoder decodes one stream. What is broken inside a packet is an error, never
// a panic, and the decoder goes on with the next packet.
type Decoder struct {
	rate, channels int
	pion           pion.Decoder
}

// NewDecoder decodes to rate (8000, 12000, 16000, 24000 or 48000 Hz) and one or
// two channels, whatever the stream's own are.
func NewDecoder(rate, channels int) (*Decoder, error) {
	d := &Decoder{rate: rate, channels: channels}
	if err := d.reset(); err != nil {
		return nil, fmt.Errorf("decode Opus to %d Hz, %d channels: %w", rate, channels, err)
	}
	return d, nil
}

func (d *Decoder) reset() error {
	p, err := pion.NewDecoderWithOutput(d.rate, d.channels)
	d.pion = p
	return err
}

// Rate is the output's rate in Hz.
func (d *Decoder) Rate() int { return d.rate }

// Channels is how many channels the output has.
func (d *Decoder) Channels() int { return d.channels }

// MaxSamples is how large a buffer holds any packet, all channels together.
func (d *Decoder) MaxSamples() int { return MaxPacketSamples * d.rate / SampleRate * d.channels }

// Decode decodes one packet into pcm, interleaved, and answers how many samples
// a channel it has. An empty packet is an error: who misses one uses Filler.
func (d *Decoder) Decode(packet []byte, pcm []int16) (n int, err error) {
	var l layout
	if err := l.read(packet, false); err != nil {
		return 0, err
	}
	want := l.count * FrameSamples(packet[0]) * d.rate / SampleRate
	if len(pcm) < want*d.channels {
		return 0, fmt.Errorf("%w: it has %d samples, the buffer %d", ErrDecode, want*d.channels, len(pcm))
	}
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, fmt.Errorf("%w: %v", ErrDecode, r)
			// Whatever it was, it may have left the state half changed.
			if again := d.reset(); again != nil {
				err = errors.Join(err, again)
			}
		}
	}()
	n, err = d.pion.DecodeToInt16(packet, pcm)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDecode, err)
	}
	if n > want {
		return 0, fmt.Errorf("%w: %d samples instead of %d", ErrDecode, n, want)
	}
	return n, nil
}

// Meter tells the levels of a stream's packets by decoding them, where the
// sender does not say them.
type Meter struct {
	decoder *Decoder
	pcm     []int16
}

// NewMeter measures one stream. It decodes to 8 kHz, which is cheap and enough.
func NewMeter() *Meter {
	d := &Decoder{rate: 8000, channels: 1}
	if err := d.reset(); err != nil {
		panic(err) // 8000 Hz and one channel are always possible
	}
	return &Meter{decoder: d, pcm: make([]int16, d.MaxSamples())}
}

// Level is the packet's RFC 6464 level; that of a packet that cannot be decoded
// is silence, with an error.
func (m *Meter) Level(packet []byte) (byte, error) {
	n, err := m.decoder.Decode(packet, m.pcm)
	if err != nil {
		return earshot.LevelSilence, err
	}
	return levels.OfPCM(m.pcm[:n]), nil
}
