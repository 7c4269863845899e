package ingest

import (
	"time"

	"earshot"
)

// speechPause is the longest pause inside a stretch of speech that may start a
// call: packets come each 20 to 60 ms.
const speechPause = 100 * time.Millisecond

// cutter has the rules by which one seat's audio is cut into calls. It is pure:
// levels, times and what happened to streams go in, decisions come out.
type cutter struct {
	cut             earshot.Cut
	voice           earshot.VoiceCut
	reconnectWithin time.Duration
	longest         time.Duration

	speechFrom time.Time // when the present stretch of speech began
	lastSpeech time.Time // when a packet last was loud enough
}

// loud says whether a level, −dBov, is speech.
func (c *cutter) loud(level uint8) bool { return int(level) < -c.voice.LevelDBov }

// heard takes the level of a packet, while no call is open, and says whether
// it starts a call by voice, and from when the call counts.
func (c *cutter) heard(at time.Time, level uint8) (from time.Time, start bool) {
	if c.cut != earshot.CutVoice || !c.loud(level) {
		return time.Time{}, false
	}
	if c.speechFrom.IsZero() || at.Sub(c.lastSpeech) > speechPause {
		c.speechFrom = at
	}
	c.lastSpeech = at
	if at.Sub(c.speechFrom) < c.voice.Start {
		return time.Time{}, false
	}
	return c.speechFrom.Add(-c.voice.PreRoll), true
}

// spoke takes the level of a packet in an open call.
func (c *cutter) spoke(at time.Time, level uint8) {
	if c.loud(level) {
		c.lastSpeech = at
	}
}

// opened begins to count for a call that was opened, or resumed, at the instant at.
func (c *cutter) opened(at time.Time) { c.speechFrom, c.lastSpeech = time.Time{}, at }

// absent says that no stream was there for so long: that was not silence.
func (c *cutter) absent(d time.Duration) { c.lastSpeech = c.lastSpeech.Add(d) }

// closed forgets what was heard, so that only new speech starts a call.
func (c *cutter) closed() { c.speechFrom, c.lastSpeech = time.Time{}, time.Time{} }

// silent says whether silence has lasted long enough by now to end a call that
// is cut by voice.
func (c *cutter) silent(now time.Time) bool {
	return c.cut == earshot.CutVoice && now.Sub(c.lastSpeech) >= c.voice.Silence
}

// first says whether a stream's first packet starts a call.
func (c *cutter) first() bool { return c.cut == earshot.CutSession }

// left says whether a call ends at once when the seat's last stream was ended
// on purpose.
func (c *cutter) left() bool { return c.cut == earshot.CutSession }

// gone says whether a call whose seat has had no stream since then is to end.
func (c *cutter) gone(since, now time.Time) bool {
	return !since.IsZero() && now.Sub(since) >= c.reconnectWithin
}

// long says whether a call that began at start is to be cut, and where.
func (c *cutter) long(start, at time.Time) (cut time.Time, yes bool) {
	cut = start.Add(c.longest)
	return cut, !at.Before(cut)
}
