package recorder

import "time"

// The recorder counts time in samples at 48 kHz since the call's start, for
// arrivals and for places in files alike.
const (
	second = 48000
	milli  = second / 1000
	slot   = second / 50 // what one packet of a two-track file holds
)

// samples is d as samples at 48 kHz.
func samples(d time.Duration) int64 { return int64(d) * milli / int64(time.Millisecond) }

// duration is n samples at 48 kHz as time.
func duration(n int64) time.Duration { return time.Duration(n * int64(time.Millisecond) / milli) }

// roundTo is n rounded to the nearest multiple of unit, halves up.
func roundTo(n, unit int64) int64 { return floorTo(n+unit/2, unit) }

// floorTo is the greatest multiple of unit not above n.
func floorTo(n, unit int64) int64 {
	r := n % unit
	if r < 0 {
		r += unit
	}
	return n - r
}

// Delays are looked at over half a minute: long enough to meet a packet that
// no queue held up, short enough to follow a clock that is off.
const (
	bucketSamples = 5 * second
	buckets       = 6
)

// delays keeps the least delay (arrival less place in the file) of the packets
// of the last half minute. Jitter only ever adds to a delay, so the least one
// follows the sender's clock. Without packets it keeps what it knew last.
type delays struct {
	mins   [buckets]int64
	known  [buckets]bool
	newest int64 // which stretch of time the newest bucket holds
	count  int64 // how many stretches have held a packet
	best   int64
}

// add notes a packet's delay.
func (d *delays) add(arrival, delay int64) {
	at := arrival / bucketSamples
	if d.count == 0 {
		d.newest, d.count = at, 1
		d.best = delay
	}
	if at > d.newest {
		d.advance(at)
	}
	i := d.newest % buckets
	if i < 0 {
		i += buckets
	}
	if !d.known[i] || delay < d.mins[i] {
		d.mins[i], d.known[i] = delay, true
		d.pick()
	}
}

// advance forgets the buckets that have grown old.
func (d *delays) advance(at int64) {
	for n := at - d.newest; n > 0; n-- {
		if n <= buckets {
			i := (at - n + 1) % buckets
			if i < 0 {
				i += buckets
			}
			d.known[i] = false
		}
	}
	d.newest = at
	d.count++
}

// pick finds the least of what is known.
func (d *delays) pick() {
	first := true
	for i, known := range d.known {
		if known && (first || d.mins[i] < d.best) {
			d.best, first = d.mins[i], false
		}
	}
}

// least is the least delay known, 0 before any packet.
func (d *delays) least() int64 { return d.best }

// settled says whether enough was seen to compare clocks by.
func (d *delays) settled() bool { return d.count > 4 }

// shift takes by off every delay: all places moved that much later.
func (d *delays) shift(by int64) {
	for i := range d.mins {
		d.mins[i] -= by
	}
	d.best -= by
}
