package earshot

import (
	"bytes"
	"slices"
)

// How speech is told from levels, in steps of LevelStepMs. See docs/analysis.md.
const (
	stepsASecond = 1000 / LevelStepMs

	bleedDB     = 15                // where the other side is so much louder, one hears that in this microphone too,
	bleedUsual  = 6                 // unless it is about as loud as the speaker usually is: so much quieter at most;
	bleedLeast  = 5                 // of a microphone near the other side, where that is louder by less: by this at least
	bleedSpread = 4                 // and by this less than it usually is
	pauseSteps  = stepsASecond / 2  // a longer pause ends a turn
	wordSteps   = 3                 // a shorter sound is no speech
	usualSteps  = 5 * stepsASecond  // so much of a side says how loud it usually is
	tailSteps   = 60 * stepsASecond // of silence at the end that is the wait for it: see DefaultVoiceCut
	levelsAbove = 128               // there are so many levels
)

// voice is a side as its levels tell of it.
type voice struct {
	side  Side // empty: two speakers in one channel
	steps []byte
	loud  []bool // steps of a raised voice
	talks []bool // steps in which the side talks, pauses between words included
	turns []span
	said  int // steps it talks in

	bleed int  // where the other side is louder by so much, dB, it is that which is heard
	near  bool // the microphone is near the other side: see bleedOf
}

// span is a stretch of steps, to not included.
type span struct{ from, to int }

// steps is how long the span is.
func (s span) steps() int { return s.to - s.from }

// hearing is a call as its levels tell of it.
type hearing struct {
	thresholds Thresholds
	voices     []*voice // two, or the only one
	heard      []bool   // steps that can be judged: every voice has audio
	known      int      // of them, those before the end of the conversation
	end        int      // of the conversation
	step       []uint8  // what happens until then
}

// listen tells who talks when.
func listen(c Call, levels Levels, t Thresholds) *hearing {
	h := &hearing{thresholds: t, voices: voicesOf(c, levels)}
	n := 0
	for _, v := range h.voices {
		n = max(n, len(v.steps))
	}
	for _, v := range h.voices {
		v.steps = append(v.steps[:len(v.steps):len(v.steps)], bytes.Repeat([]byte{LevelGap}, n-len(v.steps))...)
	}
	h.heard = slices.Repeat([]bool{true}, n)
	for _, v := range h.voices {
		for i, level := range v.steps {
			h.heard[i] = h.heard[i] && level <= LevelSilence
		}
	}
	for k, v := range h.voices {
		h.hear(v, h.other(k))
	}
	h.findEnd()
	h.findSteps()
	return h
}

// voicesOf are the voices that can be told apart. A side of which there is no
// audio at all is none.
func voicesOf(c Call, levels Levels) []*voice {
	agent, customer, mixed := c.Channels == 2, c.Channels == 2, len(c.Parts) == 0 && c.Channels != 2
	for _, p := range c.Parts {
		switch p.Track {
		case TrackMixed:
			mixed = true
		case TrackBoth, TrackSwapped:
			agent, customer = true, true
		case TrackAgent:
			agent = true
		case TrackCustomer:
			customer = true
		}
	}
	if mixed {
		return []*voice{{steps: louder(levels.Agent, levels.Customer)}}
	}
	var voices []*voice
	if agent && audible(levels.Agent) {
		voices = append(voices, &voice{side: SideAgent, steps: levels.Agent})
	}
	if customer && audible(levels.Customer) {
		voices = append(voices, &voice{side: SideCustomer, steps: levels.Customer})
	}
	return voices
}

// louder are two sides as one channel would have them.
func louder(a, b []byte) []byte {
	if len(a) < len(b) {
		a, b = b, a
	}
	both := bytes.Clone(a)
	for i, level := range b {
		both[i] = min(both[i], level)
	}
	return both
}

// audible says whether there is audio, be it silent.
func audible(steps []byte) bool {
	for _, level := range steps {
		if level <= LevelSilence {
			return true
		}
	}
	return false
}

// other is the voice besides the one of that number, nil if there is none.
func (h *hearing) other(k int) *voice {
	if len(h.voices) < 2 {
		return nil
	}
	return h.voices[1-k]
}

// hear finds a voice's turns.
func (h *hearing) hear(v, other *voice) {
	v.bleed, v.near = h.bleedOf(v, other)
	usual, known := h.usual(v, other)
	v.talks, v.loud = make([]bool, len(v.steps)), make([]bool, len(v.steps))
	for i, level := range v.steps {
		if !h.heard[i] || !h.speech(level) {
			continue
		}
		own := !v.drowned(other, i)
		v.talks[i] = own || known && !v.near && int(level) <= usual+bleedUsual
		v.loud[i] = own && known && v.side != "" && int(level) < usual-h.thresholds.LoudDB && int(level) < -h.thresholds.LoudDBov
	}
	h.joinWords(v)
}

func (h *hearing) speech(level byte) bool { return int(level) < -h.thresholds.SpeechDBov }

// bleedOf is by how much the other side must be louder to be what a voice's
// microphone hears. While one side talks the other mostly listens, and is quieter by
// as much as the microphone is away from who talks; where they talk, too, by less.
// So the upper quartile of that says whether it is near enough to take them for its
// own.
func (h *hearing) bleedOf(v, other *voice) (dB int, near bool) {
	if other == nil {
		return bleedDB, false
	}
	var counts [levelsAbove]int
	all := 0
	for i, level := range v.steps {
		if h.heard[i] && h.speech(other.steps[i]) && level > other.steps[i] {
			counts[level-other.steps[i]]++
			all++
		}
	}
	quieter, known := quartile(3, counts[:], all)
	if !known || quieter >= bleedDB+bleedSpread {
		return bleedDB, false
	}
	return max(quieter-bleedSpread, bleedLeast), true
}

// drowned says whether what is heard at step i may be the other side's voice.
func (v *voice) drowned(other *voice, i int) bool {
	return other != nil && int(v.steps[i]) >= int(other.steps[i])+v.bleed
}

// usual is how loud a voice usually is: the median of what is its own.
func (h *hearing) usual(v, other *voice) (level int, known bool) {
	var counts [levelsAbove]int
	all := 0
	for i, level := range v.steps {
		if h.heard[i] && h.speech(level) && !v.drowned(other, i) {
			counts[level]++
			all++
		}
	}
	return quartile(2, counts[:], all)
}

// quartile is that of so many values, which are counted; unknown where there are
// too few to go by.
func quartile(n int, counts []int, all int) (value int, known bool) {
	if all < usualSteps {
		return 0, false
	}
	below := 0
	for value, count := range counts {
		if below += count; 4*below >= n*all {
			return value, true
		}
	}
	return 0, false // not reached: the counts sum up to all
}

// joinWords makes turns of words: short pauses belong to them, and a sound too
// short to be a word is none. A step that cannot be judged ends a turn.
func (h *hearing) joinWords(v *voice) {
	var turns []span
	for i, talks := range v.talks {
		if !talks {
			continue
		}
		if last := len(turns) - 1; last >= 0 && i-turns[last].to <= pauseSteps && h.allHeard(turns[last].to, i) {
			turns[last].to = i + 1
		} else {
			turns = append(turns, span{i, i + 1})
		}
	}
	clear(v.talks)
	for _, turn := range turns {
		if turn.steps() < wordSteps {
			continue
		}
		v.turns = append(v.turns, turn)
		v.said += turn.steps()
		for i := turn.from; i < turn.to; i++ {
			v.talks[i] = true
		}
	}
}

// allHeard says whether all steps of a short stretch can be judged.
func (h *hearing) allHeard(from, to int) bool {
	for i := from; i < to; i++ {
		if !h.heard[i] {
			return false
		}
	}
	return true
}

// findEnd leaves the wait for the end of the call out: a call that is cut by
// voice ends with a minute in which nobody talks.
func (h *hearing) findEnd() {
	last := 0
	for _, v := range h.voices {
		if len(v.turns) > 0 {
			last = max(last, v.turns[len(v.turns)-1].to)
		}
	}
	h.end = len(h.heard)
	if last > 0 {
		h.end = max(last, h.end-tailSteps)
	}
	for _, heard := range h.heard[:h.end] {
		if heard {
			h.known++
		}
	}
}

// What happens in a step.
const (
	stepUnknown = iota // somebody may have said something
	stepQuiet          // nobody talks
	stepOne            // one side talks
	stepBoth           // both do
)

// findSteps tells each step of the conversation.
func (h *hearing) findSteps() {
	h.step = make([]uint8, h.end)
	for i := range h.step {
		if h.heard[i] {
			h.step[i] = stepQuiet
		}
	}
	for _, v := range h.voices {
		for i, talks := range v.talks[:h.end] {
			if talks {
				h.step[i]++
			}
		}
	}
}

func (h *hearing) quiet(i int) bool { return h.step[i] == stepQuiet }

func (h *hearing) both(i int) bool { return h.step[i] == stepBoth }
