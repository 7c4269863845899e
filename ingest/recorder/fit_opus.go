package recorder

import (
	"slices"

	"earshot"
	"earshot/audio/opus"
)

// opusFit makes units of Opus packets: of a slot each by merging and splitting
// whole frames, or, once that cannot be done or is not needed, as they came.
type opusFit struct {
	stereo bool
	free   bool // packets stay as they came

	pieces       []piece // of the slot being gathered
	have         int64
	level, right uint8
	scratch      []byte
}

// piece is a short packet that waits for the rest of its slot; without data it
// stands for one that is missing.
type piece struct {
	data    []byte
	samples int64
}

func (f *opusFit) measure(payload []byte) (int64, bool) {
	framed, err := opus.SelfDelimit(f.scratch[:0], payload) // the whole of the checks, without allocating
	if err != nil {
		return 0, false
	}
	f.scratch = framed
	n, err := opus.Samples(payload)
	return int64(n), err == nil
}

func (f *opusFit) quantum(n int64) int64 {
	if f.free {
		return slot / 8
	}
	return min(n, slot)
}

func (f *opusFit) gathered() int64 { return f.have }

func (f *opusFit) put(l *lane, payload []byte, n int64, level, right uint8) {
	u := unit{samples: n, level: level, right: right, odd: f.free}
	switch {
	case f.free || n == slot && f.have == 0:
		u.data = l.spare.copy(payload)
		l.emit(u)
	case int64(opus.FrameSamples(payload[0])) > slot: // a single SILK frame of 40 or 60 ms
		f.release(l)
		f.put(l, payload, n, level, right)
	case n%slot == 0:
		f.flush(l)
		f.split(l, payload, slot, u)
	default:
		f.split(l, payload, int64(opus.FrameSamples(payload[0])), u)
	}
}

// split puts a packet in pieces of so many samples.
func (f *opusFit) split(l *lane, payload []byte, samples int64, u unit) {
	packets, err := opus.SplitTo(payload, int(samples))
	if err != nil { // pieces of whole frames always can be split off; keep it as it is
		f.release(l)
		f.put(l, payload, u.samples, u.level, u.right)
		return
	}
	for _, p := range packets {
		switch {
		case f.free || samples == slot:
			l.emit(unit{samples: samples, data: slices.Clone(p), level: u.level, right: u.right, odd: f.free})
		default:
			f.gather(l, piece{slices.Clone(p), samples}, u.level, u.right)
		}
	}
}

// gather adds a piece to the slot.
func (f *opusFit) gather(l *lane, p piece, level, right uint8) {
	if f.have+p.samples > slot {
		f.flush(l)
	}
	if f.have == 0 {
		f.level, f.right = earshot.LevelGap, earshot.LevelGap
	}
	f.pieces = append(f.pieces, p)
	f.have += p.samples
	f.level, f.right = min(f.level, level), min(f.right, right)
	if f.have == slot {
		f.merge(l)
	}
}

// merge makes a unit of the gathered slot. What is missing in it becomes empty
// frames of the same configuration, so that the frames that came stay exact.
func (f *opusFit) merge(l *lane) {
	u := unit{samples: slot, level: f.level, right: f.right}
	if i := slices.IndexFunc(f.pieces, func(p piece) bool { return p.data != nil }); i >= 0 {
		toc := f.pieces[i].data[0] &^ 3
		var packets [][]byte
		for _, p := range f.pieces {
			for n := p.samples; p.data == nil && n > 0; n -= int64(opus.FrameSamples(toc)) {
				packets = append(packets, []byte{toc})
			}
			if p.data != nil {
				packets = append(packets, p.data)
			}
		}
		merged, err := opus.Merge(packets)
		if n, _ := opus.Samples(merged); err != nil || n != slot { // they differ: the sides go apart
			f.release(l)
			return
		}
		u.data = merged
	}
	f.pieces, f.have = f.pieces[:0], 0
	l.emit(u)
}

// release stops keeping slots: what was gathered goes out as it came.
func (f *opusFit) release(l *lane) {
	f.free = true
	for _, p := range f.pieces {
		if p.data == nil {
			f.have -= p.samples
			f.skip(l, p.samples, earshot.LevelGap)
			continue
		}
		f.have -= p.samples
		l.emit(unit{samples: p.samples, data: p.data, level: f.level, right: f.right, odd: true})
	}
	f.pieces, f.have = nil, 0
}

func (f *opusFit) skip(l *lane, n int64, level uint8) {
	for n > 0 {
		switch {
		case f.free:
			size := fillerSize(n)
			l.emit(unit{samples: size, level: level, right: level, odd: true})
			n -= size
		case f.have == 0 && n >= slot:
			l.emit(unit{samples: slot, level: level, right: level})
			n -= slot
		default:
			size := min(n, slot-f.have)
			f.gather(l, piece{nil, size}, level, level)
			n -= size
		}
	}
}

// fillerSize is the longest filler not above n: 20, 10, 5 or 2.5 ms.
func fillerSize(n int64) int64 {
	size := int64(slot)
	for size > n && size > slot/8 {
		size /= 2
	}
	return size
}

func (f *opusFit) flush(l *lane) {
	if f.have > 0 {
		f.gather(l, piece{nil, slot - f.have}, earshot.LevelGap, earshot.LevelGap)
	}
}

func (f *opusFit) clone() fitter {
	c := *f
	c.pieces, c.scratch = slices.Clone(f.pieces), nil
	return &c
}

// appendFiller appends an empty packet of samples, in stereo if the track is.
func appendFiller(dst []byte, samples int64, stereo bool) []byte {
	at := len(dst)
	dst, err := opus.AppendFiller(dst, int(samples))
	if err != nil { // only lengths of fillerSize come here
		return dst
	}
	if stereo {
		dst[at] |= 4
	}
	return dst
}
