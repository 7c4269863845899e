package recorder

import "slices"

// unit is the smallest piece that goes into a file: of one side, a slot long
// unless it is odd.
type unit struct {
	samples      int64
	data         []byte // Opus: a packet. G.711: samples. nil: filler
	level, right uint8  // LevelGap where there is no audio
	odd          bool   // it keeps no slots: it cannot be combined with the other side
}

// units is a queue.
type units struct {
	list []unit
	head int
}

func (q *units) push(u unit) { q.list = append(q.list, u) }

func (q *units) len() int { return len(q.list) - q.head }

// first is the oldest unit; there must be one.
func (q *units) first() *unit { return &q.list[q.head] }

func (q *units) pop() unit {
	u := q.list[q.head]
	q.list[q.head] = unit{}
	q.head++
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	} else if q.head >= 64 && q.head*2 >= len(q.list) {
		q.list = slices.Delete(q.list, 0, q.head)
		q.head = 0
	}
	return u
}

func (q *units) clone() units { return units{list: slices.Clone(q.list[q.head:])} }

// pool keeps the memory of payloads that are done with, so that the steady
// state allocates nothing.
type pool struct {
	free  [][]byte
	fixed bool // the memory is shared with a snapshot's original: never reuse it
}

// Limits of a pool: what a burst of waiting packets took is given back.
const (
	mostSpare   = 32
	leastBuffer = 160
	mostBuffer  = 2048
)

// copy is a copy of b in spare memory; nil for nothing.
func (p *pool) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if n := len(p.free); n > 0 {
		buf := p.free[n-1]
		p.free = p.free[:n-1]
		return append(buf[:0], b...)
	}
	return append(make([]byte, 0, max(leastBuffer, len(b))), b...)
}

func (p *pool) recycle(b []byte) {
	if p.fixed || cap(b) == 0 || cap(b) > mostBuffer || len(p.free) >= mostSpare {
		return
	}
	p.free = append(p.free, b)
}
