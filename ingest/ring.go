package ingest

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

// Sizes of a ring, in bytes. A track's ring holds more than three seconds of
// G.711 or eight of Opus at 32 kbit/s, against a loop that comes every tenth.
const (
	trackRing    = 32 << 10
	recordHead   = 32
	recordAlign  = 8
	ringSkip     = ^uint32(0) // a size that says: go on at the start of the buffer
	shortestRing = 1 << 10
)

// record is a packet as it lies in a ring. Its payload belongs to the ring and
// is valid until the record is dropped.
type record struct {
	arrival   int64 // nanoseconds since the Unix epoch
	ssrc      uint32
	timestamp uint32
	seq       uint16
	track     uint8 // which of a seat's tracks, in the pre-roll
	level     uint8 // −dBov of the track, or of its left channel; recorder.NoLevel if unknown
	right     uint8 // the right channel's, of a stereo track
	payload   []byte
}

// at is the record's arrival as a time.
func (r *record) at() time.Time { return time.Unix(0, r.arrival).UTC() }

// packet is the record as the recorder takes it.
func (r *record) packet(side earshot.Side) recorder.Packet {
	return recorder.Packet{
		Side: side, Arrival: r.at(), SSRC: r.ssrc, Seq: r.seq, Timestamp: r.timestamp,
		Level: r.level, Right: r.right, Payload: r.payload,
	}
}

// ring is a bounded queue of packets between one goroutine that puts and one
// that takes, without locks and without allocation. What does not fit is
// counted, never waited for.
type ring struct {
	buf  []byte
	head atomic.Uint64 // bytes taken; moved by the taker alone
	_    [56]byte      // the two ends do not share a cache line
	tail atomic.Uint64 // bytes put; moved by the putter alone
	_    [56]byte
	lost atomic.Uint64
}

// newRing makes a ring of size bytes, rounded up to a power of two.
func newRing(size int) *ring {
	n := shortestRing
	for n < size {
		n <<= 1
	}
	return &ring{buf: make([]byte, n)}
}

// put copies r in, or counts it as lost and answers false.
func (q *ring) put(r *record) bool {
	need := uint64(recordHead + (len(r.payload)+recordAlign-1)&^(recordAlign-1))
	size := uint64(len(q.buf))
	tail, head := q.tail.Load(), q.head.Load()
	pos := tail & (size - 1)
	skip := uint64(0)
	if size-pos < need {
		skip = size - pos
	}
	if need > size/2 || tail+skip+need-head > size {
		q.lost.Add(1)
		return false
	}
	if skip > 0 {
		binary.LittleEndian.PutUint32(q.buf[pos:], ringSkip)
		tail += skip
		pos = 0
	}
	b := q.buf[pos : pos+need]
	binary.LittleEndian.PutUint32(b[0:], uint32(need))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(r.payload)))
	binary.LittleEndian.PutUint64(b[8:], uint64(r.arrival))
	binary.LittleEndian.PutUint32(b[16:], r.ssrc)
	binary.LittleEndian.PutUint32(b[20:], r.timestamp)
	binary.LittleEndian.PutUint16(b[24:], r.seq)
	b[26], b[27], b[28] = r.track, r.level, r.right
	copy(b[recordHead:], r.payload)
	q.tail.Store(tail + need)
	return true
}

// peek shows the oldest record in r, false if there is none.
func (q *ring) peek(r *record) bool {
	head, tail := q.head.Load(), q.tail.Load()
	if head == tail {
		return false
	}
	size := uint64(len(q.buf))
	pos := head & (size - 1)
	if binary.LittleEndian.Uint32(q.buf[pos:]) == ringSkip {
		q.head.Store(head + size - pos)
		pos = 0
	}
	b := q.buf[pos:]
	n := binary.LittleEndian.Uint32(b[4:])
	r.arrival = int64(binary.LittleEndian.Uint64(b[8:]))
	r.ssrc = binary.LittleEndian.Uint32(b[16:])
	r.timestamp = binary.LittleEndian.Uint32(b[20:])
	r.seq = binary.LittleEndian.Uint16(b[24:])
	r.track, r.level, r.right = b[26], b[27], b[28]
	r.payload = b[recordHead : recordHead+n : recordHead+n]
	return true
}

// drop takes the record away that peek showed.
func (q *ring) drop() {
	head := q.head.Load()
	q.head.Store(head + uint64(binary.LittleEndian.Uint32(q.buf[head&uint64(len(q.buf)-1):])))
}

// takeLost is how many records did not fit since the last time.
func (q *ring) takeLost() int { return int(q.lost.Swap(0)) }
