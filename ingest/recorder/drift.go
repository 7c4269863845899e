package recorder

import "earshot"

// Clocks are compared each second.
const (
	lookEvery   = second
	slipAt      = slot + slot/10 // how far apart two clocks may run
	pointEvery  = 5 * 60 * second
	pointMoved  = slot
	clockTrusty = 10 * second // a part's own clock is known after so long
)

// drift keeps two lanes of one file together: the side whose clock is slower
// gets a filler now and then. Nothing is dropped.
type drift struct {
	looked int64
	based  bool
	base   int64 // how far apart the delays are where the sides fit
	told   bool  // the base is what sender reports say
}

// mostAligned is how far sender reports may move the sides of a peer: packets
// of one peer do not arrive further apart, so more is a mistake of the peer's.
const mostAligned = second / 2

// report ties an RTP time of a lane to its sender's clock.
type report struct {
	known bool
	ssrc  uint32
	ntp   int64 // samples; only differences count
	ts    int64 // extended, in RTP ticks
}

// align measures, once there are reports of both lanes, how far one side lies
// off the other: what was said at one instant then gets one place.
func (d *drift) align(a, b *lane, apart int64) {
	if d.told || !a.report.known || !b.report.known || a.report.ssrc != a.source.ssrc || b.report.ssrc != b.source.ssrc {
		return
	}
	d.told = true
	off := (a.source.place(a.report.ts) - a.report.ntp) - (b.source.place(b.report.ts) - b.report.ntp)
	if max(off, -off) <= mostAligned {
		d.base = apart + off
	}
}

// look compares the lanes' clocks.
func (d *drift) look(t *take, now int64) {
	if now-d.looked < lookEvery {
		return
	}
	d.looked = now
	for _, p := range t.parts {
		p.clock.look(p, now)
	}
	if len(t.parts) != 1 || len(t.lanes) != 2 {
		return
	}
	a, b := t.lanes[0], t.lanes[1]
	if a.closed || b.closed || !a.delays.settled() || !b.delays.settled() {
		return
	}
	apart := a.delays.least() - b.delays.least()
	if !d.based {
		d.based, d.base = true, apart
	}
	d.align(a, b, apart)
	switch apart -= d.base; {
	case apart > slipAt && a.slipDue == never:
		a.slipDue = now
	case apart < -slipAt && b.slipDue == never:
		b.slipDue = now
	}
}

// clock follows how a part's time runs against the wall's.
type clock struct {
	based bool
	base  int64 // the least delay at first
	moved int64 // by how much the wall is ahead, at the last point
	at    int64 // where the last point lies
}

// delay is that of the lane that sets the part's pace.
func (c *clock) delay(p *part) (int64, bool) {
	least, ok := forever, false
	for _, l := range p.lanes {
		if l.begun {
			least, ok = min(least, l.delays.least()), true
		}
	}
	return least, ok
}

// look adds a point where the clock moved, or after a while.
func (c *clock) look(p *part, now int64) {
	if p.file == nil {
		return
	}
	if len(p.facts.Clock) == 0 {
		c.point(p, p.start)
	}
	delay, ok := c.delay(p)
	if !ok {
		return
	}
	if !c.based {
		if now-p.start >= clockTrusty {
			c.based, c.base = true, delay
		}
		return
	}
	if moved := delay - c.base; max(moved-c.moved, c.moved-moved) > pointMoved || p.end-c.at >= pointEvery {
		c.moved = moved
		c.point(p, p.end)
	}
}

// mostAstray is how far a part's time may be off the wall's where it ends, for each
// sample of it: no quartz is a hundredth wrong. A second is given besides.
const mostAstray = 100

// astray says that the sender's clock has stretched or squeezed the part: it is as
// it was sent, but not right in time.
func (p *part) astray(now int64) bool {
	off := p.end - now
	return p.file != nil && max(off, -off) > second+(now-p.start)/mostAstray
}

// point ties the place at in the file to the wall.
func (c *clock) point(p *part, at int64) {
	c.at = at
	wall := p.desk.epoch.Add(duration(at + c.moved))
	p.facts.Clock = append(p.facts.Clock, earshot.ClockPoint{FileMs: (at - p.start) / milli, At: earshot.At(wall)})
}

// finish adds the points at the part's ends.
func (c *clock) finish(p *part) {
	if len(p.facts.Clock) == 0 {
		c.point(p, p.start)
	}
	if delay, ok := c.delay(p); ok && c.based {
		c.moved = delay - c.base
	}
	if p.end > c.at {
		c.point(p, p.end)
	}
}
