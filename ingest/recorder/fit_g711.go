package recorder

import (
	"bytes"
	"slices"

	"earshot"
)

// g711Step is a G.711 sample in samples at 48 kHz.
const g711Step = second / 8000

// Bytes that G.711 decodes to silence.
const (
	silenceULaw = 0xFF
	silenceALaw = 0xD5
)

// g711Silence is the filler of a G.711 codec.
func g711Silence(codec earshot.Codec) byte {
	if codec == earshot.PCMA {
		return silenceALaw
	}
	return silenceULaw
}

// g711Fit cuts G.711 into slots, sample by sample.
type g711Fit struct {
	frame   int // bytes for one instant: a byte a channel
	silence byte

	buf          []byte // of the slot being gathered
	audio        bool
	level, right uint8
}

func newG711Fit(track Track) *g711Fit {
	return &g711Fit{frame: max(1, track.Channels), silence: g711Silence(track.Codec)}
}

func (f *g711Fit) measure(payload []byte) (int64, bool) {
	n := int64(len(payload) / f.frame * g711Step)
	return n, n > 0 && len(payload)%f.frame == 0 && n <= second
}

func (f *g711Fit) quantum(int64) int64 { return g711Step }

func (f *g711Fit) gathered() int64 { return int64(len(f.buf) / f.frame * g711Step) }

// room is how many bytes the slot still takes.
func (f *g711Fit) room() int { return slot/g711Step*f.frame - len(f.buf) }

func (f *g711Fit) put(l *lane, payload []byte, _ int64, level, right uint8) {
	for len(payload) > 0 {
		f.note(level, right)
		n := min(len(payload), f.room())
		f.buf = append(f.buf, payload[:n]...)
		payload = payload[n:]
		f.audio = true
		f.complete(l)
	}
}

func (f *g711Fit) skip(l *lane, n int64, level uint8) {
	for left := int(n/g711Step) * f.frame; left > 0; {
		f.note(level, level)
		k := min(left, f.room())
		f.buf = append(f.buf, bytes.Repeat([]byte{f.silence}, k)...)
		left -= k
		f.complete(l)
	}
}

func (f *g711Fit) note(level, right uint8) {
	if len(f.buf) == 0 {
		f.level, f.right = earshot.LevelGap, earshot.LevelGap
	}
	f.level, f.right = min(f.level, level), min(f.right, right)
}

// complete sends the slot out if it is full.
func (f *g711Fit) complete(l *lane) {
	if f.room() > 0 {
		return
	}
	u := unit{samples: slot, level: f.level, right: f.right}
	if f.audio {
		u.data = l.spare.copy(f.buf)
	}
	f.buf, f.audio = f.buf[:0], false
	l.emit(u)
}

func (f *g711Fit) flush(l *lane) {
	if len(f.buf) > 0 {
		f.skip(l, int64(f.room()/f.frame*g711Step), earshot.LevelGap)
	}
}

func (f *g711Fit) clone() fitter {
	c := *f
	c.buf = slices.Clone(f.buf)
	return &c
}
