package recorder

import (
	"cmp"
	"slices"

	"earshot"
)

// Packets of a source that is not trusted yet are held until they make sense
// together: the first of a track, those after a change of SSRC or an absurd
// jump of counters, and those that come when their time is long over.
const (
	trustPackets = 3
	trustAfter   = 60 * milli  // and so long after the first
	firstWait    = 200 * milli // a new track does not wait longer
	lateWait     = 500 * milli // to tell a burst that catches up from a clock that stood still
	forgetAfter  = 2 * second
	rivalFor     = 200 * milli // a source that was heard so lately still speaks
	// Decisions wait until time is told to pass: whoever empties one track after
	// the other hands over some packets later than they came. Not for longer.
	patience   = second
	mostHeld   = 512
	kinSeq     = 100         // counters of packets of one source lie so near
	kinTime    = 10 * second // and so near in time
	earlyBurst = second / 2  // what a track's first packets may be early by; they are moved then
)

// hold keeps a packet aside and looks whether those held are trusted now.
func (l *lane) hold(p *Packet, now int64) {
	if a := l.after; a != nil && p.SSRC == a.ssrc && int16(p.Seq-uint16(a.seq)) <= 0 {
		l.stats.Late++
		return
	}
	got := packet{arrival: now, ssrc: p.SSRC, seq: int64(p.Seq), ts: int64(p.Timestamp), level: p.Level, right: p.Right}
	if n := len(l.held); n > 0 && !l.kin(&l.held[n-1], &got) {
		l.forget(&l.stats.Stray)
	}
	if n := len(l.held); n > 0 {
		last := source{seq: l.held[n-1].seq, ts: l.held[n-1].ts}
		got.seq, got.ts = last.extend(p.Seq, p.Timestamp)
	} else if l.begun && p.SSRC == l.source.ssrc {
		got.seq, got.ts = l.source.extend(p.Seq, p.Timestamp)
	} else {
		got.seq += 1 << 20 // room for older ones
	}
	for i := range l.held {
		if l.held[i].seq == got.seq {
			l.stats.Duplicate++
			return
		}
	}
	got.payload = l.spare.copy(p.Payload)
	l.held = append(l.held, got)
	if l.started && now-l.held[0].arrival > patience {
		l.consider(now, false)
	}
}

// kin says whether b may come from the same source as a.
func (l *lane) kin(a, b *packet) bool {
	seq := int16(uint16(b.seq) - uint16(a.seq))
	ts := int64(int32(uint32(b.ts)-uint32(a.ts))) * l.source.rate
	return a.ssrc == b.ssrc && len(l.held) < mostHeld && max(seq, -seq) < kinSeq && max(ts, -ts) < kinTime
}

// trust is told that a packet of the trusted source came: strangers of its own
// SSRC were a mistake, those of another are forgotten after a while.
func (l *lane) trust(now int64) {
	if len(l.held) == 0 {
		return
	}
	if l.held[0].ssrc == l.source.ssrc || now-l.held[0].arrival > forgetAfter {
		l.forget(&l.stats.Late)
	}
}

func (l *lane) forget(counter *uint64) {
	*counter += uint64(len(l.held))
	for i := range l.held {
		l.spare.recycle(l.held[i].payload)
	}
	l.held = l.held[:0]
}

// heldAudio is how many of the held packets carry audio, and how long a time
// their RTP clocks span.
func (l *lane) heldAudio() (n int, long int64) {
	low, high := forever, never
	for i := range l.held {
		if len(l.held[i].payload) > 0 {
			n++
			low, high = min(low, l.held[i].ts), max(high, l.held[i].ts)
		}
	}
	if n == 0 {
		return 0, 0
	}
	return n, (high - low) * l.source.rate
}

// consider decides about the packets held; final: now or never.
func (l *lane) consider(now int64, final bool) {
	if len(l.held) == 0 {
		return
	}
	n, long := l.heldAudio()
	waited := now - l.held[0].arrival
	switch {
	case n > 0 && !l.begun:
		if final || waited >= firstWait || n >= trustPackets && waited >= trustAfter {
			l.adopt()
		}
	case n < trustPackets:
		if final || waited > forgetAfter {
			l.forget(&l.stats.Stray)
		}
	case l.rivalled(now):
		if final {
			l.forget(&l.stats.Stray)
		}
	case !l.heldLate():
		if final || waited >= trustAfter {
			l.adopt()
		}
	case final, waited >= lateWait && long > waited*3/2+firstWait:
		l.forget(&l.stats.Late) // it catches up by itself
	case waited >= lateWait:
		l.adopt()
	}
}

// rivalled says whether the trusted source still speaks beside the held one: a
// sender that changed its source has stopped the old one, and what goes on beside
// it is nobody's.
func (l *lane) rivalled(now int64) bool {
	return l.held[0].ssrc != l.source.ssrc && l.expected(now)-l.source.place(l.source.ts) < rivalFor
}

// heldLate says whether the held packets are of the trusted source, only too late.
func (l *lane) heldLate() bool {
	p := &l.held[0]
	return p.ssrc == l.source.ssrc && p.seq > l.source.seq && p.seq <= l.source.seq+farSeq && l.source.place(p.ts) < l.cursor
}

// beginning is where the held packets would begin if the track had no delay:
// the least delayed of them sets the clock. Packets from before bound are let
// go. False: there is no audio among them.
func (l *lane) beginning(bound int64) (int64, bool) {
	slices.SortFunc(l.held, func(a, b packet) int { return cmp.Compare(a.seq, b.seq) })
	zero := forever
	for i := range l.held {
		if p := &l.held[i]; len(p.payload) > 0 {
			zero = min(zero, p.arrival-p.ts*l.source.rate)
		}
	}
	early, gone := int64(earlyBurst), 0
	if l.begun {
		early = tailSlack
	}
	for i := range l.held {
		p := &l.held[i]
		if len(p.payload) == 0 {
			continue
		}
		if at := zero + p.ts*l.source.rate; at >= bound-early {
			l.held = slices.Delete(l.held, 0, gone)
			return at, true
		}
		l.stats.Late++
		gone = i + 1
	}
	l.held = l.held[:0]
	return 0, false
}

// adopt makes the held packets' source the trusted one, anchored by when they
// arrived.
func (l *lane) adopt() {
	l.placeAll()
	tail := l.tail()
	at, ok := l.beginning(tail + l.delays.least())
	if !ok {
		return
	}
	// Where it should begin, on the lane's grid and not before its end.
	at -= l.delays.least()
	begin := max(tail, tail+roundTo(at-tail, slot))
	first := slices.IndexFunc(l.held, func(p packet) bool { return len(p.payload) > 0 })
	newest := l.held[len(l.held)-1]
	s := source{ssrc: newest.ssrc, seq: newest.seq, ts: newest.ts, next: l.held[0].seq, rate: l.source.rate}
	s.origin = begin - l.held[first].ts*s.rate
	if l.begun && (s.ssrc != l.source.ssrc || s.next != l.source.next) {
		l.missing = earshot.CauseLost
	}
	l.source, l.begun = s, true
	for i := range l.held {
		if p := &l.held[i]; len(p.payload) > 0 {
			l.delays.add(p.arrival, p.arrival-s.place(p.ts))
		}
	}
	l.pending = append(l.pending, l.held...)
	l.held = l.held[:0]
	l.placeRun()
}
