package ingest

import (
	"slices"
	"sync/atomic"
	"time"

	"earshot"
	"earshot/ingest/recorder"
)

const (
	mostStored   = 200              // calls that the index has not taken yet, at hand
	failureShown = 3 * time.Second  // a failure makes the seat faulty so long
	failureQuiet = 30 * time.Second // without one before the next is logged
)

// openCall is a call from its start until all of it is sealed and kept.
type openCall struct {
	id        string
	seat      *seat
	rec       recording
	startedAt time.Time
	clock     time.Time // the newest time handed to the recording, packets apart: it never goes back
	gone      time.Time // since when no stream is there; zero while one is, or while one is awaited
	paused    *earshot.Mark
	failed    time.Time // when the recording last refused something

	interrupted bool
	ended       bool
	unsealed    map[int]bool // parts that never will be complete
	stored      bool
	version     int64         // of what was given to the keeper last
	written     atomic.Int64  // the newest version of which a file is written
	rereading   *earshot.Call // as it was when its seat came back; its file is being read
	waiters     []chan earshot.Call
}

// reopening is a call that was interrupted and may go on.
type reopening struct {
	call  earshot.Call
	was   earshot.Call // as it was stored, without what the floor was told since
	until time.Time
}

// startCall opens a call at the instant at. setup, if any, writes the first
// facts into it.
func (s *seat) startCall(at time.Time, setup func(*earshot.Call)) *openCall {
	at = earshot.At(at).Time
	call := &earshot.Call{
		ID: earshot.NewID(s.floor.wall(at)), Seat: s.info.ID, Branch: s.info.Branch, Kind: s.info.Kind,
		Direction: earshot.NoDirection, State: earshot.CallLive, StartedAt: s.floor.shown(at), Node: s.floor.opts.Node,
		Parts: []earshot.Part{}, Gaps: []earshot.Gap{}, Marks: []earshot.Mark{}, Tags: []string{}, Flags: []earshot.Flag{},
	}
	if s.agent != nil {
		agent := *s.agent
		call.Agent = &agent
	}
	if setup != nil {
		setup(call)
	}
	c := s.adopt(call, at)
	s.open(at)
	c.keep()
	return c
}

// adopt makes a recording of call, and the call the seat's open one.
func (s *seat) adopt(call *earshot.Call, at time.Time) *openCall {
	ahead := s.floor.ahead()
	c := &openCall{id: call.ID, seat: s, startedAt: call.StartedAt.Add(-ahead), clock: at, unsealed: map[int]bool{}}
	c.rec = byWall(s.floor.newRecording(call, recorder.Options{
		Software: "earshot " + s.floor.opts.Version,
		SealedPart: func(n int, p earshot.Part, err error) {
			s.floor.post(func(time.Time) { c.partSealed(n, p, err) })
		},
	}), ahead)
	s.call, s.reopen = c, nil
	s.floor.calls[c.id] = c
	if !s.floor.tookUp.Load() {
		s.floor.adopted.Store(c.id, true)
	}
	s.cutter.opened(at)
	for i := range s.meters {
		s.meters[i].sound = at
	}
	s.touch()
	return c
}

// startByVoice opens a call with what was said just before.
func (s *seat) startByVoice(from, at time.Time) {
	var r record
	for s.preRoll.peek(&r) && r.at().Before(from) {
		s.preRoll.drop()
	}
	if s.preRoll.peek(&r) { // no earlier than there was audio
		from = r.at()
	}
	s.startCall(from, nil)
	s.cutter.opened(at)
	for s.preRoll.peek(&r) {
		side := earshot.SideAgent
		if r.track == 1 {
			side = earshot.SideCustomer
		}
		s.call.packet(r.packet(side))
		s.preRoll.drop()
	}
}

// open tells the recording which tracks there are now.
func (s *seat) open(at time.Time) {
	if tracks := s.tracks(); len(tracks) > 0 {
		s.call.check(s.call.rec.Open(s.call.at(at), tracks))
	}
}

// feed gives a packet to the open call.
func (s *seat) feed(t *Track, r *record) { s.call.packet(r.packet(t.source.Track.Side)) }

// packet hands a packet over with its true arrival, which may lie before what
// was handed over last: it may have been put into its ring after the tick that
// follows its arrival.
func (c *openCall) packet(p recorder.Packet) { c.check(c.rec.Packet(p)) }

// align hands over what the tracks of one peer, which share a clock, last
// reported of it.
func (c *openCall) align(st *Stream) {
	if len(st.tracks) < 2 {
		return
	}
	for _, t := range st.tracks {
		if r := t.report.Swap(nil); r != nil {
			c.rec.SenderReport(t.source.Track.Side, r.ssrc, r.ntp, r.rtp)
		}
	}
}

// at lets the recording's clock never go back.
func (c *openCall) at(t time.Time) time.Time {
	if t.Before(c.clock) {
		return c.clock
	}
	c.clock = t
	return t
}

// check logs what the recording refuses, once until it has worked for a while.
func (c *openCall) check(err error) {
	if err == nil {
		return
	}
	if c.failed.IsZero() || c.clock.Sub(c.failed) > failureQuiet {
		c.seat.floor.log.Error("the recording does not take audio", "call", c.id, "seat", c.seat.info.ID, "err", err)
	}
	c.failed = c.clock
}

// failing says whether audio was refused a moment ago.
func (c *openCall) failing(now time.Time) bool {
	return !c.failed.IsZero() && now.Sub(c.failed) < failureShown
}

// callTick decides what time alone decides about the open call.
func (s *seat) callTick(now time.Time) {
	c := s.call
	cut, long := s.cutter.long(c.startedAt, now)
	switch {
	case s.cutter.gone(c.gone, now): // nobody came back: it ended when the last stream did
		c.interrupted = true
		s.endCall(c.gone)
	case !c.gone.IsZero(): // whoever comes back goes on with it, and then it is cut
		c.check(c.rec.Advance(c.at(now)))
	case long && s.present():
		s.split(cut)
	case long:
		s.endCall(now)
	case c.paused == nil && s.cutter.silent(now):
		s.endCall(now)
	default:
		for _, st := range s.streams {
			c.align(st)
		}
		c.check(c.rec.Advance(c.at(now)))
	}
}

// split ends the open call at the instant at, or later where it has gone on
// already, and goes on with a new one that has its facts; no packet is lost
// between them.
func (s *seat) split(at time.Time) {
	old := s.call
	at = old.at(at)
	facts := old.rec.Call()
	var paused *earshot.Mark
	if old.paused != nil {
		mark := *old.paused
		paused = &mark
	}
	lastSpeech := s.cutter.lastSpeech
	s.endCall(at)
	c := s.startCall(at, func(call *earshot.Call) {
		call.Agent, call.Direction, call.Number = facts.Agent, facts.Direction, facts.Number
		call.Account, call.Ticket, call.Business = facts.Account, facts.Ticket, facts.Business
	})
	s.cutter.lastSpeech = lastSpeech
	if paused != nil {
		c.pause(at, paused.Text, paused.By)
	}
}

// endCall ends the open call at the instant at. It stays known until its parts
// are sealed and it is kept.
func (s *seat) endCall(at time.Time) *openCall {
	c := s.call
	s.call = nil
	s.cutter.closed()
	for s.preRoll != nil {
		var r record
		if !s.preRoll.peek(&r) {
			break
		}
		s.preRoll.drop()
	}
	if c.paused != nil {
		c.closePause(at)
	}
	if c.interrupted {
		c.rec.Facts(func(call *earshot.Call) { call.SetFlag(earshot.FlagInterrupted) })
	}
	c.ended = true
	if s.present() { // without a stream the recording has nothing later than at
		at = c.at(at)
	}
	if err := c.rec.End(at); err != nil {
		s.floor.log.Error("a call did not end well", "call", c.id, "seat", s.info.ID, "err", err)
	}
	s.floor.ended.Add(c.rec.Stats())
	s.touch()
	c.settle()
	return c
}

// partSealed notes that a part's file is complete, or never will be.
func (c *openCall) partSealed(n int, p earshot.Part, err error) {
	if err != nil {
		c.seat.floor.log.Error("a part could not be completed", "call", c.id, "part", n, "file", p.File, "err", err)
	}
	if err != nil && p.SHA256 == "" {
		c.unsealed[n] = true
		c.rec.Facts(func(call *earshot.Call) { call.SetFlag(earshot.FlagDamaged) })
	}
	c.settle()
}

// settle has the call kept as it stands; it is stored once it has ended and all
// its parts are complete.
func (c *openCall) settle() {
	now := c.ended && !c.stored && c.complete()
	if now {
		c.stored = true
		c.seat.floor.remember(c.id)
	}
	c.keep()
	if now {
		c.tellWaiters()
	}
}

// tellWaiters answers those who wait for the end: once when the call is stored,
// and once more when the index has it. A channel takes both.
func (c *openCall) tellWaiters() {
	for _, w := range c.waiters {
		select {
		case w <- c.snapshot():
		default: // it has both
		}
	}
}

// remember keeps a stored call at hand until it is kept, but no more than a few:
// while the index is away for long, the keeper alone has the rest.
func (f *Floor) remember(call string) {
	f.stored = append(f.stored, call)
	for len(f.stored) > mostStored {
		delete(f.calls, f.stored[0])
		f.stored = f.stored[1:]
	}
}

// forget drops a call that is kept.
func (f *Floor) forget(call string) {
	delete(f.calls, call)
	f.stored = slices.DeleteFunc(f.stored, func(id string) bool { return id == call })
}

func (c *openCall) complete() bool {
	for _, p := range c.rec.Call().Parts {
		if p.SHA256 == "" && !c.unsealed[p.N] {
			return false
		}
	}
	return true
}

// snapshot is the call as it stands.
func (c *openCall) snapshot() earshot.Call {
	call := c.rec.Call()
	call.State = earshot.CallLive
	if c.stored {
		call.State = earshot.CallStored
	}
	return call
}

// keep gives the call as it stands to the keeper and the board.
func (c *openCall) keep() {
	if c.rereading != nil { // what people have said of it meanwhile comes first
		return
	}
	f := c.seat.floor
	call := c.snapshot()
	c.version++
	version := c.version
	f.publisher.tellCall(f.wall(f.opts.Now()), call)
	f.keeper.keepCall(call, func() { c.wrote(version) }, func() {
		c.wrote(version)
		f.post(func(time.Time) {
			if c.stored && c.version == version {
				c.done()
				c.tellWaiters()
				f.forget(c.id)
			}
		})
	})
}

// wrote notes that the call's file has the version. Any goroutine may.
func (c *openCall) wrote(version int64) {
	for {
		old := c.written.Load()
		if old >= version || c.written.CompareAndSwap(old, version) {
			return
		}
	}
}

// safe says whether the call is stored and its file says so: then a crash takes
// nothing of it away.
func (c *openCall) safe() bool {
	return c.stored && c.rereading == nil && c.written.Load() >= c.version
}

// done says in the journal that the call is stored.
func (c *openCall) done() {
	if rec, ok := c.rec.(journaled); ok {
		rec.Done()
	}
}

// pause stops recording; the mark says since when, why and by whom.
func (c *openCall) pause(at time.Time, reason, by string) {
	offset := at.Sub(c.startedAt).Milliseconds()
	mark := earshot.Mark{
		ID: earshot.NewID(at), Kind: earshot.MarkPause, StartMs: offset, EndMs: offset, By: by, Text: reason, Shared: true,
	}
	c.paused = &mark
	c.rec.Facts(func(call *earshot.Call) { call.Marks = append(call.Marks, mark) })
	c.rec.Pause(c.at(at))
	c.seat.touch()
}

// resume goes on recording.
func (c *openCall) resume(at time.Time) {
	c.closePause(at)
	c.rec.Resume(c.at(at))
	c.seat.cutter.opened(at)
	c.seat.touch()
}

func (c *openCall) closePause(at time.Time) {
	id, end := c.paused.ID, at.Sub(c.startedAt).Milliseconds()
	c.paused = nil
	c.rec.Facts(func(call *earshot.Call) {
		for i := range call.Marks {
			if call.Marks[i].ID == id {
				call.Marks[i].EndMs = max(call.Marks[i].StartMs, end)
			}
		}
	})
}

// live is what the wall shows of the call.
func (c *openCall) live() *earshot.LiveCall {
	call := c.rec.Call()
	out := &earshot.LiveCall{
		ID: c.id, StartedAt: call.StartedAt, Direction: call.Direction, Number: call.Number,
		Account: call.Account, Ticket: call.Ticket, Business: call.Business,
	}
	if c.paused != nil {
		out.Paused, out.PauseReason = true, c.paused.Text
	}
	return out
}
