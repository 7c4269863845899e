package ingest

import (
	"slices"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

const (
	levelHold     = 500 * time.Millisecond // a meter shows the last level so long; DTX sends each 400 ms
	takeoverSpan  = 60 * time.Second       // take-overs in it are counted
	takeoverMany  = 3
	overflowSpan  = 10 * time.Second // an overflow is shown so long
	silentAfter   = 60 * time.Second
	silentLevel   = 60 // −dBov: a hall with nobody speaking is louder
	preRollBuffer = 128 << 10
	// preRollSlack is kept beside pre-roll and start: arrivals are not even.
	preRollSlack = 500 * time.Millisecond
)

// seat is what the loop knows of one seat.
type seat struct {
	floor *Floor
	info  earshot.Seat
	agent *earshot.Agent

	streams   []*Stream // attached, oldest first
	call      *openCall
	reopen    *reopening
	cutter    cutter
	preRoll   *ring             // the last seconds of a seat that waits for a voice
	preRollOf [2]recorder.Track // whose packets those are; zero: nobody's yet
	takeovers []time.Time
	overflow  time.Time // when packets were last thrown away

	turnedAway bool // a call was not begun because new calls are refused
	listeners  []string

	meters [2]sideMeter // agent, customer
	watch  attention

	dirty     bool
	state     earshot.SeatState
	since     time.Time
	attention earshot.Attention
	told      []earshot.Stream // the streams as last told
	barsMoved int              // looks since their bars are others
	turn      int              // spreads the seats' looks over the ticks
	watchers  []*watcher
	known     bool // the board has it
}

// sideMeter is the loudness of one side.
type sideMeter struct {
	tick     uint8     // loudest since the last tick; earshot.LevelGap if no packet
	shown    uint8     // what was last shown
	at       time.Time // when a packet last had a level
	sound    time.Time // when something was last to be heard
	carrying bool      // a stream carries the side
}

func newSeat(f *Floor, info earshot.Seat) *seat {
	s := &seat{floor: f, info: info, state: earshot.SeatOffline, since: f.opts.Now(), turn: len(f.seats), cutter: cutter{
		voice: f.opts.Voice, reconnectWithin: f.opts.ReconnectWithin, longest: f.opts.LongestCall,
	}}
	s.cutter.cut = info.Cut
	for i := range s.meters {
		s.meters[i] = sideMeter{tick: earshot.LevelGap, shown: earshot.LevelGap}
	}
	return s
}

// attach takes a new stream in. It takes over once it is up; until then only
// others that never came up make room for it.
func (s *seat) attach(now time.Time, st *Stream) {
	st.since = now
	for _, old := range slices.Clone(s.streams) {
		if !old.up && old.overlaps(st) {
			s.remove(now, old)
			s.floor.kicks.put(kick{old, KickTakeover})
		}
	}
	s.streams = append(s.streams, st)
	s.touch()
}

// comesUp has a stream take its place: older ones of the same sides are cut
// off, an open call goes on with it.
func (s *seat) comesUp(now time.Time, st *Stream) {
	st.up, st.cameUp = true, now
	s.unlisten()
	took := false
	for _, old := range slices.Clone(s.streams) {
		if old == st || !old.overlaps(st) || old.since.After(st.since) {
			continue
		}
		if old.up {
			took = true
		}
		s.remove(now, old)
		s.floor.kicks.put(kick{old, KickTakeover})
	}
	if took {
		s.takeovers = append(s.takeovers, now)
	}
	sources := make([]*source, 0, len(st.tracks))
	for _, t := range st.tracks {
		sources = append(sources, t.source)
	}
	s.floor.fanout(s.info.ID).announce(sources)
	for i, m := range s.carried(st) {
		if m {
			s.meters[i].carrying, s.meters[i].sound = true, now
		}
	}
	s.touch()
}

// carried says which sides the stream carries apart.
func (s *seat) carried(st *Stream) [2]bool {
	var carried [2]bool
	for _, side := range st.sides() {
		carried[sideIndex(side)] = true
	}
	return carried
}

// detach ends a stream, on purpose or not.
func (s *seat) detach(now time.Time, st *Stream, onPurpose bool) {
	if st.detached {
		return
	}
	s.drain(now)
	if st.detached { // what was drained made it give way
		return
	}
	wasUp := st.up
	s.remove(now, st)
	if wasUp && onPurpose && s.call != nil && !s.present() && s.cutter.left() {
		s.endCall(now)
	}
}

// remove takes a stream out; the call, if any, has no audio of its sides now.
func (s *seat) remove(now time.Time, st *Stream) {
	st.detached = true
	s.tellSight(now, st)
	s.streams = slices.DeleteFunc(s.streams, func(other *Stream) bool { return other == st })
	s.floor.fanout(s.info.ID).withdraw(st.id)
	for i, carried := range s.carried(st) {
		if carried && st.up {
			s.meters[i].carrying = false
		}
	}
	if s.call != nil && st.began {
		for _, t := range st.tracks {
			s.call.rec.Close(s.call.at(now), t.source.Track.Side)
		}
	}
	if s.call != nil && st.began && len(s.tracks()) == 0 && s.call.gone.IsZero() {
		s.call.gone = now
	}
	for _, t := range st.tracks {
		if n := t.dropped.Load(); n > 0 {
			s.floor.log.Info("packets that were no audio of the stream were passed over",
				"seat", s.info.ID, "stream", st.id, "side", t.source.Track.Side, "packets", n)
		}
	}
	s.touch()
}

// present says whether any stream of the seat is up.
func (s *seat) present() bool {
	return slices.ContainsFunc(s.streams, func(st *Stream) bool { return st.up })
}

// tracks are the tracks of all streams that have brought packets.
func (s *seat) tracks() []recorder.Track {
	var tracks []recorder.Track
	for _, st := range s.streams {
		if !st.began {
			continue
		}
		for _, t := range st.tracks {
			tracks = append(tracks, t.source.Track)
		}
	}
	return tracks
}

// tick drains what has come, and decides what time alone decides.
func (s *seat) tick(now time.Time) {
	s.drain(now) // before anybody gives way
	for i := 0; i < len(s.streams); i++ {
		if st := s.streams[i]; !st.up && st.connected.Load() {
			s.comesUp(now, st)
			i = -1 // others may have given way
		}
	}
	if s.call != nil {
		s.callTick(now)
	}
	s.reopenTick(now)
	s.listen(now)
	s.measure(now)
	if s.assess(now) || s.linksMoved(now) {
		s.touch()
	}
}

// drain takes all packets out of the rings of the seat's streams, in the order
// of their arrival.
func (s *seat) drain(now time.Time) {
	for {
		var next record
		var of *Stream
		var from *Track
		for _, st := range s.streams {
			for _, t := range st.tracks {
				var r record
				if t.ring.peek(&r) && (from == nil || r.arrival < next.arrival) {
					next, of, from = r, st, t
				}
			}
		}
		if from == nil {
			break
		}
		s.packet(of, from, &next)
		from.ring.drop()
	}
	for _, st := range s.streams {
		for _, t := range st.tracks {
			if lost := t.ring.takeLost(); lost > 0 {
				s.overflowed(now, t, lost)
			}
			t.stats.charge(int(t.mended.Swap(0)), now)
		}
		st.judgeLink(now)
	}
}

// packet takes one packet of a track.
func (s *seat) packet(st *Stream, t *Track, r *record) {
	at := r.at()
	t.stats.add(r)
	t.last = at
	st.seen.span.Packets++
	if !st.began {
		s.begins(at, st)
	}
	s.hear(at, t, r)
	if s.call == nil {
		s.makeGood(at, st)
	}
	if s.call == nil {
		s.waiting(at, t, r)
		return
	}
	if cut, long := s.cutter.long(s.call.startedAt, at); long {
		s.split(cut)
	}
	s.feed(t, r)
}

// begins takes a stream's first packet: the open call, or the one that was
// interrupted, goes on with it, or its session begins one.
func (s *seat) begins(at time.Time, st *Stream) {
	if !st.up {
		s.comesUp(at, st)
	}
	st.began = true
	if s.call == nil && s.reopen != nil && !at.After(s.reopen.until) {
		s.takeBack(at)
	}
	switch {
	case s.call != nil:
		if gone := s.call.gone; !gone.IsZero() {
			s.cutter.absent(at.Sub(gone))
		}
		s.call.gone = time.Time{}
		s.open(at)
	case s.cutter.first() && !st.spent:
		s.startBySession(at)
	}
	s.touch()
}

// waiting takes a packet while no call is open. It is forgotten, but where a
// voice may start a call: then the last seconds are kept, in bounded memory.
func (s *seat) waiting(at time.Time, t *Track, r *record) {
	if s.cutter.cut != earshot.CutVoice {
		return
	}
	if s.preRoll == nil {
		s.preRoll = newRing(preRollBuffer)
	}
	r.track = uint8(sideIndex(t.source.Track.Side))
	var old record
	if of := &s.preRollOf[r.track]; *of != t.source.Track {
		for *of != (recorder.Track{}) && s.preRoll.peek(&old) { // the new device's track is no sequel to it
			s.preRoll.drop()
		}
		*of = t.source.Track
	}
	keep := at.Add(-s.cutter.voice.PreRoll - s.cutter.voice.Start - preRollSlack).UnixNano()
	for s.preRoll.peek(&old) && old.arrival < keep {
		s.preRoll.drop()
	}
	for !s.preRoll.put(r) && s.preRoll.peek(&old) {
		s.preRoll.drop()
	}
	from, start := s.cutter.heard(at, min(r.level, r.right))
	if !start {
		return
	}
	if s.floor.refusal != nil {
		s.turnAway()
		return
	}
	s.turnedAway = false
	s.startByVoice(from, at)
}

// hear notes how loud a packet was.
func (s *seat) hear(at time.Time, t *Track, r *record) {
	side := sideIndex(t.source.Track.Side)
	s.loudness(at, side, r.level)
	if t.source.Track.Channels == 2 {
		s.loudness(at, sideIndex(earshot.SideCustomer), r.right)
	}
	if s.call != nil {
		s.cutter.spoke(at, min(r.level, r.right))
	}
}

func (s *seat) loudness(at time.Time, side int, level uint8) {
	if level == recorder.NoLevel {
		return
	}
	m := &s.meters[side]
	m.tick = min(m.tick, level)
	m.at = at
	if level < silentLevel {
		m.sound = at
	}
}

// measure closes one step of levels.
func (s *seat) measure(now time.Time) {
	for i := range s.meters {
		m := &s.meters[i]
		if m.tick != earshot.LevelGap {
			m.shown = m.tick
		} else if now.Sub(m.at) > levelHold {
			m.shown = earshot.LevelGap
		}
		m.tick = earshot.LevelGap
	}
	if !s.present() {
		return
	}
	s.floor.levels = append(s.floor.levels, s.seatLevels())
}

func (s *seat) seatLevels() earshot.SeatLevels {
	return earshot.SeatLevels{Seat: s.info.ID, Agent: s.meters[0].shown, Customer: s.meters[1].shown}
}

// overflowed notes packets of a track that were thrown away because the loop
// did not keep up.
func (s *seat) overflowed(now time.Time, t *Track, lost int) {
	s.floor.log.Error("packets thrown away: the recorder does not keep up", "seat", s.info.ID, "side", t.source.Track.Side, "packets", lost)
	t.stats.forgive(lost, now)
	s.overflow = now
	if s.call != nil {
		s.call.rec.Overflow(s.call.at(now), t.source.Track.Side, lost)
	}
	s.touch()
}

// touch has the seat's state told before the loop waits again.
func (s *seat) touch() {
	if !s.dirty {
		s.dirty = true
		s.floor.touched = append(s.floor.touched, s)
	}
}

// sideIndex is where a side's things lie in a pair.
func sideIndex(side earshot.Side) int {
	if side == earshot.SideCustomer {
		return 1
	}
	return 0
}
