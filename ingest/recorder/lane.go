package recorder

import (
	"slices"

	"earshot"
)

// How the recorder judges what comes.
const (
	longestDTX   = second           // so long a silence of a sender that counts on is its own choice
	tooEarly     = second           // a packet cannot come from further in the future
	farSeq       = 3000             // a jump of sequence numbers that is no loss (RFC 3550, MAX_DROPOUT)
	mostPending  = 2048             // packets that wait for missing ones before them
	tailSlack    = 2 * slot         // so much may be on its way when a track ends
	shortestMute = 30 * second      // so long digital silence is a gap
	slipWait     = 5 * second       // a drift filler waits so long for a quiet moment
	slipLevel    = 50               // −dBov that counts as quiet for it
	never        = int64(-1 << 62)  // a time before all others
	forever      = int64(1<<62 - 1) // a time after all others
)

// packet is a received packet in its track's terms.
type packet struct {
	arrival      int64
	ssrc         uint32
	seq          int64 // extended
	ts           int64 // extended, in RTP ticks
	level, right uint8
	payload      []byte // the lane's own copy while it waits
}

// source is one RTP stream: an SSRC with its counters.
type source struct {
	ssrc   uint32
	seq    int64 // the newest
	ts     int64 // the newest one's
	next   int64 // the sequence number to place next
	origin int64 // where RTP time 0 lies
	rate   int64 // samples at 48 kHz for an RTP tick
}

// extend counts on from the newest packet.
func (s *source) extend(seq uint16, ts uint32) (int64, int64) {
	return s.seq + int64(int16(seq-uint16(s.seq))), s.ts + int64(int32(ts-uint32(s.ts)))
}

// place is where a packet of RTP time ts belongs.
func (s *source) place(ts int64) int64 { return s.origin + ts*s.rate }

// lane is one track in a take: packets come in as they arrive, units without
// holes go out.
type lane struct {
	track Track
	sides []earshot.Side // whose levels and gaps these are: channel by channel
	wait  int64          // for a missing packet
	gaps  *gapList
	stats *Stats
	fit   fitter

	started bool  // the take has a beginning
	begun   bool  // a source is trusted
	spoke   bool  // audio was placed
	first   int64 // where the first of it lies
	closed  bool  // nothing comes any more; what is asked for beyond the end is filler
	source  source
	after   *source // what this side sent before this take: not to be taken twice
	pending []packet
	held    []packet // of a source that is not trusted yet
	delays  delays

	cursor   int64 // everything before it has gone out
	heard    int64 // where the newest audio ends
	missing  earshot.Cause
	overflow int64 // packets that were thrown away before they came here
	pauses   []span
	harmed   []span   // of which records were lost
	mute     [2]int64 // since when a channel is silent; never: it is not
	report   report
	slipDue  int64 // when drift asked for a filler; never: it did not

	out   units
	spare pool
	meter *meter // nil in a snapshot, which needs no levels
}

func newLane(track Track, wait int64, gaps *gapList, stats *Stats) *lane {
	l := &lane{track: track, wait: wait, gaps: gaps, stats: stats, mute: [2]int64{never, never}, slipDue: never, meter: &meter{track: track}}
	switch {
	case track.stereo():
		l.sides = []earshot.Side{earshot.SideAgent, earshot.SideCustomer}
	case track.Mixed:
		l.sides = []earshot.Side{earshot.SideAgent}
	default:
		l.sides = []earshot.Side{track.Side}
	}
	l.source.rate = int64(second / track.Codec.ClockRate())
	if track.Codec == earshot.Opus {
		l.fit = &opusFit{stereo: track.stereo()}
	} else {
		l.fit = newG711Fit(track)
	}
	return l
}

// emit sends a unit out.
func (l *lane) emit(u unit) {
	l.out.push(u)
	l.cursor += u.samples
}

// tail is where the next audio would go: behind all that is settled.
func (l *lane) tail() int64 { return l.cursor + l.fit.gathered() }

// expected is where audio belongs that is sent at the instant now.
func (l *lane) expected(now int64) int64 { return now - l.delays.least() }

// receive takes a packet as it arrives.
func (l *lane) receive(p *Packet, now int64) {
	if l.closed {
		l.stats.Stray++
		return
	}
	if !l.begun || p.SSRC != l.source.ssrc {
		l.hold(p, now)
		return
	}
	seq, ts := l.source.extend(p.Seq, p.Timestamp)
	place, newest := l.source.place(ts), seq > l.source.seq
	switch {
	case seq < l.source.seq-farSeq || seq > l.source.seq+farSeq:
		l.hold(p, now)
		return
	case seq < l.source.next:
		l.stats.Late++
		return
	case len(p.Payload) == 0:
	case place > l.expected(now)+tooEarly || newest && place+slot < l.cursor:
		if newest {
			l.hold(p, now)
		} else {
			l.stats.Garbage++
		}
		return
	}
	l.trust(now)
	if newest {
		l.source.seq, l.source.ts = seq, ts
	}
	if len(p.Payload) > 0 {
		l.delays.add(now, now-place)
	}
	got := packet{arrival: now, ssrc: p.SSRC, seq: seq, ts: ts, level: p.Level, right: p.Right, payload: p.Payload}
	if seq == l.source.next && len(l.pending) == 0 {
		l.place(&got)
		return
	}
	l.await(got)
	l.fill(now)
}

// await files a packet among those that wait for missing ones.
func (l *lane) await(p packet) {
	i := len(l.pending)
	for i > 0 && l.pending[i-1].seq > p.seq {
		i--
	}
	if i > 0 && l.pending[i-1].seq == p.seq {
		l.stats.Duplicate++
		return
	}
	if len(l.pending) >= mostPending {
		l.giveUp(l.pending[0].seq)
		l.placeRun()
		l.await(p)
		return
	}
	p.payload = l.spare.copy(p.payload)
	l.pending = slices.Insert(l.pending, i, p)
}

// settle places what may be placed at now: what follows without a hole, what
// has waited long enough for a hole to be filled, and where nothing came at
// all, the time that passed.
func (l *lane) settle(now int64) {
	if !l.started || l.closed {
		return
	}
	l.consider(now, false)
	l.fill(now)
}

// fill is settle for the trusted source.
func (l *lane) fill(now int64) {
	limit := l.expected(now) - l.wait
	l.placeRun()
	for len(l.pending) > 0 && l.source.place(l.pending[0].ts) <= limit {
		l.giveUp(l.pending[0].seq)
		l.placeRun()
	}
	l.pass(limit)
}

// placeRun places the packets that follow without a hole.
func (l *lane) placeRun() {
	n := 0
	for n < len(l.pending) && l.pending[n].seq == l.source.next {
		l.place(&l.pending[n])
		l.spare.recycle(l.pending[n].payload)
		n++
	}
	if n > 0 {
		l.pending = slices.Delete(l.pending, 0, n)
	}
}

// placeAll places all that waits, giving up what is missing.
func (l *lane) placeAll() {
	l.placeRun()
	for len(l.pending) > 0 {
		l.giveUp(l.pending[0].seq)
		l.placeRun()
	}
}

// giveUp stops waiting for the packets before seq.
func (l *lane) giveUp(seq int64) {
	n := seq - l.source.next
	l.source.next = seq
	if l.overflow > 0 {
		l.overflow = max(0, l.overflow-n)
		l.missing = earshot.CauseOverflow
		return
	}
	l.stats.Lost += uint64(n)
	l.missing = earshot.CauseLost
}

// pass fills, in whole slots, the time until limit in which nothing came. Why
// is known only when something comes again.
func (l *lane) pass(limit int64) {
	if n := floorTo(limit-l.tail(), slot); n > 0 {
		l.fit.skip(l, n, earshot.LevelGap)
	}
}

// place puts the next packet in sequence where its RTP time says.
func (l *lane) place(p *packet) {
	l.source.next = p.seq + 1
	if len(p.payload) == 0 {
		return
	}
	n, ok := l.fit.measure(p.payload)
	if !ok {
		l.stats.Garbage++
		l.missing = earshot.CauseLost
		return
	}
	l.slip(p)
	at, tail := l.source.place(p.ts), l.tail()
	if at+n/2 < tail {
		l.stats.Late++
		l.missing = earshot.CauseLost
		return
	}
	hole := max(0, roundTo(at-tail, l.fit.quantum(n)))
	l.resolve(tail + hole)
	if l.paused(at) {
		l.fit.skip(l, n, earshot.LevelGap)
		l.gap(span{l.heard, l.tail()}, earshot.CausePaused)
		l.heard = l.tail()
		return
	}
	if l.meter != nil {
		l.meter.fill(p)
	}
	l.listen(p)
	l.fit.put(l, p.payload, n, p.level, p.right)
	if !l.spoke {
		l.spoke, l.first = true, l.heard
	}
	l.heard = l.tail()
	l.stats.Packets++
}

// resolve fills up to the place at, where audio comes again, and says why there
// was none.
func (l *lane) resolve(at int64) {
	silent, level := span{l.heard, at}, uint8(earshot.LevelGap)
	cause := l.missing
	l.missing = ""
	if silent.to > silent.from && l.spoke { // until then its side is absent
		if cause == "" && silent.to-silent.from > longestDTX {
			cause = earshot.CauseStalled
		}
		if cause != "" {
			l.gap(silent, cause)
		} else {
			level = earshot.LevelSilence
		}
		if silent.to-silent.from > longestDTX {
			l.endMutes(silent.from)
		}
	}
	if n := at - l.tail(); n > 0 {
		l.fit.skip(l, n, level)
	}
	l.heard = at
}

// slip puts in the filler that drift asks for, in a quiet moment if one comes.
func (l *lane) slip(p *packet) {
	if l.slipDue == never || l.heard != l.tail() || l.track.Codec == earshot.Opus && l.heard != l.cursor {
		return
	}
	if (p.level < slipLevel || p.level == NoLevel) && p.arrival < l.slipDue+slipWait {
		return
	}
	l.slipDue = never
	l.fit.skip(l, slot, earshot.LevelGap)
	l.gap(span{l.heard, l.tail()}, earshot.CauseDrift)
	l.heard = l.tail()
	l.move(slot)
}

// move says that all that is still to come belongs later by so much.
func (l *lane) move(by int64) {
	l.source.origin += by
	l.delays.shift(by)
}

// gap notes a gap of the lane's sides; what of it lies in a pause is the
// pause's, and what was lost with records is theirs.
func (l *lane) gap(s span, cause earshot.Cause) {
	s.without(l.pauses, func(s span) {
		s.without(l.harmed, func(s span) { l.note(s, cause) }, func(s span) { l.note(s, earshot.CauseDamaged) })
	}, func(s span) { l.note(s, earshot.CausePaused) })
}

func (l *lane) note(s span, cause earshot.Cause) {
	for _, side := range l.sides {
		l.gaps.add(side, s, cause)
	}
}

// listen follows how long channels have carried nothing but digital silence.
func (l *lane) listen(p *packet) {
	levels := [2]uint8{p.level, p.right}
	for c, side := range l.sides {
		if levels[c] != earshot.LevelSilence {
			l.endMute(c, side, l.tail())
		} else if l.mute[c] == never {
			l.mute[c] = l.tail()
		}
	}
}

func (l *lane) endMutes(at int64) {
	for c, side := range l.sides {
		l.endMute(c, side, at)
	}
}

func (l *lane) endMute(c int, side earshot.Side, at int64) {
	if since := l.mute[c]; since != never && at-since >= shortestMute {
		l.gaps.add(side, span{since, at}, earshot.CauseMuted)
	}
	l.mute[c] = never
}

// pause begins a pause at now, resume ends it.
func (l *lane) pause(now int64) {
	l.pauses = append(l.pauses, span{l.expected(now), forever})
}

func (l *lane) resume(now int64) {
	if n := len(l.pauses); n > 0 {
		l.pauses[n-1].to = l.expected(now)
	}
}

func (l *lane) paused(at int64) bool {
	for i := len(l.pauses) - 1; i >= 0; i-- {
		if s := l.pauses[i]; at >= s.from {
			return at < s.to
		}
	}
	return false
}

// close ends the lane at now: nothing is waited for any more. What was silent
// at the end gets the cause.
func (l *lane) close(now int64, cause earshot.Cause) {
	if l.closed || !l.started {
		l.closed = true
		return
	}
	l.consider(now, true)
	l.placeAll()
	if rest := l.expected(now) - l.tail(); rest > tailSlack {
		l.fit.skip(l, floorTo(rest, slot), earshot.LevelGap)
	}
	l.fit.flush(l)
	if l.spoke && l.cursor-l.heard > longestDTX {
		l.gap(span{l.heard, l.cursor}, cause)
		l.endMutes(l.heard)
	} else if l.spoke { // too short for a gap, but what was said then is lost
		span{l.heard, l.cursor}.without(l.harmed, func(span) {}, func(s span) { l.note(s, earshot.CauseDamaged) })
	}
	l.endMutes(l.cursor)
	l.closed = true
}

// open are the gaps that are not over: what Call shows besides the list.
func (l *lane) open(gaps *gapList) {
	if !l.spoke || l.closed {
		return
	}
	shown := *l
	shown.gaps = gaps
	if l.cursor-l.heard > longestDTX {
		shown.gap(span{l.heard, l.cursor}, earshot.CauseStalled)
	}
	shown.endMutes(l.heard)
}

// clone shares nothing that changes with l. Its gaps and counters are thrown away.
func (l *lane) clone() *lane {
	c := *l
	c.gaps, c.stats = &gapList{}, &Stats{}
	c.fit = l.fit.clone()
	c.pending, c.held = slices.Clone(l.pending), slices.Clone(l.held)
	c.pauses, c.harmed = slices.Clone(l.pauses), slices.Clone(l.harmed)
	c.out = l.out.clone()
	c.spare, c.meter = pool{fixed: true}, nil
	return &c
}
