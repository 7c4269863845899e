package seat

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"
)

// sink is what a player sends to: a Publisher.
type sink interface {
	SetLevel(track int, packet *rtp.Packet, level uint8) error
	WriteRTP(track int, packet *rtp.Packet) error
}

// player sends a script's packets when they are due on an absolute clock: a
// late wake-up is made up for, and a stretch without a connection is skipped.
type player struct {
	tracks []playing
	loop   bool
	start  time.Time
	packet rtp.Packet
}

type playing struct {
	clip   Clip
	next   int   // packet
	at     int64 // samples from start to that packet
	seq    uint16
	base   uint32 // RTP timestamp at start
	marked bool   // the stream has begun
}

func newPlayer(s Script, loop bool) *player {
	p := &player{loop: loop, tracks: make([]playing, len(s.Clips))}
	for i, clip := range s.Clips {
		p.tracks[i] = playing{clip: clip, seq: uint16(rand.Uint32()), base: rand.Uint32()}
	}
	return p
}

// begin sets the script to offset, which is to be said now.
func (p *player) begin(now time.Time, offset time.Duration) {
	if longest := p.longest(); longest > 0 {
		offset %= longest
	}
	p.start = now.Add(-offset)
	for i := range p.tracks {
		t := &p.tracks[i]
		// The clock of the stream goes on from pass to pass.
		t.base += uint32(t.at)
		t.next, t.at = 0, 0
	}
	p.skip(now)
}

func (p *player) longest() time.Duration {
	longest := time.Duration(0)
	for _, t := range p.tracks {
		longest = max(longest, t.clip.Duration())
	}
	return longest
}

// due is when a track's next packet is to be sent.
func (p *player) due(t *playing) time.Time {
	rate := int64(t.clip.Codec.ClockRate())
	return p.start.Add(time.Duration(t.at/rate)*time.Second + time.Duration(t.at%rate)*time.Second/time.Duration(rate))
}

// advance goes to a track's next packet.
func (p *player) advance(t *playing) {
	t.at += int64(t.clip.packets[t.next].samples)
	t.next++
	if p.loop && t.next == len(t.clip.packets) {
		t.next = 0
	}
}

// skip leaves out what would have been sent before now.
func (p *player) skip(now time.Time) {
	for i := range p.tracks {
		t := &p.tracks[i]
		for t.next < len(t.clip.packets) && p.due(t).Before(now) {
			p.advance(t)
		}
		t.marked = false
	}
}

// run sends until the script's end, which is nil, ctx's end or the connection's.
func (p *player) run(ctx context.Context, pub *Publisher) error {
	p.skip(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-pub.Done():
			return ErrDisconnected
		case <-ctx.Done():
			return ctx.Err()
		}
		next, err := p.send(pub, time.Now())
		if err != nil || next.IsZero() {
			return err
		}
		timer.Reset(time.Until(next))
	}
}

// send sends what is due at now and says when the next packet is; zero at the
// script's end.
func (p *player) send(pub sink, now time.Time) (next time.Time, err error) {
	for i := range p.tracks {
		t := &p.tracks[i]
		for t.next < len(t.clip.packets) {
			due := p.due(t)
			if due.After(now) {
				if next.IsZero() || due.Before(next) {
					next = due
				}
				break
			}
			if err := p.sendOne(pub, i); err != nil {
				return time.Time{}, err
			}
			p.advance(t)
		}
		// The last packet lasts too.
		if end := p.due(t); t.next == len(t.clip.packets) && end.After(now) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	return next, nil
}

func (p *player) sendOne(pub sink, track int) error {
	t := &p.tracks[track]
	one := t.clip.packets[t.next]
	p.packet = rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: !t.marked, SequenceNumber: t.seq, Timestamp: t.base + uint32(t.at)},
		Payload: one.payload,
	}
	t.seq++
	t.marked = true
	if err := pub.SetLevel(track, &p.packet, one.level); err != nil {
		return err
	}
	return pub.WriteRTP(track, &p.packet)
}
