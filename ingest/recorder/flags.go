package recorder

import (
	"time"

	"earshot"
)

// When a call gets a flag.
const (
	flagGapsMs      = 1000             // so much lost, stalled, disconnected or overflown in all
	flagSilenceMs   = 30_000           // both sides silent at a stretch
	flagOvertalkMs  = 10_000           // both sides loud at once, in all
	flagOvertalkPct = 15               // and of the call
	flagLoudPct     = 5                // of the steps with audio
	flagShort       = 5 * time.Second  // a shorter call
	flagLong        = 30 * time.Minute // a longer call

	levelHeard  = 50 // −dBov; not louder: nobody speaks
	levelSpeech = 45 // not louder: silence
	levelTalk   = 35 // louder: somebody talks
	levelLoud   = 6  // louder: too loud
)

// Flags are the flags that a call's levels, gaps and length call for.
func Flags(call earshot.Call, levels earshot.Levels) []earshot.Flag {
	two := call.Channels == 2
	var flags []earshot.Flag
	add := func(flag earshot.Flag, when bool) {
		if when {
			flags = append(flags, flag)
		}
	}
	add(earshot.FlagSilence, longestSilence(levels) > flagSilenceMs)
	overtalk := overtalkMs(levels)
	add(earshot.FlagOvertalk, two && overtalk > flagOvertalkMs && overtalk*100 > flagOvertalkPct*call.DurationMs)
	add(earshot.FlagLoud, tooLoud(levels.Agent) || tooLoud(levels.Customer))
	add(earshot.FlagOneSided, two && heard(levels.Agent) != heard(levels.Customer))
	add(earshot.FlagGaps, gapMs(call.Gaps) > flagGapsMs)
	add(earshot.FlagShort, call.DurationMs < flagShort.Milliseconds())
	add(earshot.FlagLong, call.DurationMs > flagLong.Milliseconds())
	return flags
}

// gapMs is how much is missing that should not be.
func gapMs(gaps []earshot.Gap) int64 {
	var ms int64
	for _, g := range gaps {
		switch g.Cause {
		case earshot.CauseLost, earshot.CauseStalled, earshot.CauseDisconnected, earshot.CauseOverflow, earshot.CauseRecorderDown:
			ms += g.EndMs - g.StartMs
		}
	}
	return ms
}

// heard says whether a side was ever louder than background.
func heard(steps []byte) bool {
	for _, level := range steps {
		if level < levelHeard {
			return true
		}
	}
	return false
}

// longestSilence is the longest stretch in which there was audio and nobody spoke.
func longestSilence(l earshot.Levels) int64 {
	var longest, run int64
	for i := range l.Agent {
		a, c := l.Agent[i], l.Customer[i]
		if min(a, c) < levelSpeech || a == earshot.LevelGap && c == earshot.LevelGap {
			run = 0
			continue
		}
		run += earshot.LevelStepMs
		longest = max(longest, run)
	}
	return longest
}

// overtalkMs is how long both sides talked at once.
func overtalkMs(l earshot.Levels) int64 {
	var ms int64
	for i := range l.Agent {
		if l.Agent[i] < levelTalk && l.Customer[i] < levelTalk {
			ms += earshot.LevelStepMs
		}
	}
	return ms
}

// tooLoud says whether too many of a side's steps are near full scale.
func tooLoud(steps []byte) bool {
	loud, all := 0, 0
	for _, level := range steps {
		if level != earshot.LevelGap {
			all++
		}
		if level < levelLoud {
			loud++
		}
	}
	return loud*100 > flagLoudPct*all
}
