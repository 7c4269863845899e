package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
)

// epoch is what the times in payloads count from.
var epoch = time.Now()

// The payload of a packet: an Opus TOC, when it was sent, and noise.
const (
	opusTOC   = 0x78 // hybrid, fullband, 20 ms, mono, one frame
	stampAt   = 1
	noiseFrom = stampAt + 8
)

// voice makes the packets of one track.
type voice struct {
	packet rtp.Packet
	send   func(*rtp.Packet) error
}

func newVoice(seed uint64, send func(*rtp.Packet) error) *voice {
	random := rand.New(rand.NewPCG(seed, 1))
	v := &voice{send: send}
	v.packet.Version = 2
	v.packet.SequenceNumber, v.packet.Timestamp = uint16(random.Uint32()), random.Uint32()
	v.packet.Payload = make([]byte, frameBytes)
	v.packet.Payload[0] = opusTOC
	for i := noiseFrom; i < frameBytes; i++ {
		v.packet.Payload[i] = byte(random.Uint32())
	}
	return v
}

func (v *voice) speak() error {
	v.packet.SequenceNumber++
	v.packet.Timestamp += frameSamples
	binary.BigEndian.PutUint64(v.packet.Payload[stampAt:], uint64(time.Since(epoch)))
	return v.send(&v.packet)
}

// sentAt is when a payload of ours was sent.
func sentAt(payload []byte) (time.Time, bool) {
	if len(payload) != frameBytes || payload[0] != opusTOC {
		return time.Time{}, false
	}
	return epoch.Add(time.Duration(binary.BigEndian.Uint64(payload[stampAt:]))), true
}

// pacers are how many goroutines share the voices.
const pacers = 2

// pacer lets voices speak every 20 ms, spread over that time.
type pacer struct {
	voices []*voice
	sent   atomic.Int64
	failed atomic.Pointer[error]
}

// run speaks until ctx ends. Ticks that were missed are made up for at once, as
// a device's buffer would.
func (p *pacer) run(ctx context.Context) {
	var wg sync.WaitGroup
	for k := range pacers {
		wg.Go(func() { p.pace(ctx, k) })
	}
	wg.Wait()
}

func (p *pacer) pace(ctx context.Context, k int) {
	const slots = int(frameEvery / time.Millisecond)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for slot := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(began) / time.Millisecond); slot < due; slot++ {
			for i := slot%slots*pacers + k; i < len(p.voices); i += slots * pacers {
				if err := p.voices[i].speak(); err != nil {
					failure := fmt.Errorf("sending: %w", err)
					p.failed.CompareAndSwap(nil, &failure)
					return
				}
				p.sent.Add(1)
			}
		}
	}
}

func (p *pacer) err() error {
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}
